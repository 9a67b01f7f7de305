/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The life of a slot: each function of hotram/dimm.h but hotram_bank_reserve(), from any bank. Every call
 * keeps the invariant, changes no slot but its own, and makes the transition of the header's diagram or none.
 *
 * proof: sources core/dimm.c tests/proof/bank.c
 * proof: options --conversion-check --unsigned-overflow-check --unwind 5
 */
#include "bank.h"

static struct before *const before = &world.before;

/* What a call that takes one of so many slots answers, by the states that it may be called in. */
static enum hotram_status expected_of(const struct hotram_bank *bank, uint32_t slot, uint32_t count,
                                      unsigned states)
{
    if (!bank)
        return HOTRAM_E_ARGUMENT;
    if (slot >= count)
        return HOTRAM_E_SLOT_RANGE;
    return states >> before->slots[slot].state & 1 ? HOTRAM_OK : HOTRAM_E_STATE;
}

static enum hotram_status expected(const struct hotram_bank *bank, uint32_t slot, unsigned states)
{
    return expected_of(bank, slot, world.bank.config.slots, states);
}

#define IN(state) (1u << HOTRAM_DIMM_##state)

/* What is true after each of them. */
static void prove_kept(enum hotram_status status, uint32_t slot)
{
    if (world.whole)
        prove_bank_holds(before, status == HOTRAM_OK ? slot : HOTRAM_SLOT_ANY);
    else
        prove_flags_hold(before, status == HOTRAM_OK ? slot : HOTRAM_SLOT_ANY);
    PROVE(IMPLIES(status != HOTRAM_OK, is_unchanged(before)));
    REACHABLE(status == HOTRAM_OK);
    REACHABLE(status == HOTRAM_E_ARGUMENT);
    REACHABLE(status == HOTRAM_E_SLOT_RANGE);
    REACHABLE(status == HOTRAM_E_STATE);
}

static struct hotram_bank *whole_or_null(void)
{
    arbitrary_bank();
    return nondet_bool() ? &world.bank : NULL;
}

/* For the calls that leave all places alone. */
static struct hotram_bank *flags_or_null(void)
{
    arbitrary_flags();
    return nondet_bool() ? &world.bank : NULL;
}

void prove_cancel(void)
{
    struct hotram_bank *bank = whole_or_null();
    uint32_t slot = world.subject;
    enum hotram_status status = hotram_bank_cancel(bank, slot);

    PROVE(status == expected_of(bank, slot, SLOTS, IN(RESERVED))); /* of a range, too */
    REACHABLE(status == HOTRAM_OK && slot >= world.bank.config.slots);
    prove_kept(status, slot);
    if (status == HOTRAM_OK) {
        PROVE(slots[slot].state == HOTRAM_DIMM_EMPTY);
        PROVE(same_codes(&slots[slot], &before->slots[slot]));
    }
    PROVE(world.raised + world.osts + world.ejected == 0);
}

void prove_finish(void)
{
    struct hotram_bank *bank = whole_or_null();
    uint32_t slot = world.subject;
    enum hotram_status status = hotram_bank_finish(bank, slot);

    PROVE(status == expected(bank, slot, IN(EJECTING)));
    prove_kept(status, slot);
    if (status == HOTRAM_OK) {
        PROVE(slots[slot].state == HOTRAM_DIMM_EMPTY);
        PROVE(same_codes(&slots[slot], &before->slots[slot]));
    }
    PROVE(world.raised + world.osts + world.ejected == 0);
}

void prove_commit(void)
{
    struct hotram_bank *bank = flags_or_null();
    uint32_t slot = world.subject;
    bool hot = nondet_bool();
    enum hotram_status status = hotram_bank_commit(bank, slot, hot);

    PROVE(status == expected(bank, slot, IN(RESERVED)));
    prove_kept(status, slot);
    if (status == HOTRAM_OK) {
        PROVE(slots[slot].state == HOTRAM_DIMM_PLUGGED);
        PROVE(slots[slot].insert_pending == hot);
        PROVE(same_codes(&slots[slot], &before->slots[slot]));
    }
    PROVE(world.raised == (status == HOTRAM_OK && hot) && world.osts + world.ejected == 0);
}

void prove_request_removal(void)
{
    struct hotram_bank *bank = flags_or_null();
    uint32_t slot = world.subject;
    enum hotram_status status = hotram_bank_request_removal(bank, slot);

    PROVE(status == expected(bank, slot, IN(PLUGGED) | IN(REMOVAL_REQUESTED)));
    prove_kept(status, slot);
    if (status == HOTRAM_OK) {
        PROVE(slots[slot].state == HOTRAM_DIMM_REMOVAL_REQUESTED);
        PROVE(slots[slot].remove_pending);
        PROVE(slots[slot].insert_pending == before->slots[slot].insert_pending);
        PROVE(same_codes(&slots[slot], &before->slots[slot]));
        REACHABLE(before->slots[slot].state == HOTRAM_DIMM_REMOVAL_REQUESTED);
    }
    PROVE(world.raised == (status == HOTRAM_OK) && world.osts + world.ejected == 0);
}

