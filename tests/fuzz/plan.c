/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Fuzz target of the planner: targets for a bank of any shape and state, and every plan taken step by step.
 * What is left of the input then breaks the bank, which must not matter to anybody.
 */
#include "input.h"

#include <hotram/plan.h>

struct fixture {
    struct hotram_bank bank;
    struct hotram_dimm slots[HOTRAM_PLACES_MAX];
    bool fixed[HOTRAM_PLACES_MAX];
    struct hotram_plan plan;
};

static void ignore_raise(void *opaque)
{
    (void)opaque;
}

static void ignore_ost(void *opaque, uint32_t slot, uint32_t event, uint32_t status)
{
    (void)opaque;
    (void)slot;
    (void)event;
    (void)status;
}

static void ignore_eject(void *opaque, uint32_t slot)
{
    (void)opaque;
    (void)slot;
}

static const struct hotram_bank_ops ops = { ignore_raise, ignore_ost, ignore_eject };

/* Sums stay few enough for many runs in a second: sizes are at most 2^16 granules. */
static uint64_t some_granules(const struct fixture *fixture, struct input *input)
{
    unsigned bits = input_below(input, 16);

    return (input_u16(input) & ((2u << bits) - 1)) * fixture->bank.config.granularity;
}

static bool make(struct fixture *fixture, struct input *input)
{
    static const uint32_t slots[] = { 1, 2, 3, 4, 8, 16, 32, 256 };
    struct hotram_bank_config config = {
        .granularity = UINT64_C(1) << input_below(input, 40),
        .slots = slots[input_below(input, COUNT_OF(slots))],
        .ranges = input_below(input, 3),
        .base = input_number(input),
    };

    fixture->bank.config = config;
    config.size = some_granules(fixture, input) * 2;
    config.capacity = input_bool(input) ? config.size : some_granules(fixture, input);
    return hotram_bank_init(&fixture->bank, &config, fixture->slots, &ops, NULL) == HOTRAM_OK;
}

static void add(struct fixture *fixture, struct input *input)
{
    const struct hotram_dimm_request request = {
        .addr = fixture->bank.config.base + some_granules(fixture, input) + input_bool(input),
        .addr_given = input_bool(input),
        .size = some_granules(fixture, input),
        .align = 1,
        .node = input_below(input, 2),
        .range = input_below(input, 8) == 0,
    };
    unsigned how = request.range ? 0 : input_below(input, 8);
    struct hotram_dimm_result result;

    if (hotram_bank_reserve(&fixture->bank, &request, &result) != HOTRAM_OK)
        return;
    if (how != 0)
        CHECK(hotram_bank_commit(&fixture->bank, result.slot, true) == HOTRAM_OK);
    if (how == 1)
        CHECK(hotram_bank_eject(&fixture->bank, result.slot) == HOTRAM_OK);
    if (how == 2)
        CHECK(hotram_bank_request_removal(&fixture->bank, result.slot) == HOTRAM_OK);
    fixture->fixed[result.slot] = how == 3;
}

static uint64_t size_of(const struct fixture *fixture, const struct hotram_plan_request *request)
{
    uint64_t size = 0;

    for (uint32_t i = 0; i < fixture->bank.config.slots; i++) {
        const struct hotram_dimm *dimm = &fixture->slots[i];

        if ((dimm->state == HOTRAM_DIMM_PLUGGED || dimm->state == HOTRAM_DIMM_REMOVAL_REQUESTED) &&
            (!request->node_given || request->node == dimm->node))
            size += dimm->size;
    }
    return size;
}

static void take(struct fixture *fixture, const struct hotram_plan_request *request,
                 const struct hotram_plan_step *step)
{
    const struct hotram_dimm_request plug = {
        .addr = step->addr,
        .addr_given = true,
        .size = step->size,
        .align = request->align,
        .node = request->node,
    };
    struct hotram_dimm_result result;

    if (step->action == HOTRAM_PLAN_PLUG) {
        CHECK(step->size % request->align == 0);
        CHECK(hotram_bank_reserve(&fixture->bank, &plug, &result) == HOTRAM_OK);
        CHECK(hotram_bank_commit(&fixture->bank, result.slot, true) == HOTRAM_OK);
        fixture->fixed[result.slot] = false;
    } else {
        CHECK(!fixture->fixed[step->slot] && fixture->slots[step->slot].size == step->size);
        CHECK(hotram_bank_request_removal(&fixture->bank, step->slot) == HOTRAM_OK);
        CHECK(hotram_bank_eject(&fixture->bank, step->slot) == HOTRAM_OK);
        CHECK(hotram_bank_finish(&fixture->bank, step->slot) == HOTRAM_OK);
    }
}

