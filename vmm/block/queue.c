/* SPDX-License-Identifier: BSD-2-Clause */
#include "block/queue.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "block/engine.h"
#include "block/node.h"

static uint64_t now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
}

/* io_uring where the host lets us, unless something else is asked for. */
static bool choose_engine(struct block_queue *queue, struct error *error)
{
    const enum block_aio aio = queue->bottom->aio;

    if (queue->bottom->driver->engine) {
        queue->engine = queue->bottom->driver->engine;
        return queue->engine->create(queue, error);
    }
    queue->engine = block_engine_uring;
    if (aio == BLOCK_AIO_URING && !queue->engine)
        return error_set(error,
                         "aio=io_uring: this hotram was built without liburing; aio=threads needs none");
    if (queue->engine && aio != BLOCK_AIO_THREADS) {
        if (queue->engine->create(queue, error))
            return true;
        if (aio == BLOCK_AIO_URING)
            return error_prefix(error, "aio=io_uring: ");
    }
    queue->engine = &block_engine_threads;
    return queue->engine->create(queue, error);
}

struct block_queue *block_queue_create(struct block_user *user, struct error *error)
{
    struct block_queue *queue = calloc(1, sizeof *queue);

    if (!queue) {
        error_set(error, "out of memory");
        return NULL;
    }
    *queue = (struct block_queue){ .fd = -1, .user = user, .flushes = true, .unmaps = true };
    block_requests_init(&queue->waiting);
    block_requests_init(&queue->ended);
    for (struct block_node *node = user->node; node; node = node->below) {
        queue->bottom = node;
        queue->flushes = queue->flushes && !node->no_flush;
        queue->unmaps = queue->unmaps && node->unmap;
    }
    if (!choose_engine(queue, error)) {
        error_prefix(error, "Block node '%s': ", user->node->name);
        free(queue);
        return NULL;
    }
    return queue;
}

void block_queue_destroy(struct block_queue *queue)
{
    if (!queue)
        return;
    queue->engine->destroy(queue);
    free(queue);
}

/* An errno for what no call of the kernel is made for. */
static int refusal(const struct block_queue *queue, const struct block_request *request)
{
    const uint64_t size = atomic_load_explicit(&queue->bottom->size, memory_order_relaxed);
    const bool transfers = request->kind == BLOCK_READ || request->kind == BLOCK_WRITE;
    uint64_t sum = 0;

    if (request->kind != BLOCK_READ && request->kind != BLOCK_FLUSH && !queue->user->write)
        return EPERM;
    if (request->kind == BLOCK_FLUSH)
        return 0;
    if (request->offset > size || request->length > size - request->offset)
        return EIO;
    if ((request->offset | request->length) % queue->bottom->block != 0)
        return EINVAL;
    if (request->count > BLOCK_IOVECS)
        return EINVAL;
    for (unsigned i = 0; transfers && i < request->count; i++)
        if (__builtin_add_overflow(sum, request->iov[i].iov_len, &sum))
            return EINVAL;
    return transfers && sum != request->length ? EINVAL : 0;
}

/* Whether it takes no call. */
static bool is_nothing(const struct block_queue *queue, const struct block_request *request)
{
    switch (request->kind) {
    case BLOCK_FLUSH:
        return !queue->flushes || !queue->user->write;
    case BLOCK_DISCARD:
        return !queue->unmaps || request->length == 0;
    default:
        return request->length == 0;
    }
}

void block_submit(struct block_queue *queue, struct block_request *request)
{
    queue->load++;
    request->began = now();
    request->bounce = NULL;
    request->error = refusal(queue, request);
    request->refused = request->error != 0;
    if (request->error || is_nothing(queue, request)) {
        block_requests_append(&queue->ended, request);
        return;
    }
    if (request->kind == BLOCK_WRITE || request->kind == BLOCK_WRITE_ZEROES)
        block_threshold_check(queue->user->node, request->offset + request->length);
    if (request->kind == BLOCK_WRITE_ZEROES)
        request->unmap = request->unmap && queue->unmaps;
    if (block_request_begin(request, queue->bottom->direct ? queue->bottom->block : 1))
        block_requests_append(&queue->waiting, request);
    else
        block_requests_append(&queue->ended, request);
}

static void complete_ended(struct block_queue *queue)
{
    struct block_request *request;

    while ((request = block_requests_take(&queue->ended)) != NULL) {
        queue->load--;
        block_stats_count(&queue->user->stats, request, now() - request->began);
        request->done(request, request->error);
    }
}

void block_queue_run(struct block_queue *queue)
{
    if (queue->running)
        return;
    queue->running = true;
    do {
        queue->engine->submit(queue);
        queue->engine->reap(queue);
        complete_ended(queue);
        /* Those that done() has submitted, and those that have another call to make. Not what there is no
         * room for: reap() makes that. */
    } while (queue->waiting.first && queue->engine->room(queue));
    queue->running = false;
}

int block_queue_fd(const struct block_queue *queue)
{
    return queue->fd;
}

unsigned block_queue_load(const struct block_queue *queue)
{
    return queue->load;
}

void block_queue_drain(struct block_queue *queue)
{
    struct pollfd wait = { .fd = queue->fd, .events = POLLIN };

    block_queue_run(queue);
    while (queue->load > 0) {
        RESULT_DOES_NOT_MATTER(poll(&wait, 1, -1), "the queue says what has ended");
        block_queue_run(queue);
    }
}

const char *block_queue_engine(const struct block_queue *queue)
{
    return queue->engine->name;
}
