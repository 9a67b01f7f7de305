/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A copy of the bank to plan with: steps are taken in it, and it can be put back to how the bank was.
 *
 * Threads: main thread only; resize_model_init() takes the machine lock while it copies.
 */
#ifndef VMM_HOTPLUG_RESIZE_MODEL_H
#define VMM_HOTPLUG_RESIZE_MODEL_H

#include "hotplug/resize.h"
#include "hotplug/state.h"

struct resize_model {
    struct hotplug *hotplug;
    const struct resize_request *request;
    uint64_t align;                             /* of new DIMMs, bytes */
    uint64_t present;                           /* the guest's bytes before the first step */
    bool fixed[HOTRAM_SLOTS_MAX];               /* not to be removed */
    bool removing[HOTRAM_SLOTS_MAX];            /* the guest was asked for it before: it does not count */
    struct hotram_bank bank;                    /* as it is after the steps so far */
    struct hotram_dimm slots[HOTRAM_SLOTS_MAX]; /* its slots */
    struct hotram_bank before;                  /* and as it was */
    struct hotram_dimm before_slots[HOTRAM_SLOTS_MAX];
};

/* `fixed`: for each slot, whether its DIMM stays; NULL for none. */
void resize_model_init(struct resize_model *model, struct hotplug *hotplug,
                       const struct resize_request *request, const bool *fixed);
void resize_model_rewind(struct resize_model *model);
/* Take a step. The planner has found it possible. */
void resize_model_apply(struct resize_model *model, const struct resize_step *step);
/* The guest has given this DIMM back that it was asked for before: the step that waits for that. */
struct resize_step resize_model_remove(struct resize_model *model, uint32_t slot);

/* Whether plans need not tell nodes apart: there is only one, or one was asked for. */
bool resize_model_is_whole(const struct resize_model *model);
/* RAM at start, of the request's node or of all; of one node. Bytes. */
uint64_t resize_model_ram(const struct resize_model *model);
uint64_t resize_model_node_ram(const struct resize_model *model, uint32_t node);

#endif
