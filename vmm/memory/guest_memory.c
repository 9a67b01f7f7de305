/* SPDX-License-Identifier: BSD-2-Clause */
#include "memory/guest_memory.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/fault.h"
#include "kvm/vm.h"

/* Until a memslot that KVM keeps is tried again. */
#define RETRY_MILLISECONDS 1000

struct guest_region {
    struct guest_memory *map;
    struct guest_region *next;
    uint64_t address;
    uint64_t size;
    uint8_t *memory;
    unsigned memslot;
    unsigned leases; /* under the map's lock */
    bool leaving;    /* under the map's lock */
    bool stuck;      /* main thread only, like the next: KVM keeps its memslot */
    unsigned round;  /* of guest_memory_retry() that tried last */
    struct region_gone gone;
    struct work finish;
};

struct guest_memory {
    const struct vm *vm;
    struct loop *loop;
    pthread_mutex_t lock;
    struct guest_region *regions; /* under lock */
    unsigned memslots;
    bool *memslot_used; /* main thread only, and so is all that follows */
    struct timer retry;
    unsigned round;
    void (*fault)(void *opaque, void *address);
    void *fault_opaque;
};

struct guest_memory *guest_memory_create(const struct vm *vm, struct loop *loop, unsigned memslots)
{
    struct guest_memory *map = calloc(1, sizeof *map);

    if (!map)
        return NULL;
    map->memslot_used = calloc(memslots, sizeof *map->memslot_used);
    if (!map->memslot_used) {
        free(map);
        return NULL;
    }
    map->vm = vm;
    map->loop = loop;
    map->memslots = memslots;
    pthread_mutex_init(&map->lock, NULL);
    return map;
}

void guest_memory_destroy(struct guest_memory *map)
{
    if (!map)
        return;
    timer_cancel(&map->retry);
    while (map->regions) {
        struct guest_region *region = map->regions;

        map->regions = region->next;
        if (region->leaving) /* its last lease may have been returned a moment ago */
            loop_cancel(map->loop, &region->finish);
        free(region);
    }
    pthread_mutex_destroy(&map->lock);
    free(map->memslot_used);
    free(map);
}

struct guest_region *guest_memory_add(struct guest_memory *map, uint64_t address, uint64_t size, void *memory,
                                      struct error *error)
{
    struct guest_region *region;
    unsigned memslot = 0;

    guest_memory_retry(map);
    while (memslot < map->memslots && map->memslot_used[memslot])
        memslot++;
    if (memslot == map->memslots) {
        error_set(error, "all %u KVM memslots of this machine are used", map->memslots);
        return NULL;
    }
    region = calloc(1, sizeof *region);
    if (!region) {
        error_set(error, "out of memory");
        return NULL;
    }
    if (!vm_set_memslot(map->vm, memslot, address, size, memory, error)) {
        free(region);
        return NULL;
    }
    map->memslot_used[memslot] = true;
    region->map = map;
    region->address = address;
    region->size = size;
    region->memory = memory;
    region->memslot = memslot;
    pthread_mutex_lock(&map->lock);
    region->next = map->regions;
    map->regions = region;
    pthread_mutex_unlock(&map->lock);
    return region;
}

/* Main thread, no lease left: no address of the guest leads to the region any more. */
static void forget(struct guest_region *region)
{
    struct guest_memory *map = region->map;
    struct region_gone gone = region->gone;
    struct guest_region **link;

    pthread_mutex_lock(&map->lock);
    for (link = &map->regions; *link != region;)
        link = &(*link)->next;
    *link = region->next;
    pthread_mutex_unlock(&map->lock);
    map->memslot_used[region->memslot] = false;
    free(region);
    gone.gone(gone.opaque);
}

static void retry(void *opaque)
{
    struct guest_memory *map = opaque;

    guest_memory_retry(map);
}

/* Main thread, no lease left: take the memslot away and tell. */
static void finish(void *opaque)
{
    struct guest_region *region = opaque;
    struct guest_memory *map = region->map;
    struct error error;

    /* It fails when the host's kernel is out of memory for its new table, or this cgroup is. The guest has
     * given the range up, but reaches the memory for as long as the memslot is there. */
    if (vm_set_memslot(map->vm, region->memslot, region->address, 0, NULL, &error)) {
        forget(region);
        return;
    }
    if (!region->stuck)
        region->gone.stays(region->gone.opaque, error.text);
    region->stuck = true;
    /* Without memory for a timer the next plug or reset tries. */
    if (!timer_runs(&map->retry))
        timer_start(map->loop, &map->retry, RETRY_MILLISECONDS, retry, map);
}

