/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a guest can hardly take, said before it is tried.
 */
#include <stdio.h>

#include <hotram/block.h>

#include "base/message.h"
#include "hotplug/state.h"

/* Linux keeps 64 bytes of its present memory for each 4 KiB that comes: its memory map. */
#define MAP_SHARE 64u

/* The guest's memory as it is now: what it started with, and the DIMMs that it has reported to have taken. */
static uint64_t present_memory(struct hotplug *hotplug)
{
    uint64_t size = hotplug->config.ram_size;
    uint32_t slot = HOTRAM_SLOT_ANY;
    struct dimm_info info;

    while (hotplug_next(hotplug, &slot, &info)) {
        const struct operation *operation = hotplug_operation(hotplug, slot);

        if (!operation || operation->kind != OPERATION_PLUG)
            size += info.size;
    }
    return size;
}

static bool check_map(struct hotplug *hotplug, uint64_t size, char *warning_text)
{
    const uint64_t present = present_memory(hotplug);
    const uint64_t map = size / MAP_SHARE;
    char want[SIZE_TEXT_MAX];
    char need[SIZE_TEXT_MAX];
    char have[SIZE_TEXT_MAX];

    if (hotplug->config.map_limit == 0 || map * 100 <= present * hotplug->config.map_limit)
        return true;
    snprintf(
        warning_text, OPERATION_REASON_SIZE,
        "a DIMM of %s needs %s of the guest's memory for its memory map, more than %u %% of the current %s: the guest may fail to use it or run out of memory; plug a smaller DIMM first, or raise -machine dimm-map-limit=",
        size_text(size, want), size_text(map, need), hotplug->config.map_limit, size_text(present, have));
    return false;
}

static bool check_block(const struct hotplug *hotplug, uint64_t addr, uint64_t size, char *warning_text)
{
    char want[SIZE_TEXT_MAX];
    char block[SIZE_TEXT_MAX];

    if (hotram_block_whole(hotplug->memory_block, addr, size))
        return true;
    snprintf(
        warning_text, OPERATION_REASON_SIZE,
        "a DIMM of %s at 0x%llx is not a multiple of the memory block of a Linux guest, which is %s here: the guest cannot use it; -machine dimm-granularity=auto aligns sizes and addresses accordingly",
        size_text(size, want), (unsigned long long)addr, size_text(hotplug->memory_block, block));
    return false;
}

bool hotplug_check_limits(struct dimm *dimm, uint64_t size, char *warning_text, struct error *error)
{
    struct hotplug *hotplug = dimm->hotplug;
    /* Reserved: nobody else changes it. */
    const bool whole = check_block(hotplug, hotplug->slots[dimm->slot].addr, size, warning_text);

    if (whole && check_map(hotplug, size, warning_text)) {
        warning_text[0] = '\0';
        return true;
    }
    if (!whole && hotplug->config.whole_blocks)
        return error_set(error, "%s", warning_text);
    if (hotplug->config.strict)
        return error_set(error, "%s (rejected by dimm-map-strict=on)", warning_text);
    warning("%s", warning_text);
    dimm->block_warned = !whole;
    return true;
}

void hotplug_set_block(struct hotplug *hotplug, uint64_t block)
{
    uint32_t slot = HOTRAM_SLOT_ANY;
    struct dimm_info info;

    hotplug->memory_block = block;
    while (hotplug_next(hotplug, &slot, &info)) {
        struct dimm *dimm = hotplug->dimm[slot];
        const bool whole = hotram_block_whole(block, info.addr, info.size);
        char size[SIZE_TEXT_MAX];

        if (!whole && !dimm->block_warned)
            warning(
                "DIMM '%s' (%s at 0x%llx) is not a multiple of the memory block of a Linux guest, which is %s at this boot: the guest cannot use it",
                dimm->device.id ? dimm->device.id : "(no id)", size_text(info.size, size),
                (unsigned long long)info.addr, size_text(block, (char[SIZE_TEXT_MAX]){ 0 }));
        dimm->block_warned = !whole;
    }
}
