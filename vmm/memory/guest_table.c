/* SPDX-License-Identifier: BSD-2-Clause */
#include "memory/guest_table.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

struct guest_table *guest_table_create(unsigned room)
{
    assert(room <= UINT16_MAX); /* KVM has at most 32,767 KVM slots */
    return calloc(1, sizeof(struct guest_table) + room * sizeof(struct guest_range));
}

void guest_table_insert(struct guest_table *table, const struct guest_range *range)
{
    unsigned at = table->count++;

    for (; at > 0 && table->range[at - 1].first > range->first; at--)
        table->range[at] = table->range[at - 1];
    table->range[at] = *range;
}

void guest_table_seal(struct guest_table *table)
{
    uint64_t last = 0;
    unsigned below = 0;

    if (table->count > 0)
        last = table->range[table->count - 1].first + (table->range[table->count - 1].size - 1);
    table->shift = 0;
    while (last >> table->shift >= GUEST_TABLE_BUCKETS)
        table->shift++;
    for (unsigned bucket = 0; bucket < GUEST_TABLE_BUCKETS; bucket++) {
        while (below < table->count && table->range[below].first < (uint64_t)bucket << table->shift)
            below++;
        table->below[bucket] = (uint16_t)below;
    }
    table->below[GUEST_TABLE_BUCKETS] = (uint16_t)table->count;
}

void guest_table_free(struct epoch_garbage *garbage)
{
    free(garbage); /* its first member */
}
