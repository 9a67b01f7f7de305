/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the guest did, read as the end of an operation: its _OST reports, an eject, silence; and a reset,
 * after which nobody is there to answer.
 *
 * The reports are hostile input: what does not belong to an operation under way changes nothing here.
 */
#include "hotplug/operation.h"

#include <stdio.h>

#include "hotplug/state.h"

/* While memory goes back to the host, an operation whose deadline has passed is looked at so often. */
#define RETURNING_MS 1000

/* A slot as it is now. */
static struct hotram_dimm look(struct hotplug *hotplug, uint32_t slot)
{
    struct hotram_dimm dimm;

    ports_lock(hotplug->config.ports);
    dimm = hotplug->slots[slot];
    ports_unlock(hotplug->config.ports);
    return dimm;
}

static void keep_codes(struct operation *operation, uint32_t event, uint32_t status)
{
    operation->answered = true;
    operation->ost_event = event;
    operation->ost_status = status;
}

/* An end with the guest's codes, or what came after an end. */
static void conclude(struct operation *operation, enum operation_result result, const char *reason)
{
    if (result == OPERATION_REFUSED)
        operation_explain_refusal(operation);
    if (operation->result == OPERATION_UNDER_WAY)
        operation_end(operation, result, reason);
    else if (operation->result == OPERATION_UNANSWERED)
        operation_late(operation, result, reason);
}

void operation_ost(struct hotplug *hotplug, uint32_t slot, uint32_t event, uint32_t status)
{
    struct operation *operation = hotplug->operation[slot];

    if (!operation ||
        (operation->kind == OPERATION_PLUG ? !ost_is_insertion(event) : !ost_is_ejection(event)))
        return;
    keep_codes(operation, event, status);
    /* An unplug is not done before the memory is gone: operation_gone(). A refusal is an end when the bank
     * has withdrawn the request: operations_reconcile(). */
    if (ost_in_progress(event, status))
        return;
    if (operation->kind == OPERATION_PLUG)
        conclude(operation, status == 0 ? OPERATION_DONE : OPERATION_REFUSED, NULL);
    else if (operation->withdrawn && status != 0)
        conclude(operation, OPERATION_REFUSED, NULL);
}

void operation_found(struct hotplug *hotplug, uint32_t slot)
{
    struct operation *operation = hotplug->operation[slot];

    if (operation && operation->kind == OPERATION_PLUG)
        conclude(operation, OPERATION_DONE, "the guest found the DIMM as it started");
}

void operation_gone(struct hotplug *hotplug, uint32_t slot)
{
    struct operation *operation = hotplug->operation[slot];
    const char *reason = NULL;

    if (!operation)
        return;
    if (operation->kind == OPERATION_PLUG) {
        if (operation->result == OPERATION_UNDER_WAY)
            operation_end(operation, OPERATION_REFUSED, "the guest gave the DIMM back without being asked");
        hotplug->operation[slot] = NULL;
        return;
    }
    if (operation->at_reset)
        reason = "carried out at the guest's reset, when nobody used the memory any more";
    if (operation->result == OPERATION_UNDER_WAY)
        operation_end(operation, OPERATION_DONE, reason);
    else
        operation_late(operation, OPERATION_DONE,
                       reason ? reason : "the guest gave the memory back after the operation had ended");
}

/* The bank withdraws a request when the guest refuses it, unless it was repeated since. A request that hotram
 * took back leaves the same state, and says nothing of the guest: for that one only its report counts
 * (operation_ost()). */
static bool was_refused(const struct operation *operation, const struct hotram_dimm *dimm)
{
    return operation->kind == OPERATION_UNPLUG && !operation->withdrawn &&
           operation->result != OPERATION_CANCELLED && dimm->state == HOTRAM_DIMM_PLUGGED;
}

void operations_reconcile(struct hotplug *hotplug)
{
    for (uint32_t slot = 0; slot < hotplug->config.slots; slot++) {
        struct operation *operation = hotplug->operation[slot];
        struct hotram_dimm dimm;

        if (!operation)
            continue;
        dimm = look(hotplug, slot);
        if (!was_refused(operation, &dimm))
            continue;
        keep_codes(operation, dimm.ost_event, dimm.ost_status);
        conclude(operation, OPERATION_REFUSED, NULL);
    }
}

void operations_before_reset(struct hotplug *hotplug)
{
    for (uint32_t slot = 0; slot < hotplug->config.slots; slot++) {
        struct operation *operation = hotplug->operation[slot];

        if (operation && operation->kind == OPERATION_UNPLUG)
            operation->at_reset = !hotplug->dimm[slot]->leaving;
        else if (operation && operation->result == OPERATION_UNDER_WAY)
            operation_end(operation, OPERATION_CANCELLED,
                          "the guest was reset before it answered; it finds the DIMM as it starts");
    }
}

void operation_expire(struct operation *operation)
{
    struct hotplug *hotplug = operation->hotplug;
    struct hotram_dimm dimm = look(hotplug, operation->slot);
    bool pending = operation->kind == OPERATION_PLUG ? dimm.insert_pending : dimm.remove_pending;

    /* It may have answered just now. */
    hotplug_handle_notices(hotplug);
    if (operation->result != OPERATION_UNDER_WAY)
        return;
    /* The guest has done its part: what is left is the host's, which always ends. */
    if (hotplug->dimm[operation->slot] && hotplug->dimm[operation->slot]->returning) {
        operation_look_again(operation, RETURNING_MS);
        return;
    }
    if (hotplug->dimm[operation->slot] && hotplug->dimm[operation->slot]->kept) {
        operation_end(operation, OPERATION_UNANSWERED,
                      "the guest has given the DIMM back, but the host's KVM keeps its memslot; slot and "
                      "addresses are free when it lets go, which hotram tries again every second");
        return;
    }
    operation_explain_silence(operation, !pending);
    operation_end(operation, OPERATION_UNANSWERED, NULL);
}
