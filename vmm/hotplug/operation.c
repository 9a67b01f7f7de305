/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Operations: how they start, how long they may take, and how they end. See operation.h.
 */
#include "hotplug/operation.h"

#include <stdio.h>

static struct queued_event *queue_event(struct operation *operation, enum event_kind kind)
{
    struct operation_info info;

    operation_inspect(operation, &info);
    return event_queue_add(&operation->operations->events,
                           &(struct event){ .kind = kind, .operation = &info });
}

/* ---- time ---- */

static uint64_t running_ms(const struct operation *operation)
{
    return operations_now(operation->operations) - operation->started;
}

static void arm_deadline(struct operation *operation);

static void deadline_passed(void *opaque)
{
    struct operation *operation = opaque;

    /* The guest's milliseconds do not begin with the host's. */
    if (running_ms(operation) < operation->deadline)
        arm_deadline(operation);
    else
        operation->subject.type->expired(operation);
}

static void operation_stalled(void *opaque);

/* The timer is of the host's time, so it is the deadline's only while the guest's runs. */
static void arm_deadline(struct operation *operation)
{
    const struct operations *operations = operation->operations;
    uint64_t now = running_ms(operation);

    timer_cancel(&operation->timer);
    if (!operations->clock->runs) {
        timer_start(operations->loop, &operation->timer, operation->deadline, operation_stalled, operation);
        return;
    }
    timer_start(operations->loop, &operation->timer,
                operation->deadline > now ? operation->deadline - now : 0, deadline_passed, operation);
}

/* The guest's time has stood still for long. (A reset stops it, too, but ends by itself.) */
static void operation_stalled(void *opaque)
{
    struct operation *operation = opaque;
    struct operation_watcher *next;

    if (!operation->operations->stopped(operation->operations->opaque)) {
        arm_deadline(operation);
        return;
    }
    for (struct operation_watcher *watcher = operation->watchers; watcher; watcher = next) {
        next = watcher->next;
        watcher->stalled(watcher->opaque, operation);
    }
}

void operations_run_state(struct operations *operations)
{
    for (struct operation *operation = operations->first; operation; operation = operation->next)
        if (operation->result == OPERATION_IN_PROGRESS)
            arm_deadline(operation);
}

void operation_set_deadline(struct operation *operation, uint64_t milliseconds)
{
    if (operation->result != OPERATION_IN_PROGRESS)
        return;
    operation->deadline = milliseconds;
    arm_deadline(operation);
    /* Nobody has heard of another one. */
    if (operation->begun)
        operation_inspect(operation, &operation->begun->operation);
}

void operation_check_again(struct operation *operation, uint64_t milliseconds)
{
    timer_start(operation->operations->loop, &operation->timer, milliseconds, deadline_passed, operation);
}

/* ---- its start and its end ---- */

/* No event has an effect any more. */
static void close_operation(struct operation *operation)
{
    if (*operation->subject.open == operation)
        *operation->subject.open = NULL;
    operation->subject.open = &operation->nothing;
}

void operation_begin(struct operation *operation)
{
    struct operations *operations = operation->operations;
    struct operation **open = operation->subject.open;

    if (*open)
        operation_happens(*open, OPERATION_REPLACED,
                          operation->kind == OPERATION_RESIZE
                              ? "another size was requested before the guest had this one"
                              : "an unplug was requested before the guest responded");
    if (*open)
        close_operation(*open);
    operation->id = ++operations->last_id;
    operation->started = operations_now(operations);
    operation->deadline = operations->deadlines[operation->kind];
    *open = operation;
    operation->subject.type->begins(operation);
    operation_remember(operation);
    arm_deadline(operation);
    operation->begun = queue_event(operation, operation->subject.type->events.started);
    if (operation->begun)
        operation->begun->begins = operation;
}

