/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Why a size cannot be reached, and the nearest that can: found by planning them, so that each of them is
 * within all limits at once (RAM at start, maxmem, slots, gaps, memslots, nodes, granularity).
 */
#include "hotplug/resize_nearest.h"

#include <stdio.h>
#include <stdlib.h>

/* How many sizes are tried in each direction. Where that does not suffice, any size that can be reached is
 * named. */
#define TRIES 64u

struct search {
    struct resize_model *model;
    struct resize_plan *plan; /* scratch */
    struct resize_obstacle obstacle;
    bool starved; /* of memory: nothing is known of what was not planned */
};

static bool can_reach(struct search *search, uint64_t size)
{
    return resize_attempt(search->model, size, search->plan, &search->obstacle) &&
           search->plan->reached == size;
}

/* The next size that DIMMs and blocks can have, or HOTRAM_PLAN_NONE. */
static uint64_t next_multiple(const struct resize_model *model, uint64_t size, bool up)
{
    const uint64_t base = resize_model_base(model), grain = resize_model_grain(model);
    const uint64_t over = size < base ? size + grain - base : (size - base) % grain;

    if (up)
        return size - over > UINT64_MAX - grain ? HOTRAM_PLAN_NONE : size - over + grain;
    if (over != 0)
        return size < base ? HOTRAM_PLAN_NONE : size - over;
    return size - base < grain ? HOTRAM_PLAN_NONE : size - grain;
}

/* What the planner says is nearest; HOTRAM_PLAN_NONE where it was asked for nodes one by one, or knows of
 * none. */
static uint64_t planner_hint(const struct search *search, bool up)
{
    const uint64_t dimms = up ? search->obstacle.above : search->obstacle.below;

    if (!resize_model_is_whole(search->model) || dimms == HOTRAM_PLAN_NONE)
        return HOTRAM_PLAN_NONE;
    return resize_model_ram(search->model) + dimms;
}

/* Between a size that can be reached and one that cannot: one that can, near the latter. */
static uint64_t bisect(struct search *search, uint64_t can, uint64_t cannot)
{
    const uint64_t grain = resize_model_grain(search->model);
    const uint64_t align = grain < search->model->align ? grain : search->model->align;

    while ((can < cannot ? cannot - can : can - cannot) > align) {
        uint64_t half = (can < cannot ? cannot - can : can - cannot) / 2 / align * align;
        uint64_t middle = half == 0 ? (can < cannot ? can + align : can - align)
                                    : (can < cannot ? can + half : can - half);

        if (can_reach(search, middle))
            can = middle;
        else
            cannot = middle;
    }
    return can;
}

/* The nearest size in one direction, or HOTRAM_PLAN_NONE. `proven`: nothing is nearer. */
static uint64_t nearest_size(struct search *search, uint64_t size, bool up, bool *proven)
{
    const struct resize_model *model = search->model;
    const uint64_t most = model->hotplug->config.ram_size + model->bank.config.capacity;
    const uint64_t least = resize_model_ram(model), grain = resize_model_grain(model);
    uint64_t next = size < least ? least : size > most ? most : size;
    uint64_t known;

    if ((up && size > most) || (!up && size < least))
        return HOTRAM_PLAN_NONE;
    if (can_reach(search, next))
        return next;
    known = planner_hint(search, up);
    if (resize_model_has_blocks(model) && resize_model_is_whole(model)) {
        /* There are many sizes, and the planner has looked at them, but perhaps not at all. */
        *proven = *proven &&
                  (known == HOTRAM_PLAN_NONE || (up ? known - next : next - known) < TRIES * grain);
        return known != HOTRAM_PLAN_NONE && can_reach(search, known) ? known : HOTRAM_PLAN_NONE;
    }
    for (unsigned tries = 0; tries < TRIES; tries++) {
        next = next_multiple(model, next, up);
        if (known != HOTRAM_PLAN_NONE && (up ? next >= known : next <= known) && can_reach(search, known))
            return known;
        if (next == HOTRAM_PLAN_NONE || next > most)
            return HOTRAM_PLAN_NONE;
        if (can_reach(search, next))
            return next;
    }
    *proven = false;
    if (known != HOTRAM_PLAN_NONE && can_reach(search, known))
        return known;
    if (up != (model->present > next) || !can_reach(search, model->present))
        return HOTRAM_PLAN_NONE;
    return bisect(search, model->present, next);
}

