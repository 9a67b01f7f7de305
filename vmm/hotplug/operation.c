/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Operations: how they start, how long they may take, and how they end. See operation.h.
 */
#include "hotplug/operation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_build.h"
#include "base/message.h"
#include "hotplug/state.h"

/* An event that the loop sends soon. */
struct own_event {
    const char *name;
    struct json_object *data;
    struct own_event *next;
};

static void send_now(struct hotplug *hotplug, const char *name, struct json_object *data)
{
    hotplug->config.event(hotplug->config.opaque, name, data);
}

static void send_own_events(struct hotplug *hotplug);

struct own_event *hotplug_tell(struct hotplug *hotplug, const char *name, struct json_object *data)
{
    struct own_event **link = &hotplug->own_events;
    struct own_event *event = malloc(sizeof *event);

    if (!event) {
        send_own_events(hotplug); /* in order; and rather before the reply than not at all */
        send_now(hotplug, name, data);
        return NULL;
    }
    while (*link)
        link = &(*link)->next;
    *event = (struct own_event){ .name = name, .data = data };
    *link = event;
    loop_post(hotplug->config.board->loop, &hotplug->ended_work);
    return event;
}

/* Each is off the list before it is sent. */
static void send_own_events(struct hotplug *hotplug)
{
    struct own_event *event;

    while ((event = hotplug->own_events) != NULL) {
        hotplug->own_events = event->next;
        for (struct operation *operation = hotplug->operations; operation; operation = operation->next)
            if (operation->begun == event)
                operation->begun = NULL;
        send_now(hotplug, event->name, event->data);
        free(event);
    }
}

static void emit(struct operation *operation, const char *event, struct json_object *data)
{
    hotplug_tell(operation->hotplug, event, data);
}

static uint64_t passed(const struct operation *operation)
{
    return operation_now(operation->hotplug) - operation->started;
}

static void arm(struct operation *operation);

static void expired(void *opaque)
{
    struct operation *operation = opaque;

    /* The guest's milliseconds do not begin with the host's. */
    if (passed(operation) < operation->deadline)
        arm(operation);
    else
        operation->hotplug->expire(operation);
}

static void stands(void *opaque);

/* The timer is of the host's time, so it is the deadline's only while the guest's runs. */
static void arm(struct operation *operation)
{
    struct hotplug *hotplug = operation->hotplug;
    uint64_t now = passed(operation);

    timer_cancel(&operation->timer);
    if (!hotplug->config.board->clock->runs) {
        timer_start(hotplug->config.board->loop, &operation->timer, operation->deadline, stands, operation);
        return;
    }
    timer_start(hotplug->config.board->loop, &operation->timer,
                operation->deadline > now ? operation->deadline - now : 0, expired, operation);
}

/* The guest's time has stood still for long. (A reset stops it, too, but ends by itself.) */
static void stands(void *opaque)
{
    struct operation *operation = opaque;
    struct operation_watcher *next;

    if (!hotplug_stopped(operation->hotplug)) {
        arm(operation);
        return;
    }
    for (struct operation_watcher *watcher = operation->watchers; watcher; watcher = next) {
        next = watcher->next;
        watcher->stands(watcher->opaque, operation);
    }
}

void hotplug_run_state(struct hotplug *hotplug)
{
    if (!hotplug)
        return;
    for (struct operation *operation = hotplug->operations; operation; operation = operation->next)
        if (operation->result == OPERATION_UNDER_WAY)
            arm(operation);
}

void operation_set_deadline(struct operation *operation, uint64_t milliseconds)
{
    if (operation->result != OPERATION_UNDER_WAY)
        return;
    operation->deadline = milliseconds;
    arm(operation);
    /* Nobody has heard of another one. */
    if (operation->begun) {
        json_object_put(operation->begun->data);
        operation->begun->data = operation_describe(operation);
    }
}

void operation_look_again(struct operation *operation, uint64_t milliseconds)
{
    timer_start(operation->hotplug->config.board->loop, &operation->timer, milliseconds, expired, operation);
}

