/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a memory set, or a plan for one, says of itself: for its event, its answer and queries.
 *
 * Threads: main thread only.
 */
#ifndef VMM_HOTPLUG_RESIZE_REPORT_H
#define VMM_HOTPLUG_RESIZE_REPORT_H

#include "base/error.h"
#include "hotplug/operation_info.h"
#include "hotplug/resize.h"

/* A step as it was planned first. */
struct resize_report_step {
    bool plug;
    uint64_t size, addr; /* bytes */
    uint32_t node;       /* plug */
    uint32_t slot;       /* unplug */
    char *device;        /* and the DIMM's id, or NULL */
};

/* An operation that has ended, which may be forgotten meanwhile. */
struct operation_record {
    struct operation_info info;
    struct operation_record *next;
    char device[];
};

struct resize_report {
    unsigned users; /* it is freed with the last of them */
    uint64_t requested;
    bool node_given;
    uint32_t node;
    uint64_t present, reached; /* bytes: before the first step, and now (of a plan: after the last) */
    uint32_t step_count;
    struct resize_report_step *steps;
    bool is_plan; /* nothing is done, and so there are no operations */
    struct operation_record *operations, **last;
    const struct operation_info *in_progress; /* behind these; NULL: none is shown */
    struct error reason;                      /* why it is not what was requested; text "": it is */
    bool incomplete;                          /* memory was short for a part of it */
};

/* A new one, with one user. NULL: out of memory. */
struct resize_report *resize_report_new(struct hotplug *hotplug, const struct resize_request *request,
                                        const struct resize_plan *plan);
void resize_report_add(struct resize_report *report, const struct operation *operation);
/* One user more, or less. Whoever only reads may hold it. */
void resize_report_hold(const struct resize_report *report);
void resize_report_release(const struct resize_report *report);

#endif
