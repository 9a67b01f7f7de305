/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/ged.h"

static void update_irq(struct ged *ged)
{
    bool high = hotram_ged_level(&ged->selector);

    /* Only a change costs a system call. */
    if (high == ged->high)
        return;
    ged->high = high;
    vm_irq_line(ged->vm, ged->gsi, high);
}

static uint64_t ged_read(void *device, uint64_t offset, unsigned width)
{
    struct ged *ged = device;
    uint32_t events = hotram_ged_read(&ged->selector, offset, width);

    update_irq(ged);
    return events;
}

static void ged_write(void *device, uint64_t offset, unsigned width, uint64_t value)
{
    /* It cannot be written. */
    (void)device, (void)offset, (void)width, (void)value;
}

void ged_init(struct ged *ged, const struct board *board, uint64_t address, unsigned gsi)
{
    const struct bus_range range = {
        .first = address,
        .count = HOTRAM_GED_LENGTH,
        .width_max = 4,
        .read = ged_read,
        .write = ged_write,
        .device = ged,
        .space = BUS_MEMORY,
        .lock = &board->lock->mutex,
        .name = "generic event device",
    };

    *ged = (struct ged){ .vm = board->vm, .gsi = gsi };
    bus_add_at_start(board->bus, &range);
}

void ged_reset(struct ged *ged)
{
    hotram_ged_reset(&ged->selector);
    update_irq(ged);
}

void ged_raise(struct ged *ged, uint32_t events)
{
    hotram_ged_raise(&ged->selector, events);
    update_irq(ged);
}
