/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/ged.h"

static void update_irq(struct ged *ged)
{
    bool high = hotram_ged_level(&ged->selector);

    /* Only a change costs a system call. */
    if (high == ged->high)
        return;
    ged->high = high;
    ged->irq(ged->opaque, high);
}

static uint32_t ged_read(void *device, uint32_t offset, unsigned width)
{
    struct ged *ged = device;
    uint32_t events = hotram_ged_read(&ged->selector, offset, width);

    update_irq(ged);
    return events;
}

static void ged_write(void *device, uint32_t offset, unsigned width, uint32_t value)
{
    /* It cannot be written. */
    (void)device, (void)offset, (void)width, (void)value;
}

void ged_init(struct ged *ged, struct ports *ports, uint64_t address, void (*irq)(void *opaque, bool high),
              void *opaque)
{
    const struct port_range range = {
        .first = address,
        .count = HOTRAM_GED_LENGTH,
        .width_max = 4,
        .read = ged_read,
        .write = ged_write,
        .device = ged,
        .bus = BUS_MEMORY,
    };

    *ged = (struct ged){ .irq = irq, .opaque = opaque };
    ports_add(ports, &range);
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
