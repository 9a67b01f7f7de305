/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/ged.h"

#include <stdlib.h>

#include <hotram/acpi.h>

static void update_irq(struct ged *ged)
{
    bool high = hotram_ged_level(&ged->state.selector);

    /* Only a change costs a system call. */
    if (high == ged->high)
        return;
    ged->high = high;
    vm_irq_line(ged->vm, ged->gsi, high);
}

static uint64_t ged_read(void *device, uint64_t offset, unsigned width)
{
    struct ged *ged = device;
    uint32_t events = hotram_ged_read(&ged->state.selector, offset, width);

    update_irq(ged);
    return events;
}

static void ged_write(void *device, uint64_t offset, unsigned width, uint64_t value)
{
    /* It cannot be written. */
    (void)device, (void)offset, (void)width, (void)value;
}

static const struct state_field fields[] = {
    STATE_BLOCK(struct ged_state, selector, 1, &state_ged),
};

const struct state_table ged_state_table = STATE_TABLE("ged", 1, struct ged_state, fields);

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

    *ged = (struct ged){ .vm = board->vm, .address = address, .gsi = gsi };
    state_power_on(&ged_state_table, &ged->state);
    bus_add_at_start(board->bus, &range);
}

void ged_reset(struct ged *ged)
{
    state_reset(&ged_state_table, &ged->state);
    update_irq(ged);
}

void ged_restored(struct ged *ged)
{
    update_irq(ged);
}

void ged_raise(struct ged *ged, uint32_t events)
{
    hotram_ged_raise(&ged->state.selector, events);
    update_irq(ged);
}

/* ---- the type ---- */

static void raise_event(struct device *device, enum board_event event)
{
    static const uint32_t bits[] = {
        [BOARD_MEMORY] = HOTRAM_GED_MEMORY,
        [BOARD_CPU] = HOTRAM_GED_CPU,
        [BOARD_POWER_BUTTON] = HOTRAM_GED_POWER_BUTTON,
    };

    ged_raise((struct ged *)device, bits[event]);
}

static bool build(struct board *board, const struct chip_place *place, struct error *error)
{
    struct ged *ged = calloc(1, sizeof *ged);

    if (!ged)
        return error_set(error, "out of memory");
    ged_init(ged, board, place->address, place->gsi);
    device_enlist_chip(&ged->device, board, &ged_type);
    board->raise = raise_event;
    board->events = &ged->device;
    return true;
}

static void reset_device(struct device *device)
{
    ged_reset((struct ged *)device);
}

static void restored_device(struct device *device)
{
    ged_restored((struct ged *)device);
}

static void destroy(struct device *device)
{
    free(device);
}

#define POWER_BUTTON "\\_SB.PWRB"

static void aml(const struct device *device, struct hotram_aml *out)
{
    (void)device;
    RESULT_DOES_NOT_MATTER(hotram_acpi_power_button(out, POWER_BUTTON),
                           "only a place that no chip has is refused");
}

static enum hotram_status aml_events(const struct device *device, const struct hot_parts *parts,
                                     struct hotram_aml *out)
{
    const struct ged *ged = (const struct ged *)device;
    const struct hotram_acpi_ged config = {
        .base = (uint32_t)ged->address,
        .gsi = ged->gsi,
        .power_button = POWER_BUTTON,
        .without_memory = !parts->memory,
        .cpus = parts->cpus,
    };

    return hotram_acpi_ged(out, &config);
}

const struct device_type ged_type = {
    .name = "acpi-ged",
    .parent = "device",
    .build = build,
    .state = &ged_state_table,
    .state_offset = offsetof(struct ged, state),
    .reset = reset_device,
    .restored = restored_device,
    .destroy = destroy,
    .aml = aml,
    .aml_events = aml_events,
};
