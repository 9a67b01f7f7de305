/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads that do one kind of work besides the main thread: they allocate memory, or are workers (worker.h).
 */
#ifndef VMM_HOST_HELPER_THREAD_H
#define VMM_HOST_HELPER_THREAD_H

#include <pthread.h>
#include <stddef.h>

/* Start a thread with `stack` bytes of stack. It blocks all signals except SIGBUS, which reports that memory
 * is not available; the main thread handles the others. Returns 0 or an errno. */
int helper_thread_start(pthread_t *thread, size_t stack, void *(*run)(void *opaque), void *opaque);

#endif
