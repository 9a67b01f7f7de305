/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hotram/memhp.h: reading the register block over any bank, with any selector, offset and width. What is
 * expected is written down here from docs/register-interface.md, another way than core/memhp.c does.
 *
 * proof: sources core/memhp.c core/dimm.c tests/proof/bank.c
 * proof: options --unsigned-overflow-check --unwind 7
 */
#include <hotram/memhp.h>

#include "bank.h"

static struct hotram_memhp memhp;

static void arbitrary_block(void)
{
    arbitrary_flags();
    memhp.bank = &world.bank;
    memhp.selector = world.subject;
}

static uint32_t pending_slot(void)
{
    for (uint32_t i = 0; i < SLOTS; i++) {
        if (world.before.slots[i].insert_pending || world.before.slots[i].remove_pending)
            return i;
    }
    return 0xffffffff;
}

/* The table of reads: what starts at an offset, 4 bytes of it. */
static uint64_t dword(uint64_t offset)
{
    const struct hotram_dimm *dimm;

    if (offset == 24)
        return pending_slot();
    if (offset > 24)
        return 0xffffffff;
    if (world.subject >= world.bank.config.slots)
        return 0;
    dimm = &world.before.slots[world.subject];
    if (offset % 4 != 0)
        return 0xffffffff;
    if (!is_visible(dimm))
        return 0;
    switch (offset) {
    case 0x00:
        return dimm->addr & 0xffffffff;
    case 0x04:
        return dimm->addr >> 32;
    case 0x08:
        return dimm->size & 0xffffffff;
    case 0x0c:
        return dimm->size >> 32;
    case 0x10:
        return dimm->node;
    }
    return 1u + 2u * dimm->insert_pending + 4u * dimm->remove_pending;
}

static uint64_t byte(uint64_t offset)
{
    return dword(offset) & 0xff;
}

static uint64_t word(uint64_t offset)
{
    return dword(offset) & 0xffff;
}

/* What an access reads: aligned parts, each decoded on its own offset. */
static uint64_t expected_read(uint64_t offset, unsigned width)
{
    if (width == 1)
        return byte(offset);
    if (width == 2)
        return offset % 2 == 0 ? word(offset) : byte(offset) | byte(offset + 1) << 8;
    if (width != 4)
        return 0xffffffff;
    if (offset % 4 == 0)
        return dword(offset);
    if (offset % 4 == 2)
        return word(offset) | word(offset + 2) << 16;
    return byte(offset) | word(offset + 1) << 8 | byte(offset + 3) << 24;
}

void prove_memhp_init(void)
{
    struct hotram_memhp *given = nondet_bool() ? &memhp : NULL;
    struct hotram_bank *bank = nondet_bool() ? &world.bank : NULL;
    enum hotram_status status;

    memhp.selector = world.subject = nondet_uint32();
    status = hotram_memhp_init(given, bank);
    PROVE(status == (given && bank ? HOTRAM_OK : HOTRAM_E_ARGUMENT));
    if (status == HOTRAM_OK)
        PROVE(memhp.bank == bank && memhp.selector == 0);
    else
        PROVE(memhp.bank == NULL && memhp.selector == world.subject);
    REACHABLE(status == HOTRAM_OK);
    REACHABLE(!given);
    REACHABLE(given && !bank);
}

/* Reading is the caller's vCPU looking: it changes nothing. */
void prove_memhp_read(void) /* slow */
{
    uint32_t offset = nondet_uint32(), value;
    unsigned width = nondet_uint32();
    bool has_block = nondet_bool();

    arbitrary_block();
    value = hotram_memhp_read(has_block ? &memhp : NULL, offset, width);
    PROVE(IMPLIES(width == 1, value <= 0xff));
    PROVE(IMPLIES(width == 2, value <= 0xffff));
    if (has_block)
        PROVE(value == expected_read(offset, width));
    else
        PROVE(value == (width == 1 ? 0xffu : width == 2 ? 0xffffu : 0xffffffffu));
    PROVE(is_unchanged(&world.before) && memhp.bank == &world.bank && memhp.selector == world.subject);
    PROVE(world.raised + world.osts + world.ejected == 0);
    REACHABLE(!has_block);
    REACHABLE(has_block && width == 4 && offset == 0x14 && value == 7);
    REACHABLE(has_block && width == 4 && offset == 0x02 && value == 0x1234ffff);
    REACHABLE(has_block && width == 1 && offset == 24 && value == SLOTS - 1);
    REACHABLE(has_block && world.subject >= world.bank.config.slots && value == 0);
    REACHABLE(has_block && width == 4 && offset == UINT32_MAX);
}
