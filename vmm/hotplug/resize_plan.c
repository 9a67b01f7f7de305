/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which DIMMs bring the guest to a size: the library's planner, node by node, over a copy of the bank that
 * takes each step before the next node is planned.
 */
#include <inttypes.h>
#include <json-c/json_object.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hotplug/resize.h"
#include "hotplug/state.h"

static void no_event(void *opaque)
{
    (void)opaque;
}

static void no_ost(void *opaque, uint32_t slot, uint32_t event, uint32_t status)
{
    (void)opaque, (void)slot, (void)event, (void)status;
}

static void no_eject(void *opaque, uint32_t slot)
{
    (void)opaque, (void)slot;
}

/* What there is to plan with. */
struct model {
    struct hotplug *hotplug;
    uint64_t align;
    bool fixed[HOTRAM_SLOTS_MAX];
    struct hotram_bank bank;
    struct hotram_dimm slots[HOTRAM_SLOTS_MAX];
};

/* A bank of the model's own with the same DIMMs. */
static void copy_bank(struct model *model)
{
    static const struct hotram_bank_ops ops = { no_event, no_ost, no_eject };
    struct hotplug *hotplug = model->hotplug;

    ports_lock(hotplug->config.ports);
    hotram_bank_init(&model->bank, &hotplug->bank.config, model->slots, &ops, NULL);
    for (uint32_t slot = 0; slot < hotplug->config.slots; slot++) {
        const struct hotram_dimm *dimm = &hotplug->slots[slot];

        if (dimm->state == HOTRAM_DIMM_EMPTY)
            continue;
        hotram_bank_reserve(&model->bank,
                            &(struct hotram_dimm_request){ .slot = slot,
                                                           .slot_given = true,
                                                           .addr = dimm->addr,
                                                           .addr_given = true,
                                                           .size = dimm->size,
                                                           .align = 1,
                                                           .node = dimm->node },
                            NULL);
        if (dimm->state == HOTRAM_DIMM_PLUGGED || dimm->state == HOTRAM_DIMM_REMOVAL_ASKED)
            hotram_bank_commit(&model->bank, slot, false);
    }
    ports_unlock(hotplug->config.ports);
}

static void take_step(struct model *model, const struct resize_step *step)
{
    const struct hotram_dimm_request request = {
        .addr = step->step.addr,
        .addr_given = true,
        .size = step->step.size,
        .align = model->bank.config.granularity,
        .node = step->node,
    };
    struct hotram_dimm_result result;

    if (step->step.action == HOTRAM_PLAN_UNPLUG) {
        hotram_bank_eject(&model->bank, step->step.slot);
        hotram_bank_finish(&model->bank, step->step.slot);
    } else if (hotram_bank_reserve(&model->bank, &request, &result) == HOTRAM_OK) {
        hotram_bank_commit(&model->bank, result.slot, false);
    }
}

static bool counts(const struct hotram_dimm *dimm, uint32_t node)
{
    return (dimm->state == HOTRAM_DIMM_PLUGGED || dimm->state == HOTRAM_DIMM_REMOVAL_ASKED) &&
           (node == HOTRAM_NODE_ANY || dimm->node == node);
}

static uint64_t ram_of(const struct hotplug *hotplug, uint32_t node)
{
    if (node == HOTRAM_NODE_ANY)
        return hotplug->config.ram_size;
    return hotplug->config.node_ram ? hotplug->config.node_ram[node] : hotplug->config.ram_size;
}

uint64_t resize_present(struct hotplug *hotplug, uint32_t node)
{
    uint64_t size = ram_of(hotplug, node);

    ports_lock(hotplug->config.ports);
    for (uint32_t slot = 0; slot < hotplug->config.slots; slot++)
        if (counts(&hotplug->slots[slot], node))
            size += hotplug->slots[slot].size;
    ports_unlock(hotplug->config.ports);
    return size;
}

/* "; the nearest that can be reached are 1 GiB and 2 GiB" */
static void name_nearest(const struct hotram_plan *plan, uint64_t ram, char *text, size_t length)
{
    bool below = plan->below != HOTRAM_PLAN_NONE, above = plan->above != HOTRAM_PLAN_NONE;
    char low[SIZE_TEXT] = "", high[SIZE_TEXT] = "";

    if (below)
        size_text(ram + plan->below, low);
    if (above)
        size_text(ram + plan->above, high);
    if (below && above && plan->below != plan->above)
        snprintf(text, length, "; the nearest that can be reached are %s and %s", low, high);
    else if (below || above)
        snprintf(text, length, "; the nearest that can be reached is %s", below ? low : high);
    else
        snprintf(text, length, "; no other size can be reached either");
}

