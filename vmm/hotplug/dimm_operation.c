/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * DIMMs as the subjects of operations: what is particular to them, and what the guest did with one, read as
 * the end of an operation: its _OST reports, an eject, silence; and a reset, after which nobody is there to
 * answer.
 *
 * The reports are hostile input: what does not belong to an operation in progress changes nothing here. What
 * Linux means by a code was measured: docs/guests.md.
 */
#include <stdio.h>

#include "hotplug/ost_codes.h"
#include "hotplug/state.h"

/* ---- the type ---- */

static void begins(struct operation *operation)
{
    struct hotplug *hotplug = operation->subject.owner;
    const uint32_t slot = operation->subject.memory.slot;

    hotplug->dimm[slot]->refused = false;
    ost_event_asked(&hotplug->ost, slot);
    growth_begin(operation);
}

static void withdraw(struct operation *operation)
{
    struct hotplug *hotplug = operation->subject.owner;

    machine_lock_take(hotplug->config.board->lock);
    hotram_bank_withdraw(&hotplug->bank, operation->subject.memory.slot);
    machine_lock_release(hotplug->config.board->lock);
}

static void expired(struct operation *operation)
{
    const struct hotplug *hotplug = operation->subject.owner;

    hotplug->expire(operation);
}

static void refused(struct operation *operation)
{
    struct hotplug *hotplug = operation->subject.owner;
    struct dimm *dimm = hotplug->dimm[operation->subject.memory.slot];

    if (dimm)
        dimm->refused = true;
}

static void explain_refusal(struct operation *operation)
{
    const char *meaning = ost_text(operation->ost_event, operation->ost_status);
    char map[SIZE_TEXT_MAX];

    if (operation->kind == OPERATION_PLUG)
        snprintf(
            operation->reason, OPERATION_REASON_SIZE,
            "%s: probably the guest has no room for the DIMM's memory map, %s (64 bytes for each 4 KiB), or can't use memory at that address; plug smaller DIMMs first, each when the previous one is in use",
            meaning, size_text(operation->subject.memory.size / 64, map));
    else if (operation->ost_status == 0x80 || operation->ost_status == 2)
        snprintf(
            operation->reason, OPERATION_REASON_SIZE,
            "%s: the guest can't remove memory while it runs; a reset completes a request that is in progress",
            meaning);
    else
        snprintf(
            operation->reason, OPERATION_REASON_SIZE,
            "%s: probably the guest's kernel uses memory in it that can't be moved (memory onlined as movable avoids this); unplug another DIMM, or try again later",
            meaning);
}

/* Whose requests still use the memory that the guest has given back. */
static void inspect(const struct operation *operation, struct operation_info *info)
{
    const struct hotplug *hotplug = operation->subject.owner;
    const struct dimm *dimm = hotplug_leased(hotplug, operation->subject.memory.slot);
    unsigned next = 0;
    const char *name;

    info->memory = operation->subject.memory;
    /* A later operation of the slot is of another DIMM. */
    info->waits = dimm && operation->kind == OPERATION_UNPLUG && operation == *operation->subject.open;
    if (!info->waits)
        return;
    while (info->holder_count < GUEST_HOLDERS_MAX &&
           (name = guest_memory_next_holder(hotplug->config.memory, dimm->region, &next)) != NULL)
        info->holders[info->holder_count++] = name;
}

/* What the guest has accepted is done, whatever else happens now. */
static void happening(struct operation *operation)
{
    growth_settle(operation);
}

const struct subject_type dimm_subject = {
    .events = { EVENT_MEMORY_OPERATION_STARTED, EVENT_MEMORY_OPERATION_DONE, EVENT_MEMORY_OPERATION_LATE },
    .begins = begins,
    .withdraw = withdraw,
    .expired = expired,
    .refused = refused,
    .explain_refusal = explain_refusal,
    .inspect = inspect,
    .happening = happening,
    .happened = growth_ended,
};

struct operation *dimm_operation_new(struct dimm *dimm, enum operation_kind kind, uint64_t size,
                                     struct error *error)
{
    struct hotplug *hotplug = dimm->hotplug;
    char path[DIMM_PATH_SIZE];
    const struct subject subject = {
        .type = &dimm_subject,
        .id = dimm->device.id,
        .path = device_path(&dimm->device, path),
        .open = &hotplug->operation[dimm->slot],
        .owner = hotplug,
        .memory = { .slot = dimm->slot, .size = size },
    };

