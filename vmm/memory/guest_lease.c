/* SPDX-License-Identifier: BSD-2-Clause */
/* Leases: how they are counted, taken, given back, and who has them. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "memory/guest_blocks.h"
#include "memory/guest_map.h"

#define CACHE_LINE 64u

/* ---- counts, on any thread ---- */

static _Atomic uint32_t *count_of(const struct guest_memory *map, unsigned shard, unsigned holder,
                                  unsigned kvm_slot)
{
    return &map->counts[((size_t)shard * GUEST_HOLDERS_MAX + holder) * map->row + kvm_slot];
}

/* This thread's, from its first lease on. */
static unsigned own_shard(void)
{
    static _Atomic unsigned threads;
    static _Thread_local unsigned own; /* from 1; 0: none yet */

    if (own == 0)
        own = atomic_fetch_add(&threads, 1) % GUEST_SHARDS + 1;
    return own - 1;
}

static uint32_t leases_of(const struct guest_memory *map, unsigned holder, unsigned kvm_slot)
{
    uint32_t sum = 0;

    for (unsigned shard = 0; shard < GUEST_SHARDS; shard++)
        sum += atomic_load(count_of(map, shard, holder, kvm_slot));
    return sum;
}

static bool has_leases(const struct guest_memory *map, unsigned kvm_slot)
{
    const unsigned holders = atomic_load(&map->holders);
    uint32_t sum = 0;

    for (unsigned holder = 0; holder < holders; holder++)
        sum += leases_of(map, holder, kvm_slot);
    return sum > 0;
}

struct guest_region *guest_take_drained(struct guest_memory *map, unsigned kvm_slot)
{
    struct guest_region *region = atomic_load(&map->draining[kvm_slot]);

    if (!region || has_leases(map, kvm_slot) ||
        !atomic_compare_exchange_strong(&map->draining[kvm_slot], &region, NULL))
        return NULL;
    return region;
}

bool guest_counts_create(struct guest_memory *map)
{
    const unsigned in_line = CACHE_LINE / sizeof map->counts[0];
    size_t size;

    map->row = (map->kvm_slots + in_line - 1) / in_line * in_line;
    size = (size_t)GUEST_SHARDS * GUEST_HOLDERS_MAX * map->row * sizeof map->counts[0];
    /* Not aligned_alloc(): what calloc() gets from the kernel is empty and costs no memory before it is used.
     */
    map->counts_memory = calloc(1, size + CACHE_LINE);
    if (!map->counts_memory)
        return false;
    map->counts = (void *)(((uintptr_t)map->counts_memory + CACHE_LINE - 1) & ~(uintptr_t)(CACHE_LINE - 1));
    map->holder[GUEST_HOLDER_PROGRAM] = "hotram";
    map->holder[GUEST_HOLDER_LOADER] = "the loader of the kernel";
    map->holder[GUEST_HOLDER_OTHERS] = "other devices";
    atomic_init(&map->holders, GUEST_HOLDERS_FIXED);
    return true;
}

void guest_counts_destroy(struct guest_memory *map)
{
    for (unsigned holder = GUEST_HOLDERS_FIXED; holder < atomic_load(&map->holders); holder++)
        free((char *)map->holder[holder]);
    free(map->counts_memory);
}

/* ---- leases, on any thread ---- */

/* `whole`: whatever is plugged. */
static bool take(struct guest_memory *map, enum guest_holder holder, enum lease_direction direction,
                 uint64_t address, uint64_t most, bool whole, struct lease *lease)
{
    const struct guest_range *range;
    struct guest_region *region;

    epoch_enter();
    range = guest_table_find(atomic_load(&map->table), address);
    region = range ? atomic_load(&range->region) : NULL;
    if (region && range->read_only && direction == LEASE_WRITE)
        region = NULL;
    if (region) {
        const uint64_t offset = address - range->first;
        const uint64_t length = most < range->size - offset ? most : range->size - offset;

        /* The section's end orders this before whoever waits for the sections. */
        atomic_fetch_add_explicit(count_of(map, own_shard(), holder, range->kvm_slot), 1,
                                  memory_order_relaxed);
        lease->memory = range->memory + offset;
        lease->length = length;
        lease->region = region;
        lease->holder = holder;
        lease->direction = direction;
        if (region->part.blocks && !whole) {
            lease->length = guest_blocks_lease(region->part.blocks, lease->memory, length);
            if (lease->length == 0) { /* in the section, so that nobody waits for it */
                atomic_fetch_sub(count_of(map, own_shard(), holder, range->kvm_slot), 1);
                region = NULL;
            }
        }
    }
    epoch_leave();
    return region;
}

