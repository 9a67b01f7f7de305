/* SPDX-License-Identifier: BSD-2-Clause */
/* Listeners of the map of guest memory. On the main thread. */
#include <assert.h>
#include <limits.h>

#include "memory/guest_map.h"

/* For listeners: NULL where they must answer now. */
static struct guest_offer *shown(struct guest_offer *offer)
{
    return offer->now ? NULL : offer;
}

bool guest_listeners_prepare(struct guest_offer *offer)
{
    const struct guest_part *part = &offer->region->part;
    struct guest_memory *map = offer->map;
    bool good = true;

    map->telling = true;
    for (struct guest_listener *listener = map->first_listener; listener && good; listener = listener->next) {
        if (listener->number <= offer->asked)
            continue;
        good = !listener->prepare || listener->prepare(listener->opaque, part, shown(offer), &offer->why);
        offer->asked = good ? listener->number : offer->asked;
    }
    map->telling = false;
    return good;
}

void guest_listeners_undo(struct guest_offer *offer)
{
    struct guest_memory *map = offer->map;

    map->telling = true;
    for (struct guest_listener *listener = map->last_listener; listener; listener = listener->previous)
        if (listener->undo && listener->number <= offer->asked)
            listener->undo(listener->opaque, &offer->region->part, shown(offer));
    map->telling = false;
}

void guest_listeners_commit(struct guest_memory *map, const struct guest_part *part)
{
    map->telling = true;
    for (struct guest_listener *listener = map->first_listener; listener; listener = listener->next)
        if (listener->commit)
            listener->commit(listener->opaque, part);
    map->telling = false;
}

void guest_listeners_leave(struct guest_memory *map, const struct guest_part *part)
{
    map->telling = true;
    for (struct guest_listener *listener = map->last_listener; listener; listener = listener->previous)
        if (listener->leave)
            listener->leave(listener->opaque, part);
    map->telling = false;
}

/* The next region from here on that does not leave. */
static struct guest_region *present(struct guest_region *region)
{
    while (region && region->state != REGION_PRESENT)
        region = region->next;
    return region;
}

static bool agrees(struct guest_listener *listener, const struct guest_part *part, struct error *error)
{
    return !listener->prepare || listener->prepare(listener->opaque, part, NULL, error);
}

/* The listener agrees to all that is there, or to nothing. */
static bool prepare_all(struct guest_memory *map, struct guest_listener *listener, struct error *error)
{
    struct guest_region *region = present(map->regions);

    while (region && agrees(listener, &region->part, error))
        region = present(region->next);
    if (region && listener->undo)
        for (struct guest_region *undo = present(map->regions); undo != region; undo = present(undo->next))
            listener->undo(listener->opaque, &undo->part, NULL);
    return !region;
}

bool guest_memory_listen(struct guest_memory *map, struct guest_listener *listener, struct error *error)
{
    bool good;

    assert(!map->telling);
    map->telling = true;
    good = prepare_all(map, listener, error);
    for (struct guest_region *region = present(map->regions); good && region; region = present(region->next))
        if (listener->commit)
            listener->commit(listener->opaque, &region->part);
    map->telling = false;
    if (!good)
        return false;
    listener->number = ++map->listeners;
    listener->next = NULL;
    listener->previous = map->last_listener;
    *(map->last_listener ? &map->last_listener->next : &map->first_listener) = listener;
    map->last_listener = listener;
    return true;
}

void guest_memory_unlisten(struct guest_memory *map, struct guest_listener *listener)
{
    assert(!map->telling);
    *(listener->previous ? &listener->previous->next : &map->first_listener) = listener->next;
    *(listener->next ? &listener->next->previous : &map->last_listener) = listener->previous;
    listener->next = listener->previous = NULL;
}

unsigned guest_memory_room(const struct guest_memory *map, struct error *why)
{
    unsigned least = UINT_MAX;

    for (const struct guest_listener *listener = map->first_listener; listener; listener = listener->next) {
        struct error reason;
        const unsigned room = listener->room ? listener->room(listener->opaque, &reason) : UINT_MAX;

        if (room < least) {
            least = room;
            *why = reason;
        }
    }
    return least;
}

const char *guest_memory_unlogged(const struct guest_memory *map)
{
    const struct guest_listener *listener = map->first_listener;

    while (listener && !listener->unlogged)
        listener = listener->next;
    return listener ? listener->unlogged : NULL;
}
