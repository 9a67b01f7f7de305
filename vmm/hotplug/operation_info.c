/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An operation as events and queries show it. See operation_info.h.
 */
#include "hotplug/operation_info.h"

#include <stdio.h>

#include "hotplug/operation.h"

uint64_t operations_now(const struct operations *operations)
{
    return guest_clock_now(operations->clock) / 1000000;
}

uint64_t operation_milliseconds(const struct operation *operation)
{
    return (operation->result == OPERATION_IN_PROGRESS ? operations_now(operation->operations)
                                                       : operation->ended) -
           operation->started;
}

/* That the guest is stopped is said while it is. */
static void set_warning(struct operation_info *info, const struct operation *operation)
{
    const struct operations *operations = operation->operations;
    const char *stopped = operation->result == OPERATION_IN_PROGRESS ? operations->stopped(operations->opaque)
                                                                     : NULL;

    if (stopped)
        snprintf(info->warning, sizeof info->warning, "%s%s%s; its deadline is suspended until it runs",
                 operation->warning, operation->warning[0] ? "; " : "", stopped);
    else
        snprintf(info->warning, sizeof info->warning, "%s", operation->warning);
}

void operation_inspect(const struct operation *operation, struct operation_info *info)
{
    *info = (struct operation_info){
        .type = operation->subject.type,
        .id = operation->id,
        .kind = operation->kind,
        .result = operation->result,
        .device = operation->subject.id,
        .path = operation->subject.path,
        .answered = operation->answered,
        .ost_event = operation->ost_event,
        .ost_status = operation->ost_status,
        .milliseconds = operation_milliseconds(operation),
        .deadline = operation->deadline,
        .late = operation->late,
    };
    snprintf(info->reason, sizeof info->reason, "%s", operation->reason);
    set_warning(info, operation);
    operation->subject.type->inspect(operation, info);
}
