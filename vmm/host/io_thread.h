/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An I/O thread: an event loop (base/loop.h) on its own thread, for devices that transfer data. Its watches
 * and timers belong to that thread.
 *
 * Threads: created and destroyed on the main thread. io_thread_call() from any thread but the I/O thread
 * itself; loop_post() with its loop from any. The I/O thread never waits for another thread, and never takes
 * a lock whose holder waits for it; so others may wait for it.
 */
#ifndef VMM_HOST_IO_THREAD_H
#define VMM_HOST_IO_THREAD_H

#include <pthread.h>
#include <stdbool.h>

#include "base/error.h"
#include "base/loop.h"

struct io_thread;

/* Start a thread. NULL and an error: the host cannot create a thread, or out of memory. */
struct io_thread *io_thread_create(struct error *error);
/* End it, after all watches have been removed, all timers cancelled and all posted work has run. Without
 * effect if it is NULL. */
void io_thread_destroy(struct io_thread *thread);

/* Its event loop, to which watches, timers and work are added. */
struct loop *io_thread_loop(const struct io_thread *thread);

/* Run run(opaque) on it, after work that was posted before, and wait until it has returned. Cannot fail. */
void io_thread_call(struct io_thread *thread, void (*run)(void *opaque), void *opaque);

/* The same in two steps, for who has several threads do something at once. The struct belongs to the caller,
 * who finishes each call that it has begun, on the same thread. */
struct io_call {
    struct work work;
    void (*run)(void *opaque);
    void *opaque;
    pthread_mutex_t lock; /* of `done` */
    pthread_cond_t ended;
    bool done;
};
void io_thread_begin(struct io_thread *thread, struct io_call *call, void (*run)(void *opaque), void *opaque);
void io_thread_finish(struct io_call *call);

#endif
