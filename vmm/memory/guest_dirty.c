/* SPDX-License-Identifier: BSD-2-Clause */
/* The dirty log of guest memory: KVM's and the program's own writes. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/results.h"
#include "kvm/vm.h"
#include "memory/guest_map.h"

/* What the program has written to a region. */
struct guest_dirty {
    struct epoch_garbage garbage; /* first */
    uint64_t page_size;           /* bytes */
    _Atomic uint64_t word[];
};

static uint64_t host_page(void)
{
    return (uint64_t)sysconf(_SC_PAGESIZE);
}

size_t guest_memory_log_words(const struct guest_region *region)
{
    const uint64_t page = host_page(), pages = region->part.size / page + (region->part.size % page > 0);

    return (size_t)(pages / 64 + (pages % 64 > 0));
}

/* In a read section also where there is no log: guest_memory_log_start() waits for sections, so that what a
 * thread has written that found none is seen by whoever copies the memory then. */
void guest_dirty_mark(struct guest_region *region, const void *memory, uint64_t length)
{
    struct guest_dirty *dirty;

    epoch_enter();
    dirty = atomic_load(&region->dirty);
    if (dirty && length > 0) {
        const uint64_t offset = (uint64_t)((const uint8_t *)memory - (const uint8_t *)region->part.memory);
        const uint64_t last = (offset + length - 1) / dirty->page_size;

        /* A bit goes up after the memory was written, and is taken before that is read. */
        for (uint64_t page = offset / dirty->page_size; page <= last; page++)
            atomic_fetch_or(&dirty->word[page / 64], UINT64_C(1) << page % 64);
    }
    epoch_leave();
}

static void free_dirty(struct epoch_garbage *garbage)
{
    free(garbage); /* its first member */
}

bool guest_dirty_begin(struct guest_region *region, struct error *error)
{
    struct guest_dirty *dirty;

    if (!region->map->logging || region->part.read_only)
        return true;
    dirty = calloc(1, sizeof *dirty + guest_memory_log_words(region) * sizeof dirty->word[0]);
    if (!dirty)
        return error_set(error, "out of memory");
    dirty->page_size = host_page();
    atomic_store(&region->dirty, dirty);
    return true;
}

unsigned guest_kvm_slot_flags(const struct guest_region *region)
{
    return (region->part.read_only ? VM_KVM_SLOT_READ_ONLY : 0) |
           (atomic_load(&region->dirty) ? VM_KVM_SLOT_LOG : 0);
}

/* Have the KVM slot as the region is. */
static bool set_flags(struct guest_region *region, struct error *error)
{
    const struct guest_part *part = &region->part;

    return vm_set_kvm_slot(region->map->vm, region->kvm_slot, part->address, part->size, part->memory,
                           guest_kvm_slot_flags(region), error);
}

static void end_log(struct guest_region *region)
{
    struct guest_dirty *dirty = atomic_exchange(&region->dirty, NULL);

    if (dirty)
        epoch_retire(&dirty->garbage, free_dirty);
}

bool guest_memory_log_start(struct guest_memory *map, struct error *error)
{
    struct guest_region *region;
    bool good = true;

    assert(!map->logging);
    map->logging = true;
    for (region = map->regions; region && good; region = region->next)
        if (region->state == REGION_PRESENT && !region->part.read_only)
            good = guest_dirty_begin(region, error) && set_flags(region, error);
    if (!good) {
        guest_memory_log_stop(map);
        return false;
    }
    epoch_wait();
    return true;
}

void guest_memory_log_stop(struct guest_memory *map)
{
    struct error error;

    map->logging = false;
    for (struct guest_region *region = map->regions; region; region = region->next) {
        const bool logged = atomic_load(&region->dirty);

        end_log(region);
        if (logged && region->state == REGION_PRESENT)
            RESULT_DOES_NOT_MATTER(set_flags(region, &error),
                                   "KVM logs on: the guest's writes take longer, no more");
    }
}

bool guest_memory_log_take(struct guest_memory *map, struct guest_region *region, uint64_t *pages,
                           struct error *error)
{
    struct guest_dirty *dirty = atomic_load(&region->dirty); /* this thread alone ends it */
    const size_t words = guest_memory_log_words(region);

    assert(map->logging);
    memset(pages, 0, words * sizeof pages[0]);
    if (!dirty)
        return true;
    /* First what can fail. */
    if (!vm_get_dirty_log(map->vm, region->kvm_slot, pages, error))
        return false;
    for (size_t i = 0; i < words; i++)
        pages[i] |= atomic_exchange(&dirty->word[i], 0);
    return true;
}
