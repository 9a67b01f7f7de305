/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The error for a size that cannot be reached.
 *
 * Threads: main thread only.
 */
#ifndef VMM_HOTPLUG_RESIZE_NEAREST_H
#define VMM_HOTPLUG_RESIZE_NEAREST_H

#include "hotplug/resize_attempt.h"

/* Set the error: why a size cannot be reached (resize_attempt()'s obstacle, or the size is out of bounds),
 * and the nearest sizes that can. The same request with one of them is accepted, and reaches it exactly. */
void resize_explain(struct resize_model *model, const struct resize_obstacle *obstacle, uint64_t size,
                    struct error *error);

#endif
