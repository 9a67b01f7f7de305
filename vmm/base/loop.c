/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The event loop: epoll for file descriptors, a list of deadlines for timers, an eventfd that other
 * threads ring when they post work.
 *
 * A watch that is removed may still be among the events that epoll has reported and that wait for their
 * turn, so it is only marked, and freed when no round is under way any more (rounds can nest: whoever waits
 * for a first client runs rounds of its own).
 */
#include "base/loop.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define EVENTS_PER_ROUND 32

struct watch {
    struct loop *loop;
    int fd;
    uint32_t events; /* wanted; 0: asleep */
    bool registered; /* epoll knows it */
    watch_callback *callback;
    void *opaque;
    struct watch *next_removed;
    bool removed;
};

struct loop {
    int epoll_fd;
    int event_fd;
    struct watch *bell; /* the eventfd's */
    struct watch *removed;
    size_t watches; /* those that were not removed */
    struct timer *timers;
    unsigned depth; /* rounds under way */
    bool quit;
    pthread_mutex_t lock; /* protects the list of posted work, which other threads append to */
    struct work *first;
    struct work **last;
    size_t posted; /* pieces in the list */
};

uint64_t loop_now(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Take the oldest piece of work, or NULL. */
static struct work *take_posted(struct loop *loop)
{
    struct work *work;

    pthread_mutex_lock(&loop->lock);
    work = loop->first;
    if (work) {
        loop->first = work->next;
        if (!loop->first)
            loop->last = &loop->first;
        work->queued = false;
        loop->posted--;
    }
    pthread_mutex_unlock(&loop->lock);
    return work;
}

/* Posted work, in order. Each is unlinked before it runs, so that it may post itself again; what is posted
 * meanwhile waits for the next round, or two pieces of work could keep everybody else out. */
static void run_posted(void *opaque, uint32_t events)
{
    struct loop *loop = opaque;
    struct work *work;
    uint64_t rings;
    size_t count;

    (void)events;
    if (read(loop->event_fd, &rings, sizeof rings) < 0)
        return;
    pthread_mutex_lock(&loop->lock);
    count = loop->posted;
    pthread_mutex_unlock(&loop->lock);
    while (count-- > 0 && (work = take_posted(loop)) != NULL)
        work->run(work->opaque);
}

struct loop *loop_create(void)
{
    struct loop *loop = calloc(1, sizeof *loop);

    if (!loop)
        return NULL;
    pthread_mutex_init(&loop->lock, NULL);
    loop->last = &loop->first;
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    loop->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (loop->epoll_fd >= 0 && loop->event_fd >= 0)
        loop->bell = watch_add(loop, loop->event_fd, EPOLLIN, run_posted, loop);
    if (!loop->bell) {
        int saved = errno;

        loop_destroy(loop);
        errno = saved;
        return NULL;
    }
    return loop;
}

/* Those that epoll would not forget stay: it may still report them. `all`: epoll itself is gone. */
static void free_removed(struct loop *loop, bool all)
{
    struct watch **link = &loop->removed;

    while (*link) {
        struct watch *watch = *link;

        if (watch->registered && !all) {
            link = &watch->next_removed;
            continue;
        }
        *link = watch->next_removed;
        free(watch);
    }
}

void loop_destroy(struct loop *loop)
{
    if (!loop)
        return;
    if (loop->bell)
        watch_remove(loop->bell);
    /* Work and timers are embedded in those who own them, and watches call them; these owners are gone: what
     * is left here leads to freed memory, or to a descriptor that nobody closes. */
    assert(!loop->first && !loop->timers && loop->watches == 0);
    if (loop->epoll_fd >= 0)
        close(loop->epoll_fd);
    if (loop->event_fd >= 0)
        close(loop->event_fd);
    free_removed(loop, true);
    pthread_mutex_destroy(&loop->lock);
    free(loop);
}

/* Nothing of the kernel's makes this fail. Should it fail all the same, the watch stays known to epoll, and
 * is put to sleep by loop_once() when it is reported. */
static void unregister(struct watch *watch)
{
    if (watch->registered && epoll_ctl(watch->loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL) == 0)
        watch->registered = false;
}

/* The kernel knows the descriptor already: a watch that was removed could not be unregistered (unregister()).
 * The new one takes its registration over. */
static bool take_over(struct loop *loop, int fd, struct epoll_event *event)
{
    struct watch *old = loop->removed;

    if (errno != EEXIST)
        return false;
    while (old && (old->fd != fd || !old->registered))
        old = old->next_removed;
    if (!old || epoll_ctl(loop->epoll_fd, EPOLL_CTL_MOD, fd, event) < 0)
        return false;
    old->registered = false;
    return true;
}

struct watch *watch_add(struct loop *loop, int fd, uint32_t events, watch_callback *callback, void *opaque)
{
    struct watch *watch = calloc(1, sizeof *watch);
    struct epoll_event event = { .events = events, .data.ptr = watch };

    if (!watch)
        return NULL;
    *watch = (struct watch){
        .loop = loop, .fd = fd, .events = events, .registered = true, .callback = callback, .opaque = opaque
    };
    /* Added even when it sleeps: that is how a descriptor that cannot be watched shows itself. */
    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, fd, &event) < 0 && !take_over(loop, fd, &event)) {
        const int saved = errno;

        free(watch);
        errno = saved;
        return NULL;
    }
    if (events == 0)
        unregister(watch);
    loop->watches++;
    return watch;
}

