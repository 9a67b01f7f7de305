/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An I/O thread: an event loop (base/loop.h) on a thread of its own, for devices that move data. Its watches
 * and timers belong to that thread.
 *
 * Threads: created and destroyed on the main thread. io_thread_call() from any thread but the I/O thread
 * itself; loop_post() with its loop from any. The I/O thread never waits for another one, nor takes a lock
 * that is held by somebody who waits for it: so others may wait for it.
 */
#ifndef VMM_HOST_IO_THREAD_H
#define VMM_HOST_IO_THREAD_H

#include <stdbool.h>

#include "base/error.h"
#include "base/loop.h"

struct io_thread;

/* Start it. NULL and an error: the host gives no thread, or no memory. */
struct io_thread *io_thread_create(struct error *error);
/* Nothing is watched, no timer runs and nothing is posted any more. NULL will do. */
void io_thread_destroy(struct io_thread *thread);

/* What its watches, timers and posted work are added to. */
struct loop *io_thread_loop(const struct io_thread *thread);

/* Run run(opaque) on it, after what was posted before, and wait until that has returned. Cannot fail. */
void io_thread_call(struct io_thread *thread, void (*run)(void *opaque), void *opaque);

#endif
