/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An allocator that fails when the test says so, for the one source file of a test program that includes
 * this.
 */
#ifndef TESTS_UNIT_FAILING_MALLOC_H
#define TESTS_UNIT_FAILING_MALLOC_H

#include <stdlib.h>

static unsigned malloc_calls, malloc_fails_at; /* the call with this number fails; 0: none */

/* Sanitizers bring an allocator of their own. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define MALLOC_CAN_FAIL 0
#else
#define MALLOC_CAN_FAIL 1
void *__libc_malloc(size_t size);

void *malloc(size_t size)
{
    return ++malloc_calls == malloc_fails_at ? NULL : __libc_malloc(size);
}
#endif

/* From now on, the call with this number fails, counted from 1; 0: none. */
static inline void fail_malloc(unsigned at)
{
    malloc_calls = 0;
    malloc_fails_at = at;
}

#endif
