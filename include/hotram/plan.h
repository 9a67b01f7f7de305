/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file plan.h
 * Plans for a size: which DIMMs to plug and which to remove so that a bank contains a given number of bytes.
 *
 * A plan is a list of steps that begins with the present state of the bank, and changes nothing: the caller
 * carries out the steps with hotram_bank_reserve() and related functions, one after the other. If the guest
 * refuses a removal, the caller plans again, with that slot in hotram_plan_request.fixed.
 *
 * The size is the sum of the DIMMs that the guest may use: those of the request's node that are
 * HOTRAM_DIMM_PLUGGED or HOTRAM_DIMM_REMOVAL_REQUESTED. All other DIMMs only occupy slot, range and capacity.
 * Removable are those that are part of the size and are not fixed. New DIMMs have sizes and addresses that
 * are multiples of hotram_plan_request.align.
 *
 * Growing, in order of preference:
 *
 * 1. Plug, using at most half of the empty slots (but at least one) unless the region's gaps require more.
 * The sizes are chosen so that every multiple of the alignment can later be removed without plugging, or of
 *    twice, four times ... the alignment if that would take too many DIMMs. One slot stays empty.
 * 2. Plug more than requested, then remove the excess, as few bytes as possible. A slot stays empty.
 * 3. Plug, using the last empty slot, too: if the capacity is to be filled, or nothing can be removed.
 * 4. Remove as few bytes as possible first, then plug. This is the only case in which the size is temporarily
 *    below both its initial and its final value; it is used only if there is no slot, gap or capacity for the
 *    others.
 *
 * Shrinking:
 *
 * 1. Remove exactly the excess, with the fewest DIMMs; among several such choices, the one with the highest
 *    addresses.
 * 2. Plug as few bytes as possible first, then remove the excess.
 * 3. If neither reaches the target: the same for the nearest size above it or, if at_most, below it. The
 * space that this frees may allow a second plan to come nearer.
 *
 * Cost: O(n * t) time and about n * t / 8 bytes of scratch, where n is the number of removable DIMMs and t
 * their bytes in units of the greatest power of two that divides each of their sizes; case 4 of growing may
 * take O(t * (n * n + s)) with s slots. If the scratch would exceed HOTRAM_PLAN_SCRATCH_MAX, the DIMMs with
 * the finest sizes are treated as fixed.
 *
 * Memory: only the caller's. Threads: the bank must not change during a call.
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

/** Maximum number of steps of a plan: every slot is emptied and filled again. */
#define HOTRAM_PLAN_STEPS_MAX (2u * HOTRAM_SLOTS_MAX)

/** Maximum scratch of a plan, bytes. */
#define HOTRAM_PLAN_SCRATCH_MAX (64u << 20)

/** The size to reach, and its conditions. */
struct hotram_plan_request {
    const struct hotram_bank *bank; /**< the bank, which is only read */
    uint64_t target;                /**< size to reach, bytes, any number */
    uint64_t align;                 /**< sizes and addresses of new DIMMs are multiples of it: a power of two,
                                     *   at least the bank's granularity, bytes */
    bool node_given;   /**< true: the size is that of the DIMMs of `node`, to which new ones are to belong;
                        *   false: of all nodes */
    uint32_t node;     /**< proximity domain, if node_given */
    bool at_most;      /**< if shrinking cannot reach the target: end below it, rather than above it */
    const bool *fixed; /**< for each slot of the bank: its DIMM must not be removed; NULL: none */
};

/** Action of a step. */
enum hotram_plan_action {
    HOTRAM_PLAN_PLUG,   /**< reserve the range, in any slot, and commit */
    HOTRAM_PLAN_UNPLUG, /**< request the removal, and wait for hotram_bank_finish() */
};

/** One step. */
struct hotram_plan_step {
    enum hotram_plan_action action; /**< plug or unplug */
    uint32_t slot;                  /**< of the DIMM to remove; HOTRAM_SLOT_ANY for a plug */
    uint64_t addr;                  /**< of the DIMM, bytes */
    uint64_t size;                  /**< of the DIMM, bytes */
};

/** A plan. */
struct hotram_plan {
    uint32_t count; /**< number of steps; 0 if the target is the present size, and on an error */
    uint64_t
        reached;    /**< size after all steps, bytes: the target, or the nearest size on the requested side */
    uint64_t below; /**< the largest size at or below the target that can be reached, bytes, or
                     *   HOTRAM_PLAN_NONE */
    uint64_t above; /**< the smallest size at or above it, bytes, or HOTRAM_PLAN_NONE */
    struct hotram_plan_step steps[HOTRAM_PLAN_STEPS_MAX]; /**< to be carried out in this order */
};

