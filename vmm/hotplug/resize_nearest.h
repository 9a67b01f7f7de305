/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The words for a size that cannot be reached.
 *
 * Threads: main thread only.
 */
#ifndef VMM_HOTPLUG_RESIZE_NEAREST_H
#define VMM_HOTPLUG_RESIZE_NEAREST_H

#include "hotplug/resize_attempt.h"

/* Say why a size cannot be reached (what resize_attempt() has found, or the size is out of all bounds), and
 * which are the nearest that can: the same request is accepted with each of them and leads there exactly. */
void resize_explain(struct resize_model *model, const struct resize_obstacle *obstacle, uint64_t size,
                    struct error *error);

#endif