static bool explain(const struct model *model, enum hotram_status status, const struct hotram_plan *plan,
                    uint64_t ram, uint64_t size, struct error *error)
{
    const struct hotram_bank_config *bank = &model->bank.config;
    char want[SIZE_TEXT], limit[SIZE_TEXT];
    char nearest[160];

    name_nearest(plan, ram, nearest, sizeof nearest);
    size_text(size, want);
    switch (status) {
    case HOTRAM_E_CAPACITY:
        return error_set(error, "%s is more than the guest can have: maxmem is %s%s", want,
                         size_text(model->hotplug->config.ram_size + bank->capacity, limit), nearest);
    case HOTRAM_E_SIZE:
        return error_set(error, "%s can't be reached: DIMMs are multiples of %s, beside %s of RAM at start%s",
                         want, size_text(model->align, limit), size_text(ram, (char[SIZE_TEXT]){ 0 }),
                         nearest);
    case HOTRAM_E_NO_SLOT:
        return error_set(
            error, "%s can't be reached: too few of the %u slots are empty, and no DIMMs can be replaced%s",
            want, bank->slots, nearest);
    case HOTRAM_E_NO_SPACE:
        return error_set(error, "%s can't be reached: the gaps between DIMMs are too small%s", want, nearest);
    case HOTRAM_E_STATE:
        return error_set(error, "%s can't be reached: the guest keeps more than that%s", want, nearest);
    default:
        return error_set(error, "%s: %s", want, hotram_status_text(status));
    }
}

/* Room for one call of the planner. */
struct planner {
    struct hotram_plan_request request;
    struct hotram_plan plan;
    void *scratch;
    size_t length;
    bool starved; /* of memory for it */
};

static enum hotram_status ask(struct planner *planner)
{
    size_t length = hotram_plan_scratch(&planner->request);

    if (length > planner->length) {
        free(planner->scratch);
        planner->scratch = malloc(length);
        planner->length = planner->scratch ? length : 0;
        planner->starved = !planner->scratch;
    }
    return hotram_plan(&planner->request, planner->scratch, planner->length, &planner->plan);
}

/* The steps of one answer: taken in the model, and added to the plan. */
static void add_steps(struct model *model, const struct hotram_plan *answer, uint32_t node,
                      struct resize_plan *plan)
{
    for (uint32_t i = 0; i < answer->count && plan->count < RESIZE_STEPS_MAX; i++) {
        struct resize_step *step = &plan->steps[plan->count++];

        *step = (struct resize_step){ answer->steps[i],
                                      node == HOTRAM_NODE_ANY ? model->hotplug->config.default_node : node };
        take_step(model, step);
    }
}

