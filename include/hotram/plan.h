/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file plan.h
 * The way to a size: which DIMMs to plug and which to remove so that a bank holds a given number of bytes.
 *
 * A plan is a list of steps over the bank as it is now. Nothing is changed: the caller takes the steps with
 * hotram_bank_reserve() and related functions, one after the other. When the guest refuses a removal, the
 * caller plans again, with that slot in hotram_plan_request.fixed.
 *
 * What counts is what the guest may use: the DIMMs of the request's node that are HOTRAM_DIMM_PLUGGED or
 * HOTRAM_DIMM_REMOVAL_REQUESTED. All others take slot, range and capacity. Removable are those that count and
 * are not fixed. New DIMMs have sizes and addresses that are multiples of hotram_plan_request.align.
 *
 * Growing, in order of preference:
 *
 * 1. Plug, in at most half of the empty slots (but at least one) unless holes of the region take more. The
 *    sizes are such that afterwards every multiple of the alignment can be given back by removals alone, or
 *    of twice, four times ... the alignment where that takes too many DIMMs. One slot stays empty.
 * 2. Plug more, then remove as many bytes as that was too much, as few as possible: a slot stays empty.
 * 3. Plug, with the last empty slot: so it is when the capacity is to be filled, or nothing can be removed.
 * 4. Remove as few bytes as possible first, then plug. Only here the size is lower on the way than at both
 *    ends, and only when there is no slot, hole or capacity for the other ways.
 *
 * Shrinking:
 *
 * 1. Remove exactly what is too much, with the fewest DIMMs; of several such choices the one with the highest
 *    addresses.
 * 2. Plug first, as few bytes as possible, and remove exactly so much more.
 * 3. If neither reaches the target: the same for the nearest size above it or, if at_most, below it. What
 *    this frees may let a second plan come nearer.
 *
 * Cost: O(n * t) time and about n * t / 8 bytes of scratch, with n removable DIMMs and t their bytes in units
 * of the greatest power of two that divides each of their sizes; case 4 of growing may take O(t * (n * n +
 * s)) with s slots. When that scratch would exceed HOTRAM_PLAN_SCRATCH_MAX, the DIMMs with the finest sizes
 * are taken as fixed.
 *
 * Memory: the caller's only. Threads: the bank must not change during a call.
 *
 * Source: none; the rules are the library's own.
 */
#ifndef HOTRAM_PLAN_H
#define HOTRAM_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <hotram/dimm.h>
#include <hotram/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** There is no such size. */
#define HOTRAM_PLAN_NONE UINT64_MAX

/** The most steps of a plan: every slot emptied and filled again. */
#define HOTRAM_PLAN_STEPS_MAX (2u * HOTRAM_SLOTS_MAX)

/** The most scratch that a plan ever needs, bytes. */
#define HOTRAM_PLAN_SCRATCH_MAX (64u << 20)

/** What a plan is to reach. */
struct hotram_plan_request {
    const struct hotram_bank *bank; /**< the bank as it is now */
    uint64_t target;                /**< bytes of the DIMMs that count, together; any number */
    uint64_t align;                 /**< sizes and addresses of new DIMMs are multiples of it: a power of two,
                                     *   at least the bank's granularity, bytes */
    bool node_given;   /**< only the DIMMs of `node` count, and new ones are to get it; else those
                        *   of all nodes do */
    uint32_t node;     /**< proximity domain, if node_given */
    bool at_most;      /**< rather below the target than above it, when shrinking misses it */
    const bool *fixed; /**< for each slot of the bank: its DIMM is not to be removed; NULL for none */
};

/** What a step does. */
enum hotram_plan_action {
    HOTRAM_PLAN_PLUG,   /**< reserve the range, in any slot, and commit */
    HOTRAM_PLAN_UNPLUG, /**< ask the guest to give the DIMM back, and wait until it is finished */
};

/** One step. */
struct hotram_plan_step {
    enum hotram_plan_action action; /**< what to do */
    uint32_t slot;                  /**< of the DIMM to remove; HOTRAM_SLOT_ANY when plugging */
    uint64_t addr;                  /**< of the DIMM, bytes */
    uint64_t size;                  /**< of the DIMM, bytes */
};

