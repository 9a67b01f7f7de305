/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A DIMM on its way to the guest: made, given its memory, shown, or taken back.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hotplug/state.h"
#include "memory/backend_memory.h"

struct dimm *dimm_create(struct hotplug *hotplug, uint32_t slot, const char *id, uint64_t size, bool hot,
                         struct error *error)
{
    struct dimm *dimm = calloc(1, sizeof *dimm);

    error_set(error, "out of memory");
    if (!dimm)
        return NULL;
    *dimm = (struct dimm){ .hotplug = hotplug, .slot = slot, .populating = true };
    if (!device_enlist(&dimm->device, hotplug->config.board, hotplug->type, id, hot, error)) {
        free(dimm);
        return NULL;
    }
    hotplug->dimm[slot] = dimm;
    if (hot)
        dimm->plugging = dimm_operation_new(dimm, OPERATION_PLUG, size, error);
    if (!hot || (dimm->plugging && hotplug_check_limits(dimm, size, dimm->plugging->warning, error)))
        return dimm;
    dimm_discard(dimm);
    return NULL;
}

bool dimm_use(struct dimm *dimm, struct backend *backend, struct error *error)
{
    char path[DIMM_PATH_SIZE];

    backend->used_by = strdup(hotplug_name(dimm, path));
    if (!backend->used_by)
        return error_set(error, "out of memory");
    dimm->backend = backend;
    return true;
}

void dimm_discard(struct dimm *dimm)
{
    if (dimm->backend) {
        free(dimm->backend->used_by);
        dimm->backend->used_by = NULL;
    }
    dimm->hotplug->dimm[dimm->slot] = NULL;
    operation_discard(dimm->plugging);
    dimm_free(dimm);
}

bool dimm_commit(struct dimm *dimm, struct error *error)
{
    struct hotplug *hotplug = dimm->hotplug;
    struct backend *backend = dimm->backend;
    uint64_t addr = hotplug->slots[dimm->slot].addr; /* reserved: nobody else changes it */
    struct guest_part part;

    assert(backend->used_by); /* or somebody else could take the memory, or take it away */
    if (!backend_place(backend, hotplug->config.reservation, addr, error))
        return false;
    part = backend_part(backend, 0, backend->size, addr);
    dimm->region = guest_memory_add_part(hotplug->config.memory, &part, error);
    if (!dimm->region) {
        backend_displace(backend);
        return false;
    }
    backend_let_merge(backend);
    dimm->populating = false;
    dimm->device.present = true;
    machine_lock_take(hotplug->config.board->lock);
    hotplug->seen[dimm->slot] = (struct seen){ 0 }; /* that was of the slot's last DIMM */
    hotram_bank_commit(&hotplug->bank, dimm->slot, dimm->device.hotplugged);
    machine_lock_release(hotplug->config.board->lock);
    if (dimm->plugging)
        operation_begin(dimm->plugging);
    dimm->plugging = NULL;
    return true;
}

void dimm_abort(struct dimm *dimm)
{
    hotplug_cancel_slot(dimm->hotplug, dimm->slot);
    dimm_discard(dimm);
}

void dimm_populate_progress(void *opaque, const char *id, uint64_t done, uint64_t size)
{
    const struct dimm *dimm = opaque;

    if (dimm->watcher.progress)
        dimm->watcher.progress(dimm->watcher.opaque, id, done, size);
}
