/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sums of removable DIMMs, by dynamic programming: the DIMMs are added one by one, by rising address, to a
 * table that has for each sum the fewest DIMMs that make it. A DIMM that is as good as an earlier choice
 * replaces it, so reading back from the last DIMM on prefers high addresses.
 */
#include "mem.h"
#include "plan_work.h"

bool libhotram_plan_counts(const struct hotram_plan_request *request, uint32_t slot)
{
    const struct hotram_dimm *dimm = &request->bank->slots[slot];

    return (dimm->state == HOTRAM_DIMM_PLUGGED || dimm->state == HOTRAM_DIMM_REMOVAL_REQUESTED) &&
           (!request->node_given || request->node == dimm->node);
}

bool libhotram_plan_removable(const struct hotram_plan_request *request, uint32_t slot)
{
    return libhotram_plan_counts(request, slot) && !(request->fixed && request->fixed[slot]);
}

/* Whether a slot's DIMM is one of the items. */
static bool is_item(const struct hotram_plan_request *request, uint32_t slot, uint64_t finest)
{
    return libhotram_plan_removable(request, slot) && !(request->bank->slots[slot].size & (finest - 1));
}

static void measure_from(const struct hotram_plan_request *request, uint64_t finest,
                         struct plan_measure *measure)
{
    uint64_t bits = 0;

    *measure = (struct plan_measure){ .finest = finest };
    for (uint32_t i = 0; i < request->bank->config.slots; i++) {
        if (is_item(request, i, finest)) {
            bits |= request->bank->slots[i].size;
            measure->total += request->bank->slots[i].size;
            measure->items++;
        }
    }
    while (bits && !(bits >> measure->shift & 1))
        measure->shift++;
}

/* The rows of bits are of 16-bit words, so that what follows stays aligned. */
static uint64_t row_length(const struct plan_measure *measure)
{
    return ((measure->total >> measure->shift) / 16 + 1) * 2;
}

/* Bytes for these sums, or that it is too much: neither product can wrap then. */
static uint64_t table_length(const struct plan_measure *measure)
{
    uint64_t sums = (measure->total >> measure->shift) + 1;

    if (sums == 0 || sums > HOTRAM_PLAN_SCRATCH_MAX)
        return HOTRAM_PLAN_SCRATCH_MAX;
    return sums * sizeof(uint16_t) + measure->items * row_length(measure);
}

void libhotram_plan_measure(const struct hotram_plan_request *request, struct plan_measure *measure)
{
    uint64_t finest = 1;

    measure_from(request, finest, measure);
    /* It ends: the unit grows with finest, and when no DIMM is left the table is small. */
    while (table_length(measure) > HOTRAM_PLAN_SCRATCH_MAX - sizeof(struct plan_work)) {
        finest = UINT64_C(2) << measure->shift;
        measure_from(request, finest, measure);
    }
}

size_t libhotram_plan_sums_length(const struct plan_measure *measure)
{
    return (size_t)table_length(measure);
}

/* The items by rising size, and by rising address among equals. */
static void sort_items(struct plan_sums *sums)
{
    for (uint32_t i = 0; i < sums->measure.items; i++) {
        uint32_t at = i;

        for (; at > 0 && sums->size[sums->order[at - 1]] > sums->size[i]; at--)
            sums->order[at] = sums->order[at - 1];
        sums->order[at] = (uint16_t)i;
    }
}

/* Add an item to the table, whose largest sum so far is top. From above, so that it is taken only once. */
static void add_item(struct plan_sums *sums, uint32_t item, uint32_t top)
{
    uint8_t *row = sums->taken + item * sums->row;
    uint32_t size = sums->size[item];

    for (uint32_t rest = top + 1; rest-- > 0;) {
        uint32_t sum = rest + size;

        if (sums->fewest[rest] != PLAN_NO_SUM && sums->fewest[rest] < sums->fewest[sum]) {
            sums->fewest[sum] = (uint16_t)(sums->fewest[rest] + 1);
            row[sum / 8] = (uint8_t)(row[sum / 8] | 1u << sum % 8);
        }
    }
}

void libhotram_plan_sums(struct plan_work *work, void *memory)
{
    struct plan_sums *sums = &work->sums;
    uint32_t items = 0;
    uint32_t top = 0;

    sums->limit = (uint32_t)(sums->measure.total >> sums->measure.shift);
    sums->row = (size_t)row_length(&sums->measure);
    sums->fewest = memory;
    sums->taken = (uint8_t *)(sums->fewest + sums->limit + 1);
    memset(sums->fewest, 0xff, (sums->limit + 1) * sizeof *sums->fewest);
    memset(sums->taken, 0, sums->measure.items * sums->row);
    sums->fewest[0] = 0;
    for (uint32_t i = 0; i < work->range_count; i++) {
        uint16_t slot = work->ranges[i].slot;

        if (!is_item(work->request, slot, sums->measure.finest))
            continue;
        sums->slot[items] = slot;
        sums->size[items] = (uint32_t)(work->request->bank->slots[slot].size >> sums->measure.shift);
        add_item(sums, items, top);
        top += sums->size[items++];
    }
    sort_items(sums);
}

bool libhotram_plan_next_sum(const struct plan_sums *sums, uint64_t *bytes)
{
    unsigned shift = sums->measure.shift;
    uint64_t sum = (*bytes >> shift) + (*bytes & ((UINT64_C(1) << shift) - 1) ? 1 : 0);

    while (sum <= sums->limit && sums->fewest[sum] == PLAN_NO_SUM)
        sum++;
    *bytes = sum << shift;
    return sum <= sums->limit;
}

uint32_t libhotram_plan_fewest(const struct plan_sums *sums, uint64_t bytes)
{
    return sums->fewest[bytes >> sums->measure.shift];
}

void libhotram_plan_choose(struct plan_work *work, uint64_t bytes)
{
    const struct plan_sums *sums = &work->sums;
    uint32_t sum = (uint32_t)(bytes >> sums->measure.shift);

    memset(work->removed, 0, sizeof work->removed);
    for (uint32_t i = sums->measure.items; i-- > 0;) {
        if (sums->taken[i * sums->row + sum / 8] >> sum % 8 & 1) {
            work->removed[sums->slot[i]] = true;
            sum -= sums->size[i];
        }
    }
}
