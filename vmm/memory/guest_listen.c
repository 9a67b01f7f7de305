/* SPDX-License-Identifier: BSD-2-Clause */
/* Listeners of the map of guest memory. On the main thread. */
#include <assert.h>

#include "memory/guest_map.h"

/* Undo what this listener and all before it have agreed to; the last first. */
static void undo_from(struct guest_listener *listener, const struct guest_part *part)
{
    for (; listener; listener = listener->previous)
        if (listener->undo)
            listener->undo(listener->opaque, part);
}

bool guest_listeners_prepare(struct guest_memory *map, const struct guest_part *part, struct error *error)
{
    struct guest_listener *listener = map->first_listener;

    map->telling = true;
    while (listener && (!listener->prepare || listener->prepare(listener->opaque, part, error)))
        listener = listener->next;
    if (listener)
        undo_from(listener->previous, part);
    map->telling = false;
    return !listener;
}

void guest_listeners_commit(struct guest_memory *map, const struct guest_part *part)
{
    map->telling = true;
    for (struct guest_listener *listener = map->first_listener; listener; listener = listener->next)
        if (listener->commit)
            listener->commit(listener->opaque, part);
    map->telling = false;
}

void guest_listeners_undo(struct guest_memory *map, const struct guest_part *part)
{
    map->telling = true;
    undo_from(map->last_listener, part);
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

/* The listener agrees to all that is there, or to nothing. */
static bool prepare_all(struct guest_memory *map, struct guest_listener *listener, struct error *error)
{
    struct guest_region *region = present(map->regions);

    while (region && (!listener->prepare || listener->prepare(listener->opaque, &region->part, error)))
        region = present(region->next);
    if (region && listener->undo)
        for (struct guest_region *undo = present(map->regions); undo != region; undo = present(undo->next))
            listener->undo(listener->opaque, &undo->part);
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
