/* SPDX-License-Identifier: BSD-2-Clause */
#include "memory/guest_blocks.h"

#include <stdlib.h>

#include "base/bits.h"

struct guest_blocks *guest_blocks_create(void *memory, uint64_t size, uint64_t block_size)
{
    struct guest_blocks *blocks = calloc(1, sizeof *blocks);

    if (!blocks)
        return NULL;
    blocks->memory = memory;
    while (UINT64_C(1) << blocks->shift < block_size)
        blocks->shift++;
    blocks->count = (uint32_t)(size >> blocks->shift);
    blocks->plugged = calloc(blocks->count / BITS_OF_WORD + 1, sizeof *blocks->plugged);
    blocks->before = calloc(blocks->count / BITS_OF_WORD + 1, sizeof *blocks->before);
    blocks->leases = calloc(blocks->count + 1u, sizeof *blocks->leases);
    if (blocks->plugged && blocks->before && blocks->leases)
        return blocks;
    guest_blocks_destroy(blocks);
    return NULL;
}

void guest_blocks_destroy(struct guest_blocks *blocks)
{
    if (!blocks)
        return;
    free(blocks->plugged);
    free(blocks->before);
    free(blocks->leases);
    free(blocks);
}

static bool is_plugged(const struct guest_blocks *blocks, uint32_t block)
{
    return atomic_load(&blocks->plugged[block / BITS_OF_WORD]) >> block % BITS_OF_WORD & 1;
}

uint32_t guest_blocks_plugged(const struct guest_blocks *blocks, uint32_t first, uint32_t count)
{
    const uint32_t end = first + count;
    uint32_t plugged = 0;

    for (uint64_t at = first; at < end; at = bits_next(at))
        plugged += (uint32_t)__builtin_popcountll(atomic_load(&blocks->plugged[at / BITS_OF_WORD]) &
                                                  bits_from(at, end));
    return plugged;
}

static uint32_t block_of(const struct guest_blocks *blocks, const void *memory)
{
    return (uint32_t)(((uintptr_t)memory - (uintptr_t)blocks->memory) >> blocks->shift);
}

uint64_t guest_blocks_size(const struct guest_blocks *blocks, const void *memory, uint64_t size)
{
    return (uint64_t)guest_blocks_plugged(blocks, block_of(blocks, memory), (uint32_t)(size >> blocks->shift))
           << blocks->shift;
}

bool guest_blocks_have(const struct guest_blocks *blocks, const void *memory, uint64_t size)
{
    const uint8_t *last = (const uint8_t *)memory + size - 1;
    const uint32_t first = block_of(blocks, memory), count = block_of(blocks, last) - first + 1;

    return guest_blocks_plugged(blocks, first, count) == count;
}

/* The first block from here on that is plugged, or is not; or `end`. */
static uint32_t find(const struct guest_blocks *blocks, uint32_t block, uint32_t end, bool plugged)
{
    while (block < end && is_plugged(blocks, block) != plugged)
        block++;
    return block;
}

uint32_t guest_blocks_run(const struct guest_blocks *blocks, uint32_t *first, uint32_t end)
{
    *first = find(blocks, *first, end, true);
    return find(blocks, *first, end, false) - *first;
}

uint64_t guest_blocks_bytes(const struct guest_blocks *blocks, const void *memory, uint64_t size,
                            uint64_t *from)
{
    const uint32_t base = block_of(blocks, memory), end = base + (uint32_t)(size >> blocks->shift);
    const uint32_t from_block = base + (uint32_t)(*from >> blocks->shift);
    uint32_t first = from_block;
    const uint32_t count = guest_blocks_run(blocks, &first, end);
    const uint64_t run_end = (uint64_t)(first + count - base) << blocks->shift;

    if (count == 0)
        return 0;
    if (first > from_block)
        *from = (uint64_t)(first - base) << blocks->shift;
    return run_end - *from;
}

void guest_blocks_plug(struct guest_blocks *blocks, uint32_t first, uint32_t count)
{
    const uint32_t end = first + count;

    for (uint64_t at = first; at < end; at = bits_next(at))
        atomic_fetch_or(&blocks->plugged[at / BITS_OF_WORD], bits_from(at, end));
}

static bool are_leased(const struct guest_blocks *blocks, uint32_t first, uint32_t end)
{
    for (uint32_t block = first; block < end; block++)
        if (atomic_load(&blocks->leases[block]) > 0)
            return true;
    return false;
}

bool guest_blocks_unplug(struct guest_blocks *blocks, uint32_t first, uint32_t count)
{
    const uint32_t end = first + count;

    for (uint64_t at = first; at < end; at = bits_next(at))
        blocks->before[at / BITS_OF_WORD] =
            atomic_fetch_and(&blocks->plugged[at / BITS_OF_WORD], ~bits_from(at, end)) & bits_from(at, end);
    if (!are_leased(blocks, first, end))
        return true;
    for (uint64_t at = first; at < end; at = bits_next(at))
        atomic_fetch_or(&blocks->plugged[at / BITS_OF_WORD], blocks->before[at / BITS_OF_WORD]);
    return false;
}

void guest_blocks_clear(struct guest_blocks *blocks)
{
    for (uint32_t word = 0; word <= blocks->count / BITS_OF_WORD; word++)
        atomic_store(&blocks->plugged[word], 0);
}

uint64_t guest_blocks_lease(struct guest_blocks *blocks, const void *memory, uint64_t length)
{
    const uint64_t size = UINT64_C(1) << blocks->shift;
    const uint64_t offset = (uintptr_t)memory - (uintptr_t)blocks->memory;
    uint64_t leased = 0;

    while (leased < length) {
        const uint32_t block = (uint32_t)((offset + leased) >> blocks->shift);
        const uint64_t left = size - ((offset + leased) & (size - 1));

        atomic_fetch_add(&blocks->leases[block], 1);
        if (!is_plugged(blocks, block)) {
            atomic_fetch_sub(&blocks->leases[block], 1);
            break;
        }
        leased += left < length - leased ? left : length - leased;
    }
    return leased;
}

void guest_blocks_return(struct guest_blocks *blocks, const void *memory, uint64_t length)
{
    const uint64_t offset = (uintptr_t)memory - (uintptr_t)blocks->memory;

    for (uint64_t block = offset >> blocks->shift; block <= (offset + length - 1) >> blocks->shift; block++)
        atomic_fetch_sub(&blocks->leases[block], 1);
}
