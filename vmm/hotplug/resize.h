/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memory set: bring the guest to a size, by plugging and unplugging DIMMs one after the other.
 *
 * resize_model.c    a copy of the bank, to plan with
 * resize_attempt.c  whether a size can be reached, and by which DIMMs: the library's planner, node by node
 * resize_nearest.c  why one cannot be, and the nearest that can
 * resize_plan.c     the three together
 * resize_report.c   what one says of itself
 * resize_run.c      the steps, one at a time; another plan when the guest refuses one
 * resize.c          how one begins, is joined and cancelled
 *
 * There is one at a time. Sizes are the guest's: RAM at start and DIMMs together, of one node or all.
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
    bool at_most;         /* rather below than above */
    const char *template; /* of new DIMMs, or NULL: the machine's */
    uint64_t deadline;    /* of each operation, milliseconds; 0: the machine's */
};

struct resize_step {
    struct hotram_plan_step step;
    uint32_t node; /* of a new DIMM */
};

/* More than enough: whoever needs more steps continues from there with another request. */
#define RESIZE_STEPS_MAX HOTRAM_PLAN_STEPS_MAX

struct resize_plan {
    uint64_t present; /* bytes before the first step */
    uint64_t reached; /* and after the last */
    struct error why; /* why that is not what was asked for; text "": it is */
    uint32_t count;
    struct resize_step steps[RESIZE_STEPS_MAX];
};

/* Who waits. The struct belongs to the waiter and is off the list when `ended` is called. The report is
 * borrowed. Like operations' it is also called when the guest has been
 * stopped for as long as the operation in progress may take (operation.h), with that operation among those of
 * the result; then the set continues. */
struct resize_watcher {
    void (*ended)(void *opaque, const struct resize_report *report);
    void (*progress)(void *opaque, const char *line); /* how far it is; may be NULL */
    void *opaque;
    struct resize_watcher *next;
};

/* Plan from the bank as it is. DIMMs that the guest was asked for before are waited for. `fixed`: for each
 * slot, not to be removed; NULL for none. The error, like `why`, names the nearest sizes that can be reached.
 */
bool resize_plan(struct hotplug *hotplug, const struct resize_request *request, const bool *fixed,
                 struct resize_plan *plan, struct error *error);
/* A new report of it, to be released. NULL: out of memory. */
struct resize_report *resize_report_plan(struct hotplug *hotplug, const struct resize_request *request,
                                         const struct resize_plan *plan);

/* A size with '+' or '-' in front is relative to what the guest has now, of the request's node or all: make
 * it absolute. False and an error: no such node, or beyond what a size can be. */
bool resize_resolve(struct hotplug *hotplug, struct resize_request *request, char sign, struct error *error);

/* Begin; the watcher is called at the end, from the event loop. The same request as one in progress joins it,
 * any other is refused. */
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

/* The guest's bytes now, of the request's node or all. */
uint64_t resize_present(struct hotplug *hotplug, const struct resize_request *request);

#endif
