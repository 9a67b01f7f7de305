/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A thread for jobs that would block the main thread, one after the other. The thread exists as long as there
 * are jobs.
 *
 * Threads: jobs run on the worker's thread; everything else is the main thread's. The worker's lock protects
 * its lists; the loop's queue lock comes after it. A job's struct, and what it works on, is the worker's from
 * worker_do() until its done().
 */
#ifndef VMM_HOST_WORKER_H
#define VMM_HOST_WORKER_H

#include <stdatomic.h>
#include <stdbool.h>

struct loop;
struct worker;

struct job {
    /* On the worker's thread. *stop becomes true when the result is no longer needed: a job without effects
     * may then end. */
    void (*run)(void *opaque, const atomic_bool *stop);
    /* From the event loop, after run() has returned. */
    void (*done)(void *opaque);
    /* Instead of done(), if the worker is destroyed before done() could be called; may be NULL. */
    void (*dropped)(void *opaque);
    void *opaque;
    struct job *next; /* the worker's */
};

struct worker *worker_create(struct loop *loop); /* NULL: out of memory */
/* Waits until all jobs have run. Without effect if it is NULL. */
void worker_destroy(struct worker *worker);

/* Queue a job. If the host cannot create a thread, it runs on the main thread, from the event loop. Cannot
 * fail. */
void worker_do(struct worker *worker, struct job *job);
/* Set *stop of all jobs, and wait until all have run, for at most `milliseconds`. No job may be queued
 * afterwards. False: a job is blocked, for example by a file system that does not respond; then neither the
 * worker nor the objects that the job uses may be freed. */
bool worker_stop(struct worker *worker, unsigned milliseconds);
/* Wait until all jobs have run; neither done() nor dropped() will be called for this one. */
void worker_take_back(struct worker *worker, struct job *job);

#endif
