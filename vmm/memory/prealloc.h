/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Allocating all pages of a mapping, by threads that do nothing else. What the pages contain stays.
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
    uint64_t size;
    uint64_t page_size;
    unsigned threads; /* at most: no more than processors, or pieces of work, are used */
    bool reads;       /* pages are read, not written: of a mapping that is shared or cannot be written */
};

struct prealloc_ops {
    /* The threads are gone, and so is the prealloc. `failure`: 0, or an errno; ECANCELED after a cancel. */
    void (*ended)(void *opaque, int failure);
    /* About once a second, and at the end when all is there. */
    void (*progress)(void *opaque, uint64_t done);
};

/* NULL and an error when there can be no thread. */
struct prealloc *prealloc_start(struct loop *loop, const struct prealloc_request *request,
                                const struct prealloc_ops *ops, void *opaque, struct error *error);
/* Let it end soon; ended() is called from the event loop. */
void prealloc_cancel(struct prealloc *prealloc);
/* End it now: waits for the threads, at most as long as a piece takes. ended() is not called. */
void prealloc_destroy(struct prealloc *prealloc);

#endif
