/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The operations that are remembered, and who waits for them. See operation.h.
 */
#include "hotplug/operation.h"

#include <stdlib.h>
#include <string.h>

struct operation *operation_new(struct operations *operations, enum operation_kind kind,
                                const struct subject *subject, struct error *error)
{
    const size_t id = subject->id ? strlen(subject->id) + 1 : 0, path = strlen(subject->path) + 1;
    struct operation *operation = calloc(1, sizeof *operation + id + path);

    if (!operation) {
        error_set(error, "out of memory");
        return NULL;
    }
    operation->operations = operations;
    operation->kind = kind;
    operation->subject = *subject;
    if (subject->id)
        operation->subject.id = memcpy(operation->names, subject->id, id);
    operation->subject.path = memcpy(operation->names + id, subject->path, path);
    return operation;
}

void operation_discard(struct operation *operation)
{
    if (!operation)
        return;
    if (operation->begun)
        operation->begun->begins = NULL;
    timer_cancel(&operation->timer);
    free(operation);
}

/* By number: a restored one may be older than others that are restored already. */
void operation_remember(struct operation *operation)
{
    struct operations *operations = operation->operations;
    struct operation **link = &operations->first;

    if (operations->first && operations->newest->id < operation->id)
        link = &operations->newest->next;
    while (*link && (*link)->id < operation->id)
        link = &(*link)->next;
    operation->next = *link;
    *link = operation;
    if (!operation->next)
        operations->newest = operation;
}

/* Forget the oldest that have ended, but none that the guest may still answer or somebody waits for. */
static void forget_oldest(struct operations *operations)
{
    struct operation **link = &operations->first, *before = NULL;

    while (*link && operations->ended > OPERATIONS_KEPT) {
        struct operation *operation = *link;

        if (operation->result == OPERATION_IN_PROGRESS || operation->watchers ||
            *operation->subject.open == operation) {
            link = &operation->next;
            before = operation;
            continue;
        }
        *link = operation->next;
        if (operations->newest == operation)
            operations->newest = before;
        operations->ended--;
        operation_discard(operation);
    }
}

void operation_watch(struct operation *operation, struct operation_watcher *watcher)
{
    watcher->next = operation->watchers;
    operation->watchers = watcher;
    operation->operations->watchers++;
}

void operation_unwatch(struct operation *operation, struct operation_watcher *watcher)
{
    struct operation_watcher **link = &operation->watchers;

    while (*link && *link != watcher)
        link = &(*link)->next;
    if (*link) {
        *link = watcher->next;
        operation->operations->watchers--;
    }
}

static void notify_watchers(struct operation *operation)
{
    struct operation_watcher *watcher;

    while ((watcher = operation->watchers) != NULL) {
        operation->watchers = watcher->next;
        operation->operations->watchers--;
        watcher->ended(watcher->opaque, operation);
    }
}

/* Not from within operation_happens(), which a command of somebody else may have called. Only here are
 * operations forgotten, so that nobody who ends one, or looks at one that has ended, holds what is freed. */
static void notify(void *opaque)
{
    struct operations *operations = opaque;

    event_queue_send(&operations->events);
    for (struct operation *operation = operations->watchers > 0 ? operations->first : NULL; operation;
         operation = operation->next)
        if (operation->result != OPERATION_IN_PROGRESS)
            notify_watchers(operation);
    forget_oldest(operations);
}

void operations_post_end(struct operations *operations)
{
    operations->ended++;
    loop_post(operations->loop, &operations->notify);
}

struct operation *operation_next_of(const struct operations *operations, const void *owner,
                                    const struct operation *last)
{
    struct operation *operation = last ? last->next : operations->first;

    while (operation && operation->subject.owner != owner)
        operation = operation->next;
    return operation;
}

struct operation *operation_find(const struct operations *operations, uint64_t id)
{
    struct operation *operation = operations->first;

    while (operation && operation->id != id)
        operation = operation->next;
    return operation;
}

void operations_init(struct operations *operations)
{
    operations->notify = (struct work){ .run = notify, .opaque = operations };
    operations->events.loop = operations->loop;
    operations->events.work = &operations->notify;
}

void operations_free(struct operations *operations)
{
    event_queue_send(&operations->events);
    loop_cancel(operations->loop, &operations->notify);
    while (operations->first) {
        struct operation *operation = operations->first;

        if (operation->result == OPERATION_IN_PROGRESS)
            operation->result = OPERATION_CANCELLED; /* hotram ends; only watchers hear of it */
        notify_watchers(operation);
        operations->first = operation->next;
        operation_discard(operation);
    }
}
