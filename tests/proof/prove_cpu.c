/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hotram/cpu.h, whole: every call on any bank of CPUs.
 *
 * proof: sources core/cpu.c
 * proof: options --unsigned-overflow-check --conversion-check --unwind 4
 */
#include "cpus.h"

enum call { PLUG_HOT, PLUG_COLD, FIX, REQUEST, WITHDRAW, EJECT, EJECT_AND_FINISH, FINISH };

/* Not through a pointer: CBMC would follow each function of the same type. */
static enum hotram_status make(enum call call, struct hotram_cpus *bank)
{
    switch (call) {
    case PLUG_HOT:
        return hotram_cpus_plug(bank, subject, true);
    case PLUG_COLD:
        return hotram_cpus_plug(bank, subject, false);
    case FIX:
        return hotram_cpus_fix(bank, subject);
    case REQUEST:
        return hotram_cpus_request_removal(bank, subject);
    case WITHDRAW:
        return hotram_cpus_withdraw(bank, subject);
    case EJECT:
    case EJECT_AND_FINISH:
        finish_at_once = call == EJECT_AND_FINISH;
        return hotram_cpus_eject(bank, subject);
    case FINISH:
        break;
    }
    return hotram_cpus_finish(bank, subject);
}

/* A call that leads the subject from one of these states (bits) to a state. Returns whether it succeeded. */
static bool prove_step(enum call call, unsigned from, uint8_t to)
{
    struct hotram_cpus *given;
    enum hotram_status status;
    bool fits;

    arbitrary_cpus();
    given = nondet_bool() ? &cpus : NULL;
    fits = subject < SLOTS && (from >> slots[subject < SLOTS ? subject : 0].state & 1) != 0;
    status = make(call, given);
    PROVE(status == (!given             ? HOTRAM_E_ARGUMENT
                     : subject >= SLOTS ? HOTRAM_E_SLOT_RANGE
                     : fits             ? HOTRAM_OK
                                        : HOTRAM_E_STATE));
    PROVE(cpus_hold());
    REACHABLE(!given);
    REACHABLE(status == HOTRAM_E_SLOT_RANGE);
    REACHABLE(status == HOTRAM_E_STATE);
    REACHABLE(status == HOTRAM_OK && subject == SLOTS - 1);
    if (status != HOTRAM_OK) {
        PROVE(is_unchanged() && raised + ejected + osts == 0);
        return false;
    }
    PROVE(is_unchanged_but(subject) && same_codes(&slots[subject], &before[subject]));
    PROVE(slots[subject].state == to);
    return true;
}

#define FROM(state) (1u << HOTRAM_CPU_##state)

void prove_cpus_plug_hot(void)
{
    if (prove_step(PLUG_HOT, FROM(ABSENT), HOTRAM_CPU_PLUGGED)) {
        PROVE(slots[subject].insert_pending && !slots[subject].remove_pending);
        PROVE(raised == 1 && ejected + osts == 0);
    }
}

void prove_cpus_plug_cold(void)
{
    if (prove_step(PLUG_COLD, FROM(ABSENT), HOTRAM_CPU_PLUGGED))
        PROVE(!is_pending(&slots[subject]) && raised + ejected + osts == 0);
}

void prove_cpus_fix(void)
{
    if (prove_step(FIX, FROM(PLUGGED), HOTRAM_CPU_FIXED))
        PROVE(!is_pending(&slots[subject]) && raised + ejected + osts == 0);
}

void prove_cpus_request_removal(void)
{
    if (prove_step(REQUEST, FROM(PLUGGED) | FROM(REMOVAL_REQUESTED), HOTRAM_CPU_REMOVAL_REQUESTED)) {
        PROVE(slots[subject].remove_pending);
        PROVE(slots[subject].insert_pending == before[subject].insert_pending);
        PROVE(raised == 1 && ejected + osts == 0);
    }
}

void prove_cpus_withdraw(void)
{
    if (prove_step(WITHDRAW, FROM(REMOVAL_REQUESTED), HOTRAM_CPU_PLUGGED)) {
        PROVE(slots[subject].insert_pending == before[subject].insert_pending);
        PROVE(raised + ejected + osts == 0);
    }
}

