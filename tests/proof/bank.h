/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An arbitrary bank of SLOTS slots and ranges, of each any number: its invariant, and what is remembered of
 * it to compare with.
 */
#ifndef TESTS_PROOF_BANK_H
#define TESTS_PROOF_BANK_H

#include <hotram/dimm.h>

#include "proof.h"

/* Not for the pointers of the proofs themselves: that would be four properties of five. The code under proof
 * is in files of its own. */
#pragma CPROVER check push
#pragma CPROVER check disable "pointer"
#pragma CPROVER check disable "pointer-overflow"
#pragma CPROVER check disable "bounds"

#ifdef FAST
#define NARROW true
#else
#define NARROW false
#endif
#ifndef SLOTS
#ifdef FAST
#define SLOTS 2u
#else
#define SLOTS 3u
#endif
#endif
#define WINDOW_MASK 0x1fu
#define END 0xffffu /* as in core/dimm.c: no further DIMM */

/* A bank as it was before the call. */
struct before {
    struct hotram_bank bank;
    struct hotram_dimm slots[SLOTS];
};

/* The bank under proof, and what its callbacks saw. */
struct world {
    struct hotram_bank bank;
    struct before before;
    uint32_t subject;               /* the slot that the call may change */
    unsigned raised, osts, ejected; /* how often each callback was called */
    uint32_t slot, event, status;   /* what the last of them was told */
    bool finish_at_once;            /* the eject callback calls hotram_bank_finish() */
    bool whole;                     /* the whole invariant holds, not that of the flags alone */
};

extern struct world world;
extern struct hotram_dimm slots[SLOTS];
extern const struct hotram_bank_ops ops;

static inline bool is_power_of_two(uint64_t number)
{
    return number != 0 && (number & (number - 1)) == 0;
}

/* Whether [addr, addr + size) lies in the region. */
static inline bool is_inside(const struct hotram_bank_config *config, uint64_t addr, uint64_t size)
{
    return addr >= config->base && size <= config->size && addr - config->base <= config->size - size;
}

/* Whether two ranges, both in the region, have a byte in common. */
static inline bool overlap(uint64_t a, uint64_t a_size, uint64_t b, uint64_t b_size)
{
    return a < b + b_size && b < a + a_size;
}

static inline bool is_visible(const struct hotram_dimm *dimm)
{
    return dimm->state == HOTRAM_DIMM_PLUGGED || dimm->state == HOTRAM_DIMM_REMOVAL_REQUESTED;
}

/* The invariant: what is true of a bank between any two calls, and inside every callback. */
bool bank_holds(const struct hotram_bank *bank);

/* The part of it that speaks of a slot's state and pending events; the rest is about places. */
bool flags_hold(const struct hotram_dimm *dimm);

/* Let world.bank be any bank for which the invariant holds, and remember it in world.before. With NARROW it
 * is one in the window below. */
void arbitrary_bank(void);

/* Likewise, with all addresses in a window of 32 bytes at the bottom or at the top of the address space:
 * where a SAT solver has to search holes, 64 bits of each address are too much for it. */
void arbitrary_bank_in_window(void);

/* Any bank of which nothing is known but that the flags hold: for calls that leave all places alone. */
void arbitrary_flags(void);

/* Prove that the invariant holds still, and that no slot but this one has changed (none, if it is no slot).
 * That the sum is right follows from two smaller steps: no other size changed, and the sum changed by as much
 * as this one. A SAT solver has no quick way to a sum of many 64-bit numbers. */
void prove_bank_holds(const struct before *before, uint32_t slot);

/* After arbitrary_flags(): the flags hold still, no place has changed, nor which slots are empty. So if the
 * whole invariant held before, it holds now. */
void prove_flags_hold(const struct before *before, uint32_t slot);

/* Whether all is as it was, list and sum as well. */
bool is_unchanged(const struct before *before);

/* Whether all is as it was but one slot; list and sum aside. */
bool is_unchanged_but(const struct before *before, uint32_t slot);

/* Whether list and sum are as they were. */
bool is_listed_alike(const struct before *before);

/* Parts of a slot: where the DIMM is, what the guest reported, what is pending. */
bool same_place(const struct hotram_dimm *a, const struct hotram_dimm *b);
bool same_codes(const struct hotram_dimm *a, const struct hotram_dimm *b);
bool same_flags(const struct hotram_dimm *a, const struct hotram_dimm *b);

#endif
