/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A pc-dimm is plugged: check, reserve, map, commit. Whatever can fail comes before the first effect that the
 * guest could see, and is undone.
 */
#include "hotplug/pc_dimm.h"
#include "hotplug/state.h"
#include "memory/backend_memory.h"

bool pc_dimm_begin(const struct hotplug *hotplug, const char *id, struct error *error)
{
    return hotplug_check_enabled(hotplug, error) && (!id || hotplug_check_id(hotplug, id, error));
}

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

/* The allocation has ended; after a failure, its memory has gone back. */
static void allocated(void *opaque, const struct error *why)
{
    struct dimm *dimm = opaque;
    const struct completion watcher = dimm->watcher;
    enum outcome outcome = OUTCOME_FAILED;
    struct error error;

    if (why)
        dimm->brought = false;
    else
        outcome = dimm_show(dimm, &watcher, &error);
    if (outcome == OUTCOME_FAILED)
        dimm_give_up(dimm, why ? why : &error);
    else if (outcome == OUTCOME_DONE)
        watcher.ended(watcher.opaque, NULL);
}

/* The place is reserved: bring the memory there. */
static enum outcome bring(struct dimm *dimm, const struct completion *watcher, struct error *error)
{
    const struct completion self = { allocated, dimm_populate_progress, dimm };
    bool mapped = dimm->backend->memory != NULL;
    enum outcome outcome = backend_prepare(dimm->backend, dimm->hotplug->config.board->loop, &self, error);

    if (outcome == OUTCOME_LATER) {
        dimm->watcher = *watcher;
        dimm->brought = true;
    }
    if (outcome != OUTCOME_DONE)
        return outcome;
    dimm->brought = !mapped;
    outcome = dimm_show(dimm, watcher, error);
    if (outcome == OUTCOME_FAILED && !mapped)
        backend_unmap(dimm->backend);
    return outcome;
}

enum outcome pc_dimm_plug(struct hotplug *hotplug, const char *id, const struct pc_dimm_request *wanted,
                          bool hot, const struct completion *watcher, struct error *error)
{
    struct backend *backend = backend_resolve(hotplug->config.backends, wanted->memdev, error);
    struct hotram_dimm_request request;
    struct hotram_dimm_result result;
    enum outcome outcome;
    struct dimm *dimm;

    if (!backend)
        return OUTCOME_FAILED;
    request = hotplug_place_request(hotplug, &wanted->place, backend->size,
                                    hotplug_alignment(hotplug, backend_alignment(backend)));
    if (!hotplug_reserve(hotplug, &request, (struct reserver){ hot, "addr" }, &result, error))
        return OUTCOME_FAILED;
    dimm = check_use(hotplug, backend, request.node, error)
               ? dimm_create(hotplug, result.slot, id, backend->size, hot, error)
               : NULL;
    if (!dimm) {
        hotplug_cancel_slot(hotplug, result.slot);
        return OUTCOME_FAILED;
    }
    outcome = dimm_use(dimm, backend, error) ? bring(dimm, hot ? watcher : NULL, error) : OUTCOME_FAILED;
    if (outcome == OUTCOME_FAILED)
        dimm_abort(dimm);
    return outcome;
}
