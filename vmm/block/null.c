/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * null-co: a disk that keeps nothing, and answers after latency-ns, for tests and measurements.
 *
 * Threads: the queue's alone.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/fault.h"
#include "block/engine.h"

struct null {
    struct block_requests late; /* by the time at which they end: it is the same for all */
    int timer;
};

static bool create(struct block_queue *queue, struct error *error)
{
    struct null *null = calloc(1, sizeof *null);

    if (!null)
        return error_set(error, "out of memory");
    block_requests_init(&null->late);
    null->timer = queue->fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
    if (null->timer < 0) {
        error_set(error, "timerfd: %s", strerror(errno));
        free(null);
        return false;
    }
    queue->state = null;
    return true;
}

static void destroy(struct block_queue *queue)
{
    struct null *null = queue->state;

    close(null->timer);
    free(null);
}

static void zero(void *opaque)
{
    const struct block_request *request = opaque;

    for (unsigned i = 0; i < request->count; i++)
        memset(request->iov[i].iov_base, 0, request->iov[i].iov_len);
}

static void end(struct block_queue *queue, struct block_request *request)
{
    const bool zeroes = request->kind == BLOCK_READ && queue->bottom->read_zeroes;

    block_request_fail(request, zeroes && !fault_guard(zero, request, NULL) ? EFAULT : 0);
    block_requests_append(&queue->ended, request);
}

static uint64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* For the first that is late. */
static void set_timer(struct null *null)
{
    const uint64_t due = null->late.first ? null->late.first->due : 0;
    const struct itimerspec when = { .it_value = { .tv_sec = (time_t)(due / 1000000000),
                                                   .tv_nsec = (long)(due % 1000000000) } };

    /* Cannot fail: both are what timerfd_settime() takes. */
    (void)timerfd_settime(null->timer, TFD_TIMER_ABSTIME, &when, NULL);
}

static void submit(struct block_queue *queue)
{
    const uint64_t latency = queue->bottom->latency;
    struct null *null = queue->state;
    const bool idle = !null->late.first;
    struct block_request *request;

    while ((request = block_requests_take(&queue->waiting)) != NULL) {
        if (latency == 0) {
            end(queue, request);
            continue;
        }
        /* The kernel's times are signed. */
        request->due = latency < INT64_MAX - request->began ? request->began + latency : INT64_MAX;
        block_requests_append(&null->late, request);
    }
    if (idle && null->late.first)
        set_timer(null);
}

static void reap(struct block_queue *queue)
{
    struct null *null = queue->state;
    const struct block_request *first = null->late.first;
    const uint64_t time = first ? now() : 0;
    uint64_t times;

    if (!first || first->due > time)
        return;
    while (null->late.first && null->late.first->due <= time)
        end(queue, block_requests_take(&null->late));
    RESULT_DOES_NOT_MATTER(read(null->timer, &times, sizeof times) < 0, "it need not have gone off");
    set_timer(null);
}

static bool room(const struct block_queue *queue)
{
    (void)queue;
    return true;
}

const struct block_engine block_engine_null = {
    .name = "null", .create = create, .destroy = destroy, .submit = submit, .room = room, .reap = reap
};
