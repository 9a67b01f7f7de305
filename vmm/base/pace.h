/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How much memory one system call works on, where the kernel holds this process's map of memory (mmap_lock)
 * until the call is done: every other thread that maps, unmaps or faults waits for as long. What a byte costs
 * differs by a factor of a hundred (pages of 4 KiB or 2 MiB, locked or not, files, a busy machine), so the
 * size follows from how long the calls before took.
 *
 * Threads: any; each has a pace of its own.
 */
#ifndef VMM_BASE_PACE_H
#define VMM_BASE_PACE_H

#include <stdint.h>

/* What a call should stay below, nanoseconds: a quarter of what a monitor's client may wait. */
#define PACE_MOST UINT64_C(5000000)

struct pace {
    uint64_t piece; /* bytes for the next call: a power of two, or one page */
    uint64_t least, most;
    uint64_t began; /* nanoseconds, CLOCK_MONOTONIC */
};

/* `page_size`: bytes; a piece is whole pages. */
struct pace pace_start(uint64_t page_size);
/* A call that took so long: the next ones are half as large, or twice, or the same. */
void pace_learn(struct pace *pace, uint64_t nanoseconds);
/* The same, by the clock. */
void pace_begin(struct pace *pace);
void pace_end(struct pace *pace);

#endif
