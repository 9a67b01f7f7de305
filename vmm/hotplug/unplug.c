/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * device_del: ask the guest. What follows when it answers: notices.c.
 */
#include "hotplug/pc_dimm.h"
#include "hotplug/state.h"
#include "memory/backend_memory.h"

/* A request that is in progress is joined, and the guest is reminded of it. */
static struct operation *request_removal(struct dimm *dimm, struct error *error)
{
    struct hotplug *hotplug = dimm->hotplug;
    struct operation *operation = hotplug_operation(hotplug, dimm->slot);
    bool joins = operation && operation->kind == OPERATION_UNPLUG &&
                 operation->result == OPERATION_IN_PROGRESS;

    if (!joins)
        operation = dimm_operation_new(dimm, OPERATION_UNPLUG, dimm->backend->size, error);
    if (!operation)
        return NULL;
    machine_lock_take(hotplug->config.board->lock);
    /* A refusal that was not handled yet is of what was asked before. */
    hotplug->denied[dimm->slot].is = false;
    /* It fails if the guest has given it back just now; then it goes without being asked. */
    hotram_bank_request_removal(&hotplug->bank, dimm->slot);
    machine_lock_release(hotplug->config.board->lock);
    if (joins)
        ost_event_asked(&hotplug->ost, dimm->slot);
    else
        operation_begin(operation);
    return operation;
}

struct operation *hotplug_unplug_slot(struct hotplug *hotplug, uint32_t slot, struct error *error)
{
    struct dimm *dimm = hotplug->dimm[slot];

    if (dimm && !dimm->populating)
        return request_removal(dimm, error);
    error_set_class(error, ERROR_DEVICE_NOT_FOUND, "slot %u has no DIMM", slot);
    return NULL;
}

struct operation *hotplug_unplug(struct hotplug *hotplug, const char *id, struct error *error)
{
    struct dimm *dimm = hotplug_resolve(hotplug, id, error);

    if (dimm && dimm->populating)
        error_set(
            error,
            "memory of '%s' is still being %s, so the guest does not see it yet; device_del %s cancels it",
            id, dimm->offered ? "mapped by the back ends of vhost-user devices" : "allocated", id);
    return dimm && !dimm->populating ? request_removal(dimm, error) : NULL;
}

void dimm_cancel_plug(const struct dimm *dimm, const struct error *why)
{
    const struct hotplug *hotplug = dimm->hotplug;

    if (dimm->offered)
        guest_memory_withdraw(hotplug->config.memory, hotplug->slots[dimm->slot].addr, why);
    else
        backend_fill_cancel(dimm->backend);
}

void hotplug_cancel_plug(struct hotplug *hotplug, const char *memdev)
{
    struct error why;
    const struct backend *backend = backend_resolve(hotplug->config.backends, memdev, &why);

    for (uint32_t slot = 0; backend && slot < hotplug->config.slots; slot++) {
        const struct dimm *dimm = hotplug->dimm[slot];

        if (dimm && dimm->populating && dimm->backend == backend) {
            error_set(&why, "the plug of %.200s was cancelled", backend->id);
            dimm_cancel_plug(dimm, &why);
        }
    }
}

bool dimm_unplug(struct dimm *dimm, struct error *error)
{
    char path[DIMM_PATH_SIZE];
    struct error why;

    if (!dimm->populating)
        return request_removal(dimm, error) != NULL;
    error_set(&why, "device_del %s has cancelled the plug", hotplug_name(dimm, path));
    dimm_cancel_plug(dimm, &why);
    return true;
}

bool pc_dimm_unplug(struct device *device, struct error *error)
{
    return dimm_unplug((struct dimm *)device, error);
}
