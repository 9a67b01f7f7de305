/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memory set: the steps of a plan, one at a time, each an operation that is waited for. See resize.h.
 */
#include "hotplug/resize.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_build.h"
#include "hotplug/state.h"
#include "memory/backend_memory.h"

struct resize {
    struct hotplug *hotplug;
    struct resize_request request;
    char *template;
    struct resize_plan plan;
    uint32_t next;                  /* step */
    bool fixed[HOTRAM_SLOTS_MAX];   /* the guest has refused to give them back */
    uint32_t looks;                 /* at what is left, after the last step */
    uint64_t present;               /* before the first step */
    struct json_object *steps;      /* as they were planned first */
    struct json_object *operations; /* that have ended */
    struct operation *operation;    /* the one that is waited for */
    struct operation_watcher watcher;
    char coming[DIMM_PATH]; /* id of the DIMM whose memory is being allocated, or "" */
    bool stopping;
    struct error reason;  /* why it ended early; text "": it did not */
    struct error refusal; /* what the guest said last when it kept a DIMM */
    struct error proof;   /* the planner's: why nothing comes nearer */
    struct timer timer;   /* goes on from the event loop */
    struct resize_watcher *watchers;
};

static void go_on(void *opaque);

/* ---- what is told ---- */

static struct json_object *describe_steps(struct hotplug *hotplug, const struct resize_plan *plan)
{
    struct json_object *array = json_new_array();

    for (uint32_t i = 0; i < plan->count; i++) {
        const struct resize_step *step = &plan->steps[i];
        bool plug = step->step.action == HOTRAM_PLAN_PLUG;
        struct json_object *object = json_new_object();
        const struct dimm *dimm = plug ? NULL : hotplug->dimm[step->step.slot];

        add_string(object, "action", plug ? "plug" : "unplug");
        add_number(object, "size", step->step.size);
        add_number(object, "addr", step->step.addr);
        if (plug)
            add_number(object, "node", step->node);
        else
            add_number(object, "slot", step->step.slot);
        if (dimm && dimm->device.id)
            add_string(object, "device", dimm->device.id);
        json_append(array, object);
    }
    return array;
}

static struct json_object *describe(const struct resize_request *request, uint64_t present, uint64_t reached)
{
    struct json_object *object = json_new_object();

    add_number(object, "requested", request->size);
    if (request->node_given)
        add_number(object, "node", request->node);
    add_number(object, "current", present);
    add_number(object, "result-size", reached);
    return object;
}

struct json_object *resize_describe_plan(struct hotplug *hotplug, const struct resize_request *request,
                                         const struct resize_plan *plan)
{
    struct json_object *object = describe(request, plan->present, plan->reached);

    json_add(object, "plan", describe_steps(hotplug, plan));
    if (plan->why.text[0])
        add_string(object, "reason", plan->why.text);
    return object;
}

static struct json_object *describe_all(const struct resize *resize)
{
    uint64_t now = resize_present(resize->hotplug, &resize->request);
    struct json_object *object = describe(&resize->request, resize->present, now);

    json_add(object, "plan", json_object_get(resize->steps));
    json_add(object, "operations", json_object_get(resize->operations));
    if (resize->reason.text[0])
        add_string(object, "reason", resize->reason.text);
    return object;
}

struct json_object *resize_under_way(const struct hotplug *hotplug)
{
    return hotplug->resize ? describe_all(hotplug->resize) : NULL;
}

bool resize_is_under_way(const struct hotplug *hotplug)
{
    return hotplug->resize != NULL;
}

static void say(struct resize *resize, const char *line)
{
    for (struct resize_watcher *watcher = resize->watchers; watcher; watcher = watcher->next)
        if (watcher->say)
            watcher->say(watcher->opaque, line);
}

/* ---- the end ---- */

static void release(struct resize *resize)
{
    timer_cancel(&resize->timer);
    json_object_put(resize->steps);
    json_object_put(resize->operations);
    free(resize->template);
    free(resize);
}

static bool is_there(const struct resize *resize)
{
    return resize_present(resize->hotplug, &resize->request) == resize->request.size;
}

static void finish(struct resize *resize)
{
    struct hotplug *hotplug = resize->hotplug;
    struct json_object *result;
    struct resize_watcher *watcher;

    if (!resize->reason.text[0] && !is_there(resize))
        error_set(&resize->reason, "%s%s%s", resize->refusal.text, resize->refusal.text[0] ? "; " : "",
                  resize->proof.text);
    result = describe_all(resize);
    hotplug->resize = NULL;
    hotplug_tell(hotplug, "MEMORY_SET_DONE", json_object_get(result));
    while ((watcher = resize->watchers) != NULL) {
        resize->watchers = watcher->next;
        watcher->ended(watcher->opaque, result);
    }
    json_object_put(result);
    release(resize);
}

