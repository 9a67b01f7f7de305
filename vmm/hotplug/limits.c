/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a guest can hardly take, said before it is tried.
 */
#include <stdio.h>

#include "host/message.h"
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

bool hotplug_check_map(struct hotplug *hotplug, uint64_t size, char *said, struct error *error)
{
    const uint64_t present = present_memory(hotplug);
    const uint64_t map = size / MAP_SHARE;
    char want[SIZE_TEXT];
    char need[SIZE_TEXT];
    char have[SIZE_TEXT];

    said[0] = '\0';
    if (hotplug->config.map_limit == 0 || map * 100 <= present * hotplug->config.map_limit)
        return true;
    snprintf(
        said, OPERATION_REASON,
        "a DIMM of %s needs %s of the guest's memory for its memory map, more than %u %% of the %s that are "
        "there: it may get nothing of it, or run out of memory; plug a smaller one first, or raise -machine "
        "dimm-map-limit=",
        size_text(size, want), size_text(map, need), hotplug->config.map_limit, size_text(present, have));
    if (hotplug->config.strict)
        return error_set(error, "%s (strict=on refuses it)", said);
    warning("%s", said);
    return true;
}
