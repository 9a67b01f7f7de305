/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The type pc-dimm: -device and device_add check, reserve, map, commit. Whatever can fail comes before the
 * first effect that the guest could see, and is undone.
 */
#include <stdio.h>
#include <string.h>

#include "hotplug/state.h"
#include "memory/backend_memory.h"

/* What a pc-dimm is given, and shows. */
struct pc_dimm_values {
    char *memdev;
    int32_t slot;  /* -1: the first free */
    uint64_t addr; /* 0: the lowest that fits */
    uint32_t node;
    uint64_t size;
    char path[DIMM_PATH_SIZE]; /* of memdev */
};

static const struct property properties[] = {
    PROPERTY_ROW_REQUIRED(
        pc_dimm_values, "memdev", PROPERTY_STRING, memdev,
        "id of the memory backend that provides its memory; required",
        "'memdev' property is not set: create a backend with object_add memory-backend-ram,id=m1,size=1G and use memdev=m1"),
    PROPERTY_ROW(pc_dimm_values, "slot", PROPERTY_INT32, slot,
                 "slot number; -1 (default): the first free slot"),
    PROPERTY_ROW(
        pc_dimm_values, "addr", PROPERTY_UINT64, addr,
        "guest-physical address, a multiple of -machine dimm-granularity=; 0 (default): the lowest that fits"),
    PROPERTY_ROW(pc_dimm_values, "node", PROPERTY_UINT32, node,
                 "NUMA node of the guest (default: -machine dimm-node=, or 0)"),
};
#define PROPERTY_COUNT (sizeof properties / sizeof properties[0])

static const struct property shown[] = {
    PROPERTY_ROW(pc_dimm_values, "size", PROPERTY_SIZE, size, "bytes"),
};

/* After the bank has found a place, as QEMU does: node, and whether the backend is free. */
static bool check_use(const struct hotplug *hotplug, const struct backend *backend, uint32_t node,
                      struct error *error)
{
    if (!hotplug_check_node(hotplug, node, error))
        return false;
    if (backend->used_by)
        return error_set(
            error,
            "can't use already busy memdev: %.80s is used by '%s'; each DIMM needs a backend of its "
            "own",
            backend->id, backend->used_by);
    if (backend_filling(backend))
        return error_set(
            error,
            "can't use memdev: memory of %.80s is still being allocated; plug it after its object_add has completed",
            backend->id);
    if (backend->readonly)
        return error_set(
            error,
            "can't use memdev: %.80s has readonly=on, but the guest writes to a DIMM; create a backend without readonly, with share=off to leave the file unchanged",
            backend->id);
    return true;
}

/* The allocation that bring() began has ended; or the memory that was allocated has gone back, since the DIMM
 * could not be shown. */
static void repopulated(void *opaque, const struct error *why)
{
    struct dimm *dimm = opaque;
    const struct completion self = { .ended = repopulated, .opaque = dimm };
    struct completion watcher = dimm->watcher;
    struct error error;

    if (!why && !dimm_commit(dimm, &error)) {
        if (backend_fill_undo(dimm->backend, &self, &error))
            return;
        backend_unmap(dimm->backend); /* rather late than never */
        why = &error;
    }
    if (why)
        dimm_abort(dimm);
    watcher.ended(watcher.opaque, why);
}

/* The place is reserved: bring the memory there. */
static enum outcome repopulate(struct dimm *dimm, const struct completion *watcher, struct error *error)
{
    const struct completion self = { repopulated, dimm_populate_progress, dimm };
    bool mapped = dimm->backend->memory != NULL;
    enum outcome outcome = backend_prepare(dimm->backend, dimm->hotplug->config.board->loop, &self, error);

    if (outcome == OUTCOME_LATER)
        dimm->watcher = *watcher;
    if (outcome != OUTCOME_DONE || dimm_commit(dimm, error))
        return outcome;
    if (!mapped)
        backend_unmap(dimm->backend);
    return OUTCOME_FAILED;
}

static enum outcome plug(struct hotplug *hotplug, const char *id, const struct pc_dimm_values *values,
                         bool hot, const struct completion *watcher, struct error *error)
{
    struct backend *backend = backend_resolve(hotplug->config.backends, values->memdev, error);
    struct hotram_dimm_request request;
    struct hotram_dimm_result result;
    enum outcome outcome;
    struct dimm *dimm;

    if (!backend)
        return OUTCOME_FAILED;
    request = (struct hotram_dimm_request){
        .slot = (uint32_t)values->slot, /* -1, the default of QEMU's pc-dimm: the first empty one */
        .slot_given = values->slot != -1,
        .addr = values->addr, /* 0, its default: the lowest that fits */
        .addr_given = values->addr != 0,
        .size = backend->size,
        .align = hotplug_alignment(hotplug, backend_alignment(backend)),
        .node = values->node,
    };
    if (!hotplug_reserve(hotplug, &request, hot, &result, error))
        return OUTCOME_FAILED;
    dimm = check_use(hotplug, backend, values->node, error)
               ? dimm_create(hotplug, result.slot, id, backend->size, hot, error)
               : NULL;
    if (!dimm) {
        hotplug_cancel_slot(hotplug, result.slot);
        return OUTCOME_FAILED;
    }
    outcome = dimm_use(dimm, backend, error) ? repopulate(dimm, watcher, error) : OUTCOME_FAILED;
    if (outcome == OUTCOME_FAILED)
        dimm_abort(dimm);
    return outcome;
}

static enum outcome create(struct board *board, const char *id, struct props props, bool hot,
                           const struct completion *completion, struct error *error)
{
    static const char *const names[] = { "driver", "id", NULL };
    struct hotplug *hotplug = board->hotplug;
    struct pc_dimm_values values = { .slot = -1, .node = hotplug->config.default_node };
    enum outcome outcome;

    if (!hotplug_check_enabled(hotplug, error) || (id && !hotplug_check_id(hotplug, id, error)) ||
        !props_read(props, properties, PROPERTY_COUNT, names, pc_dimm_type.name, &values, error))
        return OUTCOME_FAILED;
    outcome = plug(hotplug, id, &values, hot, completion, error);
    props_free(properties, PROPERTY_COUNT, &values);
    return outcome;
}

static void describe(const struct device *device, void *opaque)
{
    const struct dimm *dimm = (const struct dimm *)device;
    struct pc_dimm_values *values = opaque;
    struct hotram_dimm state;

    machine_lock_take(dimm->hotplug->config.board->lock);
    state = dimm->hotplug->slots[dimm->slot];
    machine_lock_release(dimm->hotplug->config.board->lock);
    snprintf(values->path, sizeof values->path, "/objects/%s", dimm->backend->id);
    values->memdev = values->path;
    values->slot = (int32_t)dimm->slot;
    values->addr = state.addr;
    values->node = state.node;
    values->size = state.size;
}

static bool unplug(struct device *device, struct error *error)
{
    struct dimm *dimm = (struct dimm *)device;

    return dimm_unplug(dimm, error);
}

const struct device_type pc_dimm_type = {
    .name = "pc-dimm",
    .parent = "device",
    .properties = properties,
    .property_count = PROPERTY_COUNT,
    .shown = shown,
    .shown_count = sizeof shown / sizeof shown[0],
    .values_size = sizeof(struct pc_dimm_values),
    .hot = true,
    .own_ids = true,
    .create = create,
    .describe = describe,
    .unplug = unplug,
};
