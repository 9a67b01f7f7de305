/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests by threads that make one call of the kernel after the other: where there is no io_uring.
 *
 * Threads: the lock protects the lists and `stop`; a request in `work` or with a thread is the pool's.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "block/engine.h"
#include "host/helper_thread.h"
#include "host/sandbox.h"

#define THREADS 16u /* requests that are on their way to the disk at once */
#define STACK (64u << 10)

struct pool {
    int fd;   /* of the image, */
    int bell; /* and an eventfd that says that something has ended */
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct block_requests work, done;
    bool stop;
    unsigned count;
    pthread_t threads[THREADS];
};

static void *serve(void *opaque)
{
    struct pool *pool = opaque;
    struct block_request *request;

    (void)sandbox_enter(SANDBOX_DISK); /* if not, the main thread's list holds */
    pthread_mutex_lock(&pool->lock);
    for (;;) {
        const uint64_t one = 1;
        bool first;

        while (!pool->stop && !pool->work.first)
            pthread_cond_wait(&pool->more, &pool->lock);
        if (pool->stop)
            break;
        request = block_requests_take(&pool->work);
        pthread_mutex_unlock(&pool->lock);
        while (block_request_next(request, block_call_perform(&request->call, pool->fd)))
            ;
        pthread_mutex_lock(&pool->lock);
        first = !pool->done.first;
        block_requests_append(&pool->done, request);
        if (first)
            RESULT_DOES_NOT_MATTER(write(pool->bell, &one, sizeof one) < 0,
                                   "fails only when it has rung 2^64-2 times already");
    }
    pthread_mutex_unlock(&pool->lock);
    return NULL;
}

static void destroy(struct block_queue *queue)
{
    struct pool *pool = queue->state;

    pthread_mutex_lock(&pool->lock);
    pool->stop = true;
    pthread_cond_broadcast(&pool->more);
    pthread_mutex_unlock(&pool->lock);
    for (unsigned i = 0; i < pool->count; i++)
        pthread_join(pool->threads[i], NULL);
    pthread_cond_destroy(&pool->more);
    pthread_mutex_destroy(&pool->lock);
    if (pool->bell >= 0)
        close(pool->bell);
    free(pool);
}

/* Fewer than wanted will do. Returns 0 or an errno. */
static int start_threads(struct pool *pool)
{
    int failed = 0;

    while (!failed && pool->count < THREADS) {
        failed = helper_thread_start(&pool->threads[pool->count], STACK, serve, pool);
        pool->count += !failed;
    }
    return pool->count > 0 ? 0 : failed;
}

static bool create(struct block_queue *queue, struct error *error)
{
    struct pool *pool = calloc(1, sizeof *pool);
    int failed;

    if (!pool)
        return error_set(error, "out of memory");
    pool->fd = queue->bottom->fd;
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->more, NULL);
    block_requests_init(&pool->work);
    block_requests_init(&pool->done);
    queue->state = pool;
    pool->bell = queue->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    failed = pool->bell < 0 ? errno : start_threads(pool);
    if (!failed)
        return true;
    destroy(queue);
    return error_set(error, "cannot start a thread that reads and writes: %s", strerror(failed));
}

static void submit(struct block_queue *queue)
{
    struct pool *pool = queue->state;
    struct block_request *request;

    if (!queue->waiting.first)
        return;
    pthread_mutex_lock(&pool->lock);
    while ((request = block_requests_take(&queue->waiting)) != NULL) {
        block_requests_append(&pool->work, request);
        pthread_cond_signal(&pool->more);
    }
    pthread_mutex_unlock(&pool->lock);
}

static void reap(struct block_queue *queue)
{
    struct pool *pool = queue->state;
    struct block_request *request;
    uint64_t rings;

    RESULT_DOES_NOT_MATTER(read(pool->bell, &rings, sizeof rings) < 0, "it need not have rung");
    pthread_mutex_lock(&pool->lock);
    while ((request = block_requests_take(&pool->done)) != NULL)
        block_requests_append(&queue->ended, request);
    pthread_mutex_unlock(&pool->lock);
}

static bool room(const struct block_queue *queue)
{
    (void)queue;
    return true;
}

const struct block_engine block_engine_threads = {
    .name = "threads", .create = create, .destroy = destroy, .submit = submit, .room = room, .reap = reap
};
