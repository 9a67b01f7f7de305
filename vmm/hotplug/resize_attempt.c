/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whether a size can be reached, and by which steps: the library's planner, node by node, over a copy of the
 * bank that takes each step before the next node is planned.
 */
#include "hotplug/resize_attempt.h"

#include <stdlib.h>

/* Room for one call of the planner. */
struct planner {
    struct hotram_plan_request request;
    struct hotram_plan_blocks blocks; /* of the request's node; none: `most` is 0 */
    struct hotram_plan plan;
    void *scratch;
    size_t length;
    bool starved; /* of memory for it */
};

static enum hotram_status run_planner(struct planner *planner)
{
    size_t length = hotram_plan_scratch(&planner->request);

    if (length > planner->length) {
        free(planner->scratch);
        planner->scratch = malloc(length);
        planner->length = planner->scratch ? length : 0;
        planner->starved = !planner->scratch;
    }
    if (planner->blocks.most == 0)
        return hotram_plan(&planner->request, planner->scratch, planner->length, &planner->plan);
    return hotram_plan_with_blocks(&planner->request, &planner->blocks, planner->scratch, planner->length,
                                   &planner->plan);
}

static void add_step(struct resize_plan *plan, struct resize_step step)
{
    if (plan->count < RESIZE_STEPS_MAX)
        plan->steps[plan->count++] = step;
}

static void add_blocks(struct resize_model *model, const struct planner *planner, struct resize_plan *plan)
{
    const struct hotram_plan_request *request = &planner->request;
    struct resize_step step;

    while (resize_blocks_next(&model->blocks, request->node_given, request->node, planner->blocks.target,
                              &step)) {
        resize_model_apply(model, &step);
        add_step(plan, step);
    }
}

/* The steps of one answer: taken in the model, and added to the plan. */
static void add_steps(struct resize_model *model, const struct planner *planner, uint32_t node,
                      struct resize_plan *plan)
{
    const bool blocks = planner->blocks.most > 0;

    if (blocks && !planner->blocks.last)
        add_blocks(model, planner, plan);
    for (uint32_t i = 0; i < planner->plan.count; i++) {
        const struct resize_step step = { .step = planner->plan.steps[i], .node = node };

        resize_model_apply(model, &step);
        add_step(plan, step);
    }
    if (blocks && planner->blocks.last)
        add_blocks(model, planner, plan);
}

