/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rules of hotram/plan.h. Both ways come down to one question: which DIMMs to remove, of sum r, so that
 * plugging what is then missing, s, is possible: present - r + s = target, s a multiple of the alignment. All
 * r there are come from plan_sums.c, whether there is room for s from plan_room.c.
 */
#include "mem.h"
#include "plan_work.h"

static bool is_multiple(const struct plan_work *work, uint64_t bytes)
{
    return (bytes & (work->request->align - 1)) == 0;
}

static uint64_t capacity_left(const struct plan_work *work)
{
    return work->request->bank->config.capacity - work->request->bank->used;
}

/* ---- Nearest sizes ---- */

static void note_size(struct plan_work *work, uint64_t size)
{
    struct hotram_plan *plan = work->plan;

    if (size <= work->request->target && (plan->below == HOTRAM_PLAN_NONE || size > plan->below))
        plan->below = size;
    if (size >= work->request->target && size < plan->above)
        plan->above = size;
}

/* Note the sizes base, base + alignment ... base + room that are nearest to the target. */
static void note_sizes(struct plan_work *work, uint64_t base, uint64_t room)
{
    uint64_t target = work->request->target;
    uint64_t more;

    note_size(work, base);
    if (target <= base)
        return;
    more = (target - base) & ~(work->request->align - 1);
    note_size(work, base + (more < room ? more : room));
    if (more < room)
        note_size(work, base + more + work->request->align);
}

/* What can be reached by plugging first. */
static void note_plugging_first(struct plan_work *work)
{
    uint64_t room;

    libhotram_plan_try(work, false);
    room = libhotram_plan_room(work, work->free_slots, capacity_left(work));
    for (uint64_t sum = 0; libhotram_plan_next_sum(&work->sums, &sum); sum++)
        note_sizes(work, work->present - sum, room);
}

/* What can be reached by removing these DIMMs first. */
static uint64_t room_without(struct plan_work *work, uint64_t sum)
{
    libhotram_plan_choose(work, sum);
    libhotram_plan_try(work, true);
    return libhotram_plan_room(work, work->free_slots + libhotram_plan_fewest(&work->sums, sum),
                               capacity_left(work) + sum);
}

static void note_removing_first(struct plan_work *work)
{
    /* Where all is aligned, what is possible with fewer removals is so with all: the others are plugged again
     * where they were. */
    for (uint64_t sum = work->aligned ? work->sums.measure.total : 1;
         libhotram_plan_next_sum(&work->sums, &sum); sum++)
        note_sizes(work, work->present - sum, room_without(work, sum));
}

/* ---- Steps ---- */

/* Append the removals of the chosen DIMMs, the highest address first. */
static void unplug(struct plan_work *work)
{
    for (uint32_t i = work->range_count; i-- > 0;) {
        const struct plan_range *range = &work->ranges[i];

        if (work->removed[range->slot]) {
            work->plan->steps[work->plan->count++] = (struct hotram_plan_step){
                .action = HOTRAM_PLAN_UNPLUG,
                .slot = range->slot,
                .addr = range->addr,
                .size = range->end - range->addr,
            };
        }
    }
}

/* Grow by plugging at most so many DIMMs. Like the next two, false when there is no such way. */
static bool plug_only(struct plan_work *work, uint64_t more, uint32_t dimms)
{
    libhotram_plan_choose(work, 0);
    libhotram_plan_try(work, false);
    if (!is_multiple(work, more) || libhotram_plan_room(work, dimms, more) < more)
        return false;
    libhotram_plan_plug(work, more, work->free_slots, false);
    return true;
}

/* Reach a size by plugging, then removing: as little as possible, but not less than this sum. */
static bool plug_first(struct plan_work *work, uint64_t size, uint64_t sum)
{
    uint64_t room;

    libhotram_plan_try(work, false);
    room = libhotram_plan_room(work, work->free_slots, capacity_left(work));
    for (; libhotram_plan_next_sum(&work->sums, &sum); sum++) {
        uint64_t kept = work->present - sum;

        if (kept > size || !is_multiple(work, size - kept))
            continue;
        if (size - kept > room)
            return false;
        libhotram_plan_choose(work, sum);
        libhotram_plan_plug(work, size - kept, work->free_slots, false);
        unplug(work);
        return true;
    }
    return false;
}

