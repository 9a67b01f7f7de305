/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a disk has done, as query-blockstats shows it.
 *
 * Threads: counted on the queue's thread, read on the main thread: each number by itself is true.
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
    _Atomic uint64_t highest; /* the byte behind the last one that was written */
    _Atomic uint64_t last;    /* when the last request ended: CLOCK_MONOTONIC, ns; 0: there was none */
};

/* The same at one moment, for queries. */
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
/* Add one moment's numbers to others. */
void block_stats_sum(struct block_stats_info *sum, const struct block_stats_info *info);

/* A request has ended, `time` ns after it was submitted. */
void block_stats_count(struct block_stats *stats, const struct block_request *request, uint64_t time);
/* A request that its device has refused itself. */
void block_stats_refused(struct block_stats *stats, enum block_kind kind);

#endif