static uint64_t distance(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

/* One node, or all at once. Where a plan does not quite reach the target, another one may go on from there:
 * what was removed has made room for a DIMM that replaces a larger one. */
static bool plan_node(struct model *model, uint32_t node, uint64_t size, bool at_most,
                      struct resize_plan *plan, struct error *error)
{
    const uint64_t ram = ram_of(model->hotplug, node);
    struct planner *planner = calloc(1, sizeof *planner);
    uint64_t away = UINT64_MAX;
    enum hotram_status status;
    bool good;

    if (!planner)
        return error_set(error, "out of memory");
    planner->request = (struct hotram_plan_request){ &model->bank, size - ram, model->align,
                                                     node,         at_most,    model->fixed };
    status = ask(planner);
    good = status == HOTRAM_OK || explain(model, status, &planner->plan, ram, size, error);
    while (status == HOTRAM_OK && distance(planner->plan.reached, size - ram) < away) {
        away = distance(planner->plan.reached, size - ram);
        add_steps(model, &planner->plan, node, plan);
        if (planner->plan.count == 0 || away == 0)
            break;
        status = ask(planner);
    }
    if (planner->starved)
        good = error_set(error, "out of memory");
    free(planner->scratch);
    free(planner);
    return good;
}

/* What a node cannot give: its RAM at start, and DIMMs that stay. */
static struct hotram_plan_node describe_node(const struct model *model, uint32_t node)
{
    struct hotram_plan_node result = { .present = ram_of(model->hotplug, node) };

    result.floor = result.present;
    for (uint32_t slot = 0; slot < model->bank.config.slots; slot++) {
        const struct hotram_dimm *dimm = &model->slots[slot];

        if (!counts(dimm, node))
            continue;
        result.present += dimm->size;
        result.floor += model->fixed[slot] ? dimm->size : 0;
    }
    return result;
}

static bool plan_all_nodes(struct model *model, const struct resize_request *request,
                           struct resize_plan *plan, struct error *error)
{
    const uint32_t count = model->hotplug->config.nodes;
    struct hotram_plan_node *nodes = calloc(count, sizeof *nodes);
    bool good = nodes != NULL || error_set(error, "out of memory");

    for (uint32_t node = 0; good && node < count; node++)
        nodes[node] = describe_node(model, node);
    if (good)
        good = hotram_plan_spread(nodes, count, request->size, model->align) == HOTRAM_OK ||
               error_set(error, "the nodes' sizes can't be planned");
    for (uint32_t node = 0; good && node < count; node++)
        good = plan_node(model, node, nodes[node].target, request->at_most, plan, error);
    free(nodes);
    return good;
}

static bool check(const struct model *model, const struct resize_request *request, struct error *error)
{
    const struct hotplug_config *config = &model->hotplug->config;
    const uint64_t ram = ram_of(model->hotplug, request->node_given ? request->node : HOTRAM_NODE_ANY);
    const uint64_t granularity = hotplug_granularity(model->hotplug);
    const uint64_t most = config->ram_size + model->bank.config.capacity;
    char want[SIZE_TEXT], have[SIZE_TEXT], low[SIZE_TEXT], high[SIZE_TEXT];

    if (request->size < ram)
        return error_set(
            error,
            "%s is less than the %s that %s with, which can't be removed; the nearest that can be "
            "reached is %s",
            size_text(request->size, want), size_text(ram, have),
            request->node_given ? "the node starts" : "the guest starts", size_text(ram, low));
    if (request->size > most)
        return error_set(
            error,
            "%s is more than the guest can have: maxmem is %s; the nearest that can be reached is "
            "%s",
            size_text(request->size, want), size_text(most, have),
            size_text(ram + (most - config->ram_size) / granularity * granularity, low));
    if ((request->size - ram) % granularity != 0) {
        const uint64_t below = request->size - (request->size - ram) % granularity;

        return error_set(
            error,
            "%s can't be reached: DIMMs are multiples of %s (-machine dimm-granularity=), beside %s "
            "of RAM at start; the nearest that can be reached are %s and %s",
            size_text(request->size, want), size_text(granularity, (char[SIZE_TEXT]){ 0 }),
            size_text(ram, have), size_text(below, low), size_text(below + granularity, high));
    }
    return true;
}

/* DIMMs that a plan must leave alone: a memslot's go and come by name. */
static void fix(struct model *model, const bool *fixed)
{
    for (uint32_t slot = 0; slot < model->hotplug->config.slots; slot++)
        model->fixed[slot] = (fixed && fixed[slot]) || model->hotplug->memslot[slot];
}

static bool plan(struct model *model, const struct resize_request *request, const bool *fixed,
                 struct resize_plan *plan, struct error *error)
{
    struct hotplug *hotplug = model->hotplug;
    const uint32_t node = request->node_given ? request->node : HOTRAM_NODE_ANY;

    if (!hotplug_check_enabled(hotplug, error) ||
        (request->node_given && !hotplug_check_node(hotplug, node, error)) ||
        !hotplug_try_template(hotplug, request->template, &model->align, error))
        return false;
    copy_bank(model);
    fix(model, fixed);
    plan->count = 0;
    plan->present = resize_present(hotplug, node);
    if (request->size != plan->present && !check(model, request, error))
        return false;
    if (request->node_given || hotplug->config.nodes <= 1) {
        if (!plan_node(model, node, request->size, request->at_most, plan, error))
            return false;
    } else if (!plan_all_nodes(model, request, plan, error)) {
        return false;
    }
    plan->reached = plan->present;
    for (uint32_t i = 0; i < plan->count; i++)
        if (plan->steps[i].step.action == HOTRAM_PLAN_PLUG)
            plan->reached += plan->steps[i].step.size;
        else
            plan->reached -= plan->steps[i].step.size;
    return true;
}

bool resize_plan(struct hotplug *hotplug, const struct resize_request *request, const bool *fixed,
                 struct resize_plan *result, struct error *error)
{
    struct model *model = calloc(1, sizeof *model);
    bool good = model != NULL || error_set(error, "out of memory");

    if (good) {
        model->hotplug = hotplug;
        good = plan(model, request, fixed, result, error);
    }
    free(model);
    return good;
}
