/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What can be reached from a small bank at all: every set of removable DIMMs, every way to fill the holes.
 * Sizes are small numbers of bytes, below JUDGE_SIZES.
 */
#ifndef TESTS_UNIT_PLAN_JUDGE_H
#define TESTS_UNIT_PLAN_JUDGE_H

#include <hotram/plan.h>

#define JUDGE_SIZES 64u
#define JUDGE_SLOTS 8u

struct judge {
    uint64_t plugging_first; /* bit n: n bytes can be reached without ever having less than before or then */
    uint64_t consolidating;  /* those of them that can be reached with a removal */
    uint64_t removing_first; /* the same, removing first */
    uint8_t fewest[JUDGE_SIZES]; /* to reach n by removals alone: how many; UINT8_MAX when not */
    bool aligned;                /* all that is removable begins and ends at the alignment */
};

void judge(struct judge *judge, const struct hotram_plan_request *request);

#endif
