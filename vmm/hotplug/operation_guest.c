/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the guest did, read as the end of an operation: its _OST reports, an eject, silence; and a reset,
 * after which nobody is there to answer.
 *
 * The reports are hostile input: what does not belong to an operation under way changes nothing here.
 */
#include "hotplug/operation.h"

#include "hotplug/state.h"

static void keep_codes(struct operation *operation, uint32_t event, uint32_t status)
{
    operation->answered = true;
    operation->ost_event = event;
    operation->ost_status = status;
}

void operation_ost(struct hotplug *hotplug, uint32_t slot, uint32_t event, uint32_t status)
{
    struct operation *operation = hotplug->operation[slot];

    /* What follows an eject is of an empty slot, however long the memory takes on its way back. */
    if (!operation || (hotplug->dimm[slot] && hotplug->dimm[slot]->leaving) ||
        (operation->kind == OPERATION_PLUG ? !ost_is_insertion(event) : !ost_is_ejection(event)))
        return;
    keep_codes(operation, event, status);
    /* An unplug is not done before the memory is gone: operation_gone(). Which report refuses a request is
     * known only when it comes: operation_denied(). */
    if (operation->kind == OPERATION_PLUG && !ost_in_progress(event, status))
        operation_happens(operation, status == 0 ? OPERATION_TAKEN : OPERATION_DENIED, NULL);
}

void operation_denied(struct hotplug *hotplug, uint32_t slot, uint32_t event, uint32_t status)
{
    struct operation *operation = hotplug->operation[slot];

    if (!operation || operation->kind != OPERATION_UNPLUG)
        return;
    keep_codes(operation, event, status);
    operation_happens(operation, OPERATION_DENIED, NULL);
}

void operation_found(struct hotplug *hotplug, uint32_t slot)
{
    struct operation *operation = hotplug->operation[slot];

    if (operation && operation->kind == OPERATION_PLUG)
        operation_happens(operation, OPERATION_TAKEN, "the guest found the DIMM as it started");
}

static const char *why_gone(const struct operation *operation)
{
    if (operation->kind == OPERATION_PLUG)
        return "the guest gave the DIMM back without being asked";
    if (operation->at_reset)
        return "carried out at the guest's reset, when nobody used the memory any more";
    return operation->result == OPERATION_UNDER_WAY
               ? NULL
               : "the guest gave the memory back after the operation had ended";
}

void operation_gone(struct hotplug *hotplug, uint32_t slot)
{
    struct operation *operation = hotplug->operation[slot];

    if (operation)
        operation_happens(operation, OPERATION_GONE, why_gone(operation));
}

void operations_before_reset(struct hotplug *hotplug)
{
    for (uint32_t slot = 0; slot < hotplug->config.slots; slot++) {
        struct operation *operation = hotplug->operation[slot];

        if (operation && operation->kind == OPERATION_UNPLUG)
            operation->at_reset = !hotplug->dimm[slot]->leaving;
        else if (operation)
            operation_happens(operation, OPERATION_RESET,
                              "the guest was reset before it answered; it finds the DIMM as it starts");
    }
}