static void later(struct resize *resize)
{
    if (!timer_runs(&resize->timer))
        timer_start(resize->hotplug->config.board->loop, &resize->timer, 0, go_on, resize);
}

/* ---- steps ---- */

static void note(struct error *error, const struct operation *operation)
{
    error_set(error, "%s of %s: %s%s%s", operation_kind_name(operation->kind),
              operation->device ? operation->device : "a DIMM without id",
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
static bool plan_what_is_left(struct resize *resize)
{
    if (resize->stopping || resize->looks == 2 * HOTRAM_SLOTS_MAX || is_there(resize))
        return false;
    resize->looks++;
    return plan_again(resize);
}

static void step_ended(void *opaque, const struct operation *operation)
{
    struct resize *resize = opaque;
    struct hotplug *hotplug = resize->hotplug;

    resize->operation = NULL;
    json_append(resize->operations, operation_describe(operation));
    if (operation->kind == OPERATION_UNPLUG && operation->result == OPERATION_REFUSED && !resize->stopping) {
        note(&resize->refusal, operation);
        resize->fixed[operation->slot] = true;
        resize->next = resize->plan.count; /* another plan, without it */
    } else if (operation->result != OPERATION_DONE) {
        resize->stopping = true;
        if (!resize->reason.text[0])
            note(&resize->reason, operation);
        /* Nobody wants it back any more. */
        if (operation->kind == OPERATION_UNPLUG && hotplug->operation[operation->slot] == operation)
            operation_withdraw(hotplug->operation[operation->slot]);
    }
    later(resize);
}

/* With the operation that is under way, which describe_all() leaves out. */
static struct json_object *describe_standstill(const struct resize *resize, const struct operation *operation)
{
    struct json_object *result = describe_all(resize);
    struct json_object *operations = json_new_array();
    struct error reason;

    for (size_t i = 0; i < json_object_array_length(resize->operations); i++)
        json_append(operations, json_object_get(json_object_array_get_idx(resize->operations, i)));
    json_append(operations, operation_describe(operation));
    json_add(result, "operations", operations);
    error_set(&reason, "%s; memory set goes on when it runs, or ends by memory-set-cancel",
              hotplug_stopped(resize->hotplug));
    add_string(result, "reason", reason.text);
    return result;
}

/* The guest is stopped, and has been for long: nobody waits any more, but the set goes on when it runs. */
static void step_stands(void *opaque, const struct operation *operation)
{
    struct resize *resize = opaque;
    struct json_object *result = describe_standstill(resize, operation);
    struct resize_watcher *watcher;

    while ((watcher = resize->watchers) != NULL) {
        resize->watchers = watcher->next;
        watcher->ended(watcher->opaque, result);
    }
    json_object_put(result);
}

static void wait_for(struct resize *resize, struct operation *operation)
{
    char line[256];
    char size[SIZE_TEXT];

    if (resize->request.deadline)
        operation_set_deadline(operation, resize->request.deadline);
    resize->operation = operation;
    resize->watcher =
        (struct operation_watcher){ .ended = step_ended, .stands = step_stands, .opaque = resize };
    operation_watch(operation, &resize->watcher);
    snprintf(line, sizeof line, "%s of %.80s (%s), step %u of %u", operation_kind_name(operation->kind),
             operation->device ? operation->device : "(no id)", size_text(operation->size, size),
             resize->next, resize->plan.count);
    say(resize, line);
}

static void allocated(void *opaque, const struct error *error)
{
    struct resize *resize = opaque;
    struct operation *operation = error ? NULL : hotplug_operation_of(resize->hotplug, resize->coming);

    resize->coming[0] = '\0';
    if (operation) {
        wait_for(resize, operation);
        return;
    }
    if (error)
        resize->reason = *error;
    resize->stopping = true;
    later(resize);
}

static void allocating(void *opaque, const char *id, uint64_t done, uint64_t size)
{
    char line[256];
    char some[SIZE_TEXT], all[SIZE_TEXT];

    snprintf(line, sizeof line, "%.80s: %s of %s", id, size_text(done, some), size_text(size, all));
    say(opaque, line);
}

static void plug(struct resize *resize, const struct resize_step *step)
{
    struct module module = {
        .size = step->step.size,
        .addr_given = true,
        .addr = step->step.addr,
        .node_given = true,
        .node = step->node,
        .template = resize->request.template,
    };
    const struct completion watcher = { allocated, allocating, resize };
    struct error error;

    switch (hotplug_plug_module(resize->hotplug, &module, &watcher, &error)) {
    case OUTCOME_DONE:
        wait_for(resize, hotplug_operation_of(resize->hotplug, module.id));
        break;
    case OUTCOME_LATER:
        snprintf(resize->coming, sizeof resize->coming, "%s", module.id);
        break;
    default:
        resize->reason = error;
        resize->stopping = true;
        later(resize);
    }
}

static void unplug(struct resize *resize, const struct resize_step *step)
{
    struct error error;
    struct operation *operation = hotplug_unplug_slot(resize->hotplug, step->step.slot, &error);

    if (operation) {
        wait_for(resize, operation);
        return;
    }
    resize->reason = error;
    resize->stopping = true;
    later(resize);
}

/* The next step, or the end. */
static void go_on(void *opaque)
{
    struct resize *resize = opaque;
    const struct resize_step *step;

    if (resize->stopping || (resize->next == resize->plan.count && !plan_what_is_left(resize))) {
        finish(resize);
        return;
    }
    step = &resize->plan.steps[resize->next++];
    if (step->step.action == HOTRAM_PLAN_PLUG)
        plug(resize, step);
    else
        unplug(resize, step);
}

/* ---- from outside ---- */

static bool is_same_node(const struct resize_request *one, const struct resize_request *other)
{
    return one->node_given == other->node_given && (!one->node_given || one->node == other->node);
}

static bool is_same(const struct resize *resize, const struct resize_request *request)
{
    return resize->request.size == request->size && is_same_node(&resize->request, request) &&
           resize->request.at_most == request->at_most && !resize->stopping;
}

static bool check(struct hotplug *hotplug, const struct resize_request *request, struct error *error)
{
    char size[SIZE_TEXT];

    if (hotplug->resize)
        return error_set(
            error,
            "memory set to %s is under way; wait for its end (event MEMORY_SET_DONE), or end it by "
            "cancelling the operation under way",
            size_text(hotplug->resize->request.size, size));
    if (!hotplug_check_enabled(hotplug, error) ||
        (request->node_given && !hotplug_check_node(hotplug, request->node, error)))
        return false; /* before anybody looks into the node */
    if (request->size != resize_present(hotplug, request) && hotplug_stopped(hotplug))
        return error_set(error, "%s; until then it can neither take nor give memory",
                         hotplug_stopped(hotplug));
    return true;
}

static struct resize *create(struct hotplug *hotplug, const struct resize_request *request,
                             struct error *error)
{
    struct resize *resize = calloc(1, sizeof *resize);

    if (!resize) {
        error_set(error, "out of memory");
        return NULL;
    }
    resize->hotplug = hotplug;
    resize->request = *request;
    if (request->template)
        resize->request.template = resize->template = strdup(request->template);
    if (request->template && !resize->template) {
        release(resize);
        error_set(error, "out of memory");
        return NULL;
    }
    if (!resize_plan(hotplug, request, NULL, &resize->plan, error)) {
        release(resize);
        return NULL;
    }
    resize->present = resize->plan.present;
    resize->proof = resize->plan.why;
    resize->steps = describe_steps(hotplug, &resize->plan);
    resize->operations = json_new_array();
    return resize;
}

bool resize_begin(struct hotplug *hotplug, const struct resize_request *request,
                  struct resize_watcher *watcher, struct error *error)
{
    if (!hotplug->resize || !is_same(hotplug->resize, request)) {
        if (!check(hotplug, request, error))
            return false;
        hotplug->resize = create(hotplug, request, error);
        if (!hotplug->resize)
            return false;
        later(hotplug->resize);
    }
    watcher->next = hotplug->resize->watchers;
    hotplug->resize->watchers = watcher;
    return true;
}

void resize_cancel(struct hotplug *hotplug)
{
    struct resize *resize = hotplug->resize;
    const struct dimm *dimm;

    if (!resize || resize->stopping)
        return;
    resize->stopping = true;
    error_set(&resize->reason, "cancelled");
    if (resize->operation && operation_cancel(resize->operation, NULL))
        return; /* step_ended() follows */
    if (resize->operation) {
        /* A plug cannot be withdrawn; it goes on by itself. */
        operation_unwatch(resize->operation, &resize->watcher);
        json_append(resize->operations, operation_describe(resize->operation));
        resize->operation = NULL;
    }
    dimm = resize->coming[0] ? hotplug_find(hotplug, resize->coming) : NULL;
    if (dimm)
        backend_fill_cancel(dimm->backend); /* allocated() follows */
    else
        later(resize);
}

void resize_unwatch(struct hotplug *hotplug, struct resize_watcher *watcher)
{
    struct resize_watcher **link = hotplug->resize ? &hotplug->resize->watchers : NULL;

    while (link && *link && *link != watcher)
        link = &(*link)->next;
    if (link && *link)
        *link = watcher->next;
}

void resize_free(struct hotplug *hotplug)
{
    struct resize *resize = hotplug->resize;

    if (!resize)
        return;
    if (resize->operation)
        operation_unwatch(resize->operation, &resize->watcher);
    error_set(&resize->reason, "hotram ends");
    finish(resize);
}
