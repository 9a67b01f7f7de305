/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/sleep.h"

#include "layout/x86.h"

/* Sleep control (ACPI 6.5, table 4.22): the type at bit 2, and "go" */
#define TYPE_SHIFT 2
#define TYPE_MASK 0x7u
#define ENABLE 0x20u

/* Neither has anything to say: the machine has never slept. */
static uint64_t nothing(void *device, uint64_t offset, unsigned width)
{
    (void)device, (void)offset, (void)width;
    return 0;
}

static void control_write(void *device, uint64_t offset, unsigned width, uint64_t value)
{
    struct sleep *sleep = device;

    (void)width;
    if (offset == 0 && (value & ENABLE) && (value >> TYPE_SHIFT & TYPE_MASK) == X86_SLP_TYP_S5)
        sleep->board->power_off(sleep->board->machine);
}

static void reset_write(void *device, uint64_t offset, unsigned width, uint64_t value)
{
    struct sleep *sleep = device;

    (void)offset, (void)width;
    if (value & 0x4) /* as device/pm.c has it */
        sleep->board->reset(sleep->board->machine);
}

void sleep_init(struct sleep *sleep, const struct board *board)
{
    const struct bus_range ranges[] = {
        { BUS_PORTS, X86_PORT_SLEEP, 2, 1, nothing, control_write, sleep, &board->lock->mutex,
          "sleep registers" },
        { BUS_PORTS, X86_PORT_RESET, 1, 1, nothing, reset_write, sleep, &board->lock->mutex,
          "reset register" },
    };

    *sleep = (struct sleep){ board };
    for (unsigned i = 0; i < sizeof ranges / sizeof *ranges; i++)
        bus_add_at_start(board->bus, &ranges[i]);
}
