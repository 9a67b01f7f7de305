/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Allocation of all pages of a mapping, by threads of their own. The pages' contents do not change.
 *
 * Threads: all functions run on the main thread, and so do the callbacks. The threads share the cursor from
 * which each takes its next piece, and the sums, which are atomic; the last one to end posts to the event
 * loop.
 */
#ifndef VMM_MEMORY_PREALLOC_H
#define VMM_MEMORY_PREALLOC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/loop.h"

struct prealloc;

struct prealloc_request {
    void *memory;
    uint64_t size;      /* bytes */
    uint64_t page_size; /* bytes */
    unsigned threads;   /* maximum; fewer are used if there are fewer processors, or pieces of work */
    bool reads;         /* read pages instead of writing them: for a mapping that is shared or read-only */
};

struct prealloc_ops {
    /* The threads have ended, and the prealloc has been freed. `failure` is 0, or an errno; ECANCELED:
     * cancelled.
     */
    void (*ended)(void *opaque, int failure);
    /* About once a second, and at the end if it is complete: bytes allocated so far. */
    void (*progress)(void *opaque, uint64_t done);
};

/* Start. NULL and an error: no thread can be created; no callback is called. */
struct prealloc *prealloc_start(struct loop *loop, const struct prealloc_request *request,
                                const struct prealloc_ops *ops, void *opaque, struct error *error);
/* Have it end soon; ended() is called from the event loop. */
void prealloc_cancel(struct prealloc *prealloc);
/* End it now: wait for the threads, at most until each has completed its piece. ended() is not called. */
void prealloc_destroy(struct prealloc *prealloc);

#endif
