/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Requests that may take long, and whoever waits for them.
 */
#ifndef VMM_BASE_COMPLETION_H
#define VMM_BASE_COMPLETION_H

#include <stdint.h>

#include "base/error.h"

/* How far a request is. */
enum outcome {
    OUTCOME_FAILED, /* the error says why; everything is as it was */
    OUTCOME_DONE,
    OUTCOME_LATER, /* the completion is called at the end */
};

/* Called on the main thread, from the event loop, if the outcome was OUTCOME_LATER. */
struct completion {
    /* The end, exactly once: NULL for good. */
    void (*ended)(void *opaque, const struct error *error);
    /* May be NULL: `done` of `size` bytes are there. About once a second, and when all are. */
    void (*progress)(void *opaque, const char *id, uint64_t done, uint64_t size);
    void *opaque;
};

#endif
