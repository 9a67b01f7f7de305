/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The results of requests that may take long.
 */
#ifndef VMM_BASE_COMPLETION_H
#define VMM_BASE_COMPLETION_H

#include <stdint.h>

#include "base/error.h"

/* The result of a request when the function that was asked returns. */
enum outcome {
    OUTCOME_FAILED, /* the error gives the reason; nothing has changed */
    OUTCOME_DONE,
    OUTCOME_LATER, /* the completion is called at the end */
};

/* Called on the main thread, from the event loop, if the outcome was OUTCOME_LATER. */
struct completion {
    /* Called exactly once, when the request ends; `error` is NULL if it succeeded. */
    void (*ended)(void *opaque, const struct error *error);
    /* May be NULL. `done` of `size` bytes are allocated; called about once a second, and at the end. */
    void (*progress)(void *opaque, const char *id, uint64_t done, uint64_t size);
    void *opaque;
};

#endif