struct operation *operation_new(struct hotplug *hotplug, enum operation_kind kind, uint32_t slot,
                                const char *device, uint64_t size, struct error *error)
{
    struct operation *operation = calloc(1, sizeof *operation);

    if (operation && device)
        operation->device = strdup(device);
    if (!operation || (device && !operation->device)) {
        free(operation);
        error_set(error, "out of memory");
        return NULL;
    }
    operation->hotplug = hotplug;
    operation->kind = kind;
    operation->slot = slot;
    operation->size = size;
    return operation;
}

void operation_discard(struct operation *operation)
{
    if (!operation)
        return;
    timer_cancel(&operation->timer);
    free(operation->device);
    free(operation);
}

/* Forget the oldest that have ended, but none that the guest may still answer or somebody waits for. */
static void trim(struct hotplug *hotplug)
{
    struct operation **link = &hotplug->operations;

    while (*link && hotplug->operations_ended > OPERATIONS_KEPT) {
        struct operation *operation = *link;

        if (operation->result == OPERATION_UNDER_WAY || operation->watchers ||
            hotplug->operation[operation->slot] == operation) {
            link = &operation->next;
            continue;
        }
        *link = operation->next;
        hotplug->operations_ended--;
        operation_discard(operation);
    }
}

static void append(struct hotplug *hotplug, struct operation *operation)
{
    struct operation **link = &hotplug->operations;

    while (*link)
        link = &(*link)->next;
    *link = operation;
}

void operation_begin(struct operation *operation)
{
    struct hotplug *hotplug = operation->hotplug;
    struct operation *before = hotplug->operation[operation->slot];

    if (before)
        operation_happens(before, OPERATION_REPLACED, "the DIMM was asked back before the guest answered");
    operation->id = ++hotplug->last_operation;
    operation->started = operation_now(hotplug);
    operation->deadline = operation->kind == OPERATION_PLUG ? hotplug->config.plug_deadline
                                                            : hotplug->config.unplug_deadline;
    hotplug->operation[operation->slot] = operation;
    hotplug->dimm[operation->slot]->refused = false;
    append(hotplug, operation);
    arm(operation);
    operation->begun = hotplug_tell(hotplug, "MEMORY_OPERATION_STARTED", operation_describe(operation));
}

void operation_watch(struct operation *operation, struct operation_watcher *watcher)
{
    watcher->next = operation->watchers;
    operation->watchers = watcher;
}

void operation_unwatch(struct operation *operation, struct operation_watcher *watcher)
{
    struct operation_watcher **link = &operation->watchers;

    while (*link && *link != watcher)
        link = &(*link)->next;
    if (*link)
        *link = watcher->next;
}

static void tell_watchers(struct operation *operation)
{
    struct operation_watcher *watcher;

    while ((watcher = operation->watchers) != NULL) {
        operation->watchers = watcher->next;
        watcher->ended(watcher->opaque, operation);
    }
}

/* Not from within operation_happens(), which a command of somebody else may have called. Only here are
 * operations forgotten, so that nobody who ends one, or looks at one that has ended, holds what is freed. */
void operations_tell(void *opaque)
{
    struct hotplug *hotplug = opaque;

    send_own_events(hotplug);
    for (struct operation *operation = hotplug->operations; operation; operation = operation->next)
        if (operation->result != OPERATION_UNDER_WAY)
            tell_watchers(operation);
    trim(hotplug);
}

static void set_reason(struct operation *operation, const char *reason)
{
    if (reason)
        snprintf(operation->reason, sizeof operation->reason, "%s", reason);
}

static void tell_refusal(const struct operation *operation)
{
    struct hotplug *hotplug = operation->hotplug;
    struct dimm *dimm = hotplug->dimm[operation->slot];
    struct json_object *data;
    char path[DIMM_PATH];

    if (!dimm)
        return;
    dimm->refused = true;
    data = json_new_object();
    if (dimm->device.id)
        add_string(data, "device", dimm->device.id);
    add_string(data, "path", device_path(&dimm->device, path));
    hotplug_tell(hotplug, "DEVICE_UNPLUG_GUEST_ERROR",
                 data); /* behind the operation's start, before its end */
}