/* What is in the way, without the sizes. */
static void write_reason(const struct resize_model *model, const struct resize_obstacle *obstacle,
                         uint64_t size, char *text, size_t length)
{
    const uint64_t ram = resize_model_ram(model);
    const uint64_t most = model->hotplug->config.ram_size + model->bank.config.capacity;
    const uint64_t granularity = hotplug_granularity(model->hotplug);
    const uint64_t align = model->align > granularity ? model->align : granularity;
    const uint64_t base = resize_model_base(model), grain = resize_model_grain(model);
    char want[SIZE_TEXT_MAX], one[SIZE_TEXT_MAX], two[SIZE_TEXT_MAX], three[SIZE_TEXT_MAX], node[64] = "";

    size_text(size, want);
    if (!resize_model_is_whole(model) && obstacle->node_size != 0)
        snprintf(node, sizeof node, " (node %u would have %s)", obstacle->node,
                 size_text(obstacle->node_size, one));
    if (size < ram)
        snprintf(text, length, "%s is less than the %s that %s with, which can't be removed", want,
                 size_text(ram, one), model->request->node_given ? "the node starts" : "the guest starts");
    else if (size > most)
        snprintf(text, length, "%s exceeds maxmem, %s", want, size_text(most, one));
    else if (resize_model_has_blocks(model) &&
             (obstacle->status == HOTRAM_E_SIZE || size < base || (size - base) % grain != 0))
        snprintf(text, length,
                 "%s can't be reached: DIMMs are multiples of %s and blocks of %s, beside %s of RAM at start",
                 want, size_text(align, one), size_text(resize_blocks_largest(&model->before_blocks), two),
                 size_text(ram, three));
    else if ((size - ram) % granularity != 0 || obstacle->status == HOTRAM_E_SIZE)
        snprintf(text, length, "%s can't be reached: DIMMs are multiples of %s%s, beside %s of RAM at start",
                 want, size_text(align, one), align == granularity ? " (-machine dimm-granularity=)" : "",
                 size_text(ram, two));
    else if (obstacle->status == HOTRAM_E_CAPACITY)
        snprintf(text, length, "%s can't be reached%s: maxmem, %s, is too small together with other DIMMs",
                 want, node, size_text(most, one));
    else if (obstacle->status == HOTRAM_E_NO_SLOT && model->limit.text[0])
        snprintf(text, length, "%s can't be reached%s: %.200s", want, node, model->limit.text);
    else if (obstacle->status == HOTRAM_E_NO_SLOT)
        snprintf(text, length,
                 "%s can't be reached%s: too few of the %u slots are empty, and no DIMMs can be replaced",
                 want, node, model->bank.config.slots);
    else if (obstacle->status == HOTRAM_E_NO_SPACE)
        snprintf(text, length, "%s can't be reached%s: the gaps between DIMMs are too small", want, node);
    else if (obstacle->status == HOTRAM_OK || obstacle->status == HOTRAM_E_STATE)
        snprintf(text, length, "%s can't be reached%s: no combination of %s results in it", want, node,
                 resize_model_has_blocks(model) ? "the removable DIMMs and blocks" : "the removable DIMMs");
    else
        snprintf(text, length, "%s can't be reached%s: %s", want, node,
                 obstacle->status == HOTRAM_E_BUFFER ? "out of memory"
                                                     : hotram_status_text(obstacle->status));
}

/* "; the nearest that can be reached are 1 GiB and 2 GiB" */
static void write_nearest(uint64_t below, uint64_t above, bool proven, char *text, size_t length)
{
    const bool both = below != HOTRAM_PLAN_NONE && above != HOTRAM_PLAN_NONE && below != above;
    const char *what = proven ? "the nearest that can be reached"
                       : both ? "sizes nearby that can be reached"
                              : "a size nearby that can be reached";
    char low[SIZE_TEXT_MAX], high[SIZE_TEXT_MAX];

    size_text(below, low);
    size_text(above, high);
    if (both)
        snprintf(text, length, "; %s are %s and %s", what, low, high);
    else if (below != HOTRAM_PLAN_NONE || above != HOTRAM_PLAN_NONE)
        snprintf(text, length, "; %s is %s", what, below != HOTRAM_PLAN_NONE ? low : high);
    else
        snprintf(text, length, "; no other size can be reached either");
}

void resize_explain(struct resize_model *model, const struct resize_obstacle *obstacle, uint64_t size,
                    struct error *error)
{
    struct search search = { .model = model, .plan = malloc(sizeof *search.plan) };
    char why[256], nearest[128] = "";
    uint64_t below, above;
    bool proven = true;

    write_reason(model, obstacle, size, why, sizeof why);
    if (search.plan && obstacle->status != HOTRAM_E_BUFFER) {
        below = nearest_size(&search, size, false, &proven);
        above = nearest_size(&search, size, true, &proven);
        if (!search.starved)
            write_nearest(below, above, proven, nearest, sizeof nearest);
    }
    error_set(error, "%s%s", why, nearest);
    free(search.plan);
}