void operation_continue(struct operation *operation, uint64_t id, uint64_t elapsed, uint64_t deadline)
{
    operation->id = id;
    operation->started = operations_now(operation->operations) - elapsed;
    operation->deadline = deadline;
    *operation->subject.open = operation;
    operation_remember(operation);
    arm_deadline(operation);
}

void operation_answered(struct operation *operation, uint32_t ost_event, uint32_t ost_status)
{
    operation->answered = true;
    operation->ost_event = ost_event;
    operation->ost_status = ost_status;
}

/* Behind the operation's start, before its end. */
static void report_refusal(struct operation *operation)
{
    if (operation->subject.type->refused)
        operation->subject.type->refused(operation);
    event_queue_add(&operation->operations->events,
                    &(struct event){ .kind = EVENT_DEVICE_UNPLUG_GUEST_ERROR,
                                     .device.id = operation->subject.id,
                                     .device.path = operation->subject.path });
}

static void end_operation(struct operation *operation, enum operation_result result)
{
    operation->result = result;
    operation->ended = operations_now(operation->operations);
    timer_cancel(&operation->timer);
    if (!operation_is_open(operation->kind, result))
        close_operation(operation);
    if (result == OPERATION_REFUSED && operation->kind == OPERATION_UNPLUG)
        report_refusal(operation);
    queue_event(operation, operation->subject.type->events.done);
    operations_post_end(operation->operations);
}

static void emit_late(struct operation *operation, enum operation_result result)
{
    struct operation_info info;

    operation->late = true;
    operation->ended = operations_now(operation->operations);
    operation_inspect(operation, &info);
    info.result = result;
    close_operation(operation);
    if (result == OPERATION_REFUSED && operation->kind == OPERATION_UNPLUG)
        report_refusal(operation);
    event_queue_add(&operation->operations->events,
                    &(struct event){ .kind = operation->subject.type->events.late, .operation = &info });
}

void operation_happens(struct operation *operation, enum operation_event event, const char *reason)
{
    const struct subject_type *type = operation->subject.type;
    struct operation_step step;

    if (type->happening)
        type->happening(operation); /* by which it may end */
    step = operation_next(operation->kind, operation->result, event);
    if (step.action == OPERATION_STAYS)
        return;
    if (event == OPERATION_DENIED)
        type->explain_refusal(operation);
    if (reason)
        snprintf(operation->reason, sizeof operation->reason, "%s", reason);
    if (step.action == OPERATION_ENDS)
        end_operation(operation, step.result);
    else if (step.action == OPERATION_LATE)
        emit_late(operation, step.result);
    else
        close_operation(operation);
    if (type->happened)
        type->happened(operation);
}

void operation_withdraw(struct operation *operation)
{
    operation->subject.type->withdraw(operation);
}

bool operation_cancel(struct operation *operation, struct error *error)
{
    const char *device = operation->subject.id ? operation->subject.id : "(no id)";

    if (operation->result != OPERATION_IN_PROGRESS)
        return error_set(error, "operation %llu has ended: %s; there is nothing to cancel",
                         (unsigned long long)operation->id, operation_result_name(operation->result));
    if (operation->kind == OPERATION_PLUG)
        return error_set(
            error,
            "operation %llu plugs '%s', which is already visible to the guest and may be in use: a plug can't be withdrawn; request its removal with device_del %s",
            (unsigned long long)operation->id, device, device);
    operation_withdraw(operation);
    operation_happens(operation, OPERATION_WITHDRAWN, "withdrawn; the guest may already be processing it");
    return true;
}

bool operations_cancel(struct operations *operations, uint64_t id, struct error *error)
{
    struct operation *operation = operation_find(operations, id);

    if (!operation)
        return error_set(
            error,
            "operation %llu not found; query-memory-operations, query-cpu-operations and query-device-operations list those in progress and the last %d that have ended",
            (unsigned long long)id, OPERATIONS_KEPT);
    return operation_cancel(operation, error);
}
