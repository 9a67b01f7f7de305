/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The making of the hotplug subsystem, and what it tells of itself.
 */
#include "hotplug/hotplug.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/qom_path.h"
#include "hotplug/resize.h"
#include "hotplug/state.h"
#include "memory/backend_memory.h"

/* How much an error lists. */

static void raise_event(void *opaque)
{
    struct hotplug *hotplug = opaque;

    hotplug->config.raise(hotplug->config.opaque);
}

static const struct hotram_bank_ops bank_ops = {
    .raise = raise_event,
    .ost = hotplug_note_ost,
    .eject = hotplug_note_eject,
};

struct hotplug *hotplug_create(const struct hotplug_config *config, struct error *error)
{
    struct hotram_bank_config bank = {
        .base = config->region_base,
        .size = config->region_size,
        .capacity = config->capacity,
        .granularity = config->granularity,
        .slots = config->slots,
    };
    struct hotplug *hotplug = calloc(1, sizeof *hotplug);
    struct bus_range range;
    enum hotram_status status;

    if (!hotplug) {
        error_set(error, "out of memory");
        return NULL;
    }
    hotplug->config = *config;
    hotplug->memory_block = config->block;
    hotplug->scanning = HOTRAM_SLOT_ANY;
    hotplug->work = (struct work){ .run = hotplug_handle_notices, .opaque = hotplug };
    hotplug->ended_work = (struct work){ .run = operations_tell, .opaque = hotplug };
    if (config->slots == 0)
        return hotplug; /* no bank, and no register block: its ports float */

    status = hotram_bank_init(&hotplug->bank, &bank, hotplug->slots, &bank_ops, hotplug);
    if (status == HOTRAM_OK)
        status = hotram_memhp_init(&hotplug->block, &hotplug->bank);
    if (status != HOTRAM_OK) {
        error_set(error, "memory hotplug region at 0x%llx of 0x%llx bytes: %s",
                  (unsigned long long)config->region_base, (unsigned long long)config->region_size,
                  hotram_status_text(status));
        free(hotplug);
        return NULL;
    }
    range = (struct bus_range){
        .first = config->registers,
        .count = HOTRAM_MEMHP_EXTENT,
        .width_max = 4,
        .read = hotplug_block_read,
        .write = hotplug_block_write,
        .device = hotplug,
        .space = config->space,
        .lock = &config->lock->mutex,
        .name = "memory hotplug registers",
    };
    bus_add_at_start(config->bus, &range);
    return hotplug;
}

const char *hotplug_stopped(const struct hotplug *hotplug)
{
    return hotplug->config.stopped(hotplug->config.opaque);
}

void dimm_free(struct dimm *dimm)
{
    operation_discard(dimm->plugging);
    device_delist(&dimm->device);
    free(dimm);
}

void hotplug_destroy(struct hotplug *hotplug)
{
    if (!hotplug)
        return;
    for (uint32_t slot = 0; slot < HOTRAM_SLOTS_MAX; slot++)
        if (hotplug->dimm[slot] && hotplug->dimm[slot]->coming)
            backend_fill_stop(hotplug->dimm[slot]->backend); /* frees the DIMM */
        else if (hotplug->dimm[slot])
            dimm_free(hotplug->dimm[slot]);
    for (uint32_t slot = 0; slot < HOTRAM_SLOTS_MAX; slot++)
        if (hotplug->memslot[slot])
            memslot_free(hotplug->memslot[slot]);
    loop_cancel(hotplug->config.loop, &hotplug->work);
    timer_cancel(&hotplug->rest);
    timer_cancel(&hotplug->ost_timer);
    resize_free(hotplug);
    operations_free(hotplug);
    free(hotplug);
}

struct dimm *hotplug_find(const struct hotplug *hotplug, const char *id)
{
    for (uint32_t slot = 0; slot < hotplug->config.slots; slot++) {
        struct dimm *dimm = hotplug->dimm[slot];

        if (dimm && dimm->device.id && strcmp(dimm->device.id, id) == 0)
            return dimm;
    }
    return NULL;
}

