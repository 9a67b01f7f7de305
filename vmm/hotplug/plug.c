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

/* The guest can reach its memory: it hears of it. */
static void commit(struct dimm *dimm)
{
    struct hotplug *hotplug = dimm->hotplug;

    backend_let_merge(dimm->backend);
    dimm->populating = dimm->offered = false;
    dimm->device.present = true;
    machine_lock_take(hotplug->config.board->lock);
    hotplug->seen[dimm->slot] = (struct seen){ 0 }; /* that was of the slot's last DIMM */
    hotram_bank_commit(&hotplug->bank, dimm->slot, dimm->device.hotplugged);
    machine_lock_release(hotplug->config.board->lock);
    if (dimm->plugging)
        operation_begin(dimm->plugging);
    dimm->plugging = NULL;
}

static void answered(void *opaque, const struct error *why)
{
    struct dimm *dimm = opaque;

    dimm->offered = false;
    if (why) {
        backend_displace(dimm->backend);
        dimm_give_up(dimm, why);
        return;
    }
    commit(dimm);
    dimm->watcher.ended(dimm->watcher.opaque, NULL);
}

static enum outcome offer(struct dimm *dimm, const struct guest_part *part, const struct completion *watcher,
                          struct error *error)
{
    const struct completion self = { .ended = answered, .opaque = dimm };
    struct guest_memory *memory = dimm->hotplug->config.memory;

    if (watcher)
        return guest_memory_offer_part(memory, part, &self, &dimm->region, error);
    dimm->region = guest_memory_add_part(memory, part, error);
    return dimm->region ? OUTCOME_DONE : OUTCOME_FAILED;
}

enum outcome dimm_show(struct dimm *dimm, const struct completion *watcher, struct error *error)
{
    const struct hotplug *hotplug = dimm->hotplug;
    struct backend *backend = dimm->backend;
    uint64_t addr = hotplug->slots[dimm->slot].addr; /* reserved: nobody else changes it */
    struct guest_part part;
    enum outcome outcome;

    assert(backend->used_by); /* or somebody else could take the memory, or take it away */
    if (!backend_place(backend, hotplug->config.reservation, addr, error))
        return OUTCOME_FAILED;
    part = backend_part(backend, 0, backend->size, addr);
    outcome = offer(dimm, &part, watcher, error);
    if (outcome == OUTCOME_FAILED)
        backend_displace(backend);
    else if (outcome == OUTCOME_DONE)
        commit(dimm);
    else
        dimm->watcher = *watcher;
    dimm->offered = outcome == OUTCOME_LATER;
    return outcome;
}

/* Its memory has gone. */
static void given_up(void *opaque, const struct error *why)
{
    struct dimm *dimm = opaque;
    const struct completion watcher = dimm->watcher;

    dimm_abort(dimm);
    watcher.ended(watcher.opaque, why);
}

void dimm_give_up(struct dimm *dimm, const struct error *why)
{
    const struct completion self = { .ended = given_up, .opaque = dimm };
    struct backend *backend = dimm->backend;

    if (backend && dimm->owns_backend) {
        free(backend->used_by);
        backend->used_by = NULL;
        dimm->backend = NULL;
        backend_del(dimm->hotplug->config.backends, backend->id, NULL, NULL);
    } else if (backend && dimm->brought) {
        if (backend_fill_undo(backend, &self, why))
            return;
        backend_unmap(backend); /* rather late than never */
    }
    given_up(dimm, why);
}

void dimm_stop_offer(struct dimm *dimm)
{
    struct error why;

    error_set(&why, "the program ends");
    given_up(dimm, &why);
}

void dimm_abort(struct dimm *dimm)
{
    struct hotplug *hotplug = dimm->hotplug;
    const uint32_t slot = dimm->slot;

    dimm_discard(dimm);
    if (!hotplug->memslot[slot])
        hotplug_cancel_slot(hotplug, slot);
}

void dimm_populate_progress(void *opaque, const char *id, uint64_t done, uint64_t size)
{
    const struct dimm *dimm = opaque;

    if (dimm->watcher.progress)
        dimm->watcher.progress(dimm->watcher.opaque, id, done, size);
}
