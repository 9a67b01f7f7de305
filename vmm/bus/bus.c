/* SPDX-License-Identifier: BSD-2-Clause */
#include "bus/bus.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/epoch.h"

/* The ranges of a space, by rising address. Never changed once it is published, but for this: a range that is
 * to go when there is no memory for a table without it is marked, and the next table leaves it out. */
struct bus_entry {
    struct bus_range range;
    atomic_bool gone;
};

struct bus_table {
    struct epoch_garbage garbage; /* first */
    unsigned count;
    struct bus_entry entry[];
};

static const uint64_t last_of_space[BUS_SPACES] = { [BUS_PORTS] = UINT16_MAX, [BUS_MEMORY] = UINT64_MAX };

void bus_init(struct bus *bus)
{
    pthread_mutex_init(&bus->lock, NULL);
    for (unsigned i = 0; i < BUS_SPACES; i++)
        atomic_init(&bus->table[i], NULL);
    bus->first_error.text[0] = '\0';
}

void bus_destroy(struct bus *bus)
{
    for (unsigned i = 0; i < BUS_SPACES; i++)
        free(atomic_load(&bus->table[i]));
    pthread_mutex_destroy(&bus->lock);
    epoch_collect();
}

/* How many ranges begin at or below an address. */
static unsigned count_up_to(const struct bus_table *table, uint64_t at)
{
    unsigned low = 0, high = table ? table->count : 0;

    while (low < high) {
        unsigned middle = low + (high - low) / 2;

        if (table->entry[middle].range.first <= at)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct bus_entry *find_entry(struct bus_table *table, uint64_t at)
{
    unsigned below = count_up_to(table, at);
    struct bus_entry *entry = below > 0 ? &table->entry[below - 1] : NULL;

    if (!entry || at - entry->range.first >= entry->range.count || atomic_load(&entry->gone))
        return NULL;
    return entry;
}

static const struct bus_range *find(struct bus_table *table, uint64_t at)
{
    const struct bus_entry *entry = find_entry(table, at);

    return entry ? &entry->range : NULL;
}

/* ---- writers, under the bus's lock ---- */

/* A table with room for so many. */
static struct bus_table *table_create(unsigned count, struct error *error)
{
    struct bus_table *table = calloc(1, sizeof *table + count * sizeof table->entry[0]);

    if (!table)
        error_set(error, "out of memory");
    return table;
}

static void free_table(struct epoch_garbage *garbage)
{
    free(garbage); /* its first member */
}

static void publish(struct bus *bus, enum bus_space space, struct bus_table *table)
{
    struct bus_table *old = atomic_exchange(&bus->table[space], table);

    if (old)
        epoch_retire(&old->garbage, free_table);
}

static void insert(struct bus_table *table, const struct bus_range *range)
{
    unsigned at = count_up_to(table, range->first);

    memmove(&table->entry[at + 1], &table->entry[at], (table->count - at) * sizeof table->entry[0]);
    table->entry[at].range = *range;
    table->count++;
}

/* Whether a range has a place among others. */
static bool fits(const struct bus_table *table, const struct bus_range *range, struct error *error)
{
    const uint64_t last = range->first + (range->count - 1);
    const struct bus_range *other = NULL;
    unsigned below;

    if (range->count == 0 || last < range->first || last > last_of_space[range->space])
        return error_set(error, "%s: %" PRIu64 " bytes at 0x%" PRIx64 " do not fit below 0x%" PRIx64,
                         range->name, range->count, range->first, last_of_space[range->space]);
    below = count_up_to(table, last);
    if (below > 0)
        other = &table->entry[below - 1].range;
    if (other && range->first <= other->first + (other->count - 1))
        return error_set(
            error, "%s: 0x%" PRIx64 "-0x%" PRIx64 " collides with 0x%" PRIx64 "-0x%" PRIx64 " (%s)",
            range->name, range->first, last, other->first, other->first + (other->count - 1), other->name);
    return true;
}

/* All ranges of a table but one. */
static void copy_but(struct bus_table *to, const struct bus_table *from, const struct bus_range *without)
{
    for (unsigned i = 0; from && i < from->count; i++)
        if (&from->entry[i].range != without && !atomic_load(&from->entry[i].gone))
            to->entry[to->count++].range = from->entry[i].range;
}

/* Replace a range by another; NULL for none. */
static bool replace(struct bus *bus, enum bus_space space, const struct bus_range *old,
                    const struct bus_range *new, struct error *error)
{
    const struct bus_table *table = atomic_load(&bus->table[space]);
    struct bus_table *next = table_create((table ? table->count : 0) + 1, error);

    if (!next)
        return false;
    copy_but(next, table, old);
    if (new && !fits(next, new, error)) {
        free(next);
        return false;
    }
    if (new)
        insert(next, new);
    publish(bus, space, next);
    return true;
}

bool bus_add(struct bus *bus, const struct bus_range *range, struct error *error)
{
    bool good;

    pthread_mutex_lock(&bus->lock);
    good = replace(bus, range->space, NULL, range, error);
    pthread_mutex_unlock(&bus->lock);
    return good;
}

void bus_add_at_start(struct bus *bus, const struct bus_range *range)
{
    struct error error;

    if (!bus_add(bus, range, &error) && !bus->first_error.text[0])
        bus->first_error = error;
}

bool bus_check(const struct bus *bus, struct error *error)
{
    return !bus->first_error.text[0] || error_set(error, "%s", bus->first_error.text);
}

/* The range that begins at an address, which must be there. */
static struct bus_entry *at(const struct bus *bus, enum bus_space space, uint64_t first)
{
    struct bus_entry *entry = find_entry(atomic_load(&bus->table[space]), first);

    assert(entry && entry->range.first == first);
    return entry;
}

void bus_remove(struct bus *bus, enum bus_space space, uint64_t first)
{
    struct bus_entry *entry;
    struct error error;

    pthread_mutex_lock(&bus->lock);
    entry = at(bus, space, first);
    if (!replace(bus, space, &entry->range, NULL, &error)) /* out of memory */
        atomic_store(&entry->gone, true);
    pthread_mutex_unlock(&bus->lock);
}

bool bus_move(struct bus *bus, enum bus_space space, uint64_t first, uint64_t to, struct error *error)
{
    const struct bus_range *old;
    struct bus_range moved;
    bool good;

    pthread_mutex_lock(&bus->lock);
    old = &at(bus, space, first)->range;
    moved = *old;
    moved.first = to;
    good = replace(bus, space, old, &moved, error);
    pthread_mutex_unlock(&bus->lock);
    return good;
}

void bus_wait(void)
{
    epoch_wait();
    epoch_collect();
}

/* ---- accesses ---- */

/* One part, which is aligned to its width. hotram runs on little-endian hosts only, as do its guests: the
 * bytes are in the guest's order. */
static void access_part(const struct bus_range *range, uint64_t at, bool write, unsigned width, uint8_t *data)
{
    uint64_t value = 0;

    if (range->lock)
        pthread_mutex_lock(range->lock);
    if (write) {
        memcpy(&value, data, width);
        range->write(range->device, at - range->first, width, value);
    } else {
        value = range->read(range->device, at - range->first, width);
        memcpy(data, &value, width);
    }
    if (range->lock)
        pthread_mutex_unlock(range->lock);
}

bool bus_access(struct bus *bus, enum bus_space space, uint64_t first, bool write, unsigned width,
                uint8_t *data)
{
    bool met = false;
    unsigned part;

    epoch_enter();
    for (unsigned done = 0; done < width; done += part) {
        uint64_t at = (first + done) & last_of_space[space];
        /* Anew for each part: the one before may have moved the range. */
        const struct bus_range *range = find(atomic_load(&bus->table[space]), at);

        /* From a power of two: KVM cuts an access at a page's end, so that 3 bytes come, too. */
        part = range ? range->width_max : 8;
        while (part > width - done || at & (part - 1))
            part /= 2;
        if (range)
            access_part(range, at, write, part, data + done);
        else if (!write)
            memset(data + done, 0xff, part);
        met |= range != NULL;
    }
    epoch_leave();
    return met;
}