    return operation_new(&hotplug->operations, kind, &subject, error);
}

struct operation *hotplug_operation(const struct hotplug *hotplug, uint32_t slot)
{
    return hotplug->operation[slot];
}

struct operation *hotplug_operation_of(const struct hotplug *hotplug, const char *id)
{
    const struct dimm *dimm = hotplug_resolve(hotplug, id, NULL);

    return dimm ? hotplug->operation[dimm->slot] : NULL;
}

/* ---- what the guest did ---- */

void dimm_reported(struct hotplug *hotplug, uint32_t slot, uint32_t event, uint32_t status)
{
    struct operation *operation = hotplug->operation[slot];

    /* What follows an eject is of an empty slot, however long the memory takes on its way back; and what
     * follows a success is of no operation, however long its verification takes. */
    if (!operation || growth_is_verified(operation) ||
        (hotplug->dimm[slot] && hotplug->dimm[slot]->removing) ||
        (operation->kind == OPERATION_PLUG ? !ost_is_insertion(event) : !ost_is_ejection(event)))
        return;
    operation_answered(operation, event, status);
    /* An unplug is not done before the memory is gone: dimm_gone(). Which report refuses a request is
     * known only when it comes: dimm_denied(). */
    if (operation->kind == OPERATION_PLUG && status == 0 && growth_verify(operation))
        return;
    if (operation->kind == OPERATION_PLUG && !ost_in_progress(event, status))
        operation_happens(operation, status == 0 ? OPERATION_TAKEN : OPERATION_DENIED, NULL);
}

void dimm_denied(struct hotplug *hotplug, uint32_t slot, uint32_t event, uint32_t status)
{
    struct operation *operation = hotplug->operation[slot];

    if (!operation || operation->kind != OPERATION_UNPLUG)
        return;
    operation_answered(operation, event, status);
    operation_happens(operation, OPERATION_DENIED, NULL);
}

void dimm_found(struct hotplug *hotplug, uint32_t slot)
{
    struct operation *operation = hotplug->operation[slot];

    if (operation && operation->kind == OPERATION_PLUG)
        operation_happens(operation, OPERATION_TAKEN, "the guest found the DIMM when it booted");
}

static const char *why_gone(const struct operation *operation)
{
    if (operation->kind == OPERATION_PLUG)
        return "the guest released the DIMM without a request";
    if (operation->at_reset)
        return "completed when the guest was reset and no longer used the memory";
    return operation->result == OPERATION_IN_PROGRESS
               ? NULL
               : "the guest released the memory after the operation had ended";
}

void dimm_gone(struct hotplug *hotplug, uint32_t slot)
{
    struct operation *operation = hotplug->operation[slot];

    if (operation)
        operation_happens(operation, OPERATION_GONE, why_gone(operation));
}

void dimms_before_reset(struct hotplug *hotplug)
{
    for (uint32_t slot = 0; slot < hotplug->config.slots; slot++) {
        struct operation *operation = hotplug->operation[slot];

        if (operation && operation->kind == OPERATION_UNPLUG)
            operation->at_reset = !hotplug->dimm[slot]->removing;
        else if (operation)
            operation_happens(operation, OPERATION_RESET,
                              "the guest was reset before it responded; it finds the DIMM when it boots");
    }
}

/* What it is doing, as far as can be seen from outside. */
static const char *likely_state(const struct operation *operation, bool noticed)
{
    if (operation->answered && operation->kind == OPERATION_UNPLUG)
        return "the guest is working on it: it may have a lot to migrate, or no free memory to migrate it to; free memory in the guest, and it may still finish";
    if (operation->answered)
        return "the guest is working on it and may still finish";
    if (noticed)
        return "the guest has seen the request but not reported on it; it may still respond";
    return "the guest has not read its slots; its ACPI may not be initialised, it may lack a memory hotplug driver, or it may hang";
}

void dimm_explain_silence(struct operation *operation, bool noticed)
{
    snprintf(operation->reason, OPERATION_REASON_SIZE, "no answer in %g s: %s",
             (double)operation->deadline / 1000, likely_state(operation, noticed));
}
