/* SPDX-License-Identifier: BSD-2-Clause */
#include "slow_memory.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>

#ifndef MADV_POPULATE_WRITE /* Linux 5.14 */
#define MADV_POPULATE_WRITE 23
#endif

static struct {
    pthread_mutex_t lock; /* of all that follows */
    pthread_cond_t changed;
    bool held;
    unsigned given;
    int failure; /* of the next call, or 0 */
} host = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static void change(bool held, unsigned given, int failure)
{
    pthread_mutex_lock(&host.lock);
    host.given = host.held && held ? host.given + given : given;
    host.held = held;
    host.failure = failure;
    pthread_cond_broadcast(&host.changed);
    pthread_mutex_unlock(&host.lock);
}

void slow_memory_hold(void)
{
    change(true, 0, 0);
}

void slow_memory_give(void)
{
    change(true, 1, 0);
}

void slow_memory_refuse(int failure)
{
    change(true, 1, failure);
}

void slow_memory_release(void)
{
    change(false, 0, 0);
}

/* 0, or the errno with which the call fails. */
static int wait_for_permission(void)
{
    int failure = 0;

    pthread_mutex_lock(&host.lock);
    while (host.held && host.given == 0)
        pthread_cond_wait(&host.changed, &host.lock);
    if (host.held) {
        host.given--;
        failure = host.failure;
    }
    pthread_mutex_unlock(&host.lock);
    return failure;
}

int __real_madvise(void *memory, size_t size, int advice);
int __wrap_madvise(void *memory, size_t size, int advice);

int __wrap_madvise(void *memory, size_t size, int advice)
{
    int failure = advice == MADV_POPULATE_WRITE ? wait_for_permission() : 0;

    if (failure == 0)
        return __real_madvise(memory, size, advice);
    errno = failure;
    return -1;
}
