/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What queries show: DIMMs, slots, who holds what of the hotplug region, what could still be plugged.
 */
#include "hotplug/mem.h"
#include "hotplug/state.h"

uint32_t hotplug_slots(const struct hotplug *hotplug)
{
    return hotplug->config.slots;
}

uint32_t hotplug_selector(const struct hotplug *hotplug)
{
    uint32_t selector;

    machine_lock_take(hotplug->config.board->lock);
    selector = hotplug->block.selector;
    machine_lock_release(hotplug->config.board->lock);
    return selector;
}

void hotplug_region(const struct hotplug *hotplug, uint64_t *base, uint64_t *size)
{
    *base = hotplug->config.region_base;
    *size = hotplug->config.region_size;
}

void hotplug_describe(const struct device *device, struct dimm_info *info)
{
    const struct dimm *dimm = (const struct dimm *)device;
    const struct hotplug *hotplug = dimm->hotplug;
    struct hotram_dimm state;

    machine_lock_take(hotplug->config.board->lock);
    state = hotplug->slots[dimm->slot];
    machine_lock_release(hotplug->config.board->lock);
    *info = (struct dimm_info){
        .device = device,
        .id = device->id,
        .anon = device->anon,
        .memdev = dimm->backend->id,
        .addr = state.addr,
        .size = state.size,
        .slot = dimm->slot,
        .node = state.node,
        .hotplugged = device->hotplugged,
        .hotpluggable = true,
        .state = state.state,
    };
}

bool hotplug_next(struct hotplug *hotplug, uint32_t *slot, struct dimm_info *info)
{
    if (!hotplug_has_region(hotplug))
        return false;
    /* Only the main thread adds and removes DIMMs, so the cursor stays good between two calls. */
    machine_lock_take(hotplug->config.board->lock);
    do
        *slot = hotram_bank_next(&hotplug->bank, *slot);
    while (*slot != HOTRAM_SLOT_ANY && hotplug->slots[*slot].state == HOTRAM_DIMM_RESERVED); /* no DIMM yet */
    machine_lock_release(hotplug->config.board->lock);
    if (*slot == HOTRAM_SLOT_ANY)
        return false;
    hotplug_describe(&hotplug->dimm[*slot]->device, info);
    return true;
}

void hotplug_ospm(struct hotplug *hotplug, uint32_t slot, struct ospm_info *info)
{
    const struct dimm *dimm = hotplug->dimm[slot];

    machine_lock_take(hotplug->config.board->lock);
    *info = (struct ospm_info){
        .device = dimm && !dimm->removing && !dimm->populating ? dimm->device.id : NULL,
        .slot = slot,
        .source = hotplug->slots[slot].ost_event,
        .status = hotplug->slots[slot].ost_status,
    };
    machine_lock_release(hotplug->config.board->lock);
}

void hotplug_slot(struct hotplug *hotplug, uint32_t slot, struct slot_info *info)
{
    struct hotram_memhp view; /* looks at the same bank with a selector of its own */

    machine_lock_take(hotplug->config.board->lock);
    hotram_memhp_init(&view, &hotplug->bank);
    hotram_memhp_write(&view, 0x00, 4, slot);
    *info = (struct slot_info){
        .slot = slot,
        .addr = hotram_memhp_read(&view, 0x00, 4) | (uint64_t)hotram_memhp_read(&view, 0x04, 4) << 32,
        .size = hotram_memhp_read(&view, 0x08, 4) | (uint64_t)hotram_memhp_read(&view, 0x0c, 4) << 32,
        .node = hotram_memhp_read(&view, 0x10, 4),
        .flags = (uint8_t)hotram_memhp_read(&view, 0x14, 1),
        .state = hotplug->slots[slot].state,
    };
    machine_lock_release(hotplug->config.board->lock);
}

uint64_t hotplug_plugged_size(struct hotplug *hotplug)
{
    uint64_t size = 0;

    machine_lock_take(hotplug->config.board->lock);
    for (uint32_t slot = 0; slot < hotplug->config.slots; slot++)
        if (hotplug->slots[slot].state != HOTRAM_DIMM_RESERVED)
            size += hotplug->slots[slot].size;
    machine_lock_release(hotplug->config.board->lock);
    for (uint32_t range = 0; range < HOTRAM_RANGES_MAX; range++)
        size += hotplug->mem[range] ? hotplug->mem[range]->sizes.plugged : 0;
    return size;
}

static void describe_blocks(const struct mem_device *mem, struct region_holder *info)
{
    info->kind = REGION_BLOCKS;
    info->device = &mem->virtio.pci.device;
    info->id = info->device->id;
    info->memdev = mem->backend->id;
    info->plugged = mem->sizes.plugged;
    info->requested = mem->sizes.requested;
    info->block_size = mem->block_size;
}

