/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shared by the files of the planner. All state is in the caller's scratch; unless stated otherwise, request
 * and bank have been checked.
 */
#ifndef CORE_PLAN_WORK_H
#define CORE_PLAN_WORK_H

#include <hotram/plan_blocks.h>

/* Units of the sums of removable DIMMs, the items: 1 << shift bytes. */
struct plan_measure {
    uint64_t finest; /* a power of two; a DIMM whose size is not a multiple of it is treated as fixed */
    uint64_t total;  /* bytes of all items */
    uint32_t items;  /* their number */
    unsigned shift;  /* the largest that makes every size a whole number of units */
};

/* The possible sums of items, and the items of each sum: the table of a dynamic program. */
struct plan_sums {
    struct plan_measure measure;
    uint32_t limit;                   /* the largest sum, units */
    uint32_t size[HOTRAM_SLOTS_MAX];  /* of each item, units; by rising address */
    uint16_t slot[HOTRAM_SLOTS_MAX];  /* of each item */
    uint16_t order[HOTRAM_SLOTS_MAX]; /* indexes of the items by rising size, then address */
    uint16_t *fewest;                 /* [limit + 1]: fewest items with this sum; PLAN_NO_SUM: impossible */
    uint8_t *taken; /* a row of limit + 1 bits for each item: whether the best choice for the
                     * sum from the items up to this one includes it */
    size_t row;     /* length of a row, bytes */
};

#define PLAN_NO_SUM UINT16_MAX

/* An occupied range of the region. */
struct plan_range {
    uint64_t addr, end; /* guest-physical, bytes; `end` is the first address after it */
    uint16_t slot;
};

/* ---- plan_blocks.c ---- */

/* DIMMs and blocks that together are the target. */
struct plan_combination {
    bool found;
    bool replaced;  /* DIMMs both come and go */
    uint64_t dimms; /* bytes */
    uint64_t moved; /* bytes that come and go */
};

struct plan_search {
    struct hotram_plan_request dimms; /* its target is the sum in question */
    const struct hotram_plan_blocks *blocks;
    void *scratch;
    size_t scratch_size;
    struct hotram_plan *plan; /* for the sum in question */
    uint64_t present;         /* bytes of DIMMs */
    uint64_t target;          /* bytes of both, like the nearest that can be reached */
    uint64_t below, above;
    uint64_t dimms_below, dimms_above; /* the DIMMs in these */
    uint64_t least, most;              /* sums that blocks can complete */
    uint64_t low, high;                /* those of them that are looked at first */
    bool upwards;                      /* the part of the sums in question: which is next, and the last */
    uint64_t sum, end;
    struct plan_combination best;
};

/* ---- The scratch ---- */

struct plan_work {
    const struct hotram_plan_request *request;
    struct hotram_plan *plan;
    uint64_t present;    /* the present size, bytes */
    uint32_t free_slots; /* number of empty slots */
    bool aligned;        /* sizes and addresses of all removable DIMMs are multiples of the request's align */
    struct plan_sums sums;
    struct plan_range ranges[HOTRAM_PLACES_MAX]; /* occupied in the bank, by rising address */
    uint32_t range_count;
    bool removed[HOTRAM_PLACES_MAX];            /* by slot: the set last chosen by libhotram_plan_choose() */
    struct plan_range trial[HOTRAM_PLACES_MAX]; /* occupied after the steps so far, by rising address */
    uint32_t trial_count;
    uint64_t rooms[HOTRAM_PLACES_MAX + 1]; /* of the trial's gaps: bytes that fit at the alignment */
    struct plan_search search; /* of hotram_plan_with_blocks(); hotram_plan() leaves it as it is */
};

/* Whether a slot's DIMM is part of the size; and whether the request also permits its removal. */
bool libhotram_plan_counts(const struct hotram_plan_request *request, uint32_t slot);
bool libhotram_plan_removable(const struct hotram_plan_request *request, uint32_t slot);

/* ---- plan_sums.c ---- */

/* Determine items and units such that the scratch does not exceed HOTRAM_PLAN_SCRATCH_MAX. */
void libhotram_plan_measure(const struct hotram_plan_request *request, struct plan_measure *measure);

/* Bytes of scratch after struct plan_work for these sums. */
size_t libhotram_plan_sums_length(const struct plan_measure *measure);

/* Fill in work->sums, whose measure is set, after libhotram_plan_look(). `memory` has the length that
 * libhotram_plan_sums_length() returns. */
void libhotram_plan_sums(struct plan_work *work, void *memory);

/* Round up to a possible sum, bytes; 0 is always one. False: there is none at or above it. */
bool libhotram_plan_next_sum(const struct plan_sums *sums, uint64_t *bytes);

/* The fewest DIMMs that have this sum, which is possible. */
uint32_t libhotram_plan_fewest(const struct plan_sums *sums, uint64_t bytes);

/* Set work->removed to the DIMMs with this sum, which is possible: the fewest, and among such sets the one
 * with the highest addresses. */
void libhotram_plan_choose(struct plan_work *work, uint64_t bytes);

/* ---- plan_room.c ---- */

/* Whether a bank is consistent: its configuration, its list by address, its sum, and each slot's state. */
bool libhotram_plan_sound(const struct hotram_bank *bank);

/* Fill in present, ranges, free_slots and aligned from the bank. */
void libhotram_plan_look(struct plan_work *work);

/* Begin a trial: the ranges of the bank, without the DIMMs in work->removed if `removed_first`. */
void libhotram_plan_try(struct plan_work *work, bool removed_first);

/* The maximum size of `dimms` new DIMMs together in the trial's gaps, at most `enough`; bytes, a multiple of
 * the alignment. */
uint64_t libhotram_plan_room(struct plan_work *work, uint32_t dimms, uint64_t enough);

/* Append steps that plug `size` bytes: in at most half of `slots` (but at least one) or, if that is
 * impossible, in as few DIMMs as the gaps permit. The size is a multiple of the alignment, and there is room
 * for it according to libhotram_plan_room() in a trial with the same removed_first. */
void libhotram_plan_plug(struct plan_work *work, uint64_t size, uint32_t slots, bool removed_first);

#endif
