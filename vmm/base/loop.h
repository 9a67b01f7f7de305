/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An event loop: file descriptors, timers, and work posted by other threads. The main thread has one, and
 * each I/O thread (host/io_thread.h).
 *
 * Threads: loop_post() may be called from any thread; everything else only from the thread that runs the
 * loop, or while none does.
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

/* A call to come. The struct belongs to whoever starts it, zeroed at first, so that starting one never fails;
 * before its owner goes it is cancelled. All of it is the loop's. */
struct timer {
    struct loop *loop; /* NULL: it does not run */
    uint64_t deadline; /* ms of the monotonic clock */
    timer_callback *callback;
    void *opaque;
    struct timer *next; /* by deadline */
};

/* Any thread: CLOCK_MONOTONIC, milliseconds, by which timers go. */
uint64_t loop_now(void);

struct loop *loop_create(void); /* NULL and errno */
/* Nothing is posted, no timer runs and nothing is watched any more: whoever owns work, timers or watches
 * takes them back before. */
void loop_destroy(struct loop *loop);

/* Watch a file descriptor. NULL and errno on failure (EPERM for regular files: they are always ready).
 * A callback may remove any watch, its own included. The same fd can be watched once at a time. */
struct watch *watch_add(struct loop *loop, int fd, uint32_t events, watch_callback *callback, void *opaque);
/* 0 puts the watch to sleep: not even EPOLLHUP and EPOLLERR are reported then; that always works. False and
 * errno: the kernel has no memory for it, or fs.epoll.max_user_watches is reached; the watch stays as it was.
 */
bool watch_change(struct watch *watch, uint32_t events) __attribute__((warn_unused_result));
void watch_remove(struct watch *watch);

/* Call back once, `milliseconds` from now; one that runs begins anew. It does not run any more when it calls.
 */
void timer_start(struct loop *loop, struct timer *timer, uint64_t milliseconds, timer_callback *callback,
                 void *opaque);
bool timer_runs(const struct timer *timer);
/* One that does not run will do. */
void timer_cancel(struct timer *timer);

/* Any thread: run the work on the loop's thread, soon. */
void loop_post(struct loop *loop, struct work *work);

/* Take work back that did not run yet: its struct may go. */
void loop_cancel(struct loop *loop, struct work *work);

/* Run until loop_quit(); at once over when that was called before. */
void loop_run(struct loop *loop);
void loop_quit(struct loop *loop);
bool loop_quitting(const struct loop *loop);
/* One round: wait at most `timeout` ms (-1: forever), run what is ready. */
void loop_once(struct loop *loop, int timeout);

#endif