bool hotplug_next_part(const struct hotplug *hotplug, uint32_t slot, uint64_t *offset,
                       struct region_holder *part)
{
    const struct mem_device *mem = hotplug_mem(hotplug, slot);
    uint64_t size = 0, plugged = 0;

    if (*offset >= mem->sizes.region)
        return false;
    for (uint64_t at = *offset; at < mem->sizes.region; at += mem->chunk_size) {
        const uint64_t left = mem->sizes.region - at;
        const uint64_t chunk = left < mem->chunk_size ? left : mem->chunk_size;
        const uint64_t has = guest_blocks_size(mem->backend->blocks, (uint8_t *)mem->backend->memory + at,
                                               chunk);

        if (size > 0 && !(has == 0 && plugged == 0) && !(has == chunk && plugged == size))
            break;
        size += chunk;
        plugged += has;
    }
    describe_blocks(mem, part);
    part->slot = slot;
    part->node = mem->values.node;
    part->addr = mem->sizes.addr + *offset;
    part->size = size;
    part->plugged = plugged;
    *offset += size;
    return true;
}

static enum region_holder_kind kind_of(const struct dimm *dimm)
{
    if (!dimm)
        return REGION_MEMSLOT;
    return dimm->populating ? REGION_POPULATING : REGION_DIMM;
}

static void describe_slot(const struct hotplug *hotplug, uint32_t slot, struct region_holder *info)
{
    const struct dimm *dimm = hotplug->dimm[slot];
    const struct memslot *memslot = hotplug->memslot[slot];

    info->kind = kind_of(dimm);
    info->device = dimm ? &dimm->device : NULL;
    info->id = dimm ? dimm->device.id : memslot ? memslot->id : NULL;
    info->memdev = dimm ? dimm->backend->id : NULL;
}

bool hotplug_next_region_holder(struct hotplug *hotplug, uint32_t *slot, struct region_holder *info)
{
    struct hotram_dimm state = { 0 };

    if (!hotplug_has_region(hotplug))
        return false;
    /* Only the main thread takes and frees slots, so the cursor stays good between two calls. */
    machine_lock_take(hotplug->config.board->lock);
    *slot = hotram_bank_next(&hotplug->bank, *slot);
    if (*slot != HOTRAM_SLOT_ANY)
        state = hotplug->slots[*slot];
    machine_lock_release(hotplug->config.board->lock);
    if (*slot == HOTRAM_SLOT_ANY)
        return false;
    *info = (struct region_holder){
        .addr = state.addr,
        .size = state.size,
        .slot = *slot,
        .node = state.node,
    };
    if (*slot < hotplug->config.slots)
        describe_slot(hotplug, *slot, info);
    else if (hotplug_mem(hotplug, *slot))
        describe_blocks(hotplug_mem(hotplug, *slot), info);
    return true;
}

void hotplug_room(struct hotplug *hotplug, struct hotplug_room *room)
{
    *room = (struct hotplug_room){ 0 };
    if (!hotplug_has_region(hotplug))
        return;
    machine_lock_take(hotplug->config.board->lock);
    for (uint32_t slot = 0; slot < hotplug->config.slots; slot++)
        room->slots += hotplug->slots[slot].state == HOTRAM_DIMM_EMPTY;
    room->capacity_left = hotplug->config.capacity - hotplug->bank.used;
    machine_lock_release(hotplug->config.board->lock);
    room->granularity = hotplug_granularity(hotplug);
    room->block = hotplug->memory_block;
    room->capacity = hotplug->config.capacity;
}

enum dimm_condition hotplug_condition(struct hotplug *hotplug, uint32_t slot)
{
    const struct operation *operation = hotplug_operation(hotplug, slot);
    const struct dimm *dimm = hotplug->dimm[slot];
    enum hotram_dimm_state state;

    machine_lock_take(hotplug->config.board->lock);
    state = hotplug->slots[slot].state;
    machine_lock_release(hotplug->config.board->lock);
    if (state == HOTRAM_DIMM_REMOVAL_REQUESTED || state == HOTRAM_DIMM_EJECTING)
        return DIMM_REMOVING;
    if (operation && operation->kind == OPERATION_PLUG && operation->result == OPERATION_IN_PROGRESS)
        return DIMM_PLUGGING;
    return dimm && dimm->refused ? DIMM_REFUSED : DIMM_IN_USE;
}

const struct operation *hotplug_next_operation(const struct hotplug *hotplug, const struct operation *last)
{
    return operation_next_of(&hotplug->operations, hotplug, last);
}
