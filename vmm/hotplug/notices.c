/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What follows when the guest answers at the registers: its _OST reports go to the monitors; an eject takes
 * the range out of the guest's memory map, waits for the last lease, gives the memory back to the host, and
 * frees the slot. A reset, and a deadline, look at the same.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/message.h"
#include "hotplug/ost_codes.h"
#include "hotplug/state.h"
#include "memory/backend_memory.h"

/* While memory goes back to the host, an operation whose deadline has passed is looked at so often. */
#define RETURNING_MS 1000

/* ---- on a vCPU's thread, under the machine lock: only take note ---- */

void hotplug_record_ost(void *opaque, uint32_t slot, uint32_t event, uint32_t status)
{
    struct hotplug *hotplug = opaque;
    bool no_answer = hotplug_is_no_answer(hotplug, slot, event, status);
    bool refusal = ost_is_ejection(event) && status != 0 && !ost_in_progress(event, status) && !no_answer;
    const struct hotram_dimm *dimm = &hotplug->slots[slot];

    /* A refusal ends the request, unless it was repeated since the guest took note of the first one. */
    if (refusal && !dimm->remove_pending &&
        (dimm->state == HOTRAM_DIMM_REMOVAL_REQUESTED || dimm->state == HOTRAM_DIMM_PLUGGED)) {
        hotram_bank_withdraw(&hotplug->bank, slot);
        hotplug->denied[slot] = (struct denied){ true, event, status };
    }
    notice_record(&hotplug->notices, (struct notice){ NOTICE_OST, slot, event, status, no_answer });
}

void hotplug_record_eject(void *opaque, uint32_t slot)
{
    struct hotplug *hotplug = opaque;

    notice_record(&hotplug->notices, (struct notice){ .kind = NOTICE_EJECT, .slot = slot });
}

/* ---- on the main thread ---- */

void hotplug_emit_ost(void *opaque, const struct notice *notice)
{
    struct hotplug *hotplug = opaque;
    const struct dimm *dimm = hotplug->dimm[notice->slot];
    const struct event event = {
        .kind = EVENT_ACPI_DEVICE_OST,
        .ost.device = dimm && !dimm->removing ? dimm->device.id : NULL,
        .ost.slot = notice->slot,
        .ost.source = notice->event,
        .ost.status = notice->status,
    };

    hotplug->config.event(hotplug->config.opaque, &event);
}

/* Its memory is the host's again: only now are slot, addresses and backend free. */
static void memory_released(void *opaque)
{
    struct dimm *dimm = opaque;
    struct hotplug *hotplug = dimm->hotplug;
    char path[DIMM_PATH_SIZE];
    const struct event event = {
        .kind = EVENT_DEVICE_DELETED,
        .device.id = dimm->device.id,
        .device.path = device_path(&dimm->device, path),
    };

    ost_event_now(&hotplug->ost, dimm->slot);
    free(dimm->backend->used_by);
    dimm->backend->used_by = NULL;
    hotplug->dimm[dimm->slot] = NULL;
    machine_lock_take(hotplug->config.board->lock);
    hotram_bank_finish(&hotplug->bank, dimm->slot);
    memslot_keep(hotplug, dimm->slot);
    machine_lock_release(hotplug->config.board->lock);
    if (dimm->owns_backend)
        backend_del(hotplug->config.backends, dimm->backend->id, NULL, NULL);

    hotplug->config.event(hotplug->config.opaque, &event);
    dimm_gone(hotplug, dimm->slot);
    dimm_free(dimm);
}

/* The range was removed from the guest's map: neither vCPUs nor the program use the memory any more. */
static void region_removed(void *opaque)
{
    struct dimm *dimm = opaque;

    dimm->kept = false;
    dimm->releasing = true;
    backend_release_begin(dimm->backend, true, memory_released, dimm);
}

/* Nobody in the program uses the memory any more, but to KVM its host addresses are still the guest's. */
static void region_kept(void *opaque, const char *why)
{
    struct dimm *dimm = opaque;
    char path[DIMM_PATH_SIZE];
    bool empty = backend_withhold(dimm->backend);

    dimm->kept = true;
    message(
        "%s: %s; the guest has released the DIMM, and %s, but its slot and addresses remain occupied until KVM releases them; hotram retries every second",
        device_path(&dimm->device, path), why,
        empty ? "its memory has been returned to the host"
              : "its memory cannot be removed from the KVM slot");
}

static void remove_dimm(struct hotplug *hotplug, uint32_t slot)
{
    struct dimm *dimm = hotplug->dimm[slot];

    if (!dimm || dimm->removing)
        return;
    ost_event_now(&hotplug->ost, slot); /* while it has a name */
    dimm->removing = true;
    dimm->device.present = false;
    guest_memory_remove(hotplug->config.memory, dimm->region,
                        (struct region_gone){ region_removed, region_kept, dimm });
}

/* What the guest did since the last time. */
struct taken {
    struct notice notices[NOTICES_MAX + HOTRAM_SLOTS_MAX];
    uint32_t count;
    bool ejecting[HOTRAM_SLOTS_MAX];
    bool found[HOTRAM_SLOTS_MAX];
    struct denied denied[HOTRAM_SLOTS_MAX];
};

