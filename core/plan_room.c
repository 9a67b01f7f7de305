/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The room that a plan has: the holes between what is taken, and the DIMMs that go into them.
 *
 * How far removals alone can go is the "reach": every multiple of a unit up to it is a sum of DIMMs, give or
 * take less than the unit. Taken by rising size, a DIMM adds its size to the reach if that is at most the
 * reach plus the unit; a greater one leaves a gap. So the best size for a new DIMM is the reach plus the
 * unit: the largest that leaves none.
 */
#include "mem.h"
#include "plan_work.h"

static bool is_power_of_two(uint64_t number)
{
    return number != 0 && (number & (number - 1)) == 0;
}

/* The list of a bank: each DIMM in the region, behind the one before, and as many as there are. */
static bool is_list_sound(const struct hotram_bank *bank, uint32_t count)
{
    uint64_t end = bank->config.base;
    uint64_t used = 0;
    uint32_t slot = hotram_bank_next(bank, HOTRAM_SLOT_ANY);

    /* It ends: addresses rise. So no slot comes twice, and count does not wrap. */
    for (; slot != HOTRAM_SLOT_ANY; count--) {
        const struct hotram_dimm *dimm = hotram_bank_slot(bank, slot);

        if (!dimm || dimm->state == HOTRAM_DIMM_EMPTY || dimm->size == 0 || dimm->addr < end ||
            dimm->addr - bank->config.base > bank->config.size ||
            dimm->size > bank->config.size - (dimm->addr - bank->config.base))
            return false;
        end = dimm->addr + dimm->size;
        used += dimm->size; /* not more than the region */
        slot = hotram_bank_next(bank, slot);
    }
    return count == 0 && used == bank->used && used <= bank->config.capacity;
}

bool libhotram_plan_sound(const struct hotram_bank *bank)
{
    const struct hotram_bank_config *config = &bank->config;
    uint32_t count = 0;

    if (!bank->slots || config->slots > HOTRAM_SLOTS_MAX || config->ranges > HOTRAM_RANGES_MAX ||
        config->slots + config->ranges == 0 || config->size == 0 ||
        config->size > UINT64_MAX - config->base || !is_power_of_two(config->granularity))
        return false;
    for (uint32_t i = 0; i < config->slots + config->ranges; i++) {
        if (bank->slots[i].state > (i < config->slots ? HOTRAM_DIMM_EJECTING : HOTRAM_DIMM_RESERVED))
            return false;
        count += bank->slots[i].state != HOTRAM_DIMM_EMPTY;
    }
    return is_list_sound(bank, count);
}

void libhotram_plan_look(struct plan_work *work)
{
    const struct hotram_bank *bank = work->request->bank;

    work->present = 0;
    work->range_count = 0;
    work->free_slots = bank->config.slots;
    work->aligned = true;
    for (uint32_t i = hotram_bank_next(bank, HOTRAM_SLOT_ANY); i != HOTRAM_SLOT_ANY;
         i = hotram_bank_next(bank, i)) {
        const struct hotram_dimm *dimm = &bank->slots[i];

        work->ranges[work->range_count++] = (struct plan_range){
            .addr = dimm->addr,
            .end = dimm->addr + dimm->size,
            .slot = (uint16_t)i,
        };
        work->free_slots -= i < bank->config.slots;
        if (libhotram_plan_counts(work->request, i))
            work->present += dimm->size;
        if (libhotram_plan_removable(work->request, i) &&
            ((dimm->addr | dimm->size) & (work->request->align - 1)))
            work->aligned = false;
    }
}

void libhotram_plan_try(struct plan_work *work, bool removed_first)
{
    work->trial_count = 0;
    for (uint32_t i = 0; i < work->range_count; i++) {
        if (!removed_first || !work->removed[work->ranges[i].slot])
            work->trial[work->trial_count++] = work->ranges[i];
    }
}

/* The hole in front of a range of the trial, or behind the last: its first aligned address, and the bytes
 * from there that are a multiple of the alignment. */
static uint64_t hole(const struct plan_work *work, uint32_t index, uint64_t *addr)
{
    const struct hotram_bank_config *config = &work->request->bank->config;
    uint64_t mask = work->request->align - 1;
    uint64_t start = index == 0 ? config->base : work->trial[index - 1].end;
    uint64_t end = index == work->trial_count ? config->base + config->size : work->trial[index].addr;
    uint64_t skip = (0 - start) & mask;

    if (end - start < skip)
        return 0;
    *addr = start + skip;
    return (end - start - skip) & ~mask;
}

