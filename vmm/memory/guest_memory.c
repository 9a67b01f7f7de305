/* SPDX-License-Identifier: BSD-2-Clause */
#include <assert.h>
#include <sched.h>
#include <stdlib.h>

#include "kvm/vm.h"
#include "memory/guest_blocks.h"
#include "memory/guest_map.h"

/* Until a KVM slot that KVM keeps is tried again. */
#define RETRY_MILLISECONDS 1000
/* Sections take microseconds. One that takes longer (the host does not run its thread) is not waited for. */
#define UNSEEN_TRIES 64
#define UNSEEN_MILLISECONDS 1

struct guest_memory *guest_memory_create(const struct vm *vm, struct loop *loop, unsigned kvm_slots)
{
    struct guest_memory *map = calloc(1, sizeof *map);
    struct guest_table *empty = guest_table_create(0);

    if (map) {
        map->kvm_slots = kvm_slots;
        map->kvm_slot_used = calloc(kvm_slots, sizeof *map->kvm_slot_used);
        map->draining = calloc(kvm_slots, sizeof *map->draining);
    }
    if (!map || !empty || !map->kvm_slot_used || !map->draining || !guest_counts_create(map)) {
        free(empty);
        if (map) {
            free(map->draining);
            free(map->kvm_slot_used);
        }
        free(map);
        return NULL;
    }
    guest_table_seal(empty);
    atomic_init(&map->table, empty);
    map->vm = vm;
    map->loop = loop;
    return map;
}

void guest_memory_keep(struct guest_memory *map, bool keep)
{
    atomic_store(&map->keeps, keep);
}

bool guest_memory_keeps(const struct guest_memory *map)
{
    return atomic_load(&map->keeps);
}

void guest_memory_destroy(struct guest_memory *map)
{
    if (!map)
        return;
    timer_cancel(&map->retry);
    timer_cancel(&map->unseen);
    guest_offers_destroy(map);
    while (map->regions) {
        struct guest_region *region = map->regions;

        map->regions = region->next;
        if (region->state == REGION_DRAINING) /* its last lease may have been returned a moment ago */
            loop_cancel(map->loop, &region->finish);
        free(atomic_load(&region->dirty));
        free(region);
    }
    free(atomic_load(&map->table));
    guest_counts_destroy(map);
    free(map->draining);
    free(map->kvm_slot_used);
    free(map);
    epoch_collect();
}

/* ---- regions, on the main thread ---- */

uint64_t guest_memory_size(const struct guest_memory *map)
{
    uint64_t size = 0;

    for (const struct guest_region *region = map->regions; region; region = region->next)
        if (region->state == REGION_PRESENT && !region->part.read_only)
            size += region->part.blocks
                        ? guest_blocks_size(region->part.blocks, region->part.memory, region->part.size)
                        : region->part.size;
    return size;
}

const struct guest_part *guest_region_part(const struct guest_region *region)
{
    return &region->part;
}

static void free_region(struct epoch_garbage *garbage)
{
    struct guest_region *region = (struct guest_region *)garbage; /* its first member */

    free(atomic_load(&region->dirty));
    free(region);
}

/* No lease left: no address of the guest leads to the region any more. */
static void forget_region(struct guest_region *region)
{
    struct guest_memory *map = region->map;
    struct region_gone gone = region->gone;
    struct guest_region **link = &map->regions;

    while (*link != region)
        link = &(*link)->next;
    *link = region->next;
    map->kvm_slot_used[region->kvm_slot] = false;
    map->stuck -= region->state == REGION_STUCK;
    epoch_retire(&region->garbage, free_region);
    gone.gone(gone.opaque);
}

static void retry(void *opaque)
{
    struct guest_memory *map = opaque;

    guest_memory_retry(map);
}

/* No lease left: take the KVM slot away and tell. */
static void finish(void *opaque)
{
    struct guest_region *region = opaque;
    struct guest_memory *map = region->map;
    struct error error;

    /* It fails when the host's kernel is out of memory for its new table, or this cgroup is. The guest has
     * given the range up, but reaches the memory for as long as the KVM slot is there. */
    if (vm_set_kvm_slot(map->vm, region->kvm_slot, region->part.address, 0, NULL, 0, &error)) {
        forget_region(region);
        return;
    }
    if (region->state != REGION_STUCK) {
        map->stuck++;
        region->gone.stays(region->gone.opaque, error.text);
    }
    region->state = REGION_STUCK;
    if (!timer_runs(&map->retry))
        timer_start(map->loop, &map->retry, RETRY_MILLISECONDS, retry, map);
}

void guest_memory_retry(struct guest_memory *map)
{
    struct guest_region *region;

    if (map->stuck == 0)
        return;
    /* From the start each time: whoever is told that a region is gone may add and remove others. */
    map->round++;
    do {
        for (region = map->regions; region && (region->state != REGION_STUCK || region->round == map->round);)
            region = region->next;
        if (region) {
            region->round = map->round;
            finish(region);
        }
    } while (region);
}

/* ---- removal, on the main thread ---- */

/* The sections are over that may have found the region. */
static void drain(struct guest_region *region)
{
    struct guest_memory *map = region->map;
    const struct guest_region *drained;

    region->state = REGION_DRAINING;
    atomic_store(&map->draining[region->kvm_slot], region);
    epoch_enter();
    drained = guest_take_drained(map, region->kvm_slot);
    epoch_leave();
    if (drained)
        finish(region);
}

static void check_unseen(void *opaque)
{
    struct guest_memory *map = opaque;
    struct guest_region *region;
    bool waiting;

    do { /* from the start each time, as above */
        waiting = false;
        for (region = map->regions; region; region = region->next) {
            if (region->state == REGION_UNSEEN && epoch_passed(region->mark))
                break;
            waiting |= region->state == REGION_UNSEEN;
        }
        if (region)
            drain(region);
    } while (region);
    if (waiting && !timer_runs(&map->unseen))
        timer_start(map->loop, &map->unseen, UNSEEN_MILLISECONDS, check_unseen, map);
}

void guest_memory_remove(struct guest_memory *map, struct guest_region *region, struct region_gone gone)
{
    struct guest_range *range = guest_table_find(atomic_load(&map->table), region->part.address);

    assert(!map->telling);
    assert(range && atomic_load(&range->region) == region && region->state == REGION_PRESENT);
    region->state = REGION_UNSEEN;
    region->gone = gone;
    region->finish = (struct work){ .run = finish, .opaque = region };
    atomic_store(&range->region, NULL);
    guest_listeners_leave(map, &region->part);
    region->mark = epoch_mark();
    for (unsigned i = 0; i < UNSEEN_TRIES && !epoch_passed(region->mark); i++)
        sched_yield();
    check_unseen(map);
}