static void prove_ejected(void)
{
    PROVE(!is_pending(&slots[subject]) && raised + osts == 0);
    PROVE(ejected == 1 && seen_slot == subject);
    REACHABLE(before[subject].insert_pending && before[subject].remove_pending);
}

void prove_cpus_eject(void)
{
    if (prove_step(EJECT, FROM(PLUGGED) | FROM(REMOVAL_REQUESTED), HOTRAM_CPU_EJECTING))
        prove_ejected();
}

void prove_cpus_eject_and_finish(void)
{
    if (prove_step(EJECT_AND_FINISH, FROM(PLUGGED) | FROM(REMOVAL_REQUESTED), HOTRAM_CPU_ABSENT))
        prove_ejected();
}

void prove_cpus_finish(void)
{
    if (prove_step(FINISH, FROM(EJECTING), HOTRAM_CPU_ABSENT))
        PROVE(raised + ejected + osts == 0);
}

void prove_cpus_reset(void)
{
    struct hotram_cpus *given;

    arbitrary_cpus();
    given = nondet_bool() ? &cpus : NULL;
    PROVE(hotram_cpus_reset(given) == (given ? HOTRAM_OK : HOTRAM_E_ARGUMENT));
    PROVE(cpus_hold() && raised + ejected + osts == 0);
    if (!given) {
        PROVE(is_unchanged());
        return;
    }
    for (uint32_t i = 0; i < SLOTS; i++) {
        PROVE(slots[i].state == before[i].state && same_codes(&slots[i], &before[i]));
        PROVE(!slots[i].insert_pending && slots[i].remove_pending == before[i].remove_pending);
    }
    REACHABLE(first_before == 0 && cpus.first == 1);
}

/* What is asked, of any bank and any number. */
void prove_cpus_queries(void)
{
    bool has_bank = nondet_bool();
    uint32_t found;

    arbitrary_cpus();
    found = hotram_cpus_pending(has_bank ? &cpus : NULL, subject);
    PROVE(found == (has_bank ? expected_pending(subject) : HOTRAM_CPU_NONE));
    PROVE(hotram_cpus_present(has_bank ? &cpus : NULL, subject) ==
          (has_bank && subject < SLOTS && is_present(&slots[subject < SLOTS ? subject : 0])));
    PROVE(hotram_cpus_slot(has_bank ? &cpus : NULL, subject) ==
          (has_bank && subject < SLOTS ? &slots[subject] : NULL));
    PROVE(is_unchanged() && cpus_hold());
    REACHABLE(found < subject && subject < SLOTS); /* came round */
    REACHABLE(found == subject);
    REACHABLE(has_bank && found == HOTRAM_CPU_NONE);
}

void prove_cpus_init(void)
{
    const struct hotram_cpus_ops given = { nondet_bool() ? on_raise : NULL, nondet_bool() ? on_ost : NULL,
                                           nondet_bool() ? on_eject : NULL };
    bool has_bank = nondet_bool(), has_slots = nondet_bool(), has_ops = nondet_bool();
    uint32_t count = nondet_uint32();
    enum hotram_status status;

    arbitrary_cpus();
    ASSUME(count <= SLOTS); /* of the caller's array */
    status = hotram_cpus_init(has_bank ? &cpus : NULL, has_slots ? slots : NULL, count,
                              has_ops ? &given : NULL, &cpus);
    PROVE((status == HOTRAM_OK) ==
          (has_bank && has_slots && count > 0 && has_ops && given.raise && given.ost && given.eject));
    REACHABLE(status == HOTRAM_OK && count == SLOTS);
    if (status != HOTRAM_OK) {
        PROVE(status == HOTRAM_E_ARGUMENT && is_unchanged());
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        PROVE(slots[i].state == HOTRAM_CPU_ABSENT && !is_pending(&slots[i]));
        PROVE(slots[i].hardware_id == before[i].hardware_id && slots[i].next == HOTRAM_CPU_NONE);
        PROVE(slots[i].ost_event == 0 && slots[i].ost_status == 0);
    }
    PROVE(cpus.first == HOTRAM_CPU_NONE && cpus.count == count);
}