void guest_memory_retry(struct guest_memory *map)
{
    struct guest_region *region;

    /* From the start each time: whoever is told that a region is gone may add and remove others. */
    map->round++;
    do {
        for (region = map->regions; region && (!region->stuck || region->round == map->round);)
            region = region->next;
        if (region) {
            region->round = map->round;
            finish(region);
        }
    } while (region);
}

void guest_memory_remove(struct guest_memory *map, struct guest_region *region, struct region_gone gone)
{
    bool idle;

    pthread_mutex_lock(&map->lock);
    region->leaving = true;
    region->gone = gone;
    region->finish = (struct work){ .run = finish, .opaque = region };
    idle = region->leases == 0;
    pthread_mutex_unlock(&map->lock);
    if (idle)
        finish(region);
}

bool guest_memory_lease_some(struct guest_memory *map, uint64_t address, uint64_t most, struct lease *lease)
{
    bool found = false;

    pthread_mutex_lock(&map->lock);
    for (struct guest_region *region = map->regions; region; region = region->next) {
        uint64_t offset = address - region->address;

        if (region->leaving || address < region->address || offset >= region->size)
            continue;
        region->leases++;
        *lease = (struct lease){
            .memory = region->memory + offset,
            .length = most < region->size - offset ? most : region->size - offset,
            .region = region,
        };
        found = true;
        break;
    }
    pthread_mutex_unlock(&map->lock);
    return found;
}

bool guest_memory_lease(struct guest_memory *map, uint64_t address, uint64_t length, struct lease *lease)
{
    if (!guest_memory_lease_some(map, address, length, lease))
        return false;
    if (lease->length == length)
        return true;
    lease_return(map, lease);
    return false;
}

void lease_return(struct guest_memory *map, struct lease *lease)
{
    struct guest_region *region = lease->region;
    bool last;

    pthread_mutex_lock(&map->lock);
    last = --region->leases == 0 && region->leaving;
    pthread_mutex_unlock(&map->lock);
    if (last)
        loop_post(map->loop, &region->finish);
    *lease = (struct lease){ 0 };
}

/* Whether there is memory all through a range. */
static bool is_memory(struct guest_memory *map, uint64_t address, uint64_t length)
{
    struct lease lease;

    while (length > 0) {
        if (!guest_memory_lease_some(map, address, length, &lease))
            return false;
        address += lease.length;
        length -= lease.length;
        lease_return(map, &lease);
    }
    return true;
}

/* What is done to leased memory: copied to or from `bytes`, or set to `value` where that is NULL. */
struct copy {
    void *memory;
    uint64_t length;
    uint8_t *bytes;
    uint8_t value;
    bool write;
};

static void copy(void *opaque)
{
    const struct copy *what = opaque;

    if (!what->bytes)
        memset(what->memory, what->value, what->length);
    else if (what->write)
        memcpy(what->memory, what->bytes, what->length);
    else
        memcpy(what->bytes, what->memory, what->length);
}

static enum guest_access copy_guarded(struct guest_memory *map, struct copy *what)
{
    void *fault;

    if (fault_guard(copy, what, &fault))
        return GUEST_ACCESS_OK;
    if (map->fault)
        map->fault(map->fault_opaque, fault);
    return GUEST_ACCESS_FAULT;
}

/* All of a range, a region at a time. */
static enum guest_access copy_all(struct guest_memory *map, uint64_t address, uint64_t length,
                                  struct copy what)
{
    enum guest_access done = GUEST_ACCESS_OK;
    struct lease lease;

    if (!is_memory(map, address, length))
        return GUEST_ACCESS_NONE;
    while (length > 0 && done == GUEST_ACCESS_OK) {
        if (!guest_memory_lease_some(map, address, length, &lease))
            return GUEST_ACCESS_NONE;
        what.memory = lease.memory;
        what.length = lease.length;
        done = copy_guarded(map, &what);
        lease_return(map, &lease);
        address += what.length;
        length -= what.length;
        if (what.bytes)
            what.bytes += what.length;
    }
    return done;
}

enum guest_access guest_memory_access(struct guest_memory *map, uint64_t address, void *bytes,
                                      uint64_t length, bool write)
{
    return copy_all(map, address, length, (struct copy){ .bytes = bytes, .write = write });
}

enum guest_access guest_memory_fill(struct guest_memory *map, uint64_t address, uint8_t value,
                                    uint64_t length)
{
    return copy_all(map, address, length, (struct copy){ .value = value });
}

bool guest_memory_write(struct guest_memory *map, uint64_t address, const void *bytes, uint64_t length)
{
    return guest_memory_access(map, address, (void *)bytes, length, true) == GUEST_ACCESS_OK;
}

void guest_memory_on_fault(struct guest_memory *map, void (*fault)(void *opaque, void *address), void *opaque)
{
    map->fault = fault;
    map->fault_opaque = opaque;
}
