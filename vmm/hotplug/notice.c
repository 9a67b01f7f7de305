/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The queue of what a guest does at registers. See notice.h.
 */
#include "hotplug/notice.h"

#include <string.h>

/* A guest that reports all the time would keep the main thread busy by nothing but waking it: then its
 * notices are collected for a while. */
#define REST_MS 10
#define REST_AFTER 64u

void notice_queue_init(struct notice_queue *queue, struct loop *loop, struct machine_lock *lock,
                       void (*handle)(void *opaque), void *opaque)
{
    *queue = (struct notice_queue){ .loop = loop, .lock = lock };
    queue->work = (struct work){ .run = handle, .opaque = opaque };
}

void notice_queue_end(struct notice_queue *queue)
{
    loop_cancel(queue->loop, &queue->work);
    timer_cancel(&queue->rest);
}

void notice_queue_wake(struct notice_queue *queue)
{
    if (!queue->resting)
        loop_post(queue->loop, &queue->work);
}

void notice_record(struct notice_queue *queue, struct notice notice)
{
    if (queue->count < NOTICES_MAX)
        queue->notices[queue->count++] = notice;
    else if (notice.kind == NOTICE_OST)
        queue->missed[notice.slot] = true;
    notice_queue_wake(queue);
}

uint32_t notices_take(struct notice_queue *queue, struct notice *notices)
{
    const uint32_t count = queue->count;

    memcpy(notices, queue->notices, count * sizeof *notices);
    queue->count = 0;
    return count;
}

static void pause_ended(void *opaque)
{
    struct notice_queue *queue = opaque;

    queue->work.run(queue->work.opaque);
}

void notices_handled(struct notice_queue *queue, uint32_t count)
{
    uint64_t now = loop_now();

    if (now - queue->window >= REST_MS) {
        queue->window = now;
        queue->handled = 0;
    }
    queue->handled += count;
    if (queue->handled >= REST_AFTER && !timer_runs(&queue->rest))
        timer_start(queue->loop, &queue->rest, REST_MS, pause_ended, queue);
    machine_lock_take(queue->lock);
    queue->resting = timer_runs(&queue->rest);
    if (!queue->resting && queue->count > 0) /* noted since they were taken, while it rested */
        loop_post(queue->loop, &queue->work);
    machine_lock_release(queue->lock);
}
