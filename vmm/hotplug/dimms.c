/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The DIMMs and memslots that there are: found by id, path and name, and freed.
 */
#include <stdlib.h>
#include <string.h>

#include "hotplug/state.h"
#include "memory/backend_memory.h"

void dimm_free(struct dimm *dimm)
{
    device_delist(&dimm->device);
    free(dimm);
}

const char *hotplug_stopped(const struct hotplug *hotplug)
{
    return hotplug->config.stopped(hotplug->config.opaque);
}

struct dimm *hotplug_find(const struct hotplug *hotplug, const char *id)
{
    struct device *device = device_find(hotplug->config.board, id);

    return device && device->type == hotplug->type ? (struct dimm *)device : NULL;
}

const char *hotplug_name(const struct dimm *dimm, char buffer[DIMM_PATH_SIZE])
{
    return dimm->device.id ? dimm->device.id : device_path(&dimm->device, buffer);
}

struct dimm *hotplug_resolve(const struct hotplug *hotplug, const char *reference, struct error *error)
{
    return (struct dimm *)device_resolve(hotplug->config.board, reference, hotplug->type, error);
}

bool hotplug_has_region(const struct hotplug *hotplug)
{
    return hotplug->config.region_size > 0;
}

struct mem_device *hotplug_mem(const struct hotplug *hotplug, uint32_t slot)
{
    return slot < hotplug->config.slots ? NULL : hotplug->mem[slot - hotplug->config.slots];
}

struct memslot *hotplug_find_memslot(const struct hotplug *hotplug, const char *id)
{
    for (uint32_t slot = 0; slot < hotplug->config.slots; slot++)
        if (hotplug->memslot[slot] && strcmp(hotplug->memslot[slot]->id, id) == 0)
            return hotplug->memslot[slot];
    return NULL;
}

void memslot_free(struct memslot *memslot)
{
    free(memslot->id);
    free(memslot);
}

void memslot_keep(struct hotplug *hotplug, uint32_t slot)
{
    const struct memslot *memslot = hotplug->memslot[slot];

    /* It cannot fail: under the same lock slot, range and capacity have just become free. */
    if (memslot)
        hotram_bank_reserve(&hotplug->bank,
                            &(struct hotram_dimm_request){
                                .slot = slot,
                                .slot_given = true,
                                .addr = memslot->start,
                                .addr_given = true,
                                .size = memslot->size,
                                .align = hotplug_alignment(hotplug, BACKEND_ALIGN),
                                .node = memslot->node,
                            },
                            NULL);
}

uint64_t hotplug_granularity(const struct hotplug *hotplug)
{
    const uint64_t granularity = hotplug->config.granularity;

    return hotplug->config.whole_blocks && hotplug->memory_block > granularity ? hotplug->memory_block
                                                                               : granularity;
}

uint64_t hotplug_alignment(const struct hotplug *hotplug, uint64_t align)
{
    const uint64_t granularity = hotplug_granularity(hotplug);

    return align > granularity ? align : granularity;
}

const struct dimm *hotplug_leased(const struct hotplug *hotplug, uint32_t slot)
{
    const struct dimm *dimm = hotplug->dimm[slot];

    return dimm && dimm->removing && !dimm->releasing && !dimm->kept ? dimm : NULL;
}
