/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The states of an operation, as one table: what happens to it, and what follows.
 *
 * Threads: any; there is no state here.
 */
#ifndef VMM_HOTPLUG_OPERATION_TABLE_H
#define VMM_HOTPLUG_OPERATION_TABLE_H

#include <stdbool.h>

enum operation_kind { OPERATION_PLUG, OPERATION_UNPLUG };

enum operation_result {
    OPERATION_IN_PROGRESS,
    OPERATION_DONE,
    OPERATION_REFUSED,    /* the guest said no, or released the device that it was to take */
    OPERATION_UNANSWERED, /* the deadline passed */
    OPERATION_CANCELLED,  /* withdrawn by whoever asked, or overtaken by a reset */
};

enum operation_event {
    OPERATION_TAKEN,     /* the guest reported that it has the device, or found it as it started */
    OPERATION_DENIED,    /* the guest's last word on the request is no */
    OPERATION_GONE,      /* the device has gone, and the host has what it was made of */
    OPERATION_EXPIRED,   /* the deadline passed */
    OPERATION_WITHDRAWN, /* whoever asked took the request back */
    OPERATION_RESET,     /* the guest starts anew */
    OPERATION_REPLACED,  /* another operation begins with the same device */
};

enum operation_action {
    OPERATION_STAYS, /* nothing follows */
    OPERATION_ENDS,  /* with this result, which is reported as MEMORY_OPERATION_DONE */
    OPERATION_LATE,  /* the result stays what it was, and this one is reported as MEMORY_OPERATION_LATE */
    OPERATION_SHUT,  /* nothing can follow any more, and nothing is reported */
};

struct operation_step {
    enum operation_action action;
    enum operation_result result; /* of ENDS and LATE */
};

struct operation_step operation_next(enum operation_kind kind, enum operation_result state,
                                     enum operation_event event);
/* Whether anything can still follow. */
bool operation_is_open(enum operation_kind kind, enum operation_result state);

/* In words. */
const char *operation_kind_name(enum operation_kind kind);
const char *operation_result_name(enum operation_result result);

#endif
