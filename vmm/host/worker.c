/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/worker.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/loop.h"
#include "host/helper_thread.h"
#include "host/sandbox.h"

#define STACK (256u << 10)

/* First in, first out. */
struct jobs {
    struct job *first;
    struct job **last;
};

struct worker {
    struct loop *loop;
    pthread_mutex_t lock;
    struct jobs waiting;  /* under lock */
    struct jobs finished; /* under lock */
    bool running;         /* under lock: the thread takes another job before it ends */
    bool started;         /* main thread only: there is a thread to join */
    pthread_t thread;
    atomic_bool stop;
    struct work work; /* tells of those that are finished; without a thread, runs them */
};

static void append(struct jobs *jobs, struct job *job)
{
    job->next = NULL;
    *jobs->last = job;
    jobs->last = &job->next;
}

static struct job *take_first(struct jobs *jobs)
{
    struct job *job = jobs->first;

    if (job)
        jobs->first = job->next;
    if (!jobs->first)
        jobs->last = &jobs->first;
    return job;
}

/* Run the next job; false: there is none. */
static bool run_next(struct worker *worker)
{
    struct job *job;

    pthread_mutex_lock(&worker->lock);
    job = take_first(&worker->waiting);
    pthread_mutex_unlock(&worker->lock);
    if (!job)
        return false;
    job->run(job->opaque, &worker->stop);
    pthread_mutex_lock(&worker->lock);
    append(&worker->finished, job);
    worker->running = worker->running && worker->waiting.first;
    pthread_mutex_unlock(&worker->lock);
    return true;
}

static void *thread(void *opaque)
{
    struct worker *worker = opaque;
    bool more = true;

    (void)sandbox_enter(SANDBOX_HELPER); /* if not, the main thread's list holds */
    while (more && run_next(worker)) {
        pthread_mutex_lock(&worker->lock);
        more = worker->running;
        /* Under the lock: when this was the last job, the worker is the main thread's alone after it. */
        loop_post(worker->loop, &worker->work);
        pthread_mutex_unlock(&worker->lock);
    }
    return NULL;
}

/* Under the lock. */
static void start(struct worker *worker)
{
    worker->started = helper_thread_start(&worker->thread, STACK, thread, worker) == 0;
    worker->running = worker->started;
}

static void join(struct worker *worker)
{
    if (worker->started)
        pthread_join(worker->thread, NULL);
    worker->started = false;
}

static void report_finished(void *opaque)
{
    struct worker *worker = opaque;
    struct job *job;
    bool idle;

    if (!worker->started)
        run_next(worker);
    pthread_mutex_lock(&worker->lock);
    idle = !worker->running;
    job = take_first(&worker->finished);
    /* One at a time: what it calls may well give a job, or take one back. */
    if (worker->finished.first || (!worker->started && worker->waiting.first))
        loop_post(worker->loop, &worker->work);
    pthread_mutex_unlock(&worker->lock);
    if (idle)
        join(worker);
    if (job)
        job->done(job->opaque);
}

struct worker *worker_create(struct loop *loop)
{
    struct worker *worker = calloc(1, sizeof *worker);

    if (!worker)
        return NULL;
    worker->loop = loop;
    worker->waiting.last = &worker->waiting.first;
    worker->finished.last = &worker->finished.first;
    worker->work = (struct work){ .run = report_finished, .opaque = worker };
    pthread_mutex_init(&worker->lock, NULL);
    return worker;
}

void worker_do(struct worker *worker, struct job *job)
{
    bool runs;

    pthread_mutex_lock(&worker->lock);
    runs = worker->running;
    append(&worker->waiting, job);
    pthread_mutex_unlock(&worker->lock);
    if (runs)
        return;
    join(worker); /* it has nothing to do any more */
    pthread_mutex_lock(&worker->lock);
    start(worker);
    if (!worker->started)
        loop_post(worker->loop, &worker->work);
    pthread_mutex_unlock(&worker->lock);
}

/* All jobs have run. */
static void finish(struct worker *worker)
{
    join(worker);
    while (run_next(worker)) /* there was no thread */
        ;
}

void worker_take_back(struct worker *worker, struct job *job)
{
    struct jobs others = { .last = &others.first };
    struct job *each;

    finish(worker);
    while ((each = take_first(&worker->finished)) != NULL)
        if (each != job)
            append(&others, each);
    while ((each = take_first(&others)) != NULL)
        append(&worker->finished, each);
}

bool worker_stop(struct worker *worker, unsigned milliseconds)
{
    struct timespec until;

    if (!worker)
        return true;
    atomic_store(&worker->stop, true);
    clock_gettime(CLOCK_REALTIME, &until); /* pthread_clockjoin_np() is unknown to the thread sanitizer */
    until.tv_sec += milliseconds / 1000;
    until.tv_nsec += milliseconds % 1000 * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000L;
    }
    if (worker->started && pthread_timedjoin_np(worker->thread, NULL, &until) != 0)
        return false;
    worker->started = false;
    return true;
}

void worker_destroy(struct worker *worker)
{
    struct job *job;

    if (!worker)
        return;
    atomic_store(&worker->stop, true);
    finish(worker);
    loop_cancel(worker->loop, &worker->work);
    while ((job = take_first(&worker->finished)) != NULL)
        if (job->dropped)
            job->dropped(job->opaque);
    pthread_mutex_destroy(&worker->lock);
    free(worker);
}
