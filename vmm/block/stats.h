/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A disk's statistics, for query-blockstats.
 *
 * Threads: counted on the queue's thread, read on the main thread; each number is exact, but they may belong
 * to different moments.
 */
#ifndef VMM_BLOCK_STATS_H
#define VMM_BLOCK_STATS_H

#include <stdatomic.h>

#include "block/request.h"

struct block_stats {
    struct block_counts {
        _Atomic uint64_t operations, failed, invalid;
        _Atomic uint64_t bytes;
        _Atomic uint64_t time; /* ns between submission and end, all together */
    } of[BLOCK_KINDS];
    _Atomic uint64_t highest; /* highest end of a write, bytes */
    _Atomic uint64_t last;    /* end of the last request: CLOCK_MONOTONIC, ns; 0: none yet */
};

/* A copy for queries. */
struct block_stats_info {
    struct block_counts_info {
        uint64_t operations, failed, invalid, bytes, time;
    } of[BLOCK_KINDS];
    uint64_t highest;
    uint64_t last; /* when the last request ended, as above */
    bool used;     /* a request has ended */
    uint64_t idle; /* ns since then */
};
void block_stats_inspect(const struct block_stats *stats, struct block_stats_info *info);
/* Add `info` to `sum`. */
void block_stats_sum(struct block_stats_info *sum, const struct block_stats_info *info);

/* Count a request that has ended, `time` ns after it was submitted. */
void block_stats_count(struct block_stats *stats, const struct block_request *request, uint64_t time);
/* Count a request that the device has refused without submitting it. */
void block_stats_refused(struct block_stats *stats, enum block_kind kind);

#endif
