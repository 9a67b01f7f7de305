/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A bank's saved form, with the bank that it is restored into: what was saved comes back, and a buffer of any
 * capacity is not written behind its end.
 *
 * proof: sources core/state.c core/state_bank.c core/buffer.c core/dimm.c tests/proof/bank.c
 * proof: options --unsigned-overflow-check --unwind 10 -D SLOTS=2u
 * proof: options --unwindset sum_of.0:99 --max-field-sensitivity-array-size 99
 */
#include <hotram/state.h>

#include "bank.h"

#define LENGTH HOTRAM_STATE_BANK_LENGTH(SLOTS)
#define ROOM (LENGTH + 1)

#include "state_bytes.h"

/* Into a buffer of any capacity, which is the end of memory. */
void prove_bank_save(void)
{
    struct hotram_buffer out;
    enum hotram_status status;
    size_t capacity = nondet_size();
    bool reserved;

    arbitrary_flags();
    ASSUME(world.bank.config.slots == SLOTS); /* ranges are not saved */
    ASSUME(capacity <= ROOM);
    reserved = slots[0].state == HOTRAM_DIMM_RESERVED || slots[1].state == HOTRAM_DIMM_RESERVED;
    memory[0] = 0xee;
    hotram_buffer_init(&out, memory + (ROOM - capacity), capacity);
    status = hotram_bank_save(&world.bank, &out);
    PROVE(is_unchanged(&world.before) && world.raised + world.osts + world.ejected == 0);
    PROVE(status == (reserved ? HOTRAM_E_STATE : capacity < LENGTH ? HOTRAM_E_BUFFER : HOTRAM_OK));
    PROVE(out.length == (reserved ? 0 : LENGTH));
    PROVE(capacity == ROOM || memory[0] == 0xee);
    REACHABLE(status == HOTRAM_OK);
    REACHABLE(status == HOTRAM_E_BUFFER && capacity == LENGTH - 1);
    REACHABLE(status == HOTRAM_E_STATE);
}

void prove_bank_comes_back(void) /* slow */
{
    struct hotram_buffer out;

    arbitrary_bank_in_window();
    ASSUME(world.bank.config.slots == SLOTS);
    ASSUME(slots[0].state != HOTRAM_DIMM_RESERVED && slots[1].state != HOTRAM_DIMM_RESERVED);
    hotram_buffer_init(&out, memory, ROOM);
    PROVE(hotram_bank_save(&world.bank, &out) == HOTRAM_OK);
    saved = saved_before = (struct hotram_saved){ memory, ROOM };
    PROVE(hotram_bank_init(&world.bank, &world.before.bank.config, slots, &ops, &world) == HOTRAM_OK);
    PROVE(hotram_bank_restore(&world.bank, &saved, NULL, NULL) == HOTRAM_OK && saved_is_behind(LENGTH));
    PROVE(is_unchanged(&world.before));
    REACHABLE(slots[0].size > 0 && slots[1].size > 0 && slots[1].addr < slots[0].addr);
}
