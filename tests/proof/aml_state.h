/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An arbitrary AML writer on an arbitrary buffer.
 */
#ifndef TESTS_PROOF_AML_STATE_H
#define TESTS_PROOF_AML_STATE_H

#include <hotram/aml.h>

#include "aml_writer.h"
#include "buffer.h"

/* As in bank.h: the pointers of the proofs themselves are not what is under proof. */
#pragma CPROVER check push
#pragma CPROVER check disable "pointer"
#pragma CPROVER check disable "pointer-overflow"
#pragma CPROVER check disable "bounds"

/* The writer under proof appends to `buffer`; both as they were. `before` is the buffer's. */
extern struct hotram_aml writer, writer_before;

/* Prove that the invariant holds still. */
void prove_writer_holds(void);

/* Prove that nothing but the status, the depth, and the blocks from this depth on has changed. */
void prove_writer_alike(unsigned depth);

/* Let the writer be any one for which the invariant holds: what is true of it between any two calls. One
 * that has no buffer, and NULL in place of one, are in prove_aml_null.c. */
void arbitrary_writer(void);

/* How many bytes an integer constant has (20.2.3). */
size_t integer_size(uint64_t value);

/* Read a PkgLength (20.2.4), and how many bytes it has. */
uint32_t decode_length(const uint8_t *bytes, unsigned *count);

/* How many bytes the shortest PkgLength of a block has, if this follows it. */
unsigned shortest_length(size_t rest);

#endif
