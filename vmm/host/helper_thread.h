/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads that do one kind of work beside the main thread: those that allocate memory, the workers.
 */
#ifndef VMM_HOST_HELPER_THREAD_H
#define VMM_HOST_HELPER_THREAD_H

#include <pthread.h>
#include <stddef.h>

/* Start a thread with `stack` bytes of stack. It takes no signal but SIGBUS, which says that there is no
 * memory: all others are the main thread's. Returns 0 or an errno. */
int helper_thread_start(pthread_t *thread, size_t stack, void *(*run)(void *opaque), void *opaque);

#endif
