/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/pm.h"

#include "layout/x86.h"

#define PM_TIMER_HZ 3579545u

static void update_sci(struct pm *pm)
{
    bool high = hotram_pm1_level(&pm->pm1) || hotram_gpe_level(&pm->gpe);

    /* Only a change costs a system call. */
    if (high == pm->sci)
        return;
    pm->sci = high;
    vm_irq_line(pm->board->vm, pm->gsi, high);
}

static uint64_t pm1_read(void *device, uint64_t offset, unsigned width)
{
    struct pm *pm = device;

    return hotram_pm1_read(&pm->pm1, offset, width);
}

static void pm1_write(void *device, uint64_t offset, unsigned width, uint64_t value)
{
    struct pm *pm = device;

    if (hotram_pm1_write(&pm->pm1, offset, width, value) && hotram_pm1_sleep_type(&pm->pm1) == X86_SLP_TYP_S5)
        pm->board->power_off(pm->board->machine);
    update_sci(pm);
}

static uint64_t timer_read(void *device, uint64_t offset, unsigned width)
{
    const struct pm *pm = device;
    uint64_t now = guest_clock_now(pm->board->clock);
    uint64_t ticks = now / 1000000000u * PM_TIMER_HZ + now % 1000000000u * PM_TIMER_HZ / 1000000000u;

    (void)width;
    return (uint32_t)ticks >> (offset * 8);
}

static void timer_write(void *device, uint64_t offset, unsigned width, uint64_t value)
{
    /* read-only */
    (void)device;
    (void)offset;
    (void)width;
    (void)value;
}

static uint64_t gpe_read(void *device, uint64_t offset, unsigned width)
{
    struct pm *pm = device;

    (void)width;
    return hotram_gpe_read(&pm->gpe, offset);
}

static void gpe_write(void *device, uint64_t offset, unsigned width, uint64_t value)
{
    struct pm *pm = device;

    (void)width;
    hotram_gpe_write(&pm->gpe, offset, (uint8_t)value, pm->waiting(pm->board->machine));
    update_sci(pm);
}

static uint64_t reset_read(void *device, uint64_t offset, unsigned width)
{
    (void)device;
    (void)offset;
    (void)width;
    return 0;
}

static void reset_write(void *device, uint64_t offset, unsigned width, uint64_t value)
{
    struct pm *pm = device;

    (void)offset;
    (void)width;
    /* As on PCs: bit 2 starts the reset, bit 1 says how hard. Linux writes both, one after the other. */
    if (value & 0x4)
        pm->board->reset(pm->board->machine);
}

void pm_init(struct pm *pm, const struct board *board, unsigned gsi, uint16_t (*waiting)(void *machine))
{
    pthread_mutex_t *const lock = &board->lock->mutex;
    const struct bus_range ranges[] = {
        { BUS_PORTS, X86_PORT_PM1_EVENT, HOTRAM_PM1_LENGTH, 2, pm1_read, pm1_write, pm, lock,
          "PM1 registers" },
        { BUS_PORTS, X86_PORT_PM_TIMER, 4, 4, timer_read, timer_write, pm, lock, "PM timer" },
        { BUS_PORTS, X86_PORT_GPE0, HOTRAM_GPE_LENGTH, 1, gpe_read, gpe_write, pm, lock, "GPE registers" },
        { BUS_PORTS, X86_PORT_RESET, 1, 1, reset_read, reset_write, pm, lock, "reset register" },
    };

    _Static_assert(X86_PORT_PM1_CONTROL == X86_PORT_PM1_EVENT + HOTRAM_PM1_CONTROL, "as pm1.h has them");
    *pm = (struct pm){ .board = board, .gsi = gsi, .waiting = waiting };
    for (unsigned i = 0; i < sizeof ranges / sizeof *ranges; i++)
        bus_add_at_start(board->bus, &ranges[i]);
}

void pm_reset(struct pm *pm)
{
    hotram_pm1_reset(&pm->pm1);
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
    hotram_pm1_raise(&pm->pm1, HOTRAM_PM1_POWER_BUTTON);
    update_sci(pm);
}
