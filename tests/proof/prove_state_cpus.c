/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hotram_cpus_restore() from any bytes: they yield the bank of CPUs that they describe, for which the
 * invariant holds, or nothing has changed.
 *
 * proof: sources core/state.c core/state_cpus.c core/buffer.c core/cpu.c
 * proof: options --unsigned-overflow-check --unwind 9
 * proof: options --unwindset sum_of.0:76,arbitrary_bytes.0:76,frame_bytes.0:13
 * proof: options --max-field-sensitivity-array-size 76
 */
#include <hotram/state_cpus.h>

#include "cpus.h"

#define LENGTH HOTRAM_STATE_CPUS_LENGTH(SLOTS)
#define ROOM (LENGTH + 1)
#define COUNT_LENGTH 4u
#define SLOT_LENGTH 18u

#include "state_bytes.h"

static struct hotram_restore_result result;
static bool attached[SLOTS]; /* by the embedder, */
static bool refuses[SLOTS];  /* which may also refuse */

static bool attach(void *opaque, uint32_t slot)
{
    PROVE(opaque == &cpus && slot < SLOTS && !attached[slot]);
    attached[slot] = !refuses[slot];
    return attached[slot];
}

static void detach(void *opaque, uint32_t slot)
{
    PROVE(opaque == &cpus && slot < SLOTS && attached[slot]);
    attached[slot] = false;
}

/* A bank without CPUs, whose slots have what guests reported of earlier ones; or one of any CPUs. */
static void arbitrary_target(bool empty)
{
    arbitrary_cpus();
    for (uint32_t i = 0; i < SLOTS; i++) {
        ASSUME(!empty || slots[i].state == HOTRAM_CPU_ABSENT);
        refuses[i] = nondet_bool();
    }
}

/* What the bytes say of a slot; the list is the invariant's. */
static struct hotram_cpu described(uint32_t slot)
{
    const uint8_t *bytes = saved_before.bytes + FRONT + COUNT_LENGTH + SLOT_LENGTH * slot;

    return (struct hotram_cpu){ .hardware_id = number_at(bytes, 8),
                                .ost_event = (uint32_t)number_at(bytes + 8, 4),
                                .ost_status = (uint32_t)number_at(bytes + 12, 4),
                                .state = bytes[16],
                                .insert_pending = bytes[17] & 1,
                                .remove_pending = bytes[17] & 2 };
}

static bool is_like(const struct hotram_cpu *a, const struct hotram_cpu *b)
{
    return a->hardware_id == b->hardware_id && a->state == b->state && same_codes(a, b) && same_flags(a, b);
}

static enum hotram_status restore(bool embedder)
{
    const struct hotram_cpus_restoring how = { attach, detach, &cpus };

    return hotram_cpus_restore(&cpus, &saved, embedder ? &how : NULL, &result);
}

static void prove_nothing_changed(void)
{
    PROVE(saved_is_unchanged() && is_unchanged());
    for (uint32_t i = 0; i < SLOTS; i++)
        PROVE(!attached[i]);
}

static void prove_from(size_t length)
{
    const bool embedder = nondet_bool();
    enum hotram_status status;

    arbitrary_target(true);
    arbitrary_bytes(length);
    frame_bytes(HOTRAM_STATE_CPUS, LENGTH); /* another one is refused: see below */
    status = restore(embedder);
    if (status != HOTRAM_OK) {
        prove_nothing_changed();
    } else {
        PROVE(number_at(saved_before.bytes + FRONT, 4) == SLOTS && saved_is_behind(LENGTH) && cpus_hold());
        for (uint32_t i = 0; i < SLOTS; i++) {
            const struct hotram_cpu cpu = described(i);

            PROVE(is_like(&slots[i], &cpu) && cpu.hardware_id == before[i].hardware_id);
            PROVE(attached[i] == (embedder && is_present(&cpu)));
        }
    }
    PROVE(raised + osts + ejected == 0);
    REACHABLE(status == HOTRAM_OK && slots[0].remove_pending && slots[1].insert_pending);
    REACHABLE(status == HOTRAM_OK && slots[0].state == HOTRAM_CPU_FIXED && before[0].ost_event != 0);
    REACHABLE(status == HOTRAM_E_ATTACH && result.slot == 1 && described(0).state == HOTRAM_CPU_PLUGGED);
    REACHABLE(status == HOTRAM_E_VALUE && result.slot == 1);
    REACHABLE(status == HOTRAM_E_CONFIG && result.field == HOTRAM_FIELD_CPU_ID);
    REACHABLE(status == HOTRAM_E_CONFIG && result.field == HOTRAM_FIELD_SLOTS);
}

void prove_cpus_restored(void)
{
    prove_from(LENGTH);
}

/* With something else behind them. */
void prove_cpus_restored_with_more(void)
{
    prove_from(LENGTH + 1);
}

/* Too few bytes, or others in the frame, or a bank with CPUs. */
void prove_cpus_not_restored(void) /* slow */
{
    const size_t length = nondet_size();
    bool taken = false;
    enum hotram_status status;

    arbitrary_target(false);
    arbitrary_bytes(length);
    for (uint32_t i = 0; i < SLOTS; i++)
        taken = taken || slots[i].state != HOTRAM_CPU_ABSENT;
    ASSUME(taken || length < LENGTH || !frame_is(HOTRAM_STATE_CPUS, LENGTH) ||
           number_at(saved.bytes + LENGTH - 4, 4) != 0);
    status = restore(nondet_bool());
    PROVE(status != HOTRAM_OK);
    prove_nothing_changed();
    REACHABLE(status == HOTRAM_E_SLOT_TAKEN && result.slot == 1);
    REACHABLE(status == HOTRAM_E_FORMAT && length == COUNT_LENGTH + FRAME);
    REACHABLE(status == HOTRAM_E_CHECKSUM);
}
