/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The virtio-mem devices of a memory set: what they have, and which of them has how much of a sum.
 *
 * A sum changes by multiples of the largest block size of the devices. Those with larger blocks get, and give
 * back, as much of a change as they can in whole blocks, before those with smaller ones; among equals, the
 * one with the lowest address gets first, and the one with the highest gives back first.
 *
 * Threads: main thread only.
 */
#ifndef VMM_HOTPLUG_RESIZE_BLOCKS_H
#define VMM_HOTPLUG_RESIZE_BLOCKS_H

#include <hotram/plan_blocks.h>

#include "hotplug/resize.h"

struct hotplug;

/* A device, or none; sizes in bytes. */
struct resize_blocks_of {
    uint64_t block; /* 0: none, or not of the request's node */
    uint64_t addr, region;
    uint64_t present, requested;
    uint32_t node;
    bool held; /* it must remain as it is */
};

struct resize_blocks {
    struct resize_blocks_of device[HOTRAM_RANGES_MAX]; /* by range */
};

/* Of the request's node or of all. `fixed`: as for resize_plan(). */
void resize_blocks_read(struct resize_blocks *blocks, const struct hotplug *hotplug,
                        const struct resize_request *request, const bool *fixed);
/* Of a node, if it is `given`, or of all: what there is and can be; `unit` is 1 if there are none. */
struct hotram_plan_blocks resize_blocks_sum(const struct resize_blocks *blocks, bool given, uint32_t node);
/* The largest block size; 0: there are none. */
uint64_t resize_blocks_largest(const struct resize_blocks *blocks);
/* The next device whose size is to change for this sum, which is possible. False: there is none. */
bool resize_blocks_next(const struct resize_blocks *blocks, bool given, uint32_t node, uint64_t sum,
                        struct resize_step *step);
/* The next device of which another size is requested than it has. */
bool resize_blocks_pin(const struct resize_blocks *blocks, struct resize_step *step);
/* The step is done. */
void resize_blocks_apply(struct resize_blocks *blocks, const struct resize_step *step);

#endif
