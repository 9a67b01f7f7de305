/* SPDX-License-Identifier: BSD-2-Clause */
/* Listeners of the map of guest memory. On the main thread. */
#include <assert.h>
#include <limits.h>

#include "memory/guest_map.h"

/* Undo what this listener and all before it have agreed to; the last first. */
static void undo_from(struct guest_listener *listener, const struct guest_part *part)
{
    for (; listener; listener = listener->previous)
        if (listener->undo)
            listener->undo(listener->opaque, part);
}

static bool agrees(struct guest_listener *listener, const struct guest_part *part, struct error *error)
{
    return !listener->prepare || listener->prepare(listener->opaque, part, error);
}

/* What those after one that has refused have begun. */
static void abandon(struct guest_listener *listener, const struct guest_part *part)
{
    struct error no_error;

    for (; listener; listener = listener->next)
        if (listener->begin && agrees(listener, part, &no_error) && listener->undo)
            listener->undo(listener->opaque, part);
}

bool guest_listeners_prepare(struct guest_memory *map, const struct guest_part *part, struct error *error)
{
    struct guest_listener *listener;

    map->telling = true;
    for (listener = map->first_listener; listener; listener = listener->next)
        if (listener->begin)
            listener->begin(listener->opaque, part);
    for (listener = map->first_listener; listener && agrees(listener, part, error);)
        listener = listener->next;
    if (listener) {
        abandon(listener->next, part);
        undo_from(listener->previous, part);
    }
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
        if (listener->begin_leave)
            listener->begin_leave(listener->opaque, part);
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

static bool begin_and_prepare(struct guest_listener *listener, const struct guest_part *part,
                              struct error *error)
{
    if (listener->begin)
        listener->begin(listener->opaque, part);
    return agrees(listener, part, error);
}

/* The listener agrees to all that is there, or to nothing. */
static bool prepare_all(struct guest_memory *map, struct guest_listener *listener, struct error *error)
{
    struct guest_region *region = present(map->regions);

    while (region && begin_and_prepare(listener, &region->part, error))
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