/**
 * The scratch that hotram_plan() needs for a request.
 *
 * When: at any time after hotram_bank_init(); the result is valid until the bank changes.
 *
 * @param request  size and conditions
 * @return bytes, at most HOTRAM_PLAN_SCRATCH_MAX; 0 for a request that hotram_plan() refuses with
 *         HOTRAM_E_ARGUMENT
 */
size_t hotram_plan_scratch(const struct hotram_plan_request *request);

/**
 * Plan the steps to a size. The bank is only read.
 *
 * The sizes that can be reached are those that one of the cases above leads to. All of them are found, with
 * one exception: in case 4 of growing, if a removable DIMM's size or address is not a multiple of the
 * alignment, only one set of DIMMs is tried for each sum of sizes.
 *
 * Shrinking to a size that cannot be reached is not an error: reached is then hotram_plan.above (at most the
 * present size), or hotram_plan.below if at_most.
 *
 * When: at any time after hotram_bank_init(). Every step is possible if nothing else changes the bank, and
 * the guest ejects the DIMMs whose removal is requested.
 *
 * @param request       size and conditions
 * @param scratch       the caller's memory, aligned for a uint64_t; its contents are undefined afterwards
 * @param scratch_size  its length, bytes: any number not below hotram_plan_scratch()
 * @param plan          filled in with every status if not NULL; on an error it has no steps, reached is the
 *                      present size, and below and above are sizes that could be reached
 * @retval HOTRAM_OK          the steps lead to reached
 * @retval HOTRAM_E_ARGUMENT  a pointer other than fixed is NULL, align is not a power of two or is below the
 *                            granularity, scratch is not aligned, or the bank is inconsistent; below and
 *                            above are HOTRAM_PLAN_NONE and reached is 0
 * @retval HOTRAM_E_BUFFER    scratch_size is too small; below, above and reached as for HOTRAM_E_ARGUMENT
 * @retval HOTRAM_E_CAPACITY  growing would exceed the bank's capacity
 * @retval HOTRAM_E_SIZE      growing: no multiple of align leads from the present DIMMs to the target
 * @retval HOTRAM_E_NO_SLOT   growing: the region has space, but in more pieces than there are empty slots
 * @retval HOTRAM_E_NO_SPACE  growing: the region's gaps are too small
 * @retval HOTRAM_E_STATE     shrinking with at_most: the DIMMs that cannot be removed exceed the target
 */
enum hotram_status hotram_plan(const struct hotram_plan_request *request, void *scratch, size_t scratch_size,
                               struct hotram_plan *plan);

/** A node's share of the guest's memory. */
struct hotram_plan_node {
    uint64_t present; /**< RAM at start and DIMMs, bytes */
    uint64_t floor;   /**< the part of it that cannot be removed, bytes, at most present */
    uint64_t target;  /**< result: the node's new size, bytes */
};

/**
 * Distribute a size over the nodes of a guest, as evenly as possible without moving memory between nodes.
 *
 * Growing adds unit by unit to the node that is then the smallest, the lowest-numbered one first; shrinking
 * subtracts unit by unit from the node that is then the largest and above its floor, the highest-numbered one
 * first. So no node shrinks while the guest grows, or the reverse. The last unit is reduced so that the sum
 * is exact, and when shrinking, also a unit that would go below a floor.
 *
 * Cost: O(64 * count) time, no scratch.
 *
 * When: at any time.
 *
 * @param nodes  the nodes; every target is filled in
 * @param count  their number, any number but 0
 * @param total  sum of all targets, bytes, any number; if less than the sum of the floors, that sum is used
 * @param unit   a power of two, bytes
 * @retval HOTRAM_OK          the targets' sum is total, or that of the floors if that is more
 * @retval HOTRAM_E_ARGUMENT  nodes is NULL, count is 0, unit is not a power of two, a floor is above its
 *                            node's present, or the sum of present exceeds 2^64 - 1; no target is changed
 */
enum hotram_status hotram_plan_spread(struct hotram_plan_node *nodes, size_t count, uint64_t total,
                                      uint64_t unit);

#ifdef __cplusplus
}
#endif
#endif
