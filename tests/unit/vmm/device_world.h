/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What devices act on, for their tests: an interrupt line, the machine's power, its reset, each of which is
 * counted.
 */
#ifndef TESTS_UNIT_VMM_DEVICE_WORLD_H
#define TESTS_UNIT_VMM_DEVICE_WORLD_H

#include "../unit.h"

#include "base/loop.h"
#include "device/board.h"

static struct loop *loop;
static struct bus bus;
static struct machine_lock machine_lock;
static struct guest_clock machine_clock;
static struct board board;
static bool line_high;
static unsigned edges, power_offs, resets;

static void set_line(const struct vm *vm, unsigned gsi, bool high)
{
    (void)vm, (void)gsi;
    assert_int_not_equal(line_high, high); /* called for changes only */
    line_high = high;
    edges++;
}

static void power_off(void *opaque)
{
    (void)opaque;
    power_offs++;
}

static void reset(void *opaque)
{
    (void)opaque;
    resets++;
}

static int world_set_up(void)
{
    static const struct vm_ops ops = { .irq_line = set_line };
    static const struct vm vm = { .ops = &ops };

    line_high = false;
    edges = power_offs = resets = 0;
    loop = loop_create();
    bus_init(&bus);
    machine_lock_init(&machine_lock);
    board = (struct board){
        .vm = &vm,
        .bus = &bus,
        .lock = &machine_lock,
        .loop = loop,
        .clock = &machine_clock,
        .power_off = power_off,
        .reset = reset,
    };
    return loop ? 0 : -1;
}

#endif