bool guest_memory_lease_some(struct guest_memory *map, enum guest_holder holder,
                             enum lease_direction direction, uint64_t address, uint64_t most,
                             struct lease *lease)
{
    return take(map, holder, direction, address, most, false, lease);
}

bool guest_memory_lease_region(struct guest_memory *map, enum guest_holder holder, uint64_t address,
                               struct lease *lease)
{
    return take(map, holder, LEASE_READ, address, 0, true, lease);
}

bool guest_memory_lease(struct guest_memory *map, enum guest_holder holder, enum lease_direction direction,
                        uint64_t address, uint64_t length, struct lease *lease)
{
    if (!guest_memory_lease_some(map, holder, direction, address, length, lease))
        return false;
    if (lease->length == length)
        return true;
    lease_return(map, lease);
    return false;
}

void lease_return(struct guest_memory *map, struct lease *lease)
{
    const unsigned kvm_slot = lease->region->kvm_slot;
    struct guest_region *drained;

    if (lease->direction == LEASE_WRITE)
        guest_dirty_mark(lease->region, lease->memory, lease->length);
    if (lease->region->part.blocks && lease->length > 0)
        guest_blocks_return(lease->region->part.blocks, lease->memory, lease->length);
    /* Afterwards the region may be gone any moment. */
    atomic_fetch_sub(count_of(map, own_shard(), lease->holder, kvm_slot), 1);
    if (atomic_load(&map->draining[kvm_slot])) {
        epoch_enter();
        drained = guest_take_drained(map, kvm_slot);
        epoch_leave();
        if (drained) /* this thread alone may have it finished */
            loop_post(map->loop, &drained->finish);
    }
    *lease = (struct lease){ 0 };
}

/* ---- holds, on the main thread ---- */

void guest_memory_hold(struct guest_memory *map)
{
    map->held++;
}

void guest_memory_let_go(struct guest_memory *map)
{
    assert(map->held > 0);
    map->held--;
}

bool guest_memory_is_held(const struct guest_memory *map)
{
    return map->held > 0;
}

bool guest_part_has(const struct guest_part *part, uint64_t from, uint64_t size)
{
    if (size == 0 || from >= part->size || size > part->size - from)
        return false;
    return !part->blocks || guest_blocks_have(part->blocks, (const uint8_t *)part->memory + from, size);
}

uint64_t guest_part_next(const struct guest_part *part, uint64_t *from)
{
    if (*from >= part->size)
        return 0;
    return part->blocks ? guest_blocks_bytes(part->blocks, part->memory, part->size, from)
                        : part->size - *from;
}

/* ---- holders, on the main thread ---- */

enum guest_holder guest_memory_holder(struct guest_memory *map, const char *name)
{
    const unsigned holders = atomic_load(&map->holders);
    char *copy;

    for (unsigned holder = 0; holder < holders; holder++)
        if (strcmp(map->holder[holder], name) == 0)
            return holder;
    copy = holders < GUEST_HOLDERS_MAX ? strdup(name) : NULL;
    if (!copy)
        return GUEST_HOLDER_OTHERS;
    map->holder[holders] = copy;
    atomic_store(&map->holders, holders + 1);
    return holders;
}

const char *guest_memory_next_holder(const struct guest_memory *map, const struct guest_region *region,
                                     unsigned *next)
{
    while (*next < atomic_load(&map->holders)) {
        const unsigned holder = (*next)++;

        if ((int32_t)leases_of(map, holder, region->kvm_slot) > 0)
            return map->holder[holder];
    }
    return NULL;
}

unsigned guest_memory_holders(const struct guest_memory *map, const struct guest_region *region, char *names,
                              size_t size)
{
    unsigned count = 0, next = 0;
    size_t length = 0;
    const char *holder;

    if (size > 0)
        names[0] = '\0';
    while ((holder = guest_memory_next_holder(map, region, &next)) != NULL) {
        if (length < size)
            length += (size_t)snprintf(names + length, size - length, "%s%s", count > 0 ? ", " : "", holder);
        count++;
    }
    return count;
}