/* Grow to a size by removing as little as possible, then plugging. */
static bool remove_first(struct plan_work *work, uint64_t size)
{
    uint64_t total = work->sums.measure.total;

    if (work->aligned && room_without(work, total) < size - (work->present - total))
        return false;
    for (uint64_t sum = 1; libhotram_plan_next_sum(&work->sums, &sum); sum++) {
        uint64_t missing = size - (work->present - sum);

        if (!is_multiple(work, missing) || room_without(work, sum) < missing)
            continue;
        unplug(work);
        libhotram_plan_plug(work, missing, work->free_slots + libhotram_plan_fewest(&work->sums, sum), true);
        return true;
    }
    return false;
}

/* ---- Rules ---- */

/* Why a size cannot be grown to: in the order in which a bank would say it. */
static enum hotram_status obstacle(struct plan_work *work, uint64_t more)
{
    enum hotram_status status = HOTRAM_E_SIZE;

    if (more > capacity_left(work))
        return HOTRAM_E_CAPACITY;
    if (work->free_slots + work->sums.measure.items == 0)
        return HOTRAM_E_NO_SLOT;
    for (uint64_t sum = 0; libhotram_plan_next_sum(&work->sums, &sum); sum++) {
        if (!is_multiple(work, more + sum))
            continue;
        libhotram_plan_choose(work, sum);
        libhotram_plan_try(work, true);
        if (libhotram_plan_room(work, HOTRAM_PLACES_MAX + 1, more + sum) == more + sum)
            return HOTRAM_E_NO_SLOT;
        status = HOTRAM_E_NO_SPACE;
    }
    return status;
}

/* The ways to grow, in their order. The capacity allows it. */
static bool grow_somehow(struct plan_work *work, uint64_t more)
{
    uint32_t but_one = work->free_slots > 0 ? work->free_slots - 1 : 0;

    return plug_only(work, more, but_one) ||
           plug_first(work, work->request->target, 1) || /* at least 1: a slot becomes empty */
           plug_only(work, more, work->free_slots) || remove_first(work, work->request->target);
}

static enum hotram_status grow(struct plan_work *work)
{
    uint64_t more = work->request->target - work->present;

    if (more <= capacity_left(work) && grow_somehow(work, more)) {
        note_size(work, work->request->target);
        work->plan->reached = work->request->target;
        return HOTRAM_OK;
    }
    note_plugging_first(work);
    note_removing_first(work);
    return obstacle(work, more);
}

static enum hotram_status shrink(struct plan_work *work)
{
    struct hotram_plan *plan = work->plan;
    uint64_t goal;

    note_plugging_first(work);
    goal = work->request->at_most ? plan->below : plan->above; /* both are the target if that can be */
    if (goal == HOTRAM_PLAN_NONE)
        return HOTRAM_E_STATE;
    plug_first(work, goal, work->present - goal);
    plan->reached = goal;
    return HOTRAM_OK;
}

/* ---- The calls ---- */

/* Whether a request is one, and of a bank that can be. */
static bool is_sound(const struct hotram_plan_request *request)
{
    return request && request->bank && request->align != 0 && (request->align & (request->align - 1)) == 0 &&
           request->align >= request->bank->config.granularity && libhotram_plan_sound(request->bank);
}

size_t hotram_plan_scratch(const struct hotram_plan_request *request)
{
    struct plan_measure measure;

    if (!is_sound(request))
        return 0;
    libhotram_plan_measure(request, &measure);
    return sizeof(struct plan_work) + libhotram_plan_sums_length(&measure);
}

enum hotram_status hotram_plan(const struct hotram_plan_request *request, void *scratch, size_t scratch_size,
                               struct hotram_plan *plan)
{
    struct plan_work *work = scratch;

    if (!plan)
        return HOTRAM_E_ARGUMENT;
    plan->count = 0;
    plan->reached = 0;
    plan->below = plan->above = HOTRAM_PLAN_NONE;
    if (!scratch || (uintptr_t)scratch % _Alignof(struct plan_work) != 0 || !is_sound(request))
        return HOTRAM_E_ARGUMENT;
    if (scratch_size < hotram_plan_scratch(request))
        return HOTRAM_E_BUFFER;

    work->request = request;
    work->plan = plan;
    libhotram_plan_look(work);
    libhotram_plan_measure(request, &work->sums.measure);
    libhotram_plan_sums(work, work + 1);
    plan->reached = work->present;
    if (request->target > work->present)
        return grow(work);
    if (request->target < work->present)
        return shrink(work);
    note_size(work, work->present);
    return HOTRAM_OK;
}
