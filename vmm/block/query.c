/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Nodes, and the requests of their users, as queries show them.
 */
#include <sys/stat.h>
#include <time.h>

#include "block/node_state.h"

/* Bytes that the image takes on the host; it may be sparse. */
static uint64_t allocated(const struct block_node *bottom)
{
    struct stat file;

    return bottom->fd >= 0 && fstat(bottom->fd, &file) == 0 && S_ISREG(file.st_mode)
               ? (uint64_t)file.st_blocks * 512
               : 0;
}

void block_node_inspect(const struct block_node *node, struct block_node_info *info)
{
    const struct block_node *bottom = block_node_bottom(node);

    *info = (struct block_node_info){ .name = node->name,
                                      .driver = node->driver->name,
                                      .filename = bottom->filename,
                                      .below = node->below,
                                      .size = block_node_size(node),
                                      .allocated = allocated(bottom),
                                      .writable = node->writable,
                                      .direct = node->direct,
                                      .no_flush = node->no_flush };
}

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
    info->used = last != 0;
    info->idle = last != 0 ? idle_time(last) : 0;
}
