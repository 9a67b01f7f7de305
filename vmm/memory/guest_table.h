/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table by which leases find the region of an address.
 *
 * Ranges are sorted by address. The addresses up to the last range are divided into equal buckets, and the
 * table contains how many ranges begin below each: a lookup searches the ranges of one bucket only, mostly
 * one or two.
 *
 * Threads: readers do not lock. A table is built on the main thread, published, and freed when no read
 * section (base/epoch.h) can use it. After publication only `region` changes, once, to NULL, when the region
 * is removed: this does not allocate memory, so removal cannot fail.
 */
#ifndef VMM_MEMORY_GUEST_TABLE_H
#define VMM_MEMORY_GUEST_TABLE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/epoch.h"

#define GUEST_TABLE_BUCKETS 1024u

struct guest_region;

struct guest_range {
    uint64_t first; /* guest-physical address */
    uint64_t size;  /* bytes */
    uint8_t *memory;
    unsigned kvm_slot;
    bool read_only;
    struct guest_region *_Atomic region; /* NULL: being removed */
};

struct guest_table {
    struct epoch_garbage garbage; /* first */
    unsigned count;
    unsigned shift;                           /* a bucket is 1 << shift bytes */
    uint16_t below[GUEST_TABLE_BUCKETS + 1u]; /* ranges that begin below a bucket */
    struct guest_range range[];
};

/* Create an empty table with room for `room` ranges; NULL: out of memory. Then add ranges that do not
 * overlap, in any order, by guest_table_insert(), and call guest_table_seal(); then it may be published. */
struct guest_table *guest_table_create(unsigned room);
void guest_table_insert(struct guest_table *table, const struct guest_range *range);
void guest_table_seal(struct guest_table *table);
/* For epoch_retire(). */
void guest_table_free(struct epoch_garbage *garbage);

/* The range that contains an address, or NULL. Called within a read section. Inline, since it is most of the
 * cost of a lease. */
static inline struct guest_range *guest_table_find(struct guest_table *table, uint64_t address)
{
    const uint64_t bucket = address >> table->shift;
    unsigned low, high;

    if (bucket >= GUEST_TABLE_BUCKETS)
        return NULL;
    low = table->below[bucket];
    high = table->below[bucket + 1];
    while (low < high) {
        unsigned middle = low + (high - low) / 2;

        if (table->range[middle].first <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0 || address - table->range[low - 1].first >= table->range[low - 1].size)
        return NULL;
    return &table->range[low - 1];
}

#endif
