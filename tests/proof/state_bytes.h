/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Saved states of any bytes, for proofs. A file that includes this has the memory and the checksum.
 */
#ifndef TESTS_PROOF_STATE_BYTES_H
#define TESTS_PROOF_STATE_BYTES_H

#include <hotram/state.h>

#include "proof.h"

#define FRAME 16u
#define FRONT 12u

/* In place of CRC-32, which is much for a SAT solver. Whoever sends bytes can make the checksum fit, whatever
 * it is; so the solver may have any other bytes with this one. */
uint32_t libhotram_state_sum(uint32_t sum, uint8_t byte)
{
    (void)byte;
    return sum;
}

/* The bytes are the end of memory: one too far is out of its bounds. ROOM is the most. */
static uint8_t memory[ROOM];
static struct hotram_saved saved, saved_before;

static void arbitrary_bytes(size_t length)
{
    ASSUME(length <= ROOM);
    for (size_t i = 0; i < ROOM; i++)
        memory[i] = nondet_uint8();
    saved = saved_before = (struct hotram_saved){ memory + (ROOM - length), length };
}

static uint64_t number_at(const uint8_t *bytes, unsigned count)
{
    uint64_t number = 0;

    for (unsigned i = 0; i < count; i++)
        number |= (uint64_t)bytes[i] << 8 * i;
    return number;
}

static bool saved_is_unchanged(void)
{
    return saved.bytes == saved_before.bytes && saved.length == saved_before.length;
}

/* It is behind the one saved state that was read, whose length is this. */
static bool saved_is_behind(size_t length)
{
    return saved_before.length >= length && saved.bytes == saved_before.bytes + length &&
           saved.length == saved_before.length - length;
}

/* Let the frame be in order, of one of this kind, version and length: its bytes are constants then, which a
 * solver does not have to look for. */
static void frame_bytes(unsigned kind, size_t length)
{
    const uint8_t front[FRONT] = { 'H', 'R', 'S', 'T', (uint8_t)kind, 0, 1, 0, (uint8_t)length, 0, 0, 0 };
    uint8_t *bytes = memory + (saved.bytes - memory);

    for (unsigned i = 0; i < FRONT; i++)
        bytes[i] = front[i];
    for (size_t i = length - 4; i < length; i++)
        bytes[i] = 0; /* the inverted sum, which stays at its start */
}

/* The frame says that it is one of this kind, of version 1 and this length. */
static bool frame_is(unsigned kind, size_t length)
{
    const uint8_t *bytes = saved_before.bytes;

    return bytes[0] == 'H' && bytes[1] == 'R' && bytes[2] == 'S' && bytes[3] == 'T' &&
           number_at(bytes + 4, 2) == kind && number_at(bytes + 6, 2) == 1 &&
           number_at(bytes + 8, 4) == length;
}

#endif
