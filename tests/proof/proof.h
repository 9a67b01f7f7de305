/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What every proof includes. A proof is a function `void prove_NAME(void)` that CBMC runs with every value of
 * every arbitrary_*() at once; docs/proofs.md says how to write one.
 */
#ifndef TESTS_PROOF_PROOF_H
#define TESTS_PROOF_PROOF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Functions without a body: CBMC takes any value for what they return. */
bool nondet_bool(void);
char nondet_char(void);
uint8_t nondet_uint8(void);
uint16_t nondet_uint16(void);
uint32_t nondet_uint32(void);
uint64_t nondet_uint64(void);
size_t nondet_size(void);

/* Go on only where this holds. */
#define ASSUME(condition) __CPROVER_assume(condition)

/* This holds in every case; what comes after may rely on it. */
#define PROVE(condition) \
    do { \
        bool holds_ = (condition); \
        __CPROVER_assert(holds_, #condition); \
        __CPROVER_assume(holds_); \
    } while (0)

/* Some case comes here with this true. The proof fails if there is none: assumptions that contradict each
 * other would make everything else hold. scripts/prove.sh expects CBMC to refute these. */
#define REACHABLE(condition) __CPROVER_assert(!(condition), "reachable: " #condition)

/* a implies b */
#define IMPLIES(a, b) (!(a) || (b))

#endif
