/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between the files of the planner. All of it lies in the caller's scratch; where not said otherwise, the
 * request and the bank have been checked.
 */
#ifndef CORE_PLAN_WORK_H
#define CORE_PLAN_WORK_H

#include <hotram/plan.h>

/* How the sums of removable DIMMs are counted: sizes in units of 1 << shift bytes. */
struct plan_measure {
    uint64_t finest; /* a DIMM whose size is no multiple of it is taken as fixed */
    uint64_t total;  /* bytes of the removable DIMMs */
    uint32_t items;  /* how many these are */
    unsigned shift;
};

/* Which sums of removable DIMMs there are, and which DIMMs make them. */
struct plan_sums {
    struct plan_measure measure;
    uint32_t limit;                   /* the largest sum, units */
    uint32_t size[HOTRAM_SLOTS_MAX];  /* of each item, units; by rising address */
    uint16_t slot[HOTRAM_SLOTS_MAX];  /* of each item */
    uint16_t order[HOTRAM_SLOTS_MAX]; /* the items by rising size */
    uint16_t *fewest;                 /* for each sum: of how many items at least; PLAN_NO_SUM */
    uint8_t *taken;                   /* a row of bits for each item: whether that many items include it */
    size_t row;                       /* length of a row, bytes */
};

#define PLAN_NO_SUM UINT16_MAX

/* A range of the region that is taken. */
struct plan_range {
    uint64_t addr, end; /* guest-physical, bytes; end is the first address behind it */
    uint16_t slot;
};

struct plan_work {
    const struct hotram_plan_request *request;
    struct hotram_plan *plan;
    uint64_t present;    /* bytes that count */
    uint32_t free_slots; /* empty slots */
    bool aligned;        /* sizes and addresses of all that is removable are multiples of the alignment */
    struct plan_sums sums;
    struct plan_range ranges[HOTRAM_SLOTS_MAX]; /* what is taken now, by rising address */
    uint32_t range_count;
    bool removed[HOTRAM_SLOTS_MAX];            /* by slot: the set last chosen by libhotram_plan_choose() */
    struct plan_range trial[HOTRAM_SLOTS_MAX]; /* what is taken in the course of a plan */
    uint32_t trial_count;
    uint64_t rooms[HOTRAM_SLOTS_MAX + 1]; /* of the trial's holes, bytes: what fits at the alignment */
};

/* Whether a slot's DIMM counts; and whether it may be removed, as far as the request says. */
bool libhotram_plan_counts(const struct hotram_plan_request *request, uint32_t slot);
bool libhotram_plan_removable(const struct hotram_plan_request *request, uint32_t slot);

/* ---- plan_sums.c ---- */

/* Find the units. */
void libhotram_plan_measure(const struct hotram_plan_request *request, struct plan_measure *measure);

/* Bytes of scratch behind struct plan_work for these sums. */
size_t libhotram_plan_sums_length(const struct plan_measure *measure);

/* Fill in work->sums, whose measure is known; memory is that long. */
void libhotram_plan_sums(struct plan_work *work, void *memory);

/* The next sum that there is, from this one on, bytes; false when there is none. 0 always is one. */
bool libhotram_plan_next_sum(const struct plan_sums *sums, uint64_t *bytes);

/* How many DIMMs make a sum that there is, at the least. */
uint32_t libhotram_plan_fewest(const struct plan_sums *sums, uint64_t bytes);

/* Choose the DIMMs of a sum that there is: the fewest, and of these the highest addresses. */
void libhotram_plan_choose(struct plan_work *work, uint64_t bytes);

/* ---- plan_room.c ---- */

/* Whether a bank does not contradict itself: its list, its sum, each slot. */
bool libhotram_plan_sound(const struct hotram_bank *bank);

/* Fill in what the bank says: present, ranges, free_slots, aligned. */
void libhotram_plan_look(struct plan_work *work);

/* Begin a trial: what is taken now, without the removed DIMMs if they go first. */
void libhotram_plan_try(struct plan_work *work, bool removed_first);

/* The most bytes that so many new DIMMs can have in the trial's holes, not more than enough. */
uint64_t libhotram_plan_room(struct plan_work *work, uint32_t dimms, uint64_t enough);

/* Append steps that plug size bytes, in at most half of the slots (but one) or else in as few DIMMs as the
 * holes allow. The size is a multiple of the alignment and there is room for it, as libhotram_plan_room()
 * says of a trial begun with the same removed_first. */
void libhotram_plan_plug(struct plan_work *work, uint64_t size, uint32_t slots, bool removed_first);

#endif
