/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What devices act on, for their tests: an interrupt line, the machine's power, its reset, each of which is
 * counted.
 */
#ifndef TESTS_UNIT_VMM_DEVICE_WORLD_H
#define TESTS_UNIT_VMM_DEVICE_WORLD_H

#include "../unit.h"

#include "base/loop.h"
#include "bus/bus.h"

static struct loop *loop;
static struct ports ports;
static bool line_high;
static unsigned edges, power_offs, resets;

static void set_line(void *opaque, bool high)
{
    (void)opaque;
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
    line_high = false;
    edges = power_offs = resets = 0;
    loop = loop_create();
    ports_init(&ports);
    return loop ? 0 : -1;
}

#endif
