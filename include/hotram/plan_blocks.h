/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file plan_blocks.h
 * Plans for a size that DIMMs and blocks have together. Blocks are memory that comes and goes in units of a
 * device of its own (virtio-mem), beside the DIMMs of a bank.
 *
 * Of all combinations of DIMMs that hotram_plan() can reach and of blocks that complete them to the target,
 * the plan is the one
 *
 * 1. by which the fewest bytes come and go;
 * 2. among these, one that does not replace DIMMs by other DIMMs, if there is one;
 * 3. among these, the one with the most bytes in DIMMs.
 *
 * So a guest that grows gets DIMMs as far as whole ones reach, and blocks for the rest; a guest that shrinks
 * gives back blocks first, and DIMMs when no blocks are left.
 *
 * Cost: that of hotram_plan() for each sum of DIMMs that is looked at, and for each that is looked for in
 * vain; usually at most five, since the search ends when no other sum can be better. At most 7 *
 * HOTRAM_PLAN_SUMS_MAX, and as many again if a shrink cannot reach the target: so many where DIMMs of many
 * sizes have to replace others, because few slots are empty.
 *
 * Memory: only the caller's. Threads: the bank must not change during a call.
 *
 * Source: none; the rules are the library's own.
 */
#ifndef HOTRAM_PLAN_BLOCKS_H
#define HOTRAM_PLAN_BLOCKS_H

#include <hotram/plan.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How many sums of DIMMs are looked at in each of three parts: between those that leave the blocks, or the
 * DIMMs, as they are, below these, and above. If a bank has fewer sums in each, nothing is overlooked. The
 * sums that leave the DIMMs, and as many of the blocks as possible, as they are, are always looked at. */
#define HOTRAM_PLAN_SUMS_MAX 64u

/** The blocks beside the DIMMs of a request: what they are, and what they are to be. */
struct hotram_plan_blocks {
    uint64_t present; /**< bytes now */
    uint64_t least;   /**< bytes that cannot be removed, at most present */
    uint64_t most;    /**< bytes that there can be, at least present */
    uint64_t unit;    /**< what comes and goes is a multiple of it: a power of two, bytes */
    uint64_t target;  /**< result: bytes that there are to be */
    bool last;        /**< result: they change after the steps of the plan, and not before them */
};

/**
 * Plan the steps to a size that DIMMs and blocks have together. The bank is only read.
 *
 * If the blocks change as the result says, before or after the steps, the size is never below both its
 * initial and its final value, except where hotram_plan() has no other way.
 *
 * Shrinking to a size that cannot be reached is not an error: reached is then hotram_plan.above (at most the
 * present size), or hotram_plan.below if at_most.
 *
 * When: at any time after hotram_bank_init().
 *
 * @param request       size and conditions: target is the sum of DIMMs and blocks
 * @param blocks        the blocks, of the request's node or of all; target and last are filled in if the
 *                      status is not HOTRAM_E_ARGUMENT, on an error with the present size and false
 * @param scratch       the caller's memory, aligned for a uint64_t; its contents are undefined afterwards
 * @param scratch_size  its length, bytes: any number not below hotram_plan_scratch()
 * @param plan          filled in with every status if not NULL, as by hotram_plan(): the steps are those of
 *                      the DIMMs, reached, below and above are sums of DIMMs and blocks
 * @retval HOTRAM_OK          the steps and the blocks lead to reached
 * @retval HOTRAM_E_ARGUMENT  as for hotram_plan(); blocks is NULL, its unit is not a power of two, its
 * numbers are not in order, or most and the bank's region are not less than 2^64 - 1 together
 * @retval HOTRAM_E_BUFFER    scratch_size is too small; below, above and reached as for HOTRAM_E_ARGUMENT
 * @retval HOTRAM_E_CAPACITY  growing, like the next three: what the blocks leave would exceed the capacity
 * @retval HOTRAM_E_SIZE      no DIMMs and multiples of the unit lead to the target
 * @retval HOTRAM_E_NO_SLOT   with all blocks too few slots are empty
 * @retval HOTRAM_E_NO_SPACE  with all blocks the gaps are too small
 * @retval HOTRAM_E_STATE     shrinking with at_most: what cannot be removed exceeds the target
 */
enum hotram_status hotram_plan_with_blocks(const struct hotram_plan_request *request,
                                           struct hotram_plan_blocks *blocks, void *scratch,
                                           size_t scratch_size, struct hotram_plan *plan);

#ifdef __cplusplus
}
#endif
#endif
