/* SPDX-License-Identifier: BSD-2-Clause */
#include "block/stats.h"

#include <time.h>

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

/* ---- for queries ---- */

static uint64_t get(const _Atomic uint64_t *number)
{
    return atomic_load_explicit(number, memory_order_relaxed);
}

static uint64_t idle_time(uint64_t last)
{
    struct timespec time;
    uint64_t now;

    clock_gettime(CLOCK_MONOTONIC, &time);
    now = (uint64_t)time.tv_sec * 1000000000 + (uint64_t)time.tv_nsec;
    return now > last ? now - last : 0;
}

void block_stats_inspect(const struct block_stats *stats, struct block_stats_info *info)
{
    const uint64_t last = get(&stats->last);

    for (unsigned kind = 0; kind < BLOCK_KINDS; kind++) {
        const struct block_counts *counts = &stats->of[kind];

        info->of[kind] = (struct block_counts_info){ .operations = get(&counts->operations),
                                                     .failed = get(&counts->failed),
                                                     .invalid = get(&counts->invalid),
                                                     .bytes = get(&counts->bytes),
                                                     .time = get(&counts->time) };
    }
    info->highest = get(&stats->highest);
    info->last = last;
    info->used = last != 0;
    info->idle = last != 0 ? idle_time(last) : 0;
}

void block_stats_sum(struct block_stats_info *sum, const struct block_stats_info *info)
{
    for (unsigned kind = 0; kind < BLOCK_KINDS; kind++) {
        sum->of[kind].operations += info->of[kind].operations;
        sum->of[kind].failed += info->of[kind].failed;
        sum->of[kind].invalid += info->of[kind].invalid;
        sum->of[kind].bytes += info->of[kind].bytes;
        sum->of[kind].time += info->of[kind].time;
    }
    if (info->highest > sum->highest)
        sum->highest = info->highest;
    if (info->last > sum->last)
        sum->last = info->last;
    sum->used = sum->last != 0;
    sum->idle = sum->used ? idle_time(sum->last) : 0;
}