/** A plan. */
struct hotram_plan {
    uint32_t count; /**< of steps; 0 when there is nothing to do, or no way */
    uint64_t
        reached; /**< bytes that count after all steps: the target, or what is nearest on the wanted side */
    uint64_t below; /**< the largest size at or below the target that can be reached, bytes, or
                     *   HOTRAM_PLAN_NONE */
    uint64_t above; /**< the smallest at or above it, bytes, or HOTRAM_PLAN_NONE */
    struct hotram_plan_step steps[HOTRAM_PLAN_STEPS_MAX]; /**< to be taken in this order */
};

/**
 * How much scratch hotram_plan() needs for a request.
 *
 * When: at any time after hotram_bank_init(); the answer holds as long as the bank does not change.
 *
 * @param request  what is wanted
 * @return bytes, at most HOTRAM_PLAN_SCRATCH_MAX; 0 for a request that hotram_plan() refuses with
 *         HOTRAM_E_ARGUMENT
 */
size_t hotram_plan_scratch(const struct hotram_plan_request *request);

/**
 * Plan the way to a size. The bank is only read.
 *
 * The sizes that can be reached, growing and shrinking, are those at the ends of the ways above. All of them
 * are found but for one case: growing by way 4 when a removable DIMM's size or address is no multiple of the
 * alignment, where for each sum of sizes only one set of DIMMs is tried.
 *
 * Shrinking to what cannot be reached is no error: reached is then hotram_plan.above (at most the present
 * size), or hotram_plan.below if at_most.
 *
 * When: at any time after hotram_bank_init(). Every step is possible if nothing else happens to the bank and
 * the guest gives back what it is asked for.
 *
 * @param request       what is wanted
 * @param scratch       the caller's memory, aligned for a uint64_t; what is in it before and after is of no
 *                      meaning
 * @param scratch_size  its length, bytes: any number from hotram_plan_scratch() on
 * @param plan          always filled in when not NULL; on an error it has no steps, reached is the present
 *                      size, and below and above say what else could be reached
 * @retval HOTRAM_OK          the steps lead to reached
 * @retval HOTRAM_E_ARGUMENT  a pointer but fixed is NULL, align is no power of two or less than the
 *                            granularity, scratch is not aligned, or the bank contradicts itself; below and
 *                            above are HOTRAM_PLAN_NONE and reached is 0
 * @retval HOTRAM_E_BUFFER    scratch_size is too small; below, above and reached as before
 * @retval HOTRAM_E_CAPACITY  growing would exceed the bank's capacity
 * @retval HOTRAM_E_SIZE      growing: no multiple of align leads from the present DIMMs to the target
 * @retval HOTRAM_E_NO_SLOT   growing: the region has room, but not in as few pieces as there are slots
 * @retval HOTRAM_E_NO_SPACE  growing: the holes of the region are too small
 * @retval HOTRAM_E_STATE     shrinking with at_most: what cannot be removed is more than the target
 */
enum hotram_status hotram_plan(const struct hotram_plan_request *request, void *scratch, size_t scratch_size,
                               struct hotram_plan *plan);

/** A node's share of the guest's memory. */
struct hotram_plan_node {
    uint64_t present; /**< RAM at start and DIMMs, bytes */
    uint64_t floor;   /**< what of it cannot be removed, bytes, at most present */
    uint64_t target;  /**< result: what it is to have, bytes */
};

/**
 * Spread a size over the nodes of a guest, as evenly as can be without moving memory from node to node.
 *
 * Growing adds unit by unit to the node that is then the smallest, the lower number first; shrinking takes
 * unit by unit from the one that is then the largest and above its floor, the higher number first. So a node
 * either keeps its size or moves in the direction of all. The last unit is cut so that the sum is exact; when
 * shrinking, also what is left above a floor.
 *
 * Cost: O(64 * count) time, no scratch.
 *
 * When: at any time.
 *
 * @param nodes  the nodes; each target is filled in, also when it is present's value
 * @param count  how many, any number from 1 on
 * @param total  bytes that all targets together are to be, any number; the sum of the floors when less
 * @param unit   a power of two, bytes
 * @retval HOTRAM_OK          the targets' sum is total, or that of the floors if that is more
 * @retval HOTRAM_E_ARGUMENT  nodes is NULL, count is 0, unit is no power of two, a floor is above its node's
 *                            present, or the sum of present exceeds 2^64 - 1; no target is changed
 */
enum hotram_status hotram_plan_spread(struct hotram_plan_node *nodes, size_t count, uint64_t total,
                                      uint64_t unit);

#ifdef __cplusplus
}
#endif
#endif
