/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/pm.h"

#include "machine/x86_layout.h"

/* PM1 status and enable (ACPI 6.5, 4.8.3.1) */
#define POWER_BUTTON 0x0100u
#define EVENTS (0x0001u | 0x0020u | POWER_BUTTON | 0x0200u | 0x0400u) /* those that have an enable bit */
#define STATUS_BITS (EVENTS | 0x0010u | 0x8000u)
/* PM1 control (4.8.3.2) */
#define SCI_ENABLED 0x0001u
#define SLEEP_TYPE_SHIFT 10
#define SLEEP_TYPE_MASK 0x7u
#define SLEEP_ENABLE 0x2000u /* written only */

#define PM_TIMER_HZ 3579545u

static void update_sci(struct pm *pm)
{
    bool high = (pm->status & pm->enable & EVENTS) != 0 || hotram_gpe_level(&pm->gpe);

    /* Only a change costs a system call. */
    if (high == pm->sci)
        return;
    pm->sci = high;
    pm->ops->sci(pm->opaque, high);
}

static uint32_t event_read(void *device, uint32_t offset, unsigned width)
{
    struct pm *pm = device;
    uint32_t both = pm->status | (uint32_t)pm->enable << 16;

    (void)width;
    return both >> (offset * 8);
}

static void event_write(void *device, uint32_t offset, unsigned width, uint32_t value)
{
    struct pm *pm = device;
    uint16_t shifted = (uint16_t)(value << (offset % 2 * 8));
    uint16_t touched = (uint16_t)((width == 1 ? 0xffu : 0xffffu) << (offset % 2 * 8));

    if (offset < 2) /* status bits are cleared by writing one */
        pm->status &= (uint16_t)~shifted;
    else
        pm->enable = (uint16_t)((pm->enable & ~touched) | (shifted & EVENTS));
    update_sci(pm);
}

static uint32_t control_read(void *device, uint32_t offset, unsigned width)
{
    struct pm *pm = device;

    (void)width;
    /* There is no SMI command port: the machine is always in ACPI mode. */
    return (uint32_t)(pm->control | SCI_ENABLED) >> (offset * 8);
}

static void control_write(void *device, uint32_t offset, unsigned width, uint32_t value)
{
    struct pm *pm = device;
    uint16_t mask = (uint16_t)((width == 1 ? 0xffu : 0xffffu) << (offset * 8));
    uint16_t control = (uint16_t)((pm->control & ~mask) | (value << (offset * 8) & mask));

    pm->control = control & (uint16_t)~SLEEP_ENABLE;
    if ((control & SLEEP_ENABLE) && (control >> SLEEP_TYPE_SHIFT & SLEEP_TYPE_MASK) == X86_SLP_TYP_S5)
        pm->ops->power_off(pm->opaque);
}

static uint32_t timer_read(void *device, uint32_t offset, unsigned width)
{
    const struct pm *pm = device;
    uint64_t now = guest_clock_now(pm->clock);
    uint64_t ticks = now / 1000000000u * PM_TIMER_HZ + now % 1000000000u * PM_TIMER_HZ / 1000000000u;

    (void)width;
    return (uint32_t)ticks >> (offset * 8);
}

static void timer_write(void *device, uint32_t offset, unsigned width, uint32_t value)
{
    /* read-only */
    (void)device;
    (void)offset;
    (void)width;
    (void)value;
}

static uint32_t gpe_read(void *device, uint32_t offset, unsigned width)
{
    struct pm *pm = device;

    (void)width;
    return hotram_gpe_read(&pm->gpe, offset);
}

static void gpe_write(void *device, uint32_t offset, unsigned width, uint32_t value)
{
    struct pm *pm = device;

    (void)width;
    hotram_gpe_write(&pm->gpe, offset, (uint8_t)value, pm->ops->waiting(pm->opaque));
    update_sci(pm);
}

static uint32_t reset_read(void *device, uint32_t offset, unsigned width)
{
    (void)device;
    (void)offset;
    (void)width;
    return 0;
}

static void reset_write(void *device, uint32_t offset, unsigned width, uint32_t value)
{
    struct pm *pm = device;

    (void)offset;
    (void)width;
    /* As on PCs: bit 2 starts the reset, bit 1 says how hard. Linux writes both, one after the other. */
    if (value & 0x4)
        pm->ops->reset(pm->opaque);
}

void pm_init(struct pm *pm, struct ports *ports, const struct guest_clock *clock, const struct pm_ops *ops,
             void *opaque)
{
    const struct port_range ranges[] = {
        { X86_PORT_PM1_EVENT, 4, 2, event_read, event_write, pm, BUS_PORTS },
        { X86_PORT_PM1_CONTROL, 2, 2, control_read, control_write, pm, BUS_PORTS },
        { X86_PORT_PM_TIMER, 4, 4, timer_read, timer_write, pm, BUS_PORTS },
        { X86_PORT_GPE0, HOTRAM_GPE_LENGTH, 1, gpe_read, gpe_write, pm, BUS_PORTS },
        { X86_PORT_RESET, 1, 1, reset_read, reset_write, pm, BUS_PORTS },
    };

    *pm = (struct pm){ .clock = clock, .ops = ops, .opaque = opaque };
    for (unsigned i = 0; i < sizeof ranges / sizeof *ranges; i++)
        ports_add(ports, &ranges[i]);
}

void pm_reset(struct pm *pm)
{
    pm->status = 0;
    pm->enable = 0;
    pm->control = 0;
    hotram_gpe_reset(&pm->gpe);
    update_sci(pm);
}

void pm_raise_gpe(struct pm *pm, unsigned event)
{
    hotram_gpe_raise(&pm->gpe, event);
    update_sci(pm);
}

void pm_press_power_button(struct pm *pm)
{
    pm->status |= POWER_BUTTON & STATUS_BITS;
    update_sci(pm);
}
