/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An eject, whole: with a callback that calls hotram_bank_finish() at once or does not, and through the
 * register block. Two slots: the bank is looked at in the callback and after it, which is much for a SAT
 * solver.
 *
 * proof: sources core/memhp.c core/dimm.c tests/proof/bank.c
 * proof: options --unsigned-overflow-check --unwind 7 -D SLOTS=2u
 */
#include <hotram/memhp.h>

#include "bank.h"

/* After an eject of a slot, if it could be ejected. */
static void prove_ejected(uint32_t slot, bool ejects)
{
    prove_bank_holds(&world.before, ejects ? slot : HOTRAM_SLOT_ANY);
    PROVE(world.ejected == ejects && world.raised + world.osts == 0);
    if (!ejects) {
        PROVE(is_unchanged(&world.before));
        return;
    }
    PROVE(slots[slot].state == (world.finish_at_once ? HOTRAM_DIMM_EMPTY : HOTRAM_DIMM_EJECTING));
    PROVE(same_codes(&slots[slot], &world.before.slots[slot]));
    REACHABLE(world.finish_at_once);
    REACHABLE(!world.finish_at_once);
}

void prove_eject_whole(void) /* slow */
{
    uint32_t slot;
    enum hotram_status status;

    arbitrary_bank_in_window();
    slot = world.subject;
    status = hotram_bank_eject(&world.bank, slot);
    PROVE((status == HOTRAM_OK) == (slot < world.bank.config.slots && is_visible(&world.before.slots[slot])));
    prove_ejected(slot, status == HOTRAM_OK);
    REACHABLE(status == HOTRAM_E_STATE);
}

/* The guest writes the control register. */
void prove_eject_by_guest(void) /* slow */
{
    struct hotram_memhp memhp = { .bank = &world.bank };
    uint32_t value = nondet_uint32();
    bool ejects;

    arbitrary_bank_in_window();
    memhp.selector = world.subject;
    ASSUME((value & 6) == 0);
    hotram_memhp_write(&memhp, 0x14, 4, value);
    ejects = memhp.selector < world.bank.config.slots && value & 8 &&
             is_visible(&world.before.slots[memhp.selector]);
    PROVE(memhp.bank == &world.bank && memhp.selector == world.subject);
    prove_ejected(memhp.selector, ejects);
    REACHABLE(memhp.selector < world.bank.config.slots && value & 8 && !ejects);
}
