/* SPDX-License-Identifier: BSD-2-Clause */
#include "block/stats.h"

static void add(_Atomic uint64_t *number, uint64_t more)
{
    atomic_fetch_add_explicit(number, more, memory_order_relaxed);
}

/* As in QEMU, zeroes are counted with what is written. */
static struct block_counts *counts_of(struct block_stats *stats, enum block_kind kind)
{
    return &stats->of[kind == BLOCK_WRITE_ZEROES ? BLOCK_WRITE : kind];
}

static void count_done(struct block_stats *stats, struct block_counts *counts,
                       const struct block_request *request)
{
    const uint64_t end = request->offset + request->length;

    add(&counts->operations, 1);
    add(&counts->bytes, request->length);
    if ((request->kind == BLOCK_WRITE || request->kind == BLOCK_WRITE_ZEROES) &&
        end > atomic_load_explicit(&stats->highest, memory_order_relaxed))
        atomic_store_explicit(&stats->highest, end, memory_order_relaxed);
}

void block_stats_count(struct block_stats *stats, const struct block_request *request, uint64_t time)
{
    struct block_counts *counts = counts_of(stats, request->kind);

    atomic_store_explicit(&stats->last, request->began + time, memory_order_relaxed);
    if (request->refused) {
        add(&counts->invalid, 1);
        return;
    }
    add(&counts->time, time);
    if (request->error)
        add(&counts->failed, 1);
    else
        count_done(stats, counts, request);
}

void block_stats_refused(struct block_stats *stats, enum block_kind kind)
{
    add(&counts_of(stats, kind)->invalid, 1);
}
