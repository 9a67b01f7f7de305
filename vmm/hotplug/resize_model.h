/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A copy of the bank for planning: steps are applied to it, and it can be rewound to the bank's state.
 *
 * Threads: main thread only; resize_model_init() takes the machine lock while it copies.
 */
#ifndef VMM_HOTPLUG_RESIZE_MODEL_H
#define VMM_HOTPLUG_RESIZE_MODEL_H

#include "hotplug/resize_blocks.h"
#include "hotplug/state.h"

struct resize_model {
    struct hotplug *hotplug;
    const struct resize_request *request;
    uint64_t align;                     /* of new DIMMs, bytes */
    uint64_t present;                   /* the guest's bytes before the first step */
    uint32_t slot_of[HOTRAM_SLOTS_MAX]; /* the bank's slot, by that of the copy, which all others here are */
    bool fixed[HOTRAM_SLOTS_MAX];       /* by slot: its DIMM must not be removed */
    bool removing[HOTRAM_SLOTS_MAX];    /* its removal was requested before: it is not part of the size */
    struct resize_blocks blocks;        /* after the steps so far, like the next */
    struct hotram_bank bank;
    struct hotram_dimm slots[HOTRAM_PLACES_MAX]; /* its slots and ranges */
    struct hotram_bank before;                   /* before the first step */
    struct hotram_dimm before_slots[HOTRAM_PLACES_MAX];
    struct resize_blocks before_blocks;
    /* Why the copy has fewer slots than the bank: a listener of guest memory has a limit; "": it has not. */
    struct error limit;
};

/* `fixed`: as for resize_plan(). Takes the machine lock. */
void resize_model_init(struct resize_model *model, struct hotplug *hotplug,
                       const struct resize_request *request, const bool *fixed);
void resize_model_rewind(struct resize_model *model);
/* At the end: the steps of a plan have slots of the bank. */
void resize_model_name_slots(const struct resize_model *model, struct resize_plan *plan);
/* Apply a step that the planner has found possible. */
void resize_model_apply(struct resize_model *model, const struct resize_step *step);
/* Remove a DIMM whose removal was requested before. Returns the step that waits for that. */
struct resize_step resize_model_remove(struct resize_model *model, uint32_t slot);

/* Whether nodes need not be planned separately: there is only one, or the request names one. */
bool resize_model_is_whole(const struct resize_model *model);
/* Whether there are virtio-mem devices. */
bool resize_model_has_blocks(const struct resize_model *model);
/* What sizes that can be reached differ by, at least: DIMMs and blocks are multiples of it. And what remains
 * if all DIMMs and, by multiples of this, all blocks are gone. Bytes. */
uint64_t resize_model_grain(const struct resize_model *model);
uint64_t resize_model_base(const struct resize_model *model);
/* RAM at start of the request's node or of all nodes; and of one node. Bytes. */
uint64_t resize_model_ram(const struct resize_model *model);
uint64_t resize_model_node_ram(const struct resize_model *model, uint32_t node);

#endif