void prove_withdraw(void)
{
    struct hotram_bank *bank = flags_or_null();
    uint32_t slot = world.subject;
    enum hotram_status status = hotram_bank_withdraw(bank, slot);

    PROVE(status == expected(bank, slot, IN(REMOVAL_REQUESTED)));
    prove_kept(status, slot);
    if (status == HOTRAM_OK) {
        PROVE(slots[slot].state == HOTRAM_DIMM_PLUGGED);
        PROVE(slots[slot].insert_pending == before->slots[slot].insert_pending);
        PROVE(same_codes(&slots[slot], &before->slots[slot]));
    }
    PROVE(world.raised + world.osts + world.ejected == 0);
}

/* With a callback that leaves the rest for later; prove_eject.c has the other. */
void prove_eject(void)
{
    struct hotram_bank *bank = flags_or_null();
    uint32_t slot = world.subject;
    enum hotram_status status;

    world.finish_at_once = false;
    status = hotram_bank_eject(bank, slot);
    PROVE(status == expected(bank, slot, IN(PLUGGED) | IN(REMOVAL_REQUESTED)));
    prove_kept(status, slot);
    if (status == HOTRAM_OK) {
        PROVE(slots[slot].state == HOTRAM_DIMM_EJECTING);
        PROVE(same_codes(&slots[slot], &before->slots[slot]));
        PROVE(world.slot == slot);
    }
    PROVE(world.ejected == (status == HOTRAM_OK) && world.raised + world.osts == 0);
}

void prove_reset(void)
{
    struct hotram_bank *bank = flags_or_null();
    enum hotram_status status = hotram_bank_reset(bank);
    uint32_t i = nondet_uint32();

    PROVE(status == (bank ? HOTRAM_OK : HOTRAM_E_ARGUMENT));
    ASSUME(i < SLOTS);
    REACHABLE(before->slots[i].insert_pending && status == HOTRAM_OK);
    if (status == HOTRAM_OK) {
        PROVE(!slots[i].insert_pending);
        PROVE(slots[i].remove_pending == before->slots[i].remove_pending);
        PROVE(slots[i].state == before->slots[i].state);
        PROVE(same_place(&slots[i], &before->slots[i]) && same_codes(&slots[i], &before->slots[i]));
        PROVE(is_listed_alike(before));
    } else {
        PROVE(is_unchanged(before));
    }
    PROVE(world.raised + world.osts + world.ejected == 0);
}

void prove_slot(void)
{
    struct hotram_bank *bank = flags_or_null();
    uint32_t slot = nondet_uint32();
    const struct hotram_dimm *dimm = hotram_bank_slot(bank, slot);

    PROVE(dimm == (bank && slot < SLOTS ? &slots[slot] : NULL));
    PROVE(is_unchanged(before));
    REACHABLE(dimm);
    REACHABLE(bank && !dimm);
    REACHABLE(!bank);
}

void prove_first_pending(void)
{
    struct hotram_bank *bank = flags_or_null();
    uint32_t slot = hotram_bank_first_pending(bank);
    uint32_t i = nondet_uint32();

    if (slot != HOTRAM_SLOT_ANY) {
        PROVE(slot < world.bank.config.slots);
        PROVE(slots[slot].insert_pending || slots[slot].remove_pending);
        PROVE(is_visible(&slots[slot]));
    }
    if (bank && i < SLOTS && i < slot)
        PROVE(!slots[i].insert_pending && !slots[i].remove_pending);
    PROVE(is_unchanged(before));
    REACHABLE(slot == HOTRAM_SLOT_ANY && bank);
    REACHABLE(slot == HOTRAM_SLOT_ANY && !bank);
    REACHABLE(slot == SLOTS - 1);
}

/* One step of the walk: to the DIMM with the next higher address, and to no slot beside it. */
void prove_next(void)
{
    struct hotram_bank *bank = whole_or_null();
    uint32_t slot = nondet_uint32();
    uint32_t next = hotram_bank_next(bank, slot);
    uint32_t i = nondet_uint32();
    bool from_dimm = slot < SLOTS && slots[slot].state != HOTRAM_DIMM_EMPTY;

    PROVE(is_unchanged(before));
    PROVE(next == HOTRAM_SLOT_ANY || (bank && next < SLOTS));
    PROVE(IMPLIES(slot != HOTRAM_SLOT_ANY && !from_dimm, next == HOTRAM_SLOT_ANY));
    REACHABLE(!bank);
    REACHABLE(bank && slot != HOTRAM_SLOT_ANY && slot >= SLOTS);
    if (!bank || next == HOTRAM_SLOT_ANY)
        PROVE(IMPLIES(bank && slot == HOTRAM_SLOT_ANY, bank->used == 0));
    if (!bank || !(from_dimm || slot == HOTRAM_SLOT_ANY))
        return;
    ASSUME(i < SLOTS && slots[i].state != HOTRAM_DIMM_EMPTY);
    ASSUME(slot == HOTRAM_SLOT_ANY || slots[i].addr > slots[slot].addr);
    PROVE(next != HOTRAM_SLOT_ANY);
    PROVE(slots[next].state != HOTRAM_DIMM_EMPTY);
    PROVE(slots[next].addr <= slots[i].addr);
    PROVE(slot == HOTRAM_SLOT_ANY || slots[next].addr > slots[slot].addr);
    REACHABLE(slot == HOTRAM_SLOT_ANY);
    REACHABLE(slot != HOTRAM_SLOT_ANY);
}
