/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * memory set: how one begins, is joined, is asked for and cancelled. Its steps: resize_run.c. See resize.h.
 */
#include "hotplug/resize.h"

#include <stdlib.h>
#include <string.h>

#include "hotplug/resize_run.h"

struct resize_report *resize_report_plan(struct hotplug *hotplug, const struct resize_request *request,
                                         const struct resize_plan *plan)
{
    struct resize_report *report = resize_report_new(hotplug, request, plan);

    if (report) {
        report->is_plan = true;
        report->reason = plan->why;
    }
    return report;
}

const struct resize_report *resize_report_current(const struct hotplug *hotplug)
{
    return hotplug->resize ? resize_report_now(hotplug->resize) : NULL;
}

bool resize_is_running(const struct hotplug *hotplug)
{
    return hotplug->resize != NULL;
}

static bool is_same_node(const struct resize_request *one, const struct resize_request *other)
{
    return one->node_given == other->node_given && (!one->node_given || one->node == other->node);
}

static bool is_same_request(const struct resize *resize, const struct resize_request *request)
{
    return resize->request.size == request->size && is_same_node(&resize->request, request) &&
           resize->request.at_most == request->at_most && !resize->stopping;
}

static bool check_request(struct hotplug *hotplug, const struct resize_request *request, struct error *error)
{
    char size[SIZE_TEXT_MAX];

    if (hotplug->resize)
        return error_set(
            error,
            "memory set to %s is in progress; wait for it to end (event MEMORY_SET_DONE), or cancel its operation",
            size_text(hotplug->resize->request.size, size));
    if (!resize_check_enabled(hotplug, error) ||
        (request->node_given && !hotplug_check_node(hotplug, request->node, error)))
        return false; /* before anybody looks into the node */
    if (request->size != resize_present(hotplug, request) && hotplug_stopped(hotplug))
        return error_set(error, "%s; until then its memory cannot change", hotplug_stopped(hotplug));
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
        resize_release(resize);
        error_set(error, "out of memory");
        return NULL;
    }
    if (!resize_plan(hotplug, request, NULL, &resize->plan, error)) {
        resize_release(resize);
        return NULL;
    }
    resize->proof = resize->plan.why;
    resize->report = resize_report_new(hotplug, request, &resize->plan);
    if (resize->report)
        return resize;
    resize_release(resize);
    error_set(error, "out of memory");
    return NULL;
}

bool resize_resolve(struct hotplug *hotplug, struct resize_request *request, char sign, struct error *error)
{
    char change[SIZE_TEXT_MAX], current[SIZE_TEXT_MAX];
    uint64_t present;

    if (!resize_check_enabled(hotplug, error) ||
        (request->node_given && !hotplug_check_node(hotplug, request->node, error)))
        return false;
    present = resize_present(hotplug, request);
    if (sign == '-' ? request->size > present : request->size > UINT64_MAX - present)
        return error_set(error, "memory set %c%s: the %s has %s", sign, size_text(request->size, change),
                         request->node_given ? "node" : "guest", size_text(present, current));
    request->size = sign == '-' ? present - request->size : present + request->size;
    return true;
}

bool resize_begin(struct hotplug *hotplug, const struct resize_request *request,
                  struct resize_watcher *watcher, struct error *error)
{
    if (!hotplug->resize || !is_same_request(hotplug->resize, request)) {
        if (!check_request(hotplug, request, error))
            return false;
        hotplug->resize = create(hotplug, request, error);
        if (!hotplug->resize)
            return false;
        resize_schedule(hotplug->resize);
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
    error_set(&resize->report->reason, "cancelled");
    if (resize->operation && operation_cancel(resize->operation, NULL))
        return; /* step_ended() follows */
    if (resize->operation) {
        /* A plug cannot be withdrawn; it continues by itself. */
        operation_unwatch(resize->operation, &resize->watcher);
        resize_report_add(resize->report, resize->operation);
        resize->operation = NULL;
    }
    dimm = resize->populating_id[0] ? hotplug_find(hotplug, resize->populating_id) : NULL;
    if (dimm)
        dimm_cancel_plug(dimm, &resize->report->reason); /* allocation_ended() follows */
    else
        resize_schedule(resize);
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
    error_set(&resize->report->reason, "hotram ends");
    resize_finish(resize);
}
