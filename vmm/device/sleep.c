/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/sleep.h"

#include <stdlib.h>

#include "base/count_of.h"
#include "device/registers.h"
#include "device/reset_register.h"
#include "layout/x86.h"

/* Sleep control (ACPI 6.5, table 4.22): the type at bit 2, and "go" */
#define TYPE_SHIFT 2
#define TYPE_MASK 0x7u
#define ENABLE 0x20u

static void write_control(void *device, uint32_t value)
{
    struct sleep *sleep = device;

    if ((value & ENABLE) && (value >> TYPE_SHIFT & TYPE_MASK) == X86_SLP_TYP_S5)
        sleep->board->power_off(sleep->board->machine);
}

/* The machine has never slept, so the status says nothing. There is no state: what is written acts, or is
 * lost. */
static const struct device_register sleep_registers[] = {
    { .offset = 0, .write = write_control }, { .offset = 1 }, /* status */
};

static uint64_t read_sleep(void *device, uint64_t offset, unsigned width)
{
    (void)width;
    return register_read(register_at(sleep_registers, COUNT_OF(sleep_registers), offset), device, NULL);
}

static void write_sleep(void *device, uint64_t offset, unsigned width, uint64_t value)
{
    (void)width;
    register_write(register_at(sleep_registers, COUNT_OF(sleep_registers), offset), device, NULL,
                   (uint32_t)value);
}

void sleep_init(struct sleep *sleep, struct board *board)
{
    const struct bus_range range = {
        .space = BUS_PORTS,
        .first = X86_PORT_SLEEP,
        .count = COUNT_OF(sleep_registers),
        .width_max = 1,
        .read = read_sleep,
        .write = write_sleep,
        .device = sleep,
        .lock = &board->lock->mutex,
        .name = "sleep registers",
    };

    *sleep = (struct sleep){ .board = board };
    bus_add_at_start(board->bus, &range);
    reset_register_add(board);
}

/* ---- the type ---- */

static bool build(struct board *board, const struct chip_place *place, struct error *error)
{
    struct sleep *sleep = calloc(1, sizeof *sleep);

    if (!sleep)
        return error_set(error, "out of memory");
    (void)place;
    sleep_init(sleep, board);
    device_enlist_chip(&sleep->device, board, &sleep_type);
    return true;
}

static void destroy(struct device *device)
{
    free(device);
}

/* No state: what is written acts at once, or is lost. In no ACPI device, as those of device/pm.c. */
const struct device_type sleep_type = {
    .name = "acpi-sleep",
    .build = build,
    .destroy = destroy,
};
