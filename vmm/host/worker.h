/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What would hold up the main thread, done one job after the other on a thread of its own. The thread lives
 * for as long as there are jobs.
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
    /* On the worker's thread. *stop becomes true when nobody wants the result any more: a job that changes
     * nothing may end then. */
    void (*run)(void *opaque, const atomic_bool *stop);
    /* From the event loop, when it has run. */
    void (*done)(void *opaque);
    /* Instead of done(), when the worker goes before that could be called; may be NULL. */
    void (*dropped)(void *opaque);
    void *opaque;
    struct job *next; /* the worker's */
};

struct worker *worker_create(struct loop *loop); /* NULL: out of memory */
/* Jobs that were given run to their ends first; NULL will do. */
void worker_destroy(struct worker *worker);

/* Give it a job. Where the host gives no thread, it runs on the main thread, from the event loop. */
void worker_do(struct worker *worker, struct job *job);
/* Nobody wants results any more: jobs are told to stop, and none is to be given. Waits until all have run,
 * but at most so many milliseconds. False: one is stuck, in a file system that does not answer, say. Then
 * neither the worker nor what the job uses may go before the program does. */
bool worker_stop(struct worker *worker, unsigned milliseconds);
/* Wait until all jobs have run; for this one neither done() nor dropped() will be called. */
void worker_take_back(struct worker *worker, struct job *job);

#endif
