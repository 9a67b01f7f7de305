/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/ged.h"

static uint32_t ged_read(void *device, uint32_t offset, unsigned width)
{
    struct ged *ged = device;

    return hotram_ged_read(&ged->selector, offset, width);
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
}

void ged_raise(struct ged *ged, uint32_t events)
{
    hotram_ged_raise(&ged->selector, events);
    ged->irq(ged->opaque, true);
    ged->irq(ged->opaque, false);
}
