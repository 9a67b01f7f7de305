/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/epoch.h"

#include <assert.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stddef.h>

/*
 * The epoch is a number that only grows. A thread in a section shows the epoch that it read when it entered,
 * outside of one it shows IDLE. Whoever wants to know whether sections are over that may have seen an old
 * pointer raises the epoch after the pointer was replaced: a thread that shows a higher one, or IDLE, entered
 * later, or will. All of it is sequentially consistent: a thread that still loads the old pointer has shown
 * its epoch before the writer looks.
 */
#define IDLE UINT64_MAX

struct reader {
    _Alignas(64) _Atomic uint64_t shown; /* written by its thread alone */
    unsigned depth;                      /* its thread's, like the next */
    bool enrolled;
    struct reader *next; /* under readers_lock */
};

static _Atomic uint64_t epoch;
static _Thread_local struct reader self;

/* Guards the list of readers, and garbage. A leaf: no other lock is taken under it. */
static pthread_mutex_t readers_lock = PTHREAD_MUTEX_INITIALIZER;
static struct reader *readers;
static struct epoch_garbage *oldest, **newest = &oldest;
static pthread_key_t at_end;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool key_made;

static void withdraw(void *opaque)
{
    struct reader *reader = opaque, **link = &readers;

    pthread_mutex_lock(&readers_lock);
    while (*link != reader)
        link = &(*link)->next;
    *link = reader->next;
    pthread_mutex_unlock(&readers_lock);
    reader->enrolled = false;
}

static void make_key(void)
{
    key_made = pthread_key_create(&at_end, withdraw) == 0;
    assert(key_made); /* one of 1,024 that a process has */
}

static void enrol(struct reader *reader)
{
    int status;

    pthread_once(&once, make_key);
    status = pthread_setspecific(at_end, reader);
    assert(status == 0); /* the first 32 keys need no memory */
    (void)status;
    atomic_store(&reader->shown, IDLE);
    pthread_mutex_lock(&readers_lock);
    reader->next = readers;
    readers = reader;
    pthread_mutex_unlock(&readers_lock);
    reader->enrolled = true;
}

void epoch_enter(void)
{
    if (self.depth++ > 0)
        return;
    if (!self.enrolled)
        enrol(&self);
    atomic_store(&self.shown, atomic_load_explicit(&epoch, memory_order_acquire));
}

void epoch_leave(void)
{
    assert(self.depth > 0);
    if (--self.depth == 0)
        atomic_store_explicit(&self.shown, IDLE, memory_order_release);
}

/* The lowest epoch that a thread in a section shows. Under readers_lock. */
static uint64_t lowest_shown(void)
{
    uint64_t lowest = IDLE;

    for (const struct reader *reader = readers; reader; reader = reader->next) {
        uint64_t shown = atomic_load(&reader->shown);

        if (shown < lowest)
            lowest = shown;
    }
    return lowest;
}

uint64_t epoch_mark(void)
{
    return atomic_fetch_add(&epoch, 1) + 1;
}

bool epoch_passed(uint64_t mark)
{
    bool passed;

    pthread_mutex_lock(&readers_lock);
    passed = lowest_shown() >= mark;
    pthread_mutex_unlock(&readers_lock);
    return passed;
}

void epoch_wait(void)
{
    const uint64_t mark = epoch_mark();

    assert(self.depth == 0);
    while (!epoch_passed(mark))
        sched_yield();
}

/* Take from the list what no reader can use any more. Under readers_lock. */
static struct epoch_garbage *take_unread(void)
{
    uint64_t lowest = oldest ? lowest_shown() : 0;
    struct epoch_garbage *first = oldest, **end = &first;

    while (*end && (*end)->epoch <= lowest)
        end = &(*end)->next;
    oldest = *end;
    *end = NULL;
    if (!oldest)
        newest = &oldest;
    return first;
}

static void free_all(struct epoch_garbage *garbage)
{
    while (garbage) {
        struct epoch_garbage *next = garbage->next;

        garbage->free(garbage);
        garbage = next;
    }
}

void epoch_retire(struct epoch_garbage *garbage, void (*free)(struct epoch_garbage *garbage))
{
    struct epoch_garbage *unread;

    garbage->next = NULL;
    garbage->free = free;
    pthread_mutex_lock(&readers_lock);
    garbage->epoch = atomic_fetch_add(&epoch, 1) + 1;
    *newest = garbage;
    newest = &garbage->next;
    unread = take_unread();
    pthread_mutex_unlock(&readers_lock);
    free_all(unread);
}

void epoch_collect(void)
{
    struct epoch_garbage *unread;

    assert(self.depth == 0);
    pthread_mutex_lock(&readers_lock);
    unread = take_unread();
    pthread_mutex_unlock(&readers_lock);
    free_all(unread);
}
