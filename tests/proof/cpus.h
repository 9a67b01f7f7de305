/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An arbitrary bank of CPUs: its invariant, and what is remembered of it to compare with. The code under
 * proof is in files of its own.
 */
#ifndef TESTS_PROOF_CPUS_H
#define TESTS_PROOF_CPUS_H

#include <hotram/cpu.h>

#include "proof.h"

#pragma CPROVER check push
#pragma CPROVER check disable "pointer"
#pragma CPROVER check disable "pointer-overflow"
#pragma CPROVER check disable "bounds"

#ifdef FAST
#define SLOTS 2u
#else
#define SLOTS 3u
#endif

static struct hotram_cpus cpus;
static struct hotram_cpu slots[SLOTS];
static struct hotram_cpu before[SLOTS];
static uint32_t first_before;
static uint32_t subject; /* the slot that the call may change */

/* What the callbacks saw. */
static unsigned raised, osts, ejected;
static uint32_t seen_slot, seen_event, seen_status;
static bool finish_at_once;

static bool same_codes(const struct hotram_cpu *a, const struct hotram_cpu *b)
{
    return a->ost_event == b->ost_event && a->ost_status == b->ost_status;
}

static bool same_flags(const struct hotram_cpu *a, const struct hotram_cpu *b)
{
    return a->insert_pending == b->insert_pending && a->remove_pending == b->remove_pending;
}

static bool is_pending(const struct hotram_cpu *cpu)
{
    return cpu->insert_pending || cpu->remove_pending;
}

static bool is_present(const struct hotram_cpu *cpu)
{
    return cpu->state == HOTRAM_CPU_FIXED || cpu->state == HOTRAM_CPU_PLUGGED ||
           cpu->state == HOTRAM_CPU_REMOVAL_REQUESTED;
}

/* Events belong to what can come and go. */
static bool flags_hold(const struct hotram_cpu *cpu)
{
    if (cpu->state > HOTRAM_CPU_EJECTING)
        return false;
    if (cpu->state == HOTRAM_CPU_PLUGGED)
        return !cpu->remove_pending;
    return cpu->state == HOTRAM_CPU_REMOVAL_REQUESTED || !is_pending(cpu);
}

/* The invariant: the flags hold, and the list has exactly the slots with an event, by number. */
static bool cpus_hold(void)
{
    uint32_t next = HOTRAM_CPU_NONE;

    for (uint32_t left = SLOTS; left > 0; left--) {
        const uint32_t i = left - 1;

        if (!flags_hold(&slots[i]) || slots[i].next != (is_pending(&slots[i]) ? next : HOTRAM_CPU_NONE))
            return false;
        if (is_pending(&slots[i]))
            next = i;
    }
    return cpus.slots == slots && cpus.count == SLOTS && cpus.first == next;
}

/* Whether all is as it was but this slot, and the links. */
static bool is_unchanged_but(uint32_t slot)
{
    for (uint32_t i = 0; i < SLOTS; i++)
        if (slots[i].hardware_id != before[i].hardware_id ||
            (i != slot && (slots[i].state != before[i].state || !same_codes(&slots[i], &before[i]) ||
                           !same_flags(&slots[i], &before[i]))))
            return false;
    return true;
}

static bool is_unchanged(void)
{
    for (uint32_t i = 0; i < SLOTS; i++)
        if (slots[i].next != before[i].next)
            return false;
    return cpus.first == first_before && is_unchanged_but(SLOTS);
}

/* Inside every callback there is a whole bank, in which only the subject has changed. */
static void prove_callback(const void *opaque)
{
    PROVE(opaque == &cpus);
    PROVE(cpus_hold() && is_unchanged_but(subject));
}

static void on_raise(void *opaque)
{
    prove_callback(opaque);
    raised++;
}

static void on_ost(void *opaque, uint32_t slot, uint32_t event, uint32_t status)
{
    prove_callback(opaque);
    osts++;
    seen_slot = slot;
    seen_event = event;
    seen_status = status;
}

static void on_eject(void *opaque, uint32_t slot)
{
    prove_callback(opaque);
    PROVE(slot < SLOTS && slots[slot].state == HOTRAM_CPU_EJECTING);
    ejected++;
    seen_slot = slot;
    if (finish_at_once)
        PROVE(hotram_cpus_finish(&cpus, slot) == HOTRAM_OK);
}

static const struct hotram_cpus_ops ops = { on_raise, on_ost, on_eject };

/* Let the bank be any for which the invariant holds, and the subject any number. */
static void arbitrary_cpus(void)
{
    uint32_t next = HOTRAM_CPU_NONE;

    for (uint32_t left = SLOTS; left > 0; left--) {
        const uint32_t i = left - 1;

        slots[i] = (struct hotram_cpu){ .hardware_id = nondet_uint64(),
                                        .ost_event = nondet_uint32(),
                                        .ost_status = nondet_uint32(),
                                        .next = HOTRAM_CPU_NONE,
                                        .state = nondet_uint8(),
                                        .insert_pending = nondet_bool(),
                                        .remove_pending = nondet_bool() };
        ASSUME(flags_hold(&slots[i]));
        if (is_pending(&slots[i])) {
            slots[i].next = next;
            next = i;
        }
        before[i] = slots[i];
    }
    cpus =
        (struct hotram_cpus){ .slots = slots, .ops = &ops, .opaque = &cpus, .count = SLOTS, .first = next };
    first_before = next;
    subject = nondet_uint32();
    finish_at_once = nondet_bool();
    raised = osts = ejected = 0;
}

/* The lowest slot with an event from one on, SLOTS if there is none: without the list. */
static uint32_t pending_from(uint32_t from)
{
    for (uint32_t i = 0; i < SLOTS; i++)
        if (i >= from && is_pending(&before[i]))
            return i;
    return SLOTS;
}

/* What command 0 finds. */
static uint32_t expected_pending(uint32_t from)
{
    uint32_t slot = pending_from(from);

    if (slot == SLOTS)
        slot = pending_from(0);
    return slot == SLOTS ? HOTRAM_CPU_NONE : slot;
}

#endif
