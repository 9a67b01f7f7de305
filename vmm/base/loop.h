/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An event loop: file descriptors, timers, and work posted by other threads. The main thread and each I/O
 * thread (host/io_thread.h) have one each.
 *
 * Threads: loop_post() may be called from any thread; everything else only from the thread that runs the
 * loop, or while no thread runs it.
 */
#ifndef VMM_BASE_LOOP_H
#define VMM_BASE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct watch;

/* `events` are epoll's: EPOLLIN, EPOLLOUT, EPOLLHUP, EPOLLERR. */
typedef void watch_callback(void *opaque, uint32_t events);
typedef void timer_callback(void *opaque);

/* Work that another thread posts. The struct belongs to the poster and is queued at most once at a time:
 * posting it again before it ran has no further effect. */
struct work {
    void (*run)(void *opaque);
    void *opaque;
    struct work *next; /* the loop's */
    bool queued;       /* the loop's */
};

/* A timer. The struct, zeroed initially, is embedded in its owner, so that starting one cannot fail; the
 * owner cancels it before it is freed. All members are the loop's. */
struct timer {
    struct loop *loop; /* NULL: it does not run */
    uint64_t deadline; /* ms of the monotonic clock */
    timer_callback *callback;
    void *opaque;
    struct timer *next; /* by deadline */
};

/* The time of the loop's timers: CLOCK_MONOTONIC, in milliseconds. Any thread. */
uint64_t loop_now(void);

struct loop *loop_create(void); /* NULL and errno */
/* Must not be called before all posted work has run or been cancelled, all timers have been cancelled and all
 * watches removed. */
void loop_destroy(struct loop *loop);

/* Watch a file descriptor. NULL and errno on failure (EPERM for regular files: they are always ready).
 * A callback may remove any watch, its own included. The same fd can be watched once at a time. */
struct watch *watch_add(struct loop *loop, int fd, uint32_t events, watch_callback *callback, void *opaque);
/* Change the events of a watch. 0 suspends it, so that not even EPOLLHUP and EPOLLERR are reported; that
 * cannot fail. False and errno: the kernel is out of memory, or fs.epoll.max_user_watches is reached; the
 * watch is unchanged. */
bool watch_change(struct watch *watch, uint32_t events) __attribute__((warn_unused_result));
void watch_remove(struct watch *watch);

/* Call `callback` once, `milliseconds` from now; a timer that runs is started anew. The timer no longer runs
 * when `callback` is called. */
void timer_start(struct loop *loop, struct timer *timer, uint64_t milliseconds, timer_callback *callback,
                 void *opaque);
bool timer_runs(const struct timer *timer);
/* Without effect if it does not run. */
void timer_cancel(struct timer *timer);

/* Any thread: run the work on the loop's thread. Cannot fail. */
void loop_post(struct loop *loop, struct work *work);

/* Remove work that has not run yet from the queue; afterwards its struct may be freed. */
void loop_cancel(struct loop *loop, struct work *work);

/* Run until loop_quit() is called; returns at once if it has been called before. */
void loop_run(struct loop *loop);
void loop_quit(struct loop *loop);
bool loop_quitting(const struct loop *loop);
/* Wait up to `timeout` ms (-1: without limit) for an event, and run all callbacks and work that are ready. */
void loop_once(struct loop *loop, int timeout);

#endif
