/* SPDX-License-Identifier: BSD-2-Clause */
#include <hotram/memhp.h>

#include <stddef.h>

#include "access.h"

/* What a register means when it is read. */
enum reading { ADDR_LOW, ADDR_HIGH, SIZE_LOW, SIZE_HIGH, NODE, FLAGS };

/* What a register does when it is written. */
enum writing { NOT_WRITTEN, SELECTOR, OST_EVENT, OST_STATUS, CONTROL };

struct reg {
    uint8_t offset;
    uint8_t reading; /* an enum reading */
    uint8_t writing; /* an enum writing */
};

/* The layout (docs/register-interface.md). An access is decoded on its exact start offset, whatever its
 * width. */
static const struct reg layout[] = {
    { .offset = 0x00, .reading = ADDR_LOW, .writing = SELECTOR },
    { .offset = 0x04, .reading = ADDR_HIGH, .writing = OST_EVENT },
    { .offset = 0x08, .reading = SIZE_LOW, .writing = OST_STATUS },
    { .offset = 0x0c, .reading = SIZE_HIGH, .writing = NOT_WRITTEN },
    { .offset = 0x10, .reading = NODE, .writing = NOT_WRITTEN },
    { .offset = 0x14, .reading = FLAGS, .writing = CONTROL },
};

static const struct reg *find(uint64_t offset)
{
    for (size_t i = 0; i < sizeof layout / sizeof layout[0]; i++) {
        if (layout[i].offset == offset)
            return &layout[i];
    }
    return NULL;
}

/* The guest sees a DIMM from commit to eject. */
static bool is_visible(const struct hotram_dimm *dimm)
{
    return dimm->state == HOTRAM_DIMM_PLUGGED || dimm->state == HOTRAM_DIMM_REMOVAL_REQUESTED;
}

static uint32_t flags_of(const struct hotram_dimm *dimm)
{
    return HOTRAM_MEMHP_ENABLED | (dimm->insert_pending ? HOTRAM_MEMHP_INSERT : 0) |
           (dimm->remove_pending ? HOTRAM_MEMHP_REMOVE : 0);
}

static uint32_t read_register(const struct hotram_dimm *dimm, enum reading reading)
{
    if (!is_visible(dimm))
        return 0;
    switch (reading) {
    case ADDR_LOW:
        return (uint32_t)dimm->addr;
    case ADDR_HIGH:
        return (uint32_t)(dimm->addr >> 32);
    case SIZE_LOW:
        return (uint32_t)dimm->size;
    case SIZE_HIGH:
        return (uint32_t)(dimm->size >> 32);
    case NODE:
        return dimm->node;
    case FLAGS:
        return flags_of(dimm);
    }
    return 0;
}

/* Read at one offset; the caller truncates to the width. */
static uint32_t read_at(const struct hotram_memhp *memhp, uint64_t offset)
{
    const struct reg *reg;

    if (offset == HOTRAM_MEMHP_PENDING)
        return hotram_bank_first_pending(memhp->bank); /* HOTRAM_SLOT_ANY is all ones */
    if (offset >= HOTRAM_MEMHP_LENGTH)
        return UINT32_MAX;
    if (memhp->selector >= memhp->bank->config.slots)
        return 0;
    reg = find(offset);
    if (!reg)
        return UINT32_MAX;
    return read_register(&memhp->bank->slots[memhp->selector], (enum reading)reg->reading);
}

/* One action per write, the first that matches (as QEMU does). */
static void write_control(struct hotram_bank *bank, uint32_t slot, uint32_t value)
{
    struct hotram_dimm *dimm = &bank->slots[slot];

    if (value & HOTRAM_MEMHP_INSERT)
        dimm->insert_pending = false;
    else if (value & HOTRAM_MEMHP_REMOVE)
        dimm->remove_pending = false;
    else if (value & HOTRAM_MEMHP_EJECT)
        hotram_bank_eject(bank, slot); /* refused, and so ignored, for a slot that is not in use */
}

/* The _OST codes are taken for an empty slot too: the report of a finished eject comes after it. */
static void write_at(struct hotram_memhp *memhp, uint64_t offset, uint32_t value)
{
    struct hotram_bank *bank = memhp->bank;
    const struct reg *reg = find(offset);
    struct hotram_dimm *dimm;

    if (!reg)
        return;
    if (reg->writing == SELECTOR) {
        memhp->selector = value;
        return;
    }
    if (memhp->selector >= bank->config.slots)
        return;
    dimm = &bank->slots[memhp->selector];
    switch ((enum writing)reg->writing) {
    case OST_EVENT:
        dimm->ost_event = value;
        break;
    case OST_STATUS:
        dimm->ost_status = value;
        bank->ops->ost(bank->opaque, memhp->selector, dimm->ost_event, value);
        break;
    case CONTROL:
        write_control(bank, memhp->selector, value);
        break;
    case NOT_WRITTEN:
    case SELECTOR:
        break;
    }
}

enum hotram_status hotram_memhp_init(struct hotram_memhp *memhp, struct hotram_bank *bank)
{
    if (!memhp || !bank)
        return HOTRAM_E_ARGUMENT;
    memhp->bank = bank;
    memhp->selector = 0;
    return HOTRAM_OK;
}

uint32_t hotram_memhp_read(const struct hotram_memhp *memhp, uint32_t offset, unsigned width)
{
    uint32_t value = 0;

    if (!libhotram_is_width(width))
        return UINT32_MAX;
    if (!memhp)
        return libhotram_ones(width);
    for (unsigned done = 0; done < width;) {
        uint64_t at = (uint64_t)offset + done;
        unsigned part = libhotram_piece(at, width - done);

        value |= (read_at(memhp, at) & libhotram_ones(part)) << (8 * done);
        done += part;
    }
    return value;
}

void hotram_memhp_write(struct hotram_memhp *memhp, uint32_t offset, unsigned width, uint32_t value)
{
    if (!memhp || !libhotram_is_width(width))
        return;
    for (unsigned done = 0; done < width;) {
        uint64_t at = (uint64_t)offset + done;
        unsigned part = libhotram_piece(at, width - done);

        write_at(memhp, at, (value >> (8 * done)) & libhotram_ones(part));
        done += part;
    }
}
