/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Events that are sent from the event loop, after the reply of the command that caused them: some clients
 * take the line after a command for its reply. They are sent in the order in which they were queued.
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
    struct event event;              /* its pointers refer to: */
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

/* Queue an event of an operation, a memory set or a device. The operation's data is copied, except its
 * device's id. Returns the queued event; NULL: out of memory, and the event and all before it have been sent.
 */
struct queued_event *event_queue_add(struct event_queue *queue, const struct event *event);
/* Send all queued events, from the event loop, and at the end of the program. Each is removed from the list
 * before it is sent. */
void event_queue_send(struct event_queue *queue);

#endif
