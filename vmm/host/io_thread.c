/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/io_thread.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "host/helper_thread.h"
#include "host/sandbox.h"

#define STACK_SIZE ((size_t)256 << 10)

struct io_thread {
    struct loop *loop;
    pthread_t thread;
    struct work quit;
};

static void *run_loop(void *opaque)
{
    struct io_thread *thread = opaque;

    /* Where the kernel refuses, the main thread's list holds. */
    RESULT_DOES_NOT_MATTER(sandbox_enter(SANDBOX_IO), "a wider list holds then");
    loop_run(thread->loop);
    return NULL;
}

static void quit(void *opaque)
{
    struct io_thread *thread = opaque;

    loop_quit(thread->loop);
}

struct io_thread *io_thread_create(struct error *error)
{
    struct io_thread *thread = calloc(1, sizeof *thread);
    int failed = 0;

    if (!thread || !(thread->loop = loop_create()))
        failed = errno;
    if (!failed)
        failed = helper_thread_start(&thread->thread, STACK_SIZE, run_loop, thread);
    if (!failed) {
        thread->quit = (struct work){ .run = quit, .opaque = thread };
        return thread;
    }
    error_set(error, "no I/O thread can be started: %s", strerror(failed));
    if (thread)
        loop_destroy(thread->loop);
    free(thread);
    return NULL;
}

void io_thread_destroy(struct io_thread *thread)
{
    if (!thread)
        return;
    loop_post(thread->loop, &thread->quit);
    pthread_join(thread->thread, NULL);
    loop_destroy(thread->loop);
    free(thread);
}

struct loop *io_thread_loop(const struct io_thread *thread)
{
    return thread->loop;
}

static void run_call(void *opaque)
{
    struct io_call *call = opaque;

    call->run(call->opaque);
    pthread_mutex_lock(&call->lock);
    call->done = true;
    pthread_cond_signal(&call->ended);
    pthread_mutex_unlock(&call->lock);
}

void io_thread_begin(struct io_thread *thread, struct io_call *call, void (*run)(void *opaque), void *opaque)
{
    *call = (struct io_call){ .work = { .run = run_call, .opaque = call }, .run = run, .opaque = opaque };
    pthread_mutex_init(&call->lock, NULL);
    pthread_cond_init(&call->ended, NULL);
    loop_post(thread->loop, &call->work);
}

/* Who waits looks at it last. */
void io_thread_finish(struct io_call *call)
{
    pthread_mutex_lock(&call->lock);
    while (!call->done)
        pthread_cond_wait(&call->ended, &call->lock);
    pthread_mutex_unlock(&call->lock);
    pthread_cond_destroy(&call->ended);
    pthread_mutex_destroy(&call->lock);
}

void io_thread_call(struct io_thread *thread, void (*run)(void *opaque), void *opaque)
{
    struct io_call call;

    io_thread_begin(thread, &call, run, opaque);
    io_thread_finish(&call);
}
