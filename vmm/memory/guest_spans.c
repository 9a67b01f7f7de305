/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest memory as few ranges.
 */
#include "memory/guest_map.h"
#include "memory/reservation.h"

static bool is_reserved(const struct reservation *reservation, const void *memory)
{
    return reservation->memory && (uintptr_t)memory - (uintptr_t)reservation->memory < reservation->size;
}

static void insert_span(struct guest_span *spans, unsigned count, unsigned room, struct guest_span span)
{
    unsigned i = count < room ? count : room;

    for (; i > 0 && spans[i - 1].address > span.address; i--)
        if (i < room)
            spans[i] = spans[i - 1];
    if (i < room)
        spans[i] = span;
}

unsigned guest_memory_spans(const struct guest_memory *map, const struct reservation *reservation,
                            struct guest_span *spans, unsigned room)
{
    const struct guest_span all = { reservation->guest_base, reservation->size, reservation->memory };
    unsigned count = 0;

    if (reservation->memory)
        insert_span(spans, count++, room, all);
    for (const struct guest_region *region = map->regions; region; region = region->next) {
        const struct guest_part *part = &region->part;

        if (!is_reserved(reservation, part->memory))
            insert_span(spans, count++, room, (struct guest_span){ part->address, part->size, part->memory });
    }
    return count;
}
