/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The rule of hotram/plan_blocks.h: hotram_plan() says of a sum of DIMMs whether and how it can be reached,
 * and which is the next one, so that the sums that there are can be gone through. First come those between
 * "the DIMMs stay" and "the blocks stay", since no others move so few bytes.
 */
#include <hotram/plan_blocks.h>

#include "plan_work.h"

static uint64_t distance(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

/* What blocks have to be beside so many bytes of DIMMs; at least 0. */
static uint64_t rest(const struct plan_search *search, uint64_t dimms)
{
    return search->target > dimms ? search->target - dimms : 0;
}

/* ---- Nearest sizes ---- */

static void note_nearest(struct plan_search *search, uint64_t dimms, uint64_t blocks)
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
static void note_sum(struct plan_search *search, uint64_t dimms)
{
    const struct hotram_plan_blocks *blocks = search->blocks;
    const uint64_t mask = blocks->unit - 1, want = rest(search, dimms);
    uint64_t low = want < blocks->most ? want : blocks->most;
    uint64_t high = want > blocks->least ? want : blocks->least;

    if (low >= blocks->least && low - blocks->least >= ((low - blocks->present) & mask))
        note_nearest(search, dimms, low - ((low - blocks->present) & mask));
    if (high <= blocks->most && blocks->most - high >= ((blocks->present - high) & mask))
        note_nearest(search, dimms, high + ((blocks->present - high) & mask));
}

/* ---- Combinations ---- */

static bool is_better(const struct plan_combination *one, const struct plan_combination *other)
{
    if (!other->found || one->moved != other->moved)
        return !other->found || one->moved < other->moved;
    if (one->replaced != other->replaced)
        return one->replaced < other->replaced;
    return one->dimms > other->dimms;
}

/* The combination with a sum that was just planned. */
static void weigh(struct plan_search *search, uint64_t dimms)
{
    const struct hotram_plan_blocks *blocks = search->blocks;
    const uint64_t want = rest(search, dimms);
    struct plan_combination one = { .found = true, .dimms = dimms, .moved = distance(want, blocks->present) };
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

/* ---- The sums in turn ---- */

/* Plan the DIMMs. True: they can have this sum. */
static bool plan_dimms(struct plan_search *search, uint64_t sum)
{
    search->dimms.target = sum;
    return hotram_plan(&search->dimms, search->scratch, search->scratch_size, search->plan) == HOTRAM_OK &&
           search->plan->reached == sum;
}

/* How many bytes come and go at least, with so many bytes of DIMMs. Between the sums that leave the blocks,
 * or the DIMMs, as they are it is the same, and it grows with the distance from these. */
static uint64_t least_moved(const struct plan_search *search, uint64_t sum)
{
    return distance(sum, search->present) + distance(rest(search, sum), search->blocks->present);
}

/* Whether neither the next sum nor one farther from what is present can be better than the best so far. */
static bool is_beaten(const struct plan_search *search)
{
    const struct plan_combination *best = &search->best;
    const uint64_t moved = least_moved(search, search->sum);

    return best->found &&
           (moved > best->moved || (moved == best->moved && !best->replaced && best->dimms >= search->sum));
}

/* Whether the target is between two sizes that can be reached, and no others are nearer: all sizes differ by
 * multiples of the smaller one of unit and granularity, which are powers of two. */
static bool is_missed(const struct plan_search *search)
{
    const uint64_t granularity = search->dimms.bank->config.granularity;
    const uint64_t grain = search->blocks->unit < granularity ? search->blocks->unit : granularity;

    return search->below != HOTRAM_PLAN_NONE && search->below != search->target &&
           search->above != HOTRAM_PLAN_NONE && search->above - search->below <= grain;
}

/* Whether the next sum may be better, and is one of the part or may give a nearer size. */
static bool is_of_interest(const struct plan_search *search)
{
    if (is_missed(search) || is_beaten(search))
        return false;
    if (search->upwards)
        return search->sum <= search->end ||
               (search->above != search->target && search->sum + search->blocks->least < search->above);
    return search->sum >= search->end ||
           (search->below != search->target &&
            (search->below == HOTRAM_PLAN_NONE || search->sum + search->blocks->most > search->below));
}

/* To the sum after the one just planned. False: there is none. */
static bool advance(struct plan_search *search, bool is_possible)
{
    const uint64_t planned = search->sum, below = search->plan->below, above = search->plan->above;

    if (search->upwards) {
        search->sum = is_possible ? planned + 1 : above;
        return is_possible || (above != HOTRAM_PLAN_NONE && above > planned);
    }
    search->sum = is_possible ? planned - 1 : below;
    return is_possible ? planned > 0 : below < planned;
}

static void go_through(struct plan_search *search)
{
    bool is_possible, more = true;

    for (unsigned i = 0; more && i < 2 * HOTRAM_PLAN_SUMS_MAX && is_of_interest(search); i++) {
        is_possible = plan_dimms(search, search->sum);
        if (is_possible)
            weigh(search, search->sum);
        more = advance(search, is_possible);
    }
}

static uint64_t lower(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static uint64_t higher(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* The sums that blocks can complete to the target, and among them those between "the DIMMs stay" and "the
 * blocks stay". */
static void set_bounds(struct plan_search *search)
{
    const uint64_t all = search->dimms.bank->config.size; /* no sum is more */
    const uint64_t stay = rest(search, search->blocks->present);

    search->least = lower(rest(search, search->blocks->most), all);
    search->most = lower(rest(search, search->blocks->least), all);
    search->low = higher(lower(stay, search->present), search->least);
    search->high = lower(higher(stay, search->present), search->most);
}

static void begin_search(struct plan_search *search, uint64_t target)
{
    search->target = target;
    search->below = search->above = HOTRAM_PLAN_NONE;
    search->best = (struct plan_combination){ 0 };
    set_bounds(search);
}

static void set_part(struct plan_search *search, bool upwards, uint64_t sum, uint64_t end)
{
    search->upwards = upwards;
    search->sum = sum;
    search->end = end;
}

/* Set up one of the three parts. False: it is empty. */
static bool begin_part(struct plan_search *search, unsigned part)
{
    if (part == 0)
        set_part(search, false, search->high, search->low);
    else if (part == 1)
        set_part(search, false, lower(search->low - 1, search->most), search->least);
    else
        set_part(search, true, higher(search->high + 1, search->least), search->most);
    return part == 0 ? search->low <= search->high : part == 2 || search->low > 0;
}

static void find(struct plan_search *search)
{
    /* However many sums there are, these are looked at; the first requires no steps. */
    search->plan->count = 0;
    weigh(search, search->present);
    if (search->low != search->present && plan_dimms(search, search->low))
        weigh(search, search->low);
    for (unsigned part = 0; part < 3; part++)
        if (begin_part(search, part))
            go_through(search);
}

/* Without a combination for the target of a shrink, the nearest size takes its place. False: there is none.
 */
static bool begin_nearest(struct plan_search *search, bool at_most)
{
    const uint64_t size = at_most ? search->below : search->above;
    const uint64_t dimms = at_most ? search->dimms_below : search->dimms_above;

    if (search->best.found || search->target >= search->present + search->blocks->present ||
        size == HOTRAM_PLAN_NONE)
        return false;
    begin_search(search, size);
    if (plan_dimms(search, dimms))
        weigh(search, dimms);
    return true;
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
static enum hotram_status obstacle(struct plan_search *search)
{
    enum hotram_status status;

    search->dimms.target = rest(search, search->blocks->most);
    if (search->dimms.target <= search->present)
        return HOTRAM_E_SIZE;
    status = hotram_plan(&search->dimms, search->scratch, search->scratch_size, search->plan);
    return status == HOTRAM_OK ? HOTRAM_E_SIZE : status;
}

/* The best combination, or why there is none. */
static enum hotram_status finish_plan(struct plan_search *search, struct hotram_plan_blocks *blocks)
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

static void begin(struct plan_search *search, const struct hotram_plan_request *request,
                  const struct hotram_plan_blocks *blocks)
{
    search->dimms = *request;
    search->dimms.at_most = false;
    search->blocks = blocks;
    search->present = count_dimms(request);
    begin_search(search, request->target);
}

enum hotram_status hotram_plan_with_blocks(const struct hotram_plan_request *request,
                                           struct hotram_plan_blocks *blocks, void *scratch,
                                           size_t scratch_size, struct hotram_plan *plan)
{
    const size_t needed = hotram_plan_scratch(request); /* 0: no sound request */
    struct plan_search *search;
    enum hotram_status status;
    uint64_t below, above;

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
    search = &((struct plan_work *)scratch)->search;
    search->scratch = scratch;
    search->scratch_size = scratch_size;
    search->plan = plan;
    begin(search, request, blocks);
    find(search);
    below = search->below;
    above = search->above;
    if (begin_nearest(search, request->at_most))
        find(search);
    status = finish_plan(search, blocks);
    plan->below = below;
    plan->above = above;
    return status;
}