const char *hotplug_name(const struct dimm *dimm, char buffer[DIMM_PATH])
{
    return dimm->device.id ? dimm->device.id : device_path(&dimm->device, buffer);
}

struct dimm *hotplug_resolve(const struct hotplug *hotplug, const char *reference, struct error *error)
{
    struct dimm *found = hotplug_find(hotplug, reference);
    struct qom_search search = { .path = reference };
    char path[DIMM_PATH];

    if (found)
        return found;
    for (uint32_t slot = 0; slot < hotplug->config.slots; slot++)
        if (hotplug->dimm[slot] && qom_search_try(&search, device_path(&hotplug->dimm[slot]->device, path)))
            found = hotplug->dimm[slot];
    if (search.found == 0)
        device_not_found(hotplug->config.board, reference, error);
    return qom_search_end(&search, error) ? found : NULL;
}

uint32_t hotplug_slots(const struct hotplug *hotplug)
{
    return hotplug->config.slots;
}

uint32_t hotplug_selector(const struct hotplug *hotplug)
{
    uint32_t selector;

    machine_lock_take(hotplug->config.lock);
    selector = hotplug->block.selector;
    machine_lock_release(hotplug->config.lock);
    return selector;
}

void hotplug_region(const struct hotplug *hotplug, uint64_t *base, uint64_t *size)
{
    *base = hotplug->config.region_base;
    *size = hotplug->config.slots > 0 ? hotplug->config.region_size : 0;
}

bool hotplug_next(struct hotplug *hotplug, uint32_t *slot, struct dimm_info *info)
{
    const struct dimm *dimm;
    struct hotram_dimm state = { 0 };

    if (hotplug->config.slots == 0)
        return false;
    /* Only the main thread adds and removes DIMMs, so the cursor stays good between two calls. */
    machine_lock_take(hotplug->config.lock);
    do
        *slot = hotram_bank_next(&hotplug->bank, *slot);
    while (*slot != HOTRAM_SLOT_ANY && hotplug->slots[*slot].state == HOTRAM_DIMM_RESERVED); /* no DIMM yet */
    if (*slot != HOTRAM_SLOT_ANY)
        state = hotplug->slots[*slot];
    machine_lock_release(hotplug->config.lock);
    if (*slot == HOTRAM_SLOT_ANY)
        return false;
    dimm = hotplug->dimm[*slot];
    *info = (struct dimm_info){
        .device = &dimm->device,
        .id = dimm->device.id,
        .anon = dimm->device.anon,
        .memdev = dimm->backend->id,
        .addr = state.addr,
        .size = state.size,
        .slot = *slot,
        .node = state.node,
        .hotplugged = dimm->device.hotplugged,
        .hotpluggable = true,
        .state = state.state,
    };
    return true;
}

void hotplug_ospm(struct hotplug *hotplug, uint32_t slot, struct ospm_info *info)
{
    const struct dimm *dimm = hotplug->dimm[slot];

    machine_lock_take(hotplug->config.lock);
    *info = (struct ospm_info){
        .device = dimm && !dimm->leaving && !dimm->coming ? dimm->device.id : NULL,
        .slot = slot,
        .source = hotplug->slots[slot].ost_event,
        .status = hotplug->slots[slot].ost_status,
    };
    machine_lock_release(hotplug->config.lock);
}

void hotplug_slot(struct hotplug *hotplug, uint32_t slot, struct slot_info *info)
{
    struct hotram_memhp view; /* looks at the same bank with a selector of its own */

    machine_lock_take(hotplug->config.lock);
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
    machine_lock_release(hotplug->config.lock);
}

uint64_t hotplug_plugged_size(struct hotplug *hotplug)
{
    uint64_t size = 0;

    machine_lock_take(hotplug->config.lock);
    for (uint32_t slot = 0; slot < hotplug->config.slots; slot++)
        if (hotplug->slots[slot].state != HOTRAM_DIMM_RESERVED)
            size += hotplug->slots[slot].size;
    machine_lock_release(hotplug->config.lock);
    return size;
}
