/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A memory set in progress.
 *
 * Threads: main thread only.
 */
#ifndef VMM_HOTPLUG_RESIZE_RUN_H
#define VMM_HOTPLUG_RESIZE_RUN_H

#include "hotplug/resize_report.h"
#include "hotplug/state.h"

struct resize {
    struct hotplug *hotplug;
    struct resize_request request;
    char *template;
    struct resize_plan plan;
    uint32_t next; /* index of the next step */
    /* By slot: the guest has refused its removal; behind the machine's slots, by range: it has not plugged or
     * unplugged all blocks that were requested, and no more is requested. */
    bool fixed[HOTRAM_PLACES_MAX];
    uint32_t replans;             /* number of plans after the first that began when all steps were done */
    struct resize_report *report; /* `reason`: why it ended early */
    struct operation *operation;  /* the one in progress */
    struct operation_watcher watcher;
    char populating_id[DIMM_ID_SIZE]; /* id of the DIMM whose memory is being allocated, or "" */
    bool stopping;
    struct error refusal; /* the guest's last refusal to remove a DIMM or to change blocks */
    struct error proof;   /* the planner's reason why no plan comes nearer */
    struct timer timer;   /* continues from the event loop */
    struct resize_watcher *watchers;
};

/* Have the next step taken, or the end reached, from the event loop. */
void resize_schedule(struct resize *resize);
/* End it: call its watchers, and free it. */
void resize_finish(struct resize *resize);
/* Free it without calling its watchers. */
void resize_release(struct resize *resize);
/* The present report, borrowed until the next call. */
const struct resize_report *resize_report_now(const struct resize *resize);

#endif