static void end(struct operation *operation, enum operation_result result)
{
    struct hotplug *hotplug = operation->hotplug;

    operation->result = result;
    operation->ended = operation_now(hotplug);
    timer_cancel(&operation->timer);
    if (hotplug->operation[operation->slot] == operation && !operation_is_open(operation->kind, result))
        hotplug->operation[operation->slot] = NULL;
    hotplug->operations_ended++;
    if (result == OPERATION_REFUSED && operation->kind == OPERATION_UNPLUG)
        tell_refusal(operation);
    emit(operation, "MEMORY_OPERATION_DONE", operation_describe(operation));
    loop_post(hotplug->config.board->loop, &hotplug->ended_work);
}

static void tell_late(struct operation *operation, enum operation_result result)
{
    const enum operation_result before = operation->result;
    struct json_object *data;

    operation->late = true;
    operation->ended = operation_now(operation->hotplug);
    operation->result = result;
    data = operation_describe(operation);
    operation->result = before;
    operation->hotplug->operation[operation->slot] = NULL;
    if (result == OPERATION_REFUSED && operation->kind == OPERATION_UNPLUG)
        tell_refusal(operation);
    emit(operation, "MEMORY_OPERATION_LATE", data);
}

void operation_happens(struct operation *operation, enum operation_event event, const char *reason)
{
    const struct operation_step step = operation_next(operation->kind, operation->result, event);

    if (step.action == OPERATION_STAYS)
        return;
    if (event == OPERATION_DENIED)
        operation_explain_refusal(operation);
    set_reason(operation, reason);
    if (step.action == OPERATION_ENDS)
        end(operation, step.result);
    else if (step.action == OPERATION_LATE)
        tell_late(operation, step.result);
    else
        operation->hotplug->operation[operation->slot] = NULL;
}

void operation_withdraw(struct operation *operation)
{
    struct hotplug *hotplug = operation->hotplug;

    machine_lock_take(hotplug->config.board->lock);
    hotram_bank_withdraw(&hotplug->bank, operation->slot);
    machine_lock_release(hotplug->config.board->lock);
}

bool operation_cancel(struct operation *operation, struct error *error)
{
    const char *device = operation->device ? operation->device : "(no id)";

    if (operation->result != OPERATION_UNDER_WAY)
        return error_set(error, "operation %llu has ended: %s; there is nothing to cancel",
                         (unsigned long long)operation->id, operation_result_name(operation->result));
    if (operation->kind == OPERATION_PLUG)
        return error_set(error,
                         "operation %llu plugs '%s', which the guest can see already and may be using: it "
                         "can't be withdrawn; ask for it back with device_del %s",
                         (unsigned long long)operation->id, device, device);
    operation_withdraw(operation);
    operation_happens(operation, OPERATION_WITHDRAWN, "withdrawn; the guest may be at it already");
    return true;
}

bool hotplug_cancel_operation(struct hotplug *hotplug, uint64_t id, struct error *error)
{
    struct operation *operation = hotplug_find_operation(hotplug, id);

    if (!operation)
        return error_set(error,
                         "there is no operation %llu; query-memory-operations lists those under way and the "
                         "last %d that have ended",
                         (unsigned long long)id, OPERATIONS_KEPT);
    return operation_cancel(operation, error);
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

const struct operation *hotplug_next_operation(const struct hotplug *hotplug, const struct operation *last)
{
    return last ? last->next : hotplug->operations;
}

struct operation *hotplug_find_operation(const struct hotplug *hotplug, uint64_t id)
{
    struct operation *operation = hotplug->operations;

    while (operation && operation->id != id)
        operation = operation->next;
    return operation;
}

void operations_free(struct hotplug *hotplug)
{
    send_own_events(hotplug);
    loop_cancel(hotplug->config.board->loop, &hotplug->ended_work);
    while (hotplug->operations) {
        struct operation *operation = hotplug->operations;

        if (operation->result == OPERATION_UNDER_WAY)
            operation->result = OPERATION_CANCELLED; /* hotram ends; only those who wait are told */
        tell_watchers(operation);
        hotplug->operations = operation->next;
        operation_discard(operation);
    }
}