/* Move the largest of the rooms from the index on to it. */
static void swap_largest(uint64_t *rooms, uint32_t index, uint32_t count)
{
    uint32_t largest = index;
    uint64_t room;

    for (uint32_t i = index + 1; i < count; i++) {
        if (rooms[i] > rooms[largest])
            largest = i;
    }
    room = rooms[largest];
    rooms[largest] = rooms[index];
    rooms[index] = room;
}

uint64_t libhotram_plan_room(struct plan_work *work, uint32_t dimms, uint64_t enough)
{
    uint32_t count = work->trial_count + 1;
    uint64_t addr;
    uint64_t sum = 0;

    enough &= ~(work->request->align - 1);
    for (uint32_t i = 0; i < count; i++)
        work->rooms[i] = hole(work, i, &addr);
    for (uint32_t i = 0; i < count && i < dimms && sum < enough; i++) {
        if (dimms < count)
            swap_largest(work->rooms, i, count);
        sum += work->rooms[i]; /* not more than the region */
    }
    return sum < enough ? sum : enough;
}

/* Take a place for a new DIMM in the trial: the lowest hole that it fits into, or all of the largest. */
static struct plan_range place(struct plan_work *work, uint64_t size)
{
    uint64_t largest = 0;
    uint32_t at = 0;
    struct plan_range found = { 0 };

    for (uint32_t i = 0; i <= work->trial_count && largest < size; i++) {
        uint64_t addr = 0;
        uint64_t room = hole(work, i, &addr);

        if (room > largest) {
            largest = room;
            at = i;
            found.addr = addr;
        }
    }
    found.end = found.addr + (size < largest ? size : largest);
    memmove(&work->trial[at + 1], &work->trial[at], (work->trial_count - at) * sizeof work->trial[0]);
    work->trial[at] = found;
    work->trial_count++;
    return found;
}

/* The reach of what stays, and which of the items by rising size comes next. */
struct reach {
    uint64_t bytes;
    uint32_t next;
};

static void grow_reach(const struct plan_work *work, uint64_t unit, struct reach *reach)
{
    const struct plan_sums *sums = &work->sums;

    for (; reach->next < sums->measure.items; reach->next++) {
        uint32_t item = sums->order[reach->next];
        uint64_t size = (uint64_t)sums->size[item] << sums->measure.shift;

        if (work->removed[sums->slot[item]])
            continue;
        if (size > reach->bytes + unit)
            break;
        reach->bytes += size;
    }
}

/* Append the steps with this unit; false, and none, when that takes more DIMMs than the budget. Nothing
 * wraps: what stays and what comes are at most the capacity together, and the unit is not more than what
 * comes. */
static bool plug_by(struct plan_work *work, uint64_t size, uint64_t unit, uint32_t budget)
{
    struct hotram_plan *plan = work->plan;
    struct reach reach = { 0 };
    uint32_t first = plan->count;

    while (size > 0 && plan->count - first < budget) {
        struct plan_range range;
        uint64_t best;

        grow_reach(work, unit, &reach);
        best = (reach.bytes + unit) & ~(work->request->align - 1);
        range = place(work, best < size ? best : size);
        plan->steps[plan->count++] = (struct hotram_plan_step){
            .action = HOTRAM_PLAN_PLUG,
            .slot = HOTRAM_SLOT_ANY,
            .addr = range.addr,
            .size = range.end - range.addr,
        };
        reach.bytes += range.end - range.addr;
        size -= range.end - range.addr;
    }
    if (size > 0)
        plan->count = first;
    return size == 0;
}

void libhotram_plan_plug(struct plan_work *work, uint64_t size, uint32_t slots, bool removed_first)
{
    uint32_t budget = slots < 2 ? slots : slots / 2;
    uint64_t unit = work->request->align;
    bool done = size == 0;

    while (!done) {
        if (unit > size)
            unit = size;
        libhotram_plan_try(work, removed_first);
        done = plug_by(work, size, unit, budget);
        if (unit < size)
            unit = unit > size / 2 ? size : unit * 2;
        else
            budget = slots; /* as few as there can be: each fills the largest hole */
    }
}
