/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/reset_register.h"

#include "device/board.h"
#include "device/registers.h"
#include "layout/x86.h"

/* As on PCs: bit 2 starts the reset, bit 1 says how hard. Linux writes both, one after the other. */
#define STARTS 0x4u

static void start_reset(void *opaque, uint32_t value)
{
    const struct board *board = opaque;

    if (value & STARTS)
        board->reset(board->machine);
}

/* What is written acts, or is lost. */
static const struct device_register reset_register = { .write = start_reset };

static uint64_t read_register(void *board, uint64_t offset, unsigned width)
{
    (void)offset, (void)width;
    return register_read(&reset_register, board, NULL);
}

static void write_register(void *board, uint64_t offset, unsigned width, uint64_t value)
{
    (void)offset, (void)width;
    register_write(&reset_register, board, NULL, (uint32_t)value);
}

void reset_register_add(struct board *board)
{
    const struct bus_range range = {
        .space = BUS_PORTS,
        .first = X86_PORT_RESET,
        .count = 1,
        .width_max = 1,
        .read = read_register,
        .write = write_register,
        .device = board,
        .lock = &board->lock->mutex,
        .name = "reset register",
    };

    bus_add_at_start(board->bus, &range);
}
