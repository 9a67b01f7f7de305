/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Events that the event loop sends: behind the reply of the command that caused them, for clients that take
 * the line after a command for its answer. They leave in the order in which they were queued.
 *
 * Threads: main thread only.
 */
#ifndef VMM_HOTPLUG_EVENT_QUEUE_H
#define VMM_HOTPLUG_EVENT_QUEUE_H

#include "base/event.h"
#include "hotplug/operation_info.h"

struct loop;
struct work;

struct queued_event {
    struct event event;              /* what it points to is kept: */
    struct operation_info operation; /* of an operation's */
    char *path;                      /* of a device's, owned */
    struct operation *begins;        /* of its STARTED: it points back by `begun` */
    struct queued_event *next;
};

struct event_queue {
    event_sink *sink;
    void *opaque;
    struct loop *loop;
    struct work *work;          /* which calls event_queue_send() */
    struct queued_event *first; /* oldest first */
};

/* Operations, sets and devices. What an event says of an operation is copied, with a reference to its
 * device's id. Returns what waits to be sent; NULL if memory is short, and then it and all before it are sent
 * now. */
struct queued_event *event_queue_add(struct event_queue *queue, const struct event *event);
/* From the event loop, and at the end. Each is off the list before it is sent. */
void event_queue_send(struct event_queue *queue);

#endif
