/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What queue.c and the engines share.
 *
 * Threads: as in queue.h; the data of an engine's own threads is in `state`.
 */
#ifndef VMM_BLOCK_ENGINE_H
#define VMM_BLOCK_ENGINE_H

#include "block/node_state.h"
#include "block/queue.h"

struct block_engine {
    const char *name;
    /* Set `state` and `fd`; the latter is readable when reap() has results. False and an error: the host does
     * not provide it. */
    bool (*create)(struct block_queue *queue, struct error *error);
    void (*destroy)(struct block_queue *queue);
    /* Begin the system calls of the requests in queue->waiting, as far as there is room. */
    void (*submit)(struct block_queue *queue);
    /* Whether submit() has room for another one. */
    bool (*room)(const struct block_queue *queue);
    /* Move requests that are complete to queue->ended, and those that need another system call to
     * queue->waiting. */
    void (*reap)(struct block_queue *queue);
};

/* io_uring's is NULL where the program was built without liburing. */
extern const struct block_engine *const block_engine_uring;
extern const struct block_engine block_engine_threads, block_engine_null;

struct block_queue {
    const struct block_engine *engine;
    void *state;
    int fd;
    struct block_user *user;
    struct block_node *bottom; /* where the bytes are */
    bool flushes, unmaps;
    struct block_requests waiting; /* their next call is to be made */
    struct block_requests ended;
    unsigned load;
    bool running; /* within block_queue_run() */
};

#endif
