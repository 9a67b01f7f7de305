/* SPDX-License-Identifier: BSD-2-Clause */
#include "memory/prealloc.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/pace.h"
#include "host/helper_thread.h"
#include "host/sandbox.h"

#ifndef MADV_POPULATE_READ /* Linux 5.14 */
#define MADV_POPULATE_READ 22
#define MADV_POPULATE_WRITE 23
#endif

#define REPORT_MS 1000
#define STACK (64u << 10)
#define WORTH (UINT64_C(32) << 20) /* for so much a thread is started */

struct prealloc {
    struct loop *loop;
    struct prealloc_request request;
    const struct prealloc_ops *ops;
    void *opaque;
    struct timer timer;
    atomic_uint_fast64_t next; /* offset of the first piece that no thread has taken */
    atomic_uint_fast64_t done; /* bytes that are there */
    atomic_int failure;        /* errno of the first that failed; then all end */
    atomic_uint running;
    struct work end; /* posted by the last thread */
    unsigned count;
    pthread_t threads[];
};

struct piece {
    volatile uint8_t *start;
    uint64_t size;
    uint64_t page_size;
    bool reads;
};

static void touch(void *opaque)
{
    struct piece *piece = opaque;

    for (uint64_t at = 0; at < piece->size; at += piece->page_size) {
        const uint8_t byte = piece->start[at];

        if (!piece->reads)
            piece->start[at] = byte;
    }
}

/* 0 or an errno. */
static int allocate(struct piece *piece)
{
    const int advice = piece->reads ? MADV_POPULATE_READ : MADV_POPULATE_WRITE;

    if (madvise((void *)piece->start, piece->size, advice) == 0)
        return 0;
    /* A kernel that does not know the advice. */
    if (errno == EINVAL)
        return fault_guard(touch, piece, NULL) ? 0 : EFAULT;
    return errno;
}

static void *thread(void *opaque)
{
    struct prealloc *prealloc = opaque;
    const struct prealloc_request *request = &prealloc->request;

    struct pace pace = pace_start(request->page_size);

    (void)sandbox_enter(SANDBOX_HELPER); /* if not, the main thread's list holds */
    while (atomic_load(&prealloc->failure) == 0) {
        uint64_t offset = atomic_fetch_add(&prealloc->next, pace.piece);
        struct piece piece = { (uint8_t *)request->memory + offset, pace.piece, request->page_size,
                               request->reads };
        int failure;
        int none = 0;

        if (offset >= request->size)
            break;
        if (piece.size > request->size - offset)
            piece.size = request->size - offset;
        pace_begin(&pace);
        failure = allocate(&piece);
        pace_end(&pace);
        if (failure)
            atomic_compare_exchange_strong(&prealloc->failure, &none, failure);
        else
            atomic_fetch_add(&prealloc->done, piece.size);
    }
    if (atomic_fetch_sub(&prealloc->running, 1) == 1)
        loop_post(prealloc->loop, &prealloc->end);
    return NULL;
}

static void stop(struct prealloc *prealloc)
{
    for (unsigned i = 0; i < prealloc->count; i++)
        pthread_join(prealloc->threads[i], NULL);
    timer_cancel(&prealloc->timer);
    loop_cancel(prealloc->loop, &prealloc->end);
}

static void prealloc_ended(void *opaque)
{
    struct prealloc *prealloc = opaque;
    int failure = atomic_load(&prealloc->failure);

    stop(prealloc);
    if (failure == 0)
        prealloc->ops->progress(prealloc->opaque, prealloc->request.size);
    prealloc->ops->ended(prealloc->opaque, failure);
    free(prealloc);
}

static void report(void *opaque)
{
    struct prealloc *prealloc = opaque;

    timer_start(prealloc->loop, &prealloc->timer, REPORT_MS, report, prealloc);
    prealloc->ops->progress(prealloc->opaque, atomic_load(&prealloc->done));
}

static unsigned thread_count(const struct prealloc_request *request)
{
    const uint64_t piece = request->page_size > WORTH ? request->page_size : WORTH;
    uint64_t pieces = (request->size + piece - 1) / piece;
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    uint64_t count = request->threads;

    if (processors > 0 && count > (uint64_t)processors)
        count = (uint64_t)processors;
    if (count > pieces)
        count = pieces;
    return count > 0 ? (unsigned)count : 1;
}

static void start_threads(struct prealloc *prealloc, unsigned count)
{
    for (; prealloc->count < count; prealloc->count++) {
        atomic_fetch_add(&prealloc->running, 1);
        if (helper_thread_start(&prealloc->threads[prealloc->count], STACK, thread, prealloc) != 0) {
            atomic_fetch_sub(&prealloc->running, 1);
            break;
        }
    }
}

struct prealloc *prealloc_start(struct loop *loop, const struct prealloc_request *request,
                                const struct prealloc_ops *ops, void *opaque, struct error *error)
{
    unsigned count = thread_count(request);
    struct prealloc *prealloc = calloc(1, sizeof *prealloc + count * sizeof prealloc->threads[0]);

    if (!prealloc) {
        error_set(error, "out of memory");
        return NULL;
    }
    prealloc->loop = loop;
    prealloc->request = *request;
    prealloc->ops = ops;
    prealloc->opaque = opaque;
    prealloc->end = (struct work){ .run = prealloc_ended, .opaque = prealloc };
    /* One that does not count as a thread, so that none is the last before all are started. */
    atomic_store(&prealloc->running, 1);
    start_threads(prealloc, count);
    if (prealloc->count == 0) {
        free(prealloc);
        error_set(error, "cannot create a thread to allocate memory: %s", strerror(EAGAIN));
        return NULL;
    }
    timer_start(loop, &prealloc->timer, REPORT_MS, report, prealloc);
    if (atomic_fetch_sub(&prealloc->running, 1) == 1)
        loop_post(loop, &prealloc->end);
    return prealloc;
}

void prealloc_cancel(struct prealloc *prealloc)
{
    int none = 0;

    atomic_compare_exchange_strong(&prealloc->failure, &none, ECANCELED);
}

void prealloc_destroy(struct prealloc *prealloc)
{
    prealloc_cancel(prealloc);
    stop(prealloc);
    free(prealloc);
}
