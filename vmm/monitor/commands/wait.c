/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waiting for operations. See wait.h.
 *
 * One wait is one pending command: first, perhaps, for memory that is being allocated, then for the guest.
 */
#include "monitor/commands/wait.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/loop.h"
#include "base/result.h"
#include "hotplug/operation.h"
#include "machine/machine.h"
#include "monitor/memory_json.h"

#define TICK 1000 /* milliseconds between two lines that say how far it is */

bool wait_check_timeout(bool given, uint32_t timeout, struct error *error)
{
    return !given || (timeout >= 1 && timeout <= WAIT_SECONDS_MAX) ||
           error_set(error, "Parameter 'timeout' expects 1 to %d seconds; got %" PRIu32, WAIT_SECONDS_MAX,
                     timeout);
}

struct wait {
    struct machine *machine;
    struct pending *pending;
    uint64_t deadline;           /* of the operation, 0: the machine's */
    bool until_end;              /* wait for the end */
    struct operation *operation; /* NULL while memory is being allocated */
    struct operation_watcher watcher;
    struct timer timer;
    char device[]; /* its id */
};

static void wait_free(struct wait *wait)
{
    if (!wait)
        return;
    timer_cancel(&wait->timer);
    free(wait);
}

/* The answer: the operation as it is, or an error. */
static void answer(struct wait *wait, const struct operation *operation, const struct error *error)
{
    pending_finish(wait->pending, error ? NULL : operation_json_now(operation), error);
    wait_free(wait);
}

static void wait_ended(void *opaque, const struct operation *operation)
{
    answer(opaque, operation, NULL);
}

/* The guest was stopped meanwhile, and for long: the answer is the operation under way, whose warning says
 * so. */
static void wait_stalled(void *opaque, const struct operation *operation)
{
    struct wait *wait = opaque;

    operation_unwatch(wait->operation, &wait->watcher);
    answer(wait, operation, NULL);
}

static void tick(void *opaque)
{
    struct wait *wait = opaque;
    const struct operation *operation = wait->operation;
    const char *stopped = machine_stopped(wait->machine);
    char line[512];

    snprintf(line, sizeof line, "%s of %.80s: waiting for the guest, %" PRIu64 " s of %" PRIu64 " s%s%s%s",
             operation_kind_name(operation->kind), wait->device, operation_milliseconds(operation) / 1000,
             operation->deadline / 1000,
             operation->answered ? "; it has reported that it is working on it" : "", stopped ? "; " : "",
             stopped ? stopped : "");
    pending_progress(wait->pending, line);
    timer_start(machine_loop(wait->machine), &wait->timer, TICK, tick, wait);
}

/* A plug cannot be withdrawn: only the waiting ends, from the event loop. */
static void stop_waiting(void *opaque)
{
    struct wait *wait = opaque;

    operation_unwatch(wait->operation, &wait->watcher);
    answer(wait, wait->operation, NULL);
}

static void cancel(void *opaque)
{
    struct wait *wait = opaque;
    char memory[512];

    if (!wait->operation) {
        snprintf(memory, sizeof memory, "memory.%s", wait->device);
        hotplug_cancel_plug(machine_hotplug(wait->machine), memory);
    } else if (!operation_cancel(wait->operation, NULL) && wait->operation->result == OPERATION_IN_PROGRESS) {
        timer_start(machine_loop(wait->machine), &wait->timer, 0, stop_waiting, wait);
    }
}

static void watch(struct wait *wait, struct operation *operation)
{
    wait->operation = operation;
    wait->watcher =
        (struct operation_watcher){ .ended = wait_ended, .stalled = wait_stalled, .opaque = wait };
    operation_watch(operation, &wait->watcher);
    timer_start(machine_loop(wait->machine), &wait->timer, TICK, tick, wait);
}

/* The memory is there, or will not be. */
static void allocated(void *opaque, const struct error *error)
{
    struct wait *wait = opaque;
    struct operation *operation = error ? NULL
                                        : hotplug_operation_of(machine_hotplug(wait->machine), wait->device);

    if (operation && wait->deadline)
        operation_set_deadline(operation, wait->deadline);
    if (operation && wait->until_end)
        watch(wait, operation);
    else
        answer(wait, operation, error);
}

static void allocating(void *opaque, const char *id, uint64_t done, uint64_t size)
{
    struct wait *wait = opaque;

    prealloc_progress(wait->machine, wait->pending, id, done, size);
}

bool wait_allowed(const struct monitor_context *context, bool wait, struct error *error)
{
    const char *stopped = machine_stopped(context->machine);

    return !wait || !stopped ||
           error_set(error, "%s; until then it cannot respond: %s returns without waiting", stopped,
                     context->keyval ? "wait=off" : "'wait': false");
}

/* All that is needed later, before the first effect. `room`: for the id and its NUL. */
static struct wait *prepare(struct monitor_context *context, size_t room, uint64_t deadline, bool until_end,
                            struct error *error)
{
    struct wait *wait;

    if (!wait_allowed(context, until_end, error))
        return NULL;
    wait = calloc(1, sizeof *wait + room);
    if (wait) {
        wait->machine = context->machine;
        wait->deadline = deadline;
        wait->until_end = until_end;
        wait->pending = command_defer(context);
    }
    if (wait && wait->pending)
        return wait;
    error_set(error, "out of memory");
    wait_free(wait);
    return NULL;
}