static uint64_t distance(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

/* One node, or (not `given`) all at once, to so many bytes of DIMMs and blocks. Where a plan does not quite
 * reach the target, another one may continue from there: what was removed has made room for a DIMM that
 * replaces a larger one. */
static enum hotram_status plan_dimms(struct resize_model *model, bool given, uint32_t node, uint64_t dimms,
                                     struct resize_plan *plan, struct resize_obstacle *obstacle)
{
    struct planner *planner = calloc(1, sizeof *planner);
    uint64_t away = UINT64_MAX;
    enum hotram_status status;

    if (!planner)
        return HOTRAM_E_BUFFER;
    planner->request = (struct hotram_plan_request){
        .bank = &model->bank,
        .target = dimms,
        .align = model->align,
        .node_given = given,
        .node = node,
        .at_most = model->request->at_most,
        .fixed = model->fixed,
    };
    planner->blocks = resize_blocks_sum(&model->blocks, given, node);
    status = run_planner(planner);
    obstacle->below = planner->plan.below;
    obstacle->above = planner->plan.above;
    for (enum hotram_status more = status; more == HOTRAM_OK; more = run_planner(planner)) {
        if (distance(planner->plan.reached, dimms) >= away)
            break;
        away = distance(planner->plan.reached, dimms);
        add_steps(model, planner, node, plan);
        if (planner->plan.count == 0 || away == 0)
            break;
        planner->blocks = resize_blocks_sum(&model->blocks, given, node);
    }
    if (planner->starved)
        status = HOTRAM_E_BUFFER;
    free(planner->scratch);
    free(planner);
    return status;
}

/* What a node has, and what of it stays. */
static struct hotram_plan_node describe_node(const struct resize_model *model, uint32_t node)
{
    const struct hotram_plan_blocks blocks = resize_blocks_sum(&model->blocks, true, node);
    struct hotram_plan_node result = { .present = resize_model_node_ram(model, node) };

    result.floor = result.present + blocks.least;
    result.present += blocks.present;
    for (uint32_t slot = 0; slot < model->bank.config.slots; slot++) {
        const struct hotram_dimm *dimm = &model->slots[slot];

        if (dimm->state != HOTRAM_DIMM_PLUGGED || dimm->node != node)
            continue;
        result.present += dimm->size;
        result.floor += model->fixed[slot] ? dimm->size : 0;
    }
    return result;
}

static enum hotram_status plan_nodes(struct resize_model *model, uint64_t size, struct resize_plan *plan,
                                     struct resize_obstacle *obstacle)
{
    const uint32_t count = model->hotplug->config.nodes;
    struct hotram_plan_node *nodes = calloc(count, sizeof *nodes);
    enum hotram_status status = nodes ? HOTRAM_OK : HOTRAM_E_BUFFER;

    for (uint32_t node = 0; status == HOTRAM_OK && node < count; node++)
        nodes[node] = describe_node(model, node);
    if (status == HOTRAM_OK)
        status = hotram_plan_spread(nodes, count, size, model->align);
    for (uint32_t node = 0; status == HOTRAM_OK && node < count; node++) {
        obstacle->node = node;
        obstacle->node_size = nodes[node].target;
        status = plan_dimms(model, true, node, nodes[node].target - resize_model_node_ram(model, node), plan,
                            obstacle);
    }
    free(nodes);
    return status;
}

static enum hotram_status plan_size(struct resize_model *model, uint64_t size, struct resize_plan *plan,
                                    struct resize_obstacle *obstacle)
{
    const struct resize_request *request = model->request;
    uint32_t node = request->node_given ? request->node : model->hotplug->config.default_node;

    if (!resize_model_is_whole(model))
        return plan_nodes(model, size, plan, obstacle);
    return plan_dimms(model, request->node_given, node, size - resize_model_ram(model), plan, obstacle);
}

/* A device whose guest is about to change its size on an earlier request is to stay as the plan has it. */
static void pin_blocks(struct resize_model *model, struct resize_plan *plan)
{
    struct resize_step step;

    while (resize_blocks_pin(&model->blocks, &step)) {
        resize_model_apply(model, &step);
        add_step(plan, step);
    }
}

/* DIMMs that the guest was asked for before: each step waits until it has given one back. */
static void wait_for_leaving(struct resize_model *model, struct resize_plan *plan)
{
    for (uint32_t slot = 0; slot < model->bank.config.slots; slot++)
        if (model->removing[slot])
            add_step(plan, resize_model_remove(model, slot));
}

static bool anything_leaves(const struct resize_model *model)
{
    for (uint32_t slot = 0; slot < model->bank.config.slots; slot++)
        if (model->removing[slot])
            return true;
    return false;
}

static void attempt(struct resize_model *model, uint64_t size, bool wait_first, struct resize_plan *plan,
                    struct resize_obstacle *obstacle)
{
    resize_model_rewind(model);
    plan->count = 0;
    if (wait_first)
        wait_for_leaving(model, plan);
    obstacle->status = plan_size(model, size, plan, obstacle);
    if (!wait_first)
        wait_for_leaving(model, plan);
    pin_blocks(model, plan);
    plan->present = plan->reached = model->present;
    for (uint32_t i = 0; i < plan->count; i++)
        if (plan->steps[i].blocks)
            plan->reached = plan->reached - plan->steps[i].present + plan->steps[i].requested;
        else if (plan->steps[i].step.action == HOTRAM_PLAN_PLUG)
            plan->reached += plan->steps[i].step.size;
        else
            plan->reached -= plan->steps[i].step.size;
}

bool resize_attempt(struct resize_model *model, uint64_t size, struct resize_plan *plan,
                    struct resize_obstacle *obstacle)
{
    *obstacle = (struct resize_obstacle){ .below = HOTRAM_PLAN_NONE, .above = HOTRAM_PLAN_NONE };
    attempt(model, size, false, plan, obstacle);
    /* What leaves may be in the way: its slot, its range, its share of maxmem. */
    if ((obstacle->status != HOTRAM_OK || plan->reached != size) && anything_leaves(model))
        attempt(model, size, true, plan, obstacle);
    return obstacle->status == HOTRAM_OK;
}
