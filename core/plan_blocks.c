/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rule of hotram/plan_blocks.h: hotram_plan() says of a sum of DIMMs whether and how it can be reached,
 * and which is the next one, so that the sums that there are can be gone through. First come those between
 * "the DIMMs stay" and "the blocks stay", since no others move so few bytes.
 */
#include <hotram/plan_blocks.h>

#include "plan_work.h"

struct combination {
    bool found;
    uint64_t dimms;    /* bytes */
    uint64_t moved;    /* bytes that come and go */
    uint64_t replaced; /* DIMMs both come and go: 1; 0: not so */
};

struct search {
    struct hotram_plan_request dimms; /* its target is the sum in question */
    const struct hotram_plan_blocks *blocks;
    void *scratch;
    size_t scratch_size;
    struct hotram_plan *plan; /* for the sum in question */
    uint64_t present;         /* bytes of DIMMs */
    uint64_t target;          /* bytes of both, like the nearest that can be reached */
    uint64_t below, above;
    uint64_t dimms_below, dimms_above; /* the DIMMs in these */
    struct combination best;
};

static uint64_t distance(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

/* What blocks have to be beside so many bytes of DIMMs; at least 0. */
static uint64_t rest(const struct search *search, uint64_t dimms)
{
    return search->target > dimms ? search->target - dimms : 0;
}

/* ---- Nearest sizes ---- */

static void note(struct search *search, uint64_t dimms, uint64_t blocks)
{
    const uint64_t size = dimms + blocks;

    if (size <= search->target && (search->below == HOTRAM_PLAN_NONE || size > search->below)) {
        search->below = size;
        search->dimms_below = dimms;
    }
    if (size >= search->target && size < search->above) {
        search->above = size;
        search->dimms_above = dimms;
    }
}

/* The nearest sizes to the target with DIMMs of a sum that can be reached. */
static void note_sum(struct search *search, uint64_t dimms)
{
    const struct hotram_plan_blocks *blocks = search->blocks;
    const uint64_t mask = blocks->unit - 1, want = rest(search, dimms);
    uint64_t low = want < blocks->most ? want : blocks->most;
    uint64_t high = want > blocks->least ? want : blocks->least;

    if (low >= blocks->least && low - blocks->least >= ((low - blocks->present) & mask))
        note(search, dimms, low - ((low - blocks->present) & mask));
    if (high <= blocks->most && blocks->most - high >= ((blocks->present - high) & mask))
        note(search, dimms, high + ((blocks->present - high) & mask));
}

/* ---- Combinations ---- */

/* Plan the DIMMs. True: they can have this sum. */
static bool plan_dimms(struct search *search, uint64_t sum)
{
    search->dimms.target = sum;
    return hotram_plan(&search->dimms, search->scratch, search->scratch_size, search->plan) == HOTRAM_OK &&
           search->plan->reached == sum;
}

static bool is_better(const struct combination *one, const struct combination *other)
{
    if (!other->found || one->moved != other->moved)
        return !other->found || one->moved < other->moved;
    if (one->replaced != other->replaced)
        return one->replaced < other->replaced;
    return one->dimms > other->dimms;
}

/* The combination with a sum that was just planned. */
static void weigh(struct search *search, uint64_t dimms)
{
    const struct hotram_plan_blocks *blocks = search->blocks;
    const uint64_t want = rest(search, dimms);
    struct combination one = { .found = true, .dimms = dimms, .moved = distance(want, blocks->present) };
    bool comes = false, goes = false;

    note_sum(search, dimms);
    if (dimms > search->target || want < blocks->least || want > blocks->most ||
        ((want - blocks->present) & (blocks->unit - 1)))
        return;
    for (uint32_t i = 0; i < search->plan->count; i++) {
        one.moved += search->plan->steps[i].size;
        comes |= search->plan->steps[i].action == HOTRAM_PLAN_PLUG;
        goes |= search->plan->steps[i].action == HOTRAM_PLAN_UNPLUG;
    }
    one.replaced = comes && goes;
    if (is_better(&one, &search->best))
        search->best = one;
}

/* Sums from one to a lower one, and on to those that may give a nearer size below the target. */
static void go_down(struct search *search, uint64_t from, uint64_t to)
{
    uint64_t sum = from;

    for (unsigned i = 0; i < 2 * HOTRAM_PLAN_SUMS_MAX; i++) {
        if (sum < to && (search->below == search->target ||
                         (search->below != HOTRAM_PLAN_NONE && sum + search->blocks->most <= search->below)))
            return;
        if (plan_dimms(search, sum)) {
            weigh(search, sum);
            if (sum == 0)
                return;
            sum--;
        } else if (search->plan->below < sum) {
            sum = search->plan->below;
        } else {
            return;
        }
    }
}

/* The same upwards. */
static void go_up(struct search *search, uint64_t from, uint64_t to)
{
    uint64_t sum = from;

    for (unsigned i = 0; i < 2 * HOTRAM_PLAN_SUMS_MAX; i++) {
        if (sum > to && (search->above == search->target || sum + search->blocks->least >= search->above))
            return;
        if (plan_dimms(search, sum)) {
            weigh(search, sum++);
        } else if (search->plan->above != HOTRAM_PLAN_NONE && search->plan->above > sum) {
            sum = search->plan->above;
        } else {
            return;
        }
    }
}

/* Whether no sum of DIMMs outside of those between the two that leave something as it is can be better. */
static bool is_best(const struct search *search)
{
    return search->best.found && !search->best.replaced &&
           search->best.moved == distance(search->target, search->present + search->blocks->present);
}

/* Go through the sums; `known` can be reached, or is HOTRAM_PLAN_NONE. */
static void find(struct search *search, uint64_t target, uint64_t known)
{
    const uint64_t end = search->dimms.bank->config.size; /* no sum is more */
    uint64_t least, most, low, high;

    search->target = target;
    search->below = search->above = HOTRAM_PLAN_NONE;
    search->best = (struct combination){ 0 };
    least = rest(search, search->blocks->most);
    least = least < end ? least : end;
    most = rest(search, search->blocks->least);
    most = most < end ? most : end;
    low = high = rest(search, search->blocks->present);
    low = low < search->present ? low : search->present;
    high = high > search->present ? high : search->present;
    note_sum(search, search->present);
    if (known != HOTRAM_PLAN_NONE && plan_dimms(search, known))
        weigh(search, known);
    if (high > most)
        high = most;
    if (low < least)
        low = least;
    if (low <= high)
        go_down(search, high, low);
    if (is_best(search))
        return;
    if (low > 0)
        go_down(search, low - 1 < most ? low - 1 : most, least);
    go_up(search, high + 1 > least ? high + 1 : least, most);
}

/* ---- The call ---- */

static uint64_t count_dimms(const struct hotram_plan_request *request)
{
    const struct hotram_bank *bank = request->bank;
    uint64_t sum = 0;

    for (uint32_t slot = 0; slot < bank->config.slots; slot++)
        if (libhotram_plan_counts(request, slot))
            sum += bank->slots[slot].size;
    return sum;
}

static bool are_sound(const struct hotram_plan_request *request, const struct hotram_plan_blocks *blocks)
{
    return blocks && blocks->unit != 0 && (blocks->unit & (blocks->unit - 1)) == 0 &&
           blocks->least <= blocks->present && blocks->present <= blocks->most &&
           blocks->most < UINT64_MAX - request->bank->config.size;
}

/* Why a growth is impossible: what is in the way with as many blocks as there can be. */
static enum hotram_status obstacle(struct search *search)
{
    enum hotram_status status;

    search->dimms.target = rest(search, search->blocks->most);
    if (search->dimms.target <= search->present)
        return HOTRAM_E_SIZE;
    status = hotram_plan(&search->dimms, search->scratch, search->scratch_size, search->plan);
    return status == HOTRAM_OK ? HOTRAM_E_SIZE : status;
}

/* The best combination, or why there is none. */
static enum hotram_status conclude(struct search *search, struct hotram_plan_blocks *blocks)
{
    const uint64_t present = search->present + blocks->present;
    enum hotram_status status = HOTRAM_OK;

    if (search->best.found) {
        plan_dimms(search, search->best.dimms);
        blocks->target = search->target - search->best.dimms;
        blocks->last = search->best.dimms > search->present;
        search->plan->reached = search->target;
        return HOTRAM_OK;
    }
    status = search->target > present ? obstacle(search) : HOTRAM_E_STATE;
    search->plan->count = 0;
    search->plan->reached = present;
    return status;
}

/* Without a combination for the target of a shrink, the nearest size takes its place. */
static enum hotram_status search_plan(struct search *search, struct hotram_plan_blocks *blocks, bool at_most)
{
    const uint64_t target = search->dimms.target;
    enum hotram_status status;
    uint64_t below, above;

    find(search, target, HOTRAM_PLAN_NONE);
    below = search->below;
    above = search->above;
    if (!search->best.found && target < search->present + blocks->present) {
        if (at_most && below != HOTRAM_PLAN_NONE)
            find(search, below, search->dimms_below);
        else if (!at_most && above != HOTRAM_PLAN_NONE)
            find(search, above, search->dimms_above);
    }
    status = conclude(search, blocks);
    search->plan->below = below;
    search->plan->above = above;
    return status;
}

enum hotram_status hotram_plan_with_blocks(const struct hotram_plan_request *request,
                                           struct hotram_plan_blocks *blocks, void *scratch,
                                           size_t scratch_size, struct hotram_plan *plan)
{
    const size_t needed = hotram_plan_scratch(request); /* 0: no sound request */
    struct search search;

    if (!plan)
        return HOTRAM_E_ARGUMENT;
    plan->count = 0;
    plan->reached = 0;
    plan->below = plan->above = HOTRAM_PLAN_NONE;
    if (needed == 0 || !scratch || (uintptr_t)scratch % _Alignof(struct plan_work) != 0 ||
        !are_sound(request, blocks))
        return HOTRAM_E_ARGUMENT;
    blocks->target = blocks->present;
    blocks->last = false;
    if (scratch_size < needed)
        return HOTRAM_E_BUFFER;
    search = (struct search){
        .dimms = *request,
        .blocks = blocks,
        .scratch = scratch,
        .scratch_size = scratch_size,
        .plan = plan,
        .present = count_dimms(request),
    };
    search.dimms.at_most = false;
    return search_plan(&search, blocks, request->at_most);
}
