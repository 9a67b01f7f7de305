/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An operation as monitors show it: the members of MEMORY_OPERATION_DONE and of query-memory-operations.
 */
#include <stdio.h>

#include "base/json_build.h"
#include "hotplug/operation.h"
#include "hotplug/state.h"

uint64_t operation_milliseconds(const struct operation *operation)
{
    return (operation->result == OPERATION_UNDER_WAY ? operation_now(operation->hotplug) : operation->ended) -
           operation->started;
}

static void add_text(struct json_object *object, const char *name, const char *text)
{
    if (text && text[0])
        add_string(object, name, text);
}

/* That the guest is stopped is said while it is. */
static void add_warning(struct json_object *object, const struct operation *operation)
{
    const char *stopped = operation->result == OPERATION_UNDER_WAY ? hotplug_stopped(operation->hotplug)
                                                                   : NULL;
    char both[2 * OPERATION_REASON];

    if (stopped)
        snprintf(both, sizeof both, "%s%s%s; its time to answer counts only while it runs",
                 operation->warning, operation->warning[0] ? "; " : "", stopped);
    add_text(object, "warning", stopped ? both : operation->warning);
}

struct json_object *operation_describe(const struct operation *operation)
{
    struct json_object *object = json_new_object();

    add_number(object, "id", operation->id);
    add_text(object, "device", operation->device);
    add_number(object, "slot", operation->slot);
    add_number(object, "size", operation->size);
    add_text(object, "operation", operation_kind_name(operation->kind));
    add_text(object, "result", operation_result_name(operation->result));
    add_text(object, "reason", operation->reason);
    add_warning(object, operation);
    if (operation->answered) {
        struct json_object *ost = json_new_object();

        add_number(ost, "source", operation->ost_event);
        add_number(ost, "status", operation->ost_status);
        add_text(ost, "text", ost_text(operation->ost_event, operation->ost_status));
        json_add(object, "ost", ost);
    }
    add_number(object, "milliseconds", operation_milliseconds(operation));
    add_number(object, "deadline", operation->deadline);
    if (operation->late)
        add_bool(object, "late", true);
    return object;
}
