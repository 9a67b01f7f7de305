/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/pm.h"

#include <stdlib.h>

#include <hotram/acpi.h>
#include <hotram/acpi_cpus.h>

#include "base/count_of.h"
#include "device/registers.h"
#include "device/reset_register.h"
#include "layout/x86.h"

#define PM_TIMER_HZ 3579545u

static void update_sci(struct pm *pm)
{
    bool high = hotram_pm1_level(&pm->state.pm1) || hotram_gpe_level(&pm->state.gpe);

    /* Only a change costs a system call. */
    if (high == pm->sci)
        return;
    pm->sci = high;
    vm_irq_line(pm->board->vm, pm->gsi, high);
}

static uint64_t pm1_read(void *device, uint64_t offset, unsigned width)
{
    struct pm *pm = device;

    return hotram_pm1_read(&pm->state.pm1, offset, width);
}

static void pm1_write(void *device, uint64_t offset, unsigned width, uint64_t value)
{
    struct pm *pm = device;

    if (hotram_pm1_write(&pm->state.pm1, offset, width, value) &&
        hotram_pm1_sleep_type(&pm->state.pm1) == X86_SLP_TYP_S5)
        pm->board->power_off(pm->board->machine);
    update_sci(pm);
}

/* ACPI 6.5, 4.8.3.3: 32 bits, as the FADT says. */
static uint32_t read_ticks(void *device)
{
    const struct pm *pm = device;
    const uint64_t now = guest_clock_now(pm->board->clock);

    return (uint32_t)(now / 1000000000u * PM_TIMER_HZ + now % 1000000000u * PM_TIMER_HZ / 1000000000u);
}

/* It cannot be written. */
static const struct device_register timer_registers[] = { { .offset = 0, .read = read_ticks } };

static uint64_t timer_read(void *device, uint64_t offset, unsigned width)
{
    (void)width;
    return register_read_part(timer_registers, COUNT_OF(timer_registers), offset, device, NULL);
}

static void timer_write(void *device, uint64_t offset, unsigned width, uint64_t value)
{
    (void)width;
    register_write(register_at(timer_registers, COUNT_OF(timer_registers), offset), device, NULL,
                   (uint32_t)value);
}

static uint64_t gpe_read(void *device, uint64_t offset, unsigned width)
{
    struct pm *pm = device;

    (void)width;
    return hotram_gpe_read(&pm->state.gpe, offset);
}

static void gpe_write(void *device, uint64_t offset, unsigned width, uint64_t value)
{
    struct pm *pm = device;

    (void)width;
    hotram_gpe_write(&pm->state.gpe, offset, (uint8_t)value, pm->waiting(pm->board->machine));
    update_sci(pm);
}

/* The registers of PM1 and GPE blocks are libhotram's, and so is their saved form. */
static const struct state_field fields[] = {
    STATE_BLOCK(struct pm_state, gpe, 1, &state_gpe),
    STATE_BLOCK(struct pm_state, pm1, 1, &state_pm1),
};

const struct state_table pm_state_table = STATE_TABLE("pm", 1, struct pm_state, fields);

void pm_init(struct pm *pm, struct board *board, unsigned gsi, uint16_t (*waiting)(void *machine))
{
    pthread_mutex_t *const lock = &board->lock->mutex;
    const struct bus_range ranges[] = {
        { BUS_PORTS, X86_PORT_PM1_EVENT, HOTRAM_PM1_LENGTH, 2, pm1_read, pm1_write, pm, lock,
          "PM1 registers" },
        { BUS_PORTS, X86_PORT_PM_TIMER, 4, 4, timer_read, timer_write, pm, lock, "PM timer" },
        { BUS_PORTS, X86_PORT_GPE0, HOTRAM_GPE_LENGTH, 1, gpe_read, gpe_write, pm, lock, "GPE registers" },
    };

    _Static_assert(X86_PORT_PM1_CONTROL == X86_PORT_PM1_EVENT + HOTRAM_PM1_CONTROL, "as pm1.h has them");
    *pm = (struct pm){ .board = board, .gsi = gsi, .waiting = waiting };
    state_power_on(&pm_state_table, &pm->state);
    for (unsigned i = 0; i < COUNT_OF(ranges); i++)
        bus_add_at_start(board->bus, &ranges[i]);
    reset_register_add(board);
}

void pm_reset(struct pm *pm)
{
    state_reset(&pm_state_table, &pm->state);
    update_sci(pm);
}

void pm_restored(struct pm *pm)
{
    update_sci(pm);
}

void pm_raise_gpe(struct pm *pm, unsigned event)
{
    hotram_gpe_raise(&pm->state.gpe, event);
    update_sci(pm);
}

void pm_press_power_button(struct pm *pm)
{
    hotram_pm1_raise(&pm->state.pm1, HOTRAM_PM1_POWER_BUTTON);
    update_sci(pm);
}

/* ---- the type ---- */

static void raise_event(struct device *device, enum board_event event)
{
    struct pm *pm = (struct pm *)device;

    if (event == BOARD_MEMORY)
        pm_raise_gpe(pm, HOTRAM_GPE_MEMORY);
    else if (event == BOARD_CPU)
        pm_raise_gpe(pm, HOTRAM_GPE_CPU);
    else
        pm_press_power_button(pm);
}

static bool build(struct board *board, const struct chip_place *place, struct error *error)
{
    struct pm *pm = calloc(1, sizeof *pm);

    if (!pm)
        return error_set(error, "out of memory");
    pm_init(pm, board, place->gsi, board->waiting_gpes);
    device_enlist_chip(&pm->device, board, &pm_type);
    board->raise = raise_event;
    board->events = &pm->device;
    return true;
}

static void reset_device(struct device *device)
{
    pm_reset((struct pm *)device);
}

static void restored_device(struct device *device)
{
    pm_restored((struct pm *)device);
}

static void destroy(struct device *device)
{
    free(device);
}

static enum hotram_status aml_events(const struct device *device, const struct hot_parts *parts,
                                     struct hotram_aml *out)
{
    enum hotram_status status = HOTRAM_OK;

    (void)device;
    if (parts->cpus)
        status = hotram_acpi_cpu_gpe(out, HOTRAM_GPE_CPU);
    if (status == HOTRAM_OK && parts->memory)
        status = hotram_acpi_memory_gpe(out, HOTRAM_GPE_MEMORY);
    return status;
}

/* QEMU has it in its south bridge. Its ports are in no ACPI device: they are the ISA bridge's (PMBASE,
 * pci/machine.c), the reset register's is the host bridge's, and the FADT has them all. */
const struct device_type pm_type = {
    .name = "acpi-pm",
    .build = build,
    .state = &pm_state_table,
    .state_offset = offsetof(struct pm, state),
    .reset = reset_device,
    .restored = restored_device,
    .destroy = destroy,
    .aml_events = aml_events,
};
