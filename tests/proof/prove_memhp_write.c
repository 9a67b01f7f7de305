/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hotram_memhp_write() over any bank, with any selector, offset, width and value. The bank's own part of an
 * eject is left out here: prove_dimm.c proves it, this only that it is called when it should be. Together
 * they are in prove_eject.c.
 *
 * proof: sources core/memhp.c tests/proof/bank.c
 * proof: options --unsigned-overflow-check --unwind 7
 */
#include <hotram/memhp.h>

#include "bank.h"

static struct hotram_memhp memhp;

enum hotram_status hotram_bank_eject(struct hotram_bank *bank, uint32_t slot)
{
    PROVE(bank == &world.bank && slot == world.subject);
    world.ejected++;
    return nondet_bool() ? HOTRAM_OK : HOTRAM_E_STATE;
}

static void count_ost(void *opaque, uint32_t slot, uint32_t event, uint32_t status)
{
    PROVE(opaque == &world);
    world.osts++;
    world.slot = slot;
    world.event = event;
    world.status = status;
}

static const struct hotram_bank_ops counting = { .ost = count_ost };

/* Called by nothing here. */
enum hotram_status hotram_bank_finish(struct hotram_bank *bank, uint32_t slot)
{
    (void)bank, (void)slot;
    PROVE(false);
    return HOTRAM_E_STATE;
}

uint32_t hotram_bank_first_pending(const struct hotram_bank *bank)
{
    (void)bank;
    PROVE(false);
    return 0;
}

/* What is written to the register at `at`, of an access that reaches it: registers are 4 bytes apart, so an
 * access reaches one at most. */
struct written {
    bool any;
    uint32_t at;
    uint32_t value;
};

static struct written expected_write(uint32_t offset, unsigned width, uint32_t value)
{
    uint64_t at = ((uint64_t)offset + 3) / 4 * 4;
    unsigned before = (unsigned)(at - offset);

    if ((width != 1 && width != 2 && width != 4) || before >= width || at > 0x14)
        return (struct written){ .any = false };
    /* Three bytes that are left at an aligned offset are a word and a byte beside the register. */
    return (struct written){
        .any = true,
        .at = (uint32_t)at,
        .value = width - before == 4   ? value
                 : width - before == 1 ? value >> 8 * before & 0xff
                                       : value >> 8 * before & 0xffff,
    };
}

static bool only_flags_differ(uint32_t slot, bool insert, bool remove)
{
    struct hotram_dimm *now = &slots[slot], *was = &world.before.slots[slot];

    return same_place(now, was) && same_codes(now, was) && now->state == was->state &&
           now->insert_pending == insert && now->remove_pending == remove && is_listed_alike(&world.before);
}

static void prove_control(uint32_t slot, uint32_t value)
{
    const struct hotram_dimm *was = &world.before.slots[slot];

    PROVE(world.osts == 0 && memhp.selector == slot);
    if (value & 2) {
        PROVE(only_flags_differ(slot, false, was->remove_pending));
        REACHABLE(was->insert_pending);
    } else if (value & 4) {
        PROVE(only_flags_differ(slot, was->insert_pending, false));
        REACHABLE(was->remove_pending);
    } else {
        PROVE(is_unchanged(&world.before));
        REACHABLE(value & 8 && is_visible(was));
        REACHABLE(!(value & 8));
    }
    PROVE(world.ejected == (!(value & 6) && value & 8));
}

static void prove_report(uint32_t slot, uint32_t value)
{
    struct hotram_dimm *now = &slots[slot], *was = &world.before.slots[slot];

    PROVE(same_place(now, was) && same_flags(now, was) && now->state == was->state);
    PROVE(now->ost_event == was->ost_event && now->ost_status == value);
    PROVE(world.osts == 1 && world.ejected == 0 && memhp.selector == slot);
    PROVE(world.slot == slot && world.event == was->ost_event && world.status == value);
    REACHABLE(was->state == HOTRAM_DIMM_EMPTY);
}

static void prove_event(uint32_t slot, uint32_t value)
{
    struct hotram_dimm *now = &slots[slot], *was = &world.before.slots[slot];

    PROVE(same_place(now, was) && same_flags(now, was) && now->state == was->state);
    PROVE(now->ost_event == value && now->ost_status == was->ost_status);
    PROVE(world.osts + world.ejected == 0 && memhp.selector == slot);
    REACHABLE(value != was->ost_event);
}

static void prove_write(unsigned width)
{
    uint32_t offset = nondet_uint32(), value = nondet_uint32();
    struct written written;

    arbitrary_flags();
    world.bank.ops = world.before.bank.ops = &counting;
    memhp.bank = &world.bank;
    memhp.selector = world.subject;
    written = expected_write(offset, width, value);
    hotram_memhp_write(&memhp, offset, width, value);
    prove_flags_hold(&world.before, world.subject);
    if (written.any && written.at == 0x00) {
        PROVE(is_unchanged(&world.before) && memhp.selector == written.value);
        PROVE(world.osts + world.ejected == 0);
        REACHABLE(written.value >= world.bank.config.slots && world.subject < world.bank.config.slots);
    } else if (written.any && world.subject < world.bank.config.slots && written.at == 0x04) {
        prove_event(world.subject, written.value);
    } else if (written.any && world.subject < world.bank.config.slots && written.at == 0x08) {
        prove_report(world.subject, written.value);
    } else if (written.any && world.subject < world.bank.config.slots && written.at == 0x14) {
        prove_control(world.subject, written.value);
    } else {
        PROVE(is_unchanged(&world.before) && memhp.selector == world.subject);
        PROVE(world.osts + world.ejected == 0);
        REACHABLE(written.any && written.at == 0x14);
        REACHABLE(offset == 0x0c && world.subject < world.bank.config.slots);
    }
}

void prove_memhp_write_byte(void)
{
    prove_write(1);
}

void prove_memhp_write_word(void) /* slow */
{
    prove_write(2);
}

void prove_memhp_write_dword(void) /* slow */
{
    prove_write(4);
}

/* No block, or a width that there is not. */
void prove_memhp_write_ignored(void) /* slow */
{
    bool has_block = nondet_bool();
    unsigned width = nondet_uint32();

    ASSUME(!has_block || (width != 1 && width != 2 && width != 4));
    arbitrary_flags();
    memhp.bank = &world.bank;
    memhp.selector = world.subject;
    hotram_memhp_write(has_block ? &memhp : NULL, nondet_uint32(), width, nondet_uint32());
    PROVE(is_unchanged(&world.before) && memhp.selector == world.subject);
    PROVE(world.osts + world.ejected == 0);
    REACHABLE(has_block);
    REACHABLE(!has_block && width == 4);
}