bool watch_change(struct watch *watch, uint32_t events)
{
    struct epoll_event event = { .events = events, .data.ptr = watch };
    int operation = watch->registered ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

    if (watch->removed || events == watch->events)
        return true;
    if (events != 0 && epoll_ctl(watch->loop->epoll_fd, operation, watch->fd, &event) < 0)
        return false;
    watch->events = events;
    watch->registered = true;
    if (events == 0) /* epoll reports hang-ups whatever the mask is */
        unregister(watch);
    return true;
}

void watch_remove(struct watch *watch)
{
    if (!watch || watch->removed)
        return;
    watch->events = 0;
    unregister(watch);
    watch->removed = true;
    watch->loop->watches--;
    watch->next_removed = watch->loop->removed;
    watch->loop->removed = watch;
    if (watch->loop->depth == 0)
        free_removed(watch->loop, false);
}

void timer_start(struct loop *loop, struct timer *timer, uint64_t milliseconds, timer_callback *callback,
                 void *opaque)
{
    struct timer **link = &loop->timers;

    timer_cancel(timer);
    *timer = (struct timer){
        .loop = loop, .deadline = loop_now() + milliseconds, .callback = callback, .opaque = opaque
    };
    while (*link && (*link)->deadline <= timer->deadline)
        link = &(*link)->next;
    timer->next = *link;
    *link = timer;
}

bool timer_runs(const struct timer *timer)
{
    return timer->loop != NULL;
}

void timer_cancel(struct timer *timer)
{
    struct timer **link;

    if (!timer_runs(timer))
        return;
    link = &timer->loop->timers;
    while (*link != timer)
        link = &(*link)->next;
    *link = timer->next;
    timer->loop = NULL;
}

/* All that are due now; what a callback adds, even with 0 ms, waits for the next round. */
static void run_timers(struct loop *loop)
{
    uint64_t now = loop_now();
    size_t due = 0;

    for (struct timer *timer = loop->timers; timer && timer->deadline <= now; timer = timer->next)
        due++;
    while (due-- > 0 && loop->timers && loop->timers->deadline <= now) {
        struct timer *timer = loop->timers;

        timer_cancel(timer);
        timer->callback(timer->opaque);
    }
}

void loop_post(struct loop *loop, struct work *work)
{
    bool ring = false;

    pthread_mutex_lock(&loop->lock);
    if (!work->queued) {
        work->queued = true;
        work->next = NULL;
        *loop->last = work;
        loop->last = &work->next;
        loop->posted++;
        ring = true;
    }
    pthread_mutex_unlock(&loop->lock);
    if (ring) {
        uint64_t one = 1;
        ssize_t written = write(loop->event_fd, &one, sizeof one);

        (void)written; /* fails only when it has rung 2^64-2 times already */
    }
}

void loop_cancel(struct loop *loop, struct work *work)
{
    pthread_mutex_lock(&loop->lock);
    if (work->queued) {
        struct work **link = &loop->first;

        while (*link != work)
            link = &(*link)->next;
        *link = work->next;
        if (loop->last == &work->next)
            loop->last = link;
        work->queued = false;
        loop->posted--;
    }
    pthread_mutex_unlock(&loop->lock);
}

static int wait_time(const struct loop *loop, int timeout)
{
    uint64_t now;
    uint64_t left;

    if (!loop->timers)
        return timeout;
    now = loop_now();
    left = loop->timers->deadline > now ? loop->timers->deadline - now : 0;
    if (timeout >= 0 && (uint64_t)timeout < left)
        return timeout;
    return left > INT_MAX ? INT_MAX : (int)left;
}

void loop_once(struct loop *loop, int timeout)
{
    struct epoll_event events[EVENTS_PER_ROUND];
    int count = epoll_wait(loop->epoll_fd, events, EVENTS_PER_ROUND, wait_time(loop, timeout));

    loop->depth++;
    for (int i = 0; i < count; i++) {
        struct watch *watch = events[i].data.ptr;

        /* Not one that was removed or put to sleep, by a callback of this round or before. */
        if (!watch->removed && watch->events != 0)
            watch->callback(watch->opaque, events[i].events);
        else if (!watch->removed)
            unregister(watch);
    }
    run_timers(loop);
    if (--loop->depth == 0)
        free_removed(loop, false);
}

void loop_run(struct loop *loop)
{
    while (!loop->quit)
        loop_once(loop, -1);
}

void loop_quit(struct loop *loop)
{
    loop->quit = true;
}

bool loop_quitting(const struct loop *loop)
{
    return loop->quit;
}