/* What a plan says of itself, before it is taken. */
static void check_plan(const struct hotram_plan *plan, const struct hotram_plan_request *request,
                       uint64_t present, enum hotram_status status)
{
    CHECK(plan->below == HOTRAM_PLAN_NONE || plan->below <= request->target);
    CHECK(plan->above >= request->target);
    if (status != HOTRAM_OK) {
        CHECK(plan->count == 0 && plan->reached == present);
        CHECK(request->target > present || (request->at_most && status == HOTRAM_E_STATE));
    } else if (request->target >= present) {
        CHECK(plan->reached == request->target);
    } else {
        CHECK(plan->reached == (request->at_most ? plan->below : plan->above));
    }
}

static enum hotram_status plan_exactly(struct fixture *fixture, const struct hotram_plan_request *request)
{
    size_t length = hotram_plan_scratch(request);
    void *scratch = malloc(length);
    enum hotram_status status;

    CHECK(scratch && length <= HOTRAM_PLAN_SCRATCH_MAX);
    status = hotram_plan(request, scratch, length, &fixture->plan);
    free(scratch);
    return status;
}

static void plan(struct fixture *fixture, struct input *input)
{
    const struct hotram_plan_request request = {
        .bank = &fixture->bank,
        .target = input_below(input, 8) ? some_granules(fixture, input) : input_number(input),
        .align = fixture->bank.config.granularity << input_below(input, 4),
        .node_given = input_bool(input),
        .node = input_below(input, 2),
        .at_most = input_bool(input),
        .fixed = fixture->fixed,
    };
    uint64_t present = size_of(fixture, &request);
    enum hotram_status status = plan_exactly(fixture, &request);

    CHECK(status != HOTRAM_E_ARGUMENT && status != HOTRAM_E_BUFFER);
    check_plan(&fixture->plan, &request, present, status);
    for (uint32_t i = 0; i < fixture->plan.count; i++) {
        take(fixture, &request, &fixture->plan.steps[i]);
        if (request.target < present)
            CHECK(size_of(fixture, &request) >= fixture->plan.reached);
    }
    CHECK(size_of(fixture, &request) == fixture->plan.reached);
}

static void spread(struct input *input)
{
    struct hotram_plan_node nodes[4];
    size_t count = 1 + input_below(input, COUNT_OF(nodes));
    uint64_t total = input_number(input);
    uint64_t present = 0, floor = 0, target = 0;

    for (size_t i = 0; i < count; i++) {
        nodes[i].present = input_number(input) >> 2; /* the sum does not wrap */
        nodes[i].floor = input_number(input) >> 2;
        if (nodes[i].floor > nodes[i].present)
            nodes[i].floor = nodes[i].present;
        present += nodes[i].present;
        floor += nodes[i].floor;
    }
    CHECK(hotram_plan_spread(nodes, count, total, UINT64_C(1) << input_below(input, 64)) == HOTRAM_OK);
    for (size_t i = 0; i < count; i++) {
        CHECK(nodes[i].target >= nodes[i].floor);
        CHECK(total >= present ? nodes[i].target >= nodes[i].present : nodes[i].target <= nodes[i].present);
        target += nodes[i].target;
    }
    CHECK(target == (total > floor ? total : floor));
}

/* A bank with wrong bytes is refused, or planned, but read only within its slots. */
static void break_bank(struct fixture *fixture, struct input *input)
{
    uint8_t *bytes = (uint8_t *)fixture->slots;
    size_t length = (fixture->bank.config.slots + fixture->bank.config.ranges) * sizeof fixture->slots[0];
    struct hotram_plan_request request = { .bank = &fixture->bank };
    size_t scratch;

    for (unsigned i = input_below(input, 4); i > 0; i--)
        bytes[input_u16(input) % length] = input_u8(input);
    fixture->bank.first = input_bool(input) ? input_u16(input) : fixture->bank.first;
    fixture->bank.used = input_bool(input) ? input_number(input) : fixture->bank.used;
    request.target = input_number(input);
    request.align = input_bool(input) ? fixture->bank.config.granularity : input_number(input);
    scratch = hotram_plan_scratch(&request);
    if (scratch > 0 && scratch < 1 << 20)
        CHECK(plan_exactly(fixture, &request) != HOTRAM_E_ARGUMENT);
    else if (scratch == 0)
        CHECK(hotram_plan(&request, fixture, sizeof *fixture, &(struct hotram_plan){ 0 }) ==
              HOTRAM_E_ARGUMENT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = { data, size };
    static struct fixture fixture;

    memset(&fixture, 0, sizeof fixture);
    if (!make(&fixture, &input))
        return 0;
    while (input.left > 24) {
        unsigned which = input_below(&input, 8);

        if (which < 3)
            add(&fixture, &input);
        else if (which < 7)
            plan(&fixture, &input);
        else
            spread(&input);
    }
    break_bank(&fixture, &input);
    return 0;
}
