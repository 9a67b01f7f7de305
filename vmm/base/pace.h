/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How much memory one system call processes. The kernel holds the lock of this process's memory map
 * (mmap_lock) until the call returns, and every other thread that maps, unmaps or faults waits for it. The
 * time per byte differs by a factor of a hundred (pages of 4 KiB or 2 MiB, locked or not, files, a busy
 * host), so the size depends on how long the previous calls took.
 *
 * Threads: any; each has a pace of its own.
 */
#ifndef VMM_BASE_PACE_H
#define VMM_BASE_PACE_H

#include <stdint.h>

/* The duration that a call should not exceed, in nanoseconds: a quarter of the time that a monitor's client
 * may have to wait. */
#define PACE_MOST UINT64_C(5000000)

struct pace {
    uint64_t piece; /* bytes for the next call: a power of two, or one page */
    uint64_t least, most;
    uint64_t began; /* nanoseconds, CLOCK_MONOTONIC */
};

/* Begin with a small piece. `page_size` is in bytes; a piece consists of whole pages. */
struct pace pace_start(uint64_t page_size);
/* Record how long a call took: the size of the next ones is halved, doubled, or unchanged. */
void pace_learn(struct pace *pace, uint64_t nanoseconds);
/* The same with the clock: called before and after the system call. */
void pace_begin(struct pace *pace);
void pace_end(struct pace *pace);

#endif
