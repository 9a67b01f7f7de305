/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The steps of a memory set, one at a time, each an operation that is waited for. See resize_run.h.
 */
#include "hotplug/resize_run.h"
#include "hotplug/mem.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- reports ---- */

const struct resize_report *resize_report_now(const struct resize *resize)
{
    resize->report->reached = resize_present(resize->hotplug, &resize->request);
    return resize->report;
}

static void report_progress(struct resize *resize, const char *line)
{
    for (struct resize_watcher *watcher = resize->watchers; watcher; watcher = watcher->next)
        if (watcher->progress)
            watcher->progress(watcher->opaque, line);
}

/* ---- the end ---- */

void resize_release(struct resize *resize)
{
    timer_cancel(&resize->timer);
    resize_report_release(resize->report);
    free(resize->template);
    free(resize);
}

static bool has_requested_size(const struct resize *resize)
{
    return resize_present(resize->hotplug, &resize->request) == resize->request.size;
}

static void notify_watchers(struct resize *resize, const struct resize_report *report)
{
    struct resize_watcher *watcher;

    while ((watcher = resize->watchers) != NULL) {
        resize->watchers = watcher->next;
        watcher->ended(watcher->opaque, report);
    }
}

void resize_finish(struct resize *resize)
{
    struct hotplug *hotplug = resize->hotplug;

    if (!resize->report->reason.text[0] && !has_requested_size(resize))
        error_set(&resize->report->reason, "%s%s%s", resize->refusal.text,
                  resize->refusal.text[0] ? "; " : "", resize->proof.text);
    hotplug->resize = NULL;
    event_queue_add(&hotplug->operations.events,
                    &(struct event){ .kind = EVENT_MEMORY_SET_DONE, .set = resize_report_now(resize) });
    notify_watchers(resize, resize->report);
    resize_release(resize);
}

static void next_step(void *opaque);

void resize_schedule(struct resize *resize)
{
    if (!timer_runs(&resize->timer))
        timer_start(resize->hotplug->config.board->loop, &resize->timer, 0, next_step, resize);
}

/* ---- steps ---- */

static void set_error_from(struct error *error, const struct operation *operation)
{
    error_set(error, "%s of %s: %s%s%s", operation_kind_name(operation->kind),
              operation->subject.id                 ? operation->subject.id
              : operation->kind == OPERATION_RESIZE ? "a virtio-mem device without an id"
                                                    : "a DIMM without an id",
              operation_result_name(operation->result), operation->reason[0] ? ": " : "", operation->reason);
}

/* From what is there now, without what the guest keeps. False: nothing comes nearer, and `proof` says why. */
static bool plan_again(struct resize *resize)
{
    resize->next = 0;
    if (resize_plan(resize->hotplug, &resize->request, resize->fixed, &resize->plan, &resize->proof)) {
        resize->proof = resize->plan.why;
        return resize->plan.count > 0;
    }
    resize->plan.count = 0;
    return false;
}

/* All steps are done, and the size is another one all the same: the guest kept a DIMM, or one came or went
 * that the plan did not know of. Whether anything comes nearer, the planner says. A plan that shrinks and
 * misses the size may be followed by another one, so there is an end to looking: each DIMM can be refused,
 * and replaced, once. */
static bool plan_rest(struct resize *resize)
{
    if (resize->stopping || resize->replans == 2 * HOTRAM_SLOTS_MAX || has_requested_size(resize))
        return false;
    resize->replans++;
    return plan_again(resize);
}

/* The device is to stay as it is. */
static void hold_blocks(struct resize *resize, const struct operation *operation)
{
    struct mem_device *mem = resize->hotplug->mem[operation->subject.blocks.range];

    resize->fixed[resize->hotplug->config.slots + operation->subject.blocks.range] = true;
    if (mem && mem->sizes.requested == operation->subject.blocks.requested)
        mem_size_request(mem, mem->sizes.plugged);
}

static void step_ended(void *opaque, const struct operation *operation)
{
    struct resize *resize = opaque;

    resize->operation = NULL;
    resize_report_add(resize->report, operation);
    if (operation->kind == OPERATION_RESIZE && operation->result != OPERATION_DONE)
        hold_blocks(resize, operation);
    if (operation->kind == OPERATION_RESIZE && !resize->stopping &&
        (operation->result == OPERATION_REFUSED || operation->result == OPERATION_UNANSWERED)) {
        /* Another plan, with what it has: a driver that can do nothing says nothing. */
        set_error_from(&resize->refusal, operation);
        resize->next = resize->plan.count;
    } else if (operation->kind == OPERATION_UNPLUG && operation->result == OPERATION_REFUSED &&
               !resize->stopping) {
        set_error_from(&resize->refusal, operation);
        resize->fixed[operation->subject.memory.slot] = true;
        resize->next = resize->plan.count; /* another plan, without it */
    } else if (operation->result != OPERATION_DONE) {
        resize->stopping = true;
        if (!resize->report->reason.text[0])
            set_error_from(&resize->report->reason, operation);
        /* Nobody wants it back any more. */
        if (operation->kind == OPERATION_UNPLUG && *operation->subject.open == operation)
            operation_withdraw(*operation->subject.open);
    }
    resize_schedule(resize);
}

