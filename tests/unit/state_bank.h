/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A bank to save, and one to restore, for the tests of both. What a bank may be and what bytes may say is
 * judged by tests/fuzz/state_judge.c, which shares no code with the library.
 */
#ifndef TESTS_UNIT_STATE_BANK_H
#define TESTS_UNIT_STATE_BANK_H

#include "../fuzz/state_judge.h"
#include "unit.h"

#include <hotram/state.h>

#define MIB UINT64_C(0x100000)
#define GIB UINT64_C(0x40000000)
#define SLOTS 6u

/* Offsets in a saved bank, and in each of its slots. */
enum { FIRST_SLOT = 32, SLOT_BYTES = 30 };
enum { ADDR = 0, SIZE = 8, NODE = 16, STATE = 28, PENDING = 29 };

struct fixture {
    struct hotram_bank bank;
    struct hotram_dimm slots[HOTRAM_SLOTS_MAX];
    unsigned called; /* callbacks of the bank, so far */

    /* What attach() and detach() were called with. */
    uint32_t attached[HOTRAM_SLOTS_MAX];
    unsigned attaches, detaches;
    uint32_t refuses; /* attach() says no to this slot */
};

/* A saved bank, in memory of exactly its length. */
struct form {
    uint8_t *bytes;
    size_t length;
};

/* SLOTS slots in 8 GiB from 4 GiB on, for 4 GiB of DIMMs in pieces of 2 MiB. */
extern const struct hotram_bank_config usual;

void make(struct fixture *fixture, const struct hotram_bank_config *config);

/* Plug a DIMM there; its node is the slot's number and 7. */
void plug(struct fixture *fixture, uint32_t slot, uint64_t addr, uint64_t size, bool hot);

/* A bank as a guest leaves it in the middle of everything: slot 0 empty with a last report, 1 plugged, 2
 * plugged and not yet seen, 3 asked for and seen, 4 asked for before it was seen, 5 given back. */
void make_busy(struct fixture *fixture);

struct form save(const struct fixture *fixture);
uint8_t *slot_of(const struct form *form, uint32_t slot);

/* Restore; whatever comes of it, the judge has foreseen it, and the bank is sound or untouched. */
enum hotram_status restore(struct fixture *fixture, const struct form *form,
                           const struct hotram_bank_restoring *how, struct hotram_restore_result *result);

#endif