/* The answer is not to come later. */
static void undo(struct monitor_context *context, struct wait *wait)
{
    command_undefer(context);
    wait_free(wait);
}

static void defer_answer(struct wait *wait)
{
    wait->pending->cancel = cancel;
    wait->pending->opaque = wait;
}

/* The operation has begun: answer with it, or wait. */
static void answer_or_wait(struct monitor_context *context, struct wait *wait, struct operation *operation,
                           struct json_object **result)
{
    if (wait->deadline)
        operation_set_deadline(operation, wait->deadline);
    if (wait->until_end) {
        watch(wait, operation);
        defer_answer(wait);
        return;
    }
    *result = operation_json_now(operation);
    undo(context, wait);
}

bool wait_for_plug(struct monitor_context *context, struct auto_dimm *auto_dimm, uint64_t deadline,
                   bool wait_end, struct json_object **result, struct error *error)
{
    struct hotplug *hotplug = machine_hotplug(context->machine);
    size_t room = auto_dimm->id ? strlen(auto_dimm->id) + 1 : sizeof auto_dimm->made_id;
    struct wait *wait = prepare(context, room, deadline, wait_end, error);
    const struct completion watcher = { allocated, allocating, wait };
    enum outcome outcome;

    if (!wait)
        return false;
    outcome = hotplug_plug_auto_dimm(hotplug, auto_dimm, &watcher, error);
    if (outcome == OUTCOME_FAILED) {
        undo(context, wait);
        return false;
    }
    strcpy(wait->device, auto_dimm->id);
    if (outcome == OUTCOME_LATER)
        defer_answer(wait);
    else
        answer_or_wait(context, wait, hotplug_operation_of(hotplug, auto_dimm->id), result);
    return true;
}

/* `sign`: of a change of blocks by `size`; 0: a DIMM goes. */
static bool wait_for_change(struct monitor_context *context, const char *id, char sign, uint64_t size,
                            uint64_t deadline, bool wait_end, struct json_object **result,
                            struct error *error)
{
    struct hotplug *hotplug = machine_hotplug(context->machine);
    struct wait *wait = prepare(context, strlen(id) + 1, deadline, wait_end, error);
    struct operation *operation;

    if (!wait)
        return false;
    strcpy(wait->device, id);
    operation = sign ? hotplug_change_blocks(hotplug, id, sign, size, error)
                     : hotplug_unplug(hotplug, id, error);
    if (!operation) {
        undo(context, wait);
        return false;
    }
    answer_or_wait(context, wait, operation, result);
    return true;
}

bool wait_for_unplug(struct monitor_context *context, const char *id, uint64_t deadline, bool wait_end,
                     struct json_object **result, struct error *error)
{
    return wait_for_change(context, id, '\0', 0, deadline, wait_end, result, error);
}

bool wait_for_blocks(struct monitor_context *context, const char *id, char sign, uint64_t size,
                     uint64_t deadline, bool wait_end, struct json_object **result, struct error *error)
{
    return wait_for_change(context, id, sign, size, deadline, wait_end, result, error);
}

/* What the guest itself says that it has gained. */
static void print_growth(struct text *out, struct json_object *operation)
{
    const char *verified = get_string(operation, "verified");
    char gained[SIZE_TEXT_MAX];

    if (*verified && strcmp(verified, "unknown") != 0)
        text_printf(out, "  verified: %s, the guest has gained %s\n", verified,
                    size_text(get_number(operation, "gained"), gained));
}

void print_waits_for(struct text *out, const char *indent, struct json_object *result)
{
    struct json_object *names = json_object_object_get(result, "waits-for");

    if (!names)
        return;
    text_printf(out, "%swaits for:", indent);
    for (size_t i = 0; i < json_object_array_length(names); i++)
        text_printf(out, "%s %s", i > 0 ? "," : "",
                    json_object_get_string(json_object_array_get_idx(names, i)));
    text_string(out, "\n");
}

void print_operation(struct text *out, struct json_object *operation)
{
    const char *result = get_string(operation, "result");
    const char *reason = get_string(operation, "reason");
    const char *warning = get_string(operation, "warning");
    char size[SIZE_TEXT_MAX];

    text_printf(out, "operation %" PRIu64 ": %s of %s", get_number(operation, "id"),
                get_string(operation, "operation"),
                *get_string(operation, "device") ? get_string(operation, "device")
                : *get_string(operation, "path") ? get_string(operation, "path")
                                                 : "(no id)");
    if (json_object_object_get_ex(operation, "plugged", NULL)) /* of blocks */
        text_printf(out, " to %s", size_text(get_number(operation, "size"), size));
    else if (json_object_object_get_ex(operation, "size", NULL)) /* a DIMM */
        text_printf(out, " (%s)", size_text(get_number(operation, "size"), size));
    text_printf(out, ": %s%s%" PRIu64 " ms", result, strcmp(result, "in-progress") == 0 ? " for " : " after ",
                get_number(operation, "milliseconds"));
    if (*reason)
        text_printf(out, ": %s", reason);
    text_string(out, "\n");
    if (*warning)
        text_printf(out, "  warning: %s\n", warning);
    print_growth(out, operation);
    print_waits_for(out, "  ", operation);
}