/* The guest is stopped, and has been for long: nobody waits any more, but the set continues when it runs.
 * Their report has the operation that is in progress, too. */
static void step_stalled(void *opaque, const struct operation *operation)
{
    struct resize *resize = opaque;
    struct resize_report report = *resize_report_now(resize);
    struct operation_info info;

    operation_inspect(operation, &info);
    report.in_progress = &info;
    error_set(&report.reason, "%s; memory set continues when it runs; memory-set-cancel ends it",
              hotplug_stopped(resize->hotplug));
    notify_watchers(resize, &report);
}

static void wait_for_operation(struct resize *resize, struct operation *operation)
{
    char line[256];
    char size[SIZE_TEXT_MAX];

    if (resize->request.deadline)
        operation_set_deadline(operation, resize->request.deadline);
    resize->operation = operation;
    resize->watcher =
        (struct operation_watcher){ .ended = step_ended, .stalled = step_stalled, .opaque = resize };
    operation_watch(operation, &resize->watcher);
    snprintf(line, sizeof line, "%s of %.80s (%s), step %u of %u", operation_kind_name(operation->kind),
             operation->subject.id ? operation->subject.id : "(no id)",
             size_text(operation->kind == OPERATION_RESIZE ? operation->subject.blocks.requested
                                                           : operation->subject.memory.size,
                       size),
             resize->next, resize->plan.count);
    report_progress(resize, line);
}

/* NULL: the step could not begin. */
static void wait_or_stop(struct resize *resize, struct operation *operation, const struct error *why)
{
    if (operation) {
        wait_for_operation(resize, operation);
        return;
    }
    resize->report->reason = *why;
    resize->stopping = true;
    resize_schedule(resize);
}

static void allocation_ended(void *opaque, const struct error *error)
{
    struct resize *resize = opaque;
    struct operation *operation = error ? NULL : hotplug_operation_of(resize->hotplug, resize->populating_id);

    resize->populating_id[0] = '\0';
    if (operation && !resize->stopping) {
        wait_for_operation(resize, operation);
        return;
    }
    if (operation) /* the end came too late for it, and it continues by itself */
        resize_report_add(resize->report, operation);
    if (error)
        resize->report->reason = *error;
    resize->stopping = true;
    resize_schedule(resize);
}

static void allocation_progress(void *opaque, const char *id, uint64_t done, uint64_t size)
{
    char line[256];
    char some[SIZE_TEXT_MAX], all[SIZE_TEXT_MAX];

    snprintf(line, sizeof line, "%.80s: %s of %s", id, size_text(done, some), size_text(size, all));
    report_progress(opaque, line);
}

static void start_plug(struct resize *resize, const struct resize_step *step)
{
    struct auto_dimm auto_dimm = {
        .size = step->step.size,
        .place = { .addr = step->step.addr, .addr_given = true, .node = step->node, .node_given = true },
        .template = resize->request.template,
    };
    const struct completion watcher = { allocation_ended, allocation_progress, resize };
    struct error error;

    switch (hotplug_plug_auto_dimm(resize->hotplug, &auto_dimm, &watcher, &error)) {
    case OUTCOME_DONE:
        wait_for_operation(resize, hotplug_operation_of(resize->hotplug, auto_dimm.id));
        break;
    case OUTCOME_LATER:
        snprintf(resize->populating_id, sizeof resize->populating_id, "%s", auto_dimm.id);
        break;
    default:
        resize->report->reason = error;
        resize->stopping = true;
        resize_schedule(resize);
    }
}

/* The device may have gone since the plan was made. */
static void start_blocks(struct resize *resize, const struct resize_step *step)
{
    struct mem_device *mem = resize->hotplug->mem[step->range];
    struct operation *operation = NULL;
    struct error error;

    if (!mem)
        error_set(&error, "a virtio-mem device of the plan is gone");
    else if (mem_check_requested(mem, step->requested, &error))
        operation = mem_size_begin(mem, step->requested, &error);
    wait_or_stop(resize, operation, &error);
}

static void start_unplug(struct resize *resize, const struct resize_step *step)
{
    struct error error;
    struct operation *operation = hotplug_unplug_slot(resize->hotplug, step->step.slot, &error);

    wait_or_stop(resize, operation, &error);
}

/* The next step, or the end. */
static void next_step(void *opaque)
{
    struct resize *resize = opaque;
    const struct resize_step *step;

    if (resize->stopping || (resize->next == resize->plan.count && !plan_rest(resize))) {
        resize_finish(resize);
        return;
    }
    step = &resize->plan.steps[resize->next++];
    if (step->blocks)
        start_blocks(resize, step);
    else if (step->step.action == HOTRAM_PLAN_PLUG)
        start_plug(resize, step);
    else
        start_unplug(resize, step);
}
