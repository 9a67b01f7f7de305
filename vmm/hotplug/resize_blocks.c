/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-mem devices in a plan. See resize_blocks.h.
 */
#include "hotplug/resize_blocks.h"

#include <string.h>

#include "hotplug/mem.h"

static bool belongs(const struct resize_blocks_of *device, bool given, uint32_t node)
{
    return device->block > 0 && (!given || device->node == node);
}

void resize_blocks_read(struct resize_blocks *blocks, const struct hotplug *hotplug,
                        const struct resize_request *request, const bool *fixed)
{
    memset(blocks, 0, sizeof *blocks);
    for (uint32_t range = 0; range < HOTRAM_RANGES_MAX; range++) {
        const struct mem_device *mem = hotplug->mem[range];

        if (!mem || (request->node_given && mem->values.node != request->node))
            continue;
        blocks->device[range] = (struct resize_blocks_of){
            .block = mem->block_size,
            .addr = mem->sizes.addr,
            .region = mem->sizes.region,
            .present = mem->sizes.plugged,
            .requested = mem->sizes.requested,
            .node = mem->values.node,
            .held = (fixed && fixed[hotplug->config.slots + range]) || mem->virtio.pci.device.leaving,
        };
    }
}

struct hotram_plan_blocks resize_blocks_sum(const struct resize_blocks *blocks, bool given, uint32_t node)
{
    struct hotram_plan_blocks sum = { .unit = 1 };

    for (uint32_t range = 0; range < HOTRAM_RANGES_MAX; range++) {
        const struct resize_blocks_of *device = &blocks->device[range];

        if (!belongs(device, given, node))
            continue;
        sum.present += device->present;
        sum.least += device->held ? device->present : 0;
        sum.most += device->held ? device->present : device->region;
        if (!device->held && device->block > sum.unit)
            sum.unit = device->block;
    }
    return sum;
}

uint64_t resize_blocks_largest(const struct resize_blocks *blocks)
{
    uint64_t largest = 0;

    for (uint32_t range = 0; range < HOTRAM_RANGES_MAX; range++)
        if (blocks->device[range].block > largest)
            largest = blocks->device[range].block;
    return largest;
}

/* How much of a change a device can take over, in whole blocks. */
static uint64_t share(const struct resize_blocks_of *device, bool grows, uint64_t change)
{
    const uint64_t room = grows ? device->region - device->present : device->present;

    change -= change % device->block;
    return change < room ? change : room;
}

static bool is_before(const struct resize_blocks_of *one, const struct resize_blocks_of *other, bool grows)
{
    if (one->block != other->block)
        return one->block > other->block;
    return grows ? one->addr < other->addr : one->addr > other->addr;
}

static void make_step(const struct resize_blocks *blocks, uint32_t range, uint64_t requested,
                      struct resize_step *step)
{
    const struct resize_blocks_of *device = &blocks->device[range];

    *step = (struct resize_step){
        .node = device->node,
        .blocks = true,
        .range = range,
        .present = device->present,
        .requested = requested,
    };
}

bool resize_blocks_next(const struct resize_blocks *blocks, bool given, uint32_t node, uint64_t sum,
                        struct resize_step *step)
{
    const uint64_t present = resize_blocks_sum(blocks, given, node).present;
    const bool grows = sum > present;
    const uint64_t change = grows ? sum - present : present - sum;
    uint32_t best = HOTRAM_RANGES_MAX;
    uint64_t part;

    for (uint32_t range = 0; range < HOTRAM_RANGES_MAX; range++) {
        const struct resize_blocks_of *device = &blocks->device[range];

        if (belongs(device, given, node) && !device->held && share(device, grows, change) > 0 &&
            (best == HOTRAM_RANGES_MAX || is_before(device, &blocks->device[best], grows)))
            best = range;
    }
    if (best == HOTRAM_RANGES_MAX)
        return false;
    part = share(&blocks->device[best], grows, change);
    make_step(blocks, best, grows ? blocks->device[best].present + part : blocks->device[best].present - part,
              step);
    return true;
}

bool resize_blocks_pin(const struct resize_blocks *blocks, struct resize_step *step)
{
    for (uint32_t range = 0; range < HOTRAM_RANGES_MAX; range++) {
        const struct resize_blocks_of *device = &blocks->device[range];

        if (device->block > 0 && !device->held && device->requested != device->present) {
            make_step(blocks, range, device->present, step);
            return true;
        }
    }
    return false;
}

void resize_blocks_apply(struct resize_blocks *blocks, const struct resize_step *step)
{
    struct resize_blocks_of *device = &blocks->device[step->range];

    device->present = device->requested = step->requested;
}