static void take_notices(struct hotplug *hotplug, struct taken *taken)
{
    machine_lock_take(hotplug->config.board->lock);
    taken->count = notices_take(&hotplug->notices, taken->notices);
    for (uint32_t slot = 0; slot < hotplug->config.slots; slot++) {
        const struct hotram_dimm *dimm = &hotplug->slots[slot];

        taken->found[slot] = hotplug->seen[slot].report;
        hotplug->seen[slot].report = false;
        taken->denied[slot] = hotplug->denied[slot];
        hotplug->denied[slot].is = false;
        taken->ejecting[slot] = dimm->state == HOTRAM_DIMM_EJECTING;
        if (hotplug->notices.missed[slot])
            taken->notices[taken->count++] = (struct notice){ NOTICE_OST, slot, dimm->ost_event,
                                                              dimm->ost_status, false };
        hotplug->notices.missed[slot] = false;
    }
    machine_lock_release(hotplug->config.board->lock);
}

void hotplug_handle_notices(void *opaque)
{
    struct hotplug *hotplug = opaque;
    struct taken taken;

    take_notices(hotplug, &taken);
    for (uint32_t slot = 0; slot < hotplug->config.slots; slot++)
        if (taken.found[slot])
            dimm_found(hotplug, slot);
    for (uint32_t i = 0; i < taken.count; i++) {
        const struct notice *notice = &taken.notices[i];

        if (notice->kind == NOTICE_EJECT) {
            remove_dimm(hotplug, notice->slot);
        } else {
            ost_event(&hotplug->ost, notice);
            if (!notice->no_answer)
                dimm_reported(hotplug, notice->slot, notice->event, notice->status);
        }
    }
    /* Ejects whose notice found no room. */
    for (uint32_t slot = 0; slot < hotplug->config.slots; slot++)
        if (taken.ejecting[slot])
            remove_dimm(hotplug, slot);
    for (uint32_t slot = 0; slot < hotplug->config.slots; slot++)
        if (taken.denied[slot].is)
            dimm_denied(hotplug, slot, taken.denied[slot].event, taken.denied[slot].status);
    notices_handled(&hotplug->notices, taken.count);
}

void hotplug_reset(struct hotplug *hotplug)
{
    if (!hotplug_has_region(hotplug))
        return;
    guest_memory_retry(hotplug->config.memory);
    dimms_before_reset(hotplug);
    machine_lock_take(hotplug->config.board->lock);
    hotram_bank_reset(&hotplug->bank);
    hotram_memhp_init(&hotplug->block, &hotplug->bank);
    memset(hotplug->seen, 0, sizeof hotplug->seen);
    hotplug->scanned = false;
    hotplug->scanning = HOTRAM_SLOT_ANY;
    for (uint32_t slot = 0; slot < hotplug->config.slots; slot++)
        if (hotplug->slots[slot].state == HOTRAM_DIMM_REMOVAL_REQUESTED)
            hotram_bank_eject(&hotplug->bank, slot);
    machine_lock_release(hotplug->config.board->lock);
    /* Now, not when the loop gets to it: the guest that starts next must not find them. */
    hotplug_handle_notices(hotplug);
}

/* ---- deadlines ---- */

/* A slot as it is now. */
static struct hotram_dimm slot_snapshot(struct hotplug *hotplug, uint32_t slot)
{
    struct hotram_dimm dimm;

    machine_lock_take(hotplug->config.board->lock);
    dimm = hotplug->slots[slot];
    machine_lock_release(hotplug->config.board->lock);
    return dimm;
}

/* The guest has given it back, and requests in progress read or write it. */
static void explain_leases(struct operation *operation, const struct dimm *dimm)
{
    char names[OPERATION_REASON_SIZE / 2];

    guest_memory_holders(dimm->hotplug->config.memory, dimm->region, names, sizeof names);
    snprintf(operation->reason, sizeof operation->reason,
             "the guest has given the DIMM back, but its memory is in use by %s; slot and addresses are free "
             "when the requests have been completed",
             names);
}

void hotplug_expire(struct operation *operation)
{
    struct hotplug *hotplug = operation->subject.owner;
    const uint32_t slot = operation->subject.memory.slot;
    const struct hotram_dimm state = slot_snapshot(hotplug, slot);
    const bool pending = operation->kind == OPERATION_PLUG ? state.insert_pending : state.remove_pending;
    const struct dimm *dimm;

    /* It may have answered just now. */
    hotplug_handle_notices(hotplug);
    if (operation->result != OPERATION_IN_PROGRESS || growth_settle(operation))
        return;
    /* The guest has done its part: what is left is the host's, which always ends. */
    dimm = hotplug->dimm[slot];
    if (dimm && dimm->releasing) {
        operation_check_again(operation, RETURNING_MS);
        return;
    }
    if (dimm && dimm->kept) {
        operation_happens(
            operation, OPERATION_EXPIRED,
            "the guest has released the DIMM, but KVM keeps its KVM slot; slot and addresses become free when KVM releases it, which hotram retries every second");
        return;
    }
    if (hotplug_leased(hotplug, slot))
        explain_leases(operation, dimm);
    else
        dimm_explain_silence(operation, !pending);
    operation_happens(operation, OPERATION_EXPIRED, NULL);
}
