/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The report of a memory set, or of a plan for one: for its event, its result and queries.
 *
 * Threads: main thread only.
 */
#ifndef VMM_HOTPLUG_RESIZE_REPORT_H
#define VMM_HOTPLUG_RESIZE_REPORT_H

#include "base/error.h"
#include "hotplug/operation_info.h"
#include "hotplug/resize.h"

/* A step of the first plan. */
struct resize_report_step {
    bool plug;
    bool blocks;         /* neither plug nor unplug: request `size` of a virtio-mem device */
    uint64_t size, addr; /* bytes; no address of blocks */
    uint64_t present;    /* blocks: bytes before */
    uint32_t node;       /* plug, blocks */
    uint32_t slot;       /* unplug */
    char *device;        /* unplug, blocks: its id, or NULL */
};

/* A copy of an operation that has ended. */
struct operation_record {
    struct operation_info info;
    struct operation_record *next;
    char device[];
};

struct resize_report {
    unsigned users; /* references: it is freed with the last */
    uint64_t requested;
    bool node_given;
    uint32_t node;
    uint64_t present, reached; /* bytes: before the first step, and now (of a plan: after the last) */
    uint32_t step_count;
    struct resize_report_step *steps;
    bool is_plan; /* of a plan only: there are no operations */
    struct operation_record *operations, **last;
    const struct operation_info *in_progress; /* follows them; NULL: none is shown */
    struct error reason; /* why `reached` differs from `requested`; text "": it does not */
    bool incomplete;     /* a part is missing, for lack of memory */
};

/* Create a report with one user. NULL: out of memory. */
struct resize_report *resize_report_new(struct hotplug *hotplug, const struct resize_request *request,
                                        const struct resize_plan *plan);
/* Append an operation that has ended; without memory, only `incomplete` is set. */
void resize_report_add(struct resize_report *report, const struct operation *operation);
/* Add or release a user. */
void resize_report_hold(const struct resize_report *report);
void resize_report_release(const struct resize_report *report);

#endif
