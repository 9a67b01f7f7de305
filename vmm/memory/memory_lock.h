/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memory that stays in RAM (-overcommit mem-lock=on). What the program has when it locks its memory is in RAM
 * from then on. What it maps later stays there from the first touch on: the kernel would otherwise bring all
 * of a guest's memory in while it is mapped, on the main thread. Guest memory is brought in by threads
 * (memory/prealloc.h).
 *
 * Threads: main thread only.
 */
#ifndef VMM_MEMORY_MEMORY_LOCK_H
#define VMM_MEMORY_MEMORY_LOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

/* Lock what there is, and what comes. Before guest memory is mapped; nothing unlocks it. False and an error:
 * the limit (RLIMIT_MEMLOCK) is too low, or 0. */
bool memory_lock(struct error *error);

/* mmap() has failed with EAGAIN while memory is locked: `size` bytes more would be above the limit. Always
 * false. */
bool memory_lock_exceeded(uint64_t size, struct error *error);

/* What failed for want of something that the limit may be the reason of: say so, if little is left below it.
 * Always false. */
bool memory_lock_suspect(struct error *error);

#endif
