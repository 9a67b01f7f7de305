/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A memory set while it takes its steps.
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
    uint32_t next;                /* step */
    bool fixed[HOTRAM_SLOTS_MAX]; /* the guest has refused to give them back */
    uint32_t replans;             /* at what is left, after the last step */
    struct resize_report *report; /* its reason: why it ended early */
    struct operation *operation;  /* the one that is waited for */
    struct operation_watcher watcher;
    char populating_id[DIMM_ID_SIZE]; /* id of the DIMM whose memory is being allocated, or "" */
    bool stopping;
    struct error refusal; /* what the guest said last when it kept a DIMM */
    struct error proof;   /* the planner's: why nothing comes nearer */
    struct timer timer;   /* continues from the event loop */
    struct resize_watcher *watchers;
};

/* The next step, or the end, from the event loop. */
void resize_schedule(struct resize *resize);
/* The end: its watchers are called, and it is freed. */
void resize_finish(struct resize *resize);
/* Without that. */
void resize_release(struct resize *resize);
/* How far it is: borrowed. */
const struct resize_report *resize_report_now(const struct resize *resize);

#endif
