/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Events that wait for the event loop. See event_queue.h.
 */
#include "hotplug/event_queue.h"

#include <stdlib.h>
#include <string.h>

#include "base/loop.h"
#include "hotplug/operation.h"
#include "hotplug/resize_report.h"

static void discard(struct queued_event *queued)
{
    if (queued->event.kind == EVENT_MEMORY_SET_DONE)
        resize_report_release(queued->event.set);
    free(queued->path);
    free(queued);
}

/* A copy of all that the event borrows but for what outlives it. */
static struct queued_event *keep(const struct event *event)
{
    struct queued_event *queued = calloc(1, sizeof *queued);

    if (!queued)
        return NULL;
    queued->event = *event;
    switch (event->kind) {
    case EVENT_MEMORY_SET_DONE:
        resize_report_hold(event->set);
        return queued;
    case EVENT_DEVICE_UNPLUG_GUEST_ERROR:
        queued->event.device.path = queued->path = strdup(event->device.path);
        if (queued->path)
            return queued;
        discard(queued);
        return NULL;
    default:
        queued->operation = *event->operation;
        queued->event.operation = &queued->operation;
        return queued;
    }
}

void event_queue_send(struct event_queue *queue)
{
    struct queued_event *queued;

    while ((queued = queue->first) != NULL) {
        queue->first = queued->next;
        if (queued->begins)
            queued->begins->begun = NULL;
        queue->sink(queue->opaque, &queued->event);
        discard(queued);
    }
}

struct queued_event *event_queue_add(struct event_queue *queue, const struct event *event)
{
    struct queued_event **link = &queue->first;
    struct queued_event *queued = keep(event);

    if (!queued) {
        event_queue_send(queue); /* in order; and rather before the reply than not at all */
        queue->sink(queue->opaque, event);
        return NULL;
    }
    while (*link)
        link = &(*link)->next;
    *link = queued;
    loop_post(queue->loop, queue->work);
    return queued;
}
