/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memory set: change the guest's memory to a size, by plugging and unplugging DIMMs, and by requesting other
 * sizes of virtio-mem devices, one after the other.
 *
 * - resize_model.c: a copy of the bank, for planning
 * - resize_blocks.c: virtio-mem devices in it
 * - resize_attempt.c: whether a size can be reached, and by which DIMMs: the library's planner, node by node
 * - resize_nearest.c: why a size cannot be reached, and the nearest ones that can
 * - resize_plan.c: the three together
 * - resize_report.c: the contents of events and queries
 * - resize_run.c: the steps, one at a time; a new plan if the guest refuses one
 * - resize.c: beginning, joining and cancelling
 *
 * At most one is in progress. Sizes are those of the guest: RAM at start, DIMMs and plugged blocks together,
 * of one node or all.
 *
 * Threads: main thread only.
 */
#ifndef VMM_HOTPLUG_RESIZE_H
#define VMM_HOTPLUG_RESIZE_H

#include <hotram/plan.h>

#include "base/error.h"

struct hotplug;
struct resize_report;

struct resize_request {
    uint64_t size; /* bytes */
    bool node_given;
    uint32_t node;
    bool at_most;         /* the result must not exceed it */
    const char *template; /* of new DIMMs, or NULL: the machine's */
    uint64_t deadline;    /* of each operation, milliseconds; 0: the machine's */
};

struct resize_step {
    struct hotram_plan_step step; /* of a DIMM */
    uint32_t node;                /* of a new DIMM, or of the device */
    /* Or, if `blocks`, request `requested` of the virtio-mem device with this range, which then has
     * `present`; bytes. */
    bool blocks;
    uint32_t range;
    uint64_t present, requested;
};

/* The limit of steps is rarely reached; another request continues from there. */
#define RESIZE_STEPS_MAX (HOTRAM_PLAN_STEPS_MAX + HOTRAM_RANGES_MAX)

struct resize_plan {
    uint64_t present; /* bytes before the first step */
    uint64_t reached; /* and after the last */
    struct error why; /* why that is not the requested size; text "": it is */
    uint32_t count;
    struct resize_step steps[RESIZE_STEPS_MAX];
};

/* Waits for the end. The struct belongs to the waiter, and has been removed from the list when `ended` is
 * called. The report is borrowed. `ended` is also called when the guest has been stopped for as long as the
 * operation in progress may take (operation.h); the report then includes that operation, and the set
 * continues. */
struct resize_watcher {
    void (*ended)(void *opaque, const struct resize_report *report);
    void (*progress)(void *opaque, const char *line); /* one line about the progress; may be NULL */
    void *opaque;
    struct resize_watcher *next;
};

/* Plan from the present state of the bank; pending removals are waited for. `fixed` contains for each slot
 * whether its DIMM must not be removed, and behind the machine's slots for each range whether its blocks must
 * remain as they are; NULL: none. False and an error that, like `why`, names the nearest
 * sizes that can be reached. */
bool resize_plan(struct hotplug *hotplug, const struct resize_request *request, const bool *fixed,
                 struct resize_plan *plan, struct error *error);
/* Create a report of a plan, which the caller releases. NULL: out of memory. */
struct resize_report *resize_report_plan(struct hotplug *hotplug, const struct resize_request *request,
                                         const struct resize_plan *plan);

/* Convert a size that was given with '+' or '-' (`sign`), relative to the present memory of the request's
 * node or of all nodes, into an absolute one. False and an error: no such node, or the size is out of range.
 */
bool resize_resolve(struct hotplug *hotplug, struct resize_request *request, char sign, struct error *error);

/* Begin; the watcher is called at the end, from the event loop. A request that equals the one in progress
 * joins it. False and an error: another one is in progress, or the size cannot be reached; the watcher is not
 * called. */
bool resize_begin(struct hotplug *hotplug, const struct resize_request *request,
                  struct resize_watcher *watcher, struct error *error);
/* Whether there is one, and how far it is: its report so far, borrowed until the next call, or NULL. */
const struct resize_report *resize_report_current(const struct hotplug *hotplug);
bool resize_is_running(const struct hotplug *hotplug);
/* End it after the step in progress; an unplug in progress is withdrawn. */
void resize_cancel(struct hotplug *hotplug);
/* The waiter goes; the set continues. */
void resize_unwatch(struct hotplug *hotplug, struct resize_watcher *watcher);
void resize_free(struct hotplug *hotplug);

/* Whether anything can change: there are slots, or virtio-mem devices. False and an error: not so. */
bool resize_check_enabled(const struct hotplug *hotplug, struct error *error);
/* The guest's bytes now, of the request's node or all. */
uint64_t resize_present(struct hotplug *hotplug, const struct resize_request *request);

#endif
