/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether the guest can be brought to a size, and how.
 *
 * Threads: main thread only.
 */
#ifndef VMM_HOTPLUG_RESIZE_ATTEMPT_H
#define VMM_HOTPLUG_RESIZE_ATTEMPT_H

#include "hotplug/resize_model.h"

/* Why a plan does not reach its size. */
struct resize_obstacle {
    enum hotram_status status; /* the planner's; HOTRAM_E_BUFFER: out of memory */
    uint64_t below, above;     /* nearest possible sums of DIMMs and blocks, bytes, or HOTRAM_PLAN_NONE */
    uint32_t node;             /* if nodes are planned separately: the one that failed, */
    uint64_t node_size;        /* and the size that it was to have, bytes */
};

/* Plan to bring the guest, or the request's node, to a size of at least its RAM at start. The model is put
 * rewound first. False: impossible, and *obstacle is the reason. If shrinking cannot reach the size, the plan
 * leads to the nearest one on the requested side, its `reached`. */
bool resize_attempt(struct resize_model *model, uint64_t size, struct resize_plan *plan,
                    struct resize_obstacle *obstacle);

#endif
