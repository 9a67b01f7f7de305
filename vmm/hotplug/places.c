/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who holds what of the hotplug region, and what could still be plugged.
 */
#include "hotplug/state.h"

static enum place_kind kind_of(const struct dimm *dimm)
{
    if (!dimm)
        return PLACE_MEMSLOT;
    return dimm->coming ? PLACE_COMING : PLACE_DIMM;
}

bool hotplug_next_place(struct hotplug *hotplug, uint32_t *slot, struct place_info *info)
{
    const struct dimm *dimm;
    const struct memslot *memslot;
    struct hotram_dimm state = { 0 };

    if (hotplug->config.slots == 0)
        return false;
    /* Only the main thread takes and frees slots, so the cursor stays good between two calls. */
    machine_lock_take(hotplug->config.lock);
    *slot = hotram_bank_next(&hotplug->bank, *slot);
    if (*slot != HOTRAM_SLOT_ANY)
        state = hotplug->slots[*slot];
    machine_lock_release(hotplug->config.lock);
    if (*slot == HOTRAM_SLOT_ANY)
        return false;
    dimm = hotplug->dimm[*slot];
    memslot = hotplug->memslot[*slot];
    *info = (struct place_info){
        .kind = kind_of(dimm),
        .id = dimm      ? dimm->device.id
              : memslot ? memslot->id
                        : NULL,
        .memdev = dimm ? dimm->backend->id : NULL,
        .addr = state.addr,
        .size = state.size,
        .slot = *slot,
        .node = state.node,
    };
    return true;
}

void hotplug_room(struct hotplug *hotplug, struct hotplug_room *room)
{
    uint64_t used = 0;

    *room = (struct hotplug_room){ 0 };
    if (hotplug->config.slots == 0)
        return;
    machine_lock_take(hotplug->config.lock);
    for (uint32_t slot = 0; slot < hotplug->config.slots; slot++) {
        room->slots += hotplug->slots[slot].state == HOTRAM_DIMM_EMPTY;
        used += hotplug->slots[slot].size; /* of an empty slot 0 */
    }
    machine_lock_release(hotplug->config.lock);
    room->granularity = hotplug_granularity(hotplug);
    room->block = hotplug->memory_block;
    room->capacity = hotplug->config.capacity;
    room->capacity_left = room->capacity - used;
}
