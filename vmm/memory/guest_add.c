/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a region comes into the map: it has a KVM slot; the listeners agree, which may take long; then KVM and
 * the table have it, or all is undone, which may take long, too. On the main thread.
 */
#include <assert.h>
#include <stdlib.h>

#include "kvm/vm.h"
#include "memory/guest_map.h"

/* ---- the region ---- */

/* A table with one region more, and without those that leave. NULL: out of memory. */
static struct guest_table *table_with(struct guest_memory *map, struct guest_region *new)
{
    struct guest_table *old = atomic_load(&map->table), *table = guest_table_create(old->count + 1);
    struct guest_range range = {
        .first = new->part.address,
        .size = new->part.size,
        .memory = new->part.memory,
        .kvm_slot = new->kvm_slot,
        .read_only = new->part.read_only,
        .region = new,
    };

    if (!table)
        return NULL;
    for (unsigned i = 0; i < old->count; i++)
        if (atomic_load(&old->range[i].region))
            guest_table_insert(table, &old->range[i]);
    guest_table_insert(table, &range);
    guest_table_seal(table);
    return table;
}

static struct guest_region *region_create(struct guest_memory *map, const struct guest_part *part,
                                          struct error *error)
{
    struct guest_region *region;
    unsigned kvm_slot = 0;

    while (kvm_slot < map->kvm_slots && map->kvm_slot_used[kvm_slot])
        kvm_slot++;
    if (kvm_slot == map->kvm_slots) {
        error_set(error, "all %u KVM slots of this machine are used", map->kvm_slots);
        return NULL;
    }
    region = calloc(1, sizeof *region);
    if (!region) {
        error_set(error, "out of memory");
        return NULL;
    }
    region->map = map;
    region->part = *part;
    region->kvm_slot = kvm_slot;
    map->kvm_slot_used[kvm_slot] = true;
    return region;
}

static void region_discard(struct guest_region *region)
{
    region->map->kvm_slot_used[region->kvm_slot] = false;
    free(atomic_load(&region->dirty));
    free(region);
}

/* Everything that can fail, KVM last. */
static struct guest_table *give_to_kvm(struct guest_region *region, struct error *error)
{
    const struct guest_part *part = &region->part;
    struct guest_memory *map = region->map;
    struct guest_table *table = table_with(map, region);

    if (!table)
        error_set(error, "out of memory");
    if (table && guest_dirty_begin(region, error) &&
        vm_set_kvm_slot(map->vm, region->kvm_slot, part->address, part->size, part->memory,
                        guest_kvm_slot_flags(region), error))
        return table;
    free(table);
    return NULL;
}

static bool enter(struct guest_region *region, struct error *error)
{
    struct guest_table *old, *table = give_to_kvm(region, error);
    struct guest_memory *map = region->map;

    if (!table)
        return false;
    region->next = map->regions;
    map->regions = region;
    old = atomic_exchange(&map->table, table);
    epoch_retire(&old->garbage, guest_table_free);
    guest_listeners_commit(map, &region->part);
    return true;
}

/* ---- the offer ---- */

/* As far as it comes without an answer. True: it is at its end. */
static bool advance(struct guest_offer *offer)
{
    if (!offer->refused)
        offer->refused = !guest_listeners_prepare(offer);
    if (offer->held > 0)
        return false;
    if (!offer->refused)
        offer->refused = !enter(offer->region, &offer->why);
    if (!offer->refused)
        return true;
    if (!offer->undone) {
        offer->undone = true;
        guest_listeners_undo(offer);
    }
    return offer->held == 0;
}

static enum outcome result_of(struct guest_offer *offer, struct guest_region **region, struct error *error)
{
    *region = offer->refused ? NULL : offer->region;
    if (!offer->refused)
        return OUTCOME_DONE;
    region_discard(offer->region);
    error_set(error, "%s", offer->why.text);
    return OUTCOME_FAILED;
}

static void forget(struct guest_offer *offer)
{
    struct guest_offer **link = &offer->map->offers;

    while (*link != offer)
        link = &(*link)->next;
    *link = offer->next;
}

static void continue_offer(void *opaque)
{
    struct guest_offer *offer = opaque;
    const struct completion completion = offer->completion;
    struct error error;
    enum outcome outcome;

    if (!advance(offer))
        return;
    forget(offer);
    outcome = result_of(offer, offer->result, &error);
    free(offer);
    completion.ended(completion.opaque, outcome == OUTCOME_DONE ? NULL : &error);
}

void guest_offer_hold(struct guest_offer *offer)
{
    offer->held++;
}

void guest_offer_answer(struct guest_offer *offer, const struct error *why)
{
    if (why && !offer->refused) {
        offer->refused = true;
        offer->why = *why;
    }
    assert(offer->held > 0);
    if (--offer->held == 0)
        loop_post(offer->map->loop, &offer->go_on);
}

void guest_memory_withdraw(struct guest_memory *map, uint64_t address, const struct error *why)
{
    for (struct guest_offer *offer = map->offers; offer; offer = offer->next)
        if (offer->region->part.address == address && !offer->refused) {
            offer->refused = true;
            offer->why = *why;
        }
}

enum outcome guest_memory_offer_part(struct guest_memory *map, const struct guest_part *part,
                                     const struct completion *completion, struct guest_region **region,
                                     struct error *error)
{
    struct guest_offer *offer = calloc(1, sizeof *offer);
    enum outcome outcome = OUTCOME_FAILED;

    assert(!map->telling);
    guest_memory_retry(map);
    error_set(error, "out of memory");
    if (offer && (offer->region = region_create(map, part, error)) != NULL) {
        offer->map = map;
        offer->go_on = (struct work){ .run = continue_offer, .opaque = offer };
        if (!advance(offer)) {
            offer->completion = *completion;
            offer->result = region;
            offer->next = map->offers;
            map->offers = offer;
            return OUTCOME_LATER;
        }
        outcome = result_of(offer, region, error);
    }
    free(offer);
    return outcome;
}

struct guest_region *guest_memory_add_part(struct guest_memory *map, const struct guest_part *part,
                                           struct error *error)
{
    struct guest_offer offer = { .map = map, .now = true };
    struct guest_region *region;

    assert(!map->telling);
    guest_memory_retry(map);
    offer.region = region_create(map, part, error);
    if (!offer.region)
        return NULL;
    advance(&offer); /* to its end: nobody answers later */
    result_of(&offer, &region, error);
    return region;
}

struct guest_region *guest_memory_add(struct guest_memory *map, uint64_t address, uint64_t size, void *memory,
                                      struct error *error)
{
    const struct guest_part part = { .address = address, .size = size, .memory = memory, .fd = -1 };

    return guest_memory_add_part(map, &part, error);
}

void guest_offers_destroy(struct guest_memory *map)
{
    while (map->offers) {
        struct guest_offer *offer = map->offers;

        map->offers = offer->next;
        loop_cancel(map->loop, &offer->go_on);
        region_discard(offer->region);
        free(offer);
    }
}
