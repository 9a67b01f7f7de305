/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The state machine of operations, as one table of states and events.
 *
 * Threads: any; there is no state here.
 */
#ifndef VMM_HOTPLUG_OPERATION_TABLE_H
#define VMM_HOTPLUG_OPERATION_TABLE_H

#include <stdbool.h>

enum operation_kind {
    OPERATION_PLUG,
    OPERATION_UNPLUG,
    OPERATION_RESIZE, /* of a device that the guest has as much of as is requested */
    OPERATION_KINDS,
};

enum operation_result {
    OPERATION_IN_PROGRESS,
    OPERATION_DONE,
    OPERATION_REFUSED,    /* the guest refused, or released the device that it was to accept */
    OPERATION_UNANSWERED, /* the deadline passed */
    OPERATION_CANCELLED,  /* withdrawn by the client, or overtaken by a reset */
};

enum operation_event {
    OPERATION_TAKEN,     /* the guest reported that it uses the device, or found it when it started, or has as
                            much of it as was requested */
    OPERATION_DENIED,    /* the guest refused the request */
    OPERATION_GONE,      /* the device was removed, and its resources were returned to the host */
    OPERATION_EXPIRED,   /* the deadline passed */
    OPERATION_WITHDRAWN, /* the client withdrew the request */
    OPERATION_RESET,     /* the guest was reset */
    OPERATION_REPLACED,  /* another operation begins with the same device */
};

enum operation_action {
    OPERATION_STAYS, /* no effect */
    OPERATION_ENDS,  /* with this result, which is reported as MEMORY_OPERATION_DONE */
    OPERATION_LATE,  /* the result is unchanged, and this one is reported as MEMORY_OPERATION_LATE */
    OPERATION_SHUT,  /* nothing is reported, and no event has an effect any more */
};

struct operation_step {
    enum operation_action action;
    enum operation_result result; /* of ENDS and LATE */
};

struct operation_step operation_next(enum operation_kind kind, enum operation_result state,
                                     enum operation_event event);
/* Whether an event can still have an effect. */
bool operation_is_open(enum operation_kind kind, enum operation_result state);

/* The names in queries and events, literals. */
const char *operation_kind_name(enum operation_kind kind);
const char *operation_result_name(enum operation_result result);

#endif
