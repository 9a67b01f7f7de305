/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An arbitrary buffer of up to CAPACITY bytes, somewhere between empty and overfull.
 */
#ifndef TESTS_PROOF_BUFFER_H
#define TESTS_PROOF_BUFFER_H

#include <hotram/buffer.h>

#include "proof.h"

#ifndef CAPACITY
#define CAPACITY 12u
#endif

/* The buffer under proof is the end of memory: a byte too far is out of memory's bounds, a byte too early
 * shows in is_written_only(). */
extern uint8_t memory[CAPACITY];
extern struct hotram_buffer buffer;

/* Both as they were. */
extern uint8_t memory_before[CAPACITY];
extern struct hotram_buffer before;

/* Let buffer be any buffer. Without memory (NULL and 0) is one of them. */
void arbitrary_buffer(void);

/* Whether data and capacity are as they were, and of the memory only the bytes from position `from` of the
 * buffer up to what has been appended may have changed. */
bool is_written_only(size_t from);

/* What the length is after so many bytes more: it stops at SIZE_MAX. */
size_t longer(size_t length, size_t count);

/* Whether the byte at a position of the buffer is this one, or there is no room for it. */
bool byte_is(size_t position, uint8_t value);

#endif
