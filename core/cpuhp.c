/* SPDX-License-Identifier: BSD-2-Clause */
#include <hotram/cpuhp.h>

#include <stddef.h>

#include "access.h"
#include "cpu.h"

/* What a register means when it is read. */
enum reading { NOT_READ, DATA_HIGH, DATA_LOW, FLAGS };

/* What a register does when it is written. */
enum writing { SELECTOR, CONTROL, COMMAND, DATA };

struct reg {
    uint8_t offset;
    uint8_t reading; /* an enum reading */
    uint8_t writing; /* an enum writing */
};

/* The layout (docs/register-interface.md). An access is decoded on its exact start offset, whatever its
 * width. */
static const struct reg layout[] = {
    { .offset = 0x0, .reading = DATA_HIGH, .writing = SELECTOR },
    { .offset = 0x4, .reading = FLAGS, .writing = CONTROL },
    { .offset = 0x5, .reading = NOT_READ, .writing = COMMAND },
    { .offset = 0x8, .reading = DATA_LOW, .writing = DATA },
};

static const struct reg *find(uint64_t offset)
{
    for (size_t i = 0; i < sizeof layout / sizeof layout[0]; i++) {
        if (layout[i].offset == offset)
            return &layout[i];
    }
    return NULL;
}

/* ---- Reads ---- */

static uint32_t flags_of(const struct hotram_cpuhp *cpuhp)
{
    const struct hotram_cpu *cpu = &cpuhp->cpus->slots[cpuhp->selector];

    return (hotram_cpus_present(cpuhp->cpus, cpuhp->selector) ? HOTRAM_CPUHP_ENABLED : 0) |
           (cpu->insert_pending ? HOTRAM_CPUHP_INSERT : 0) | (cpu->remove_pending ? HOTRAM_CPUHP_REMOVE : 0);
}

/* The 64 bits of the data registers: what the command asked for. */
static uint64_t data_of(const struct hotram_cpuhp *cpuhp)
{
    switch ((enum hotram_cpuhp_command)cpuhp->command) {
    case HOTRAM_CPUHP_NEXT_EVENT:
        return cpuhp->selector;
    case HOTRAM_CPUHP_HARDWARE_ID:
        return cpuhp->cpus->slots[cpuhp->selector].hardware_id;
    case HOTRAM_CPUHP_OST_EVENT:
    case HOTRAM_CPUHP_OST_STATUS:
        break;
    }
    return 0;
}

/* Read at one offset; the caller truncates to the width. */
static uint32_t read_at(const struct hotram_cpuhp *cpuhp, uint64_t offset)
{
    const struct reg *reg = find(offset);

    if (offset >= HOTRAM_CPUHP_LENGTH)
        return UINT32_MAX;
    if (!reg || cpuhp->selector >= cpuhp->cpus->count)
        return 0;
    switch ((enum reading)reg->reading) {
    case DATA_HIGH:
        return (uint32_t)(data_of(cpuhp) >> 32);
    case DATA_LOW:
        return (uint32_t)data_of(cpuhp);
    case FLAGS:
        return flags_of(cpuhp);
    case NOT_READ:
        break;
    }
    return 0;
}

/* ---- Writes ---- */

/* One action per write, the first that matches (as QEMU does). */
static void write_control(struct hotram_cpus *cpus, uint32_t slot, uint32_t value)
{
    const struct hotram_cpu *cpu = &cpus->slots[slot];

    if (value & HOTRAM_CPUHP_INSERT)
        libhotram_cpu_set_pending(cpus, slot, false, cpu->remove_pending);
    else if (value & HOTRAM_CPUHP_REMOVE)
        libhotram_cpu_set_pending(cpus, slot, cpu->insert_pending, false);
    else if (value & HOTRAM_CPUHP_EJECT)
        hotram_cpus_eject(cpus, slot); /* refused, and so ignored, for a slot that cannot be ejected */
}

/* Command 0 acts when it is written, the others when the data register is used. */
static void write_command(struct hotram_cpuhp *cpuhp, uint32_t value)
{
    uint32_t pending;

    if (value > HOTRAM_CPUHP_HARDWARE_ID)
        return;
    cpuhp->command = (uint8_t)value;
    if (value != HOTRAM_CPUHP_NEXT_EVENT)
        return;
    pending = hotram_cpus_pending(cpuhp->cpus, cpuhp->selector);
    if (pending != HOTRAM_CPU_NONE)
        cpuhp->selector = pending;
}

/* The _OST codes are taken for an empty slot too: the report of a finished eject comes after it. */
static void write_data(struct hotram_cpuhp *cpuhp, uint32_t value)
{
    struct hotram_cpus *cpus = cpuhp->cpus;
    struct hotram_cpu *cpu = &cpus->slots[cpuhp->selector];

    if (cpuhp->command == HOTRAM_CPUHP_OST_EVENT) {
        cpu->ost_event = value;
    } else if (cpuhp->command == HOTRAM_CPUHP_OST_STATUS) {
        cpu->ost_status = value;
        cpus->ops->ost(cpus->opaque, cpuhp->selector, cpu->ost_event, value);
    }
}

static void write_at(struct hotram_cpuhp *cpuhp, uint64_t offset, unsigned width, uint32_t value)
{
    const struct reg *reg = find(offset);

    if (!reg)
        return;
    value &= libhotram_ones(width);
    if (reg->writing == SELECTOR) {
        cpuhp->selector = value;
        return;
    }
    if (cpuhp->selector >= cpuhp->cpus->count)
        return;
    switch ((enum writing)reg->writing) {
    case CONTROL:
        write_control(cpuhp->cpus, cpuhp->selector, value);
        break;
    case COMMAND:
        write_command(cpuhp, value);
        break;
    case DATA:
        write_data(cpuhp, value);
        break;
    case SELECTOR:
        break;
    }
}

/* ---- Interface ---- */

enum hotram_status hotram_cpuhp_init(struct hotram_cpuhp *cpuhp, struct hotram_cpus *cpus)
{
    if (!cpuhp || !cpus)
        return HOTRAM_E_ARGUMENT;
    cpuhp->cpus = cpus;
    cpuhp->selector = 0;
    cpuhp->command = HOTRAM_CPUHP_NEXT_EVENT;
    return HOTRAM_OK;
}

uint32_t hotram_cpuhp_read(const struct hotram_cpuhp *cpuhp, uint32_t offset, unsigned width)
{
    uint32_t value = 0;

    if (!libhotram_is_width(width))
        return UINT32_MAX;
    if (!cpuhp)
        return libhotram_ones(width);
    for (unsigned done = 0; done < width;) {
        uint64_t at = (uint64_t)offset + done;
        unsigned part = libhotram_piece(at, width - done);

        value |= (read_at(cpuhp, at) & libhotram_ones(part)) << (8 * done);
        done += part;
    }
    return value;
}

void hotram_cpuhp_write(struct hotram_cpuhp *cpuhp, uint32_t offset, unsigned width, uint32_t value)
{
    if (!cpuhp || !libhotram_is_width(width))
        return;
    for (unsigned done = 0; done < width;) {
        uint64_t at = (uint64_t)offset + done;
        unsigned part = libhotram_piece(at, width - done);

        write_at(cpuhp, at, part, value >> (8 * done));
        done += part;
    }
}
