/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Properties of plans. Small banks are held to plan_judge.c, which tries everything; large ones to what has
 * to hold of any.
 */
#include "plan_bank.h"
#include "plan_judge.h"

#define NODE 1u

/* Holes that hold a guest's DIMMs back: any node, any state, some fixed, not all aligned. */
static void make_any(struct plan_bank *fixture, struct unit_random *random,
                     struct hotram_plan_request *request, bool fixed[])
{
    struct hotram_bank_config config = {
        .base = unit_random_below(random, 6),
        .capacity = 1 + unit_random_below(random, 12),
        .granularity = 1,
        .slots = 1 + unit_random_below(random, 5),
        .ranges = unit_random_below(random, 3),
    };
    bool odd = unit_random_below(random, 2);
    uint32_t count = unit_random_below(random, config.slots + 1);

    *request = (struct hotram_plan_request){
        .align = UINT64_C(1) << unit_random_below(random, 3),
        .node_given = unit_random_below(random, 2),
        .node = NODE,
        .fixed = fixed,
    };
    if (unit_random_below(random, 2))
        config.size = config.capacity + unit_random_below(random, 4);
    else
        config.size = config.capacity + 8 * config.slots;
    plan_bank_make(fixture, &config);
    for (uint32_t i = 0; i < count; i++) {
        uint64_t step = odd ? 1 : request->align;
        uint64_t addr = (config.base + step - 1) / step * step;
        uint32_t kind = unit_random_below(random, 8);

        addr += unit_random_below(random, (uint32_t)(config.size / step) + 1) * step;
        plan_bank_add(fixture, addr, (1 + unit_random_below(random, 5)) * step,
                      unit_random_below(random, 4) ? NODE : NODE + 1,
                      kind == 0   ? HOTRAM_DIMM_RESERVED
                      : kind == 1 ? HOTRAM_DIMM_EJECTING
                      : kind == 2 ? HOTRAM_DIMM_REMOVAL_REQUESTED
                                  : HOTRAM_DIMM_PLUGGED);
    }
    for (uint32_t i = 0; i < config.ranges; i++)
        plan_bank_hold(fixture, config.base + unit_random_below(random, (uint32_t)config.size),
                       1 + unit_random_below(random, 3));
    for (uint32_t i = 0; i < config.slots; i++)
        fixed[i] = unit_random_below(random, 6) == 0;
}

/* The nearest sizes of a set. */
static uint64_t nearest_below(uint64_t sizes, uint64_t target)
{
    for (uint64_t size = target < JUDGE_SIZES ? target + 1 : JUDGE_SIZES; size-- > 0;) {
        if (sizes >> size & 1)
            return size;
    }
    return HOTRAM_PLAN_NONE;
}

static uint64_t nearest_above(uint64_t sizes, uint64_t target)
{
    for (uint64_t size = target; size < JUDGE_SIZES; size++) {
        if (sizes >> size & 1)
            return size;
    }
    return HOTRAM_PLAN_NONE;
}

static uint32_t count_steps(const struct hotram_plan *plan, enum hotram_plan_action action)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < plan->count; i++)
        count += plan->steps[i].action == action;
    return count;
}

static void check_shrinking(const struct plan_bank *fixture, const struct hotram_plan_request *request,
                            const struct judge *judge, enum hotram_status status)
{
    const struct hotram_plan *plan = &fixture->plan;

    assert_int_equal(plan->below, nearest_below(judge->plugging_first, request->target));
    assert_int_equal(plan->above, nearest_above(judge->plugging_first, request->target));
    if (request->at_most && plan->below == HOTRAM_PLAN_NONE) {
        assert_int_equal(status, HOTRAM_E_STATE);
        return;
    }
    assert_int_equal(status, HOTRAM_OK);
    assert_int_equal(plan->reached, request->at_most ? plan->below : plan->above);
    assert_int_equal(fixture->lowest, plan->reached);
    if (judge->fewest[plan->reached] != UINT8_MAX) {
        assert_int_equal(count_steps(plan, HOTRAM_PLAN_PLUG), 0);
        assert_int_equal(plan->count, judge->fewest[plan->reached]);
    }
}

/* Whether a growth that left no slot empty had to. */
static void check_last_slot(const struct plan_bank *after, const struct hotram_plan_request *request,
                            const struct judge *judge)
{
    for (uint32_t i = 0; i < after->bank.config.slots; i++) {
        if (after->slots[i].state == HOTRAM_DIMM_EMPTY)
            return;
    }
    assert_true(after->bank.config.capacity - after->bank.used < request->align ||
                !(judge->consolidating >> request->target & 1));
}

static void check_growing(const struct plan_bank *before, const struct plan_bank *after,
                          const struct hotram_plan_request *request, const struct judge *judge,
                          enum hotram_status status)
{
    const struct hotram_plan *plan = &after->plan;
    uint64_t sizes = judge->plugging_first | judge->removing_first;
    uint64_t present = plan_bank_size(before, request);

    if (status == HOTRAM_OK) {
        assert_true(sizes >> request->target & 1);
        assert_int_equal(plan->reached, request->target);
        assert_int_equal(plan->below, request->target);
        assert_int_equal(plan->above, request->target);
        if (after->lowest < present) /* it dips: only where that cannot be avoided */
            assert_false(judge->plugging_first >> request->target & 1);
        check_last_slot(after, request, judge);
        return;
    }
    assert_int_equal(status == HOTRAM_E_CAPACITY,
                     request->target - present > before->bank.config.capacity - before->bank.used);
    assert_true(status == HOTRAM_E_CAPACITY || status == HOTRAM_E_SIZE || status == HOTRAM_E_NO_SLOT ||
                status == HOTRAM_E_NO_SPACE);
    assert_int_equal(plan->reached, present);
    assert_int_equal(plan->count, 0);
    if (judge->aligned) {
        assert_false(request->target < JUDGE_SIZES && sizes >> request->target & 1);
        assert_int_equal(plan->below, nearest_below(sizes, request->target));
        assert_int_equal(plan->above, nearest_above(sizes, request->target));
    } else {
        assert_false(request->target < JUDGE_SIZES && judge->plugging_first >> request->target & 1);
        assert_true(sizes >> plan->below & 1);
        assert_true(plan->above == HOTRAM_PLAN_NONE || sizes >> plan->above & 1);
    }
}

/* Plan and take a plan, of a copy, for every target there is and some that are not. */
static void check_all_targets(const struct plan_bank *fixture, struct hotram_plan_request *request)
{
    static struct plan_bank copy;
    struct judge judged;
    uint64_t present = plan_bank_size(fixture, request);

    request->bank = &fixture->bank;
    judge(&judged, request);
    for (unsigned i = 0; i < 2 * (fixture->bank.config.capacity + 3); i++) {
        enum hotram_status status;

        request->target = i / 2;
        request->at_most = i % 2;
        plan_bank_copy(&copy, fixture);
        status = plan_bank_plan(&copy, *request);
        assert_memory_equal(copy.slots, fixture->slots, fixture->bank.config.slots * sizeof copy.slots[0]);
        plan_bank_take(&copy, request);
        if (request->target < present) {
            check_shrinking(&copy, request, &judged, status);
        } else if (request->target > present) {
            check_growing(fixture, &copy, request, &judged, status);
        } else {
            assert_int_equal(status, HOTRAM_OK);
            assert_int_equal(copy.plan.count, 0);
            assert_int_equal(copy.plan.below, present);
            assert_int_equal(copy.plan.above, present);
        }
    }
}

static void plans_reach_whatever_can_be_reached(void **state)
{
    struct unit_random random = unit_random_start("any small bank, all targets");
    static struct plan_bank fixture;

    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        struct hotram_plan_request request;
        bool fixed[JUDGE_SLOTS];

        make_any(&fixture, &random, &request, fixed);
        check_all_targets(&fixture, &request);
    }
}

/* ---- Sequences ---- */

/* A bank as the machine makes it: room for each DIMM to be moved up to its alignment. */
static void make_machine(struct plan_bank *fixture, uint32_t slots, uint64_t capacity, uint64_t align)
{
    const struct hotram_bank_config config = {
        .base = 1 << 20,
        .size = (capacity + 8 * slots) * align,
        .capacity = capacity * align,
        .granularity = 1,
        .slots = slots,
    };

    plan_bank_make(fixture, &config);
}

/* Take a plan to a size that has to be reached exactly, when growing, or not to be passed. */
static void go(struct plan_bank *fixture, struct hotram_plan_request *request, uint64_t target)
{
    uint64_t present = plan_bank_size(fixture, request);

    request->target = target;
    assert_int_equal(plan_bank_plan(fixture, *request), HOTRAM_OK);
    plan_bank_take(fixture, request);
    if (target >= present)
        assert_int_equal(fixture->plan.reached, target);
    else if (request->at_most)
        assert_between(fixture->plan.reached, 0, target);
    else
        assert_between(fixture->plan.reached, target, present);
}

/* From wherever a sequence has led, all can be plugged and all can be removed. */
static void check_nothing_is_stranded(const struct plan_bank *fixture,
                                      const struct hotram_plan_request *request)
{
    static struct plan_bank copy;
    struct hotram_plan_request whole = *request;

    plan_bank_copy(&copy, fixture);
    go(&copy, &whole, copy.bank.config.capacity);
    plan_bank_copy(&copy, fixture);
    go(&copy, &whole, 0);
    assert_int_equal(copy.plan.reached, 0);
}

static void sequences_strand_nothing(void **state)
{
    struct unit_random random = unit_random_start("sequences of 1000 targets");
    static struct plan_bank fixture;

    (void)state;
    for (unsigned i = 0; i < 4000; i++) {
        struct hotram_plan_request request = {
            .align = UINT64_C(1) << unit_random_below(&random, 3),
            .node_given = true,
            .node = NODE,
        };
        uint32_t capacity = 1 + unit_random_below(&random, 10);

        make_machine(&fixture, 1 + unit_random_below(&random, 5), capacity, request.align);
        fixture.bank.config.base = unit_random_below(&random, 8); /* nothing is there yet */
        for (unsigned step = 0; step < 1000; step++) {
            request.at_most = unit_random_below(&random, 4) == 0;
            go(&fixture, &request, unit_random_below(&random, capacity + 1) * request.align);
        }
        check_nothing_is_stranded(&fixture, &request);
        if (capacity * request.align < JUDGE_SIZES / 2)
            check_all_targets(&fixture, &request);
    }
}

static void sequences_on_large_banks_strand_nothing(void **state)
{
    struct unit_random random = unit_random_start("256 slots, 16384 units");
    static struct plan_bank fixture;
    struct hotram_plan_request request = { .align = UINT64_C(2) << 20, .node_given = true, .node = NODE };

    (void)state;
    make_machine(&fixture, HOTRAM_SLOTS_MAX, 16384, request.align);
    for (unsigned step = 0; step < 10000; step++) {
        request.at_most = unit_random_below(&random, 4) == 0;
        go(&fixture, &request, unit_random_below(&random, 16385) * request.align);
        assert_int_equal(fixture.plan.reached, request.target); /* slots enough for any size */
    }
    check_nothing_is_stranded(&fixture, &request);
}

/* Many DIMMs of any sizes and places, which no planner would have chosen. */
static void crowded_banks_are_planned_too(void **state)
{
    struct unit_random random = unit_random_start("crowded banks of 256 slots");
    static struct plan_bank fixture;
    struct hotram_plan_request request = { .align = 2, .node_given = true, .node = NODE };

    (void)state;
    for (unsigned i = 0; i < 20; i++) {
        uint32_t dimms = i % 2 ? HOTRAM_SLOTS_MAX : 128 + unit_random_below(&random, 128);

        make_machine(&fixture, HOTRAM_SLOTS_MAX, 16384, request.align);
        for (uint32_t n = 0; n < dimms; n++)
            plan_bank_add(&fixture, fixture.bank.config.base + 2 * unit_random_below(&random, 17000),
                          2 * (1 + unit_random_below(&random, 60)), NODE, HOTRAM_DIMM_PLUGGED);
        for (unsigned step = 0; step < 10; step++)
            go(&fixture, &request, 2 * unit_random_below(&random, 16385));
        check_nothing_is_stranded(&fixture, &request);
    }
}

/* ---- There and back ---- */

static void growing_then_shrinking_returns(void **state)
{
    struct unit_random random = unit_random_start("grow, then shrink");
    static struct plan_bank fixture;
    unsigned returned = 0;

    (void)state;
    for (unsigned i = 0; i < 100000; i++) {
        struct hotram_plan_request request;
        bool fixed[JUDGE_SLOTS];
        struct judge judged;
        uint64_t present;

        make_any(&fixture, &random, &request, fixed);
        for (uint32_t slot = 0; slot < fixture.bank.config.slots; slot++)
            fixed[slot] = fixed[slot] && fixture.slots[slot].state != HOTRAM_DIMM_EMPTY;
        request.bank = &fixture.bank;
        judge(&judged, &request);
        present = plan_bank_size(&fixture, &request);
        request.target = present + unit_random_below(&random, 12);
        if (plan_bank_plan(&fixture, request) != HOTRAM_OK)
            continue;
        plan_bank_take(&fixture, &request);
        /* What was removed has to fit again where it was, and beside the rest. */
        if (fixture.lowest < present ||
            (!judged.aligned && count_steps(&fixture.plan, HOTRAM_PLAN_UNPLUG) > 0))
            continue;
        memset(fixed, 0, sizeof fixed);
        go(&fixture, &request, present);
        assert_int_equal(fixture.plan.reached, present);
        returned++;
    }
    assert_between(returned, 1000, 100000);
}

/* While slots suffice: log2 as many DIMMs as units, and every size below is a matter of removals. */
static void new_dimms_can_be_given_back_in_any_amount(void **state)
{
    static struct plan_bank fixture, copy;
    struct hotram_plan_request request = { .align = 4, .node_given = true, .node = NODE };

    (void)state;
    for (uint64_t units = 1; units <= 255; units++) {
        uint32_t bits = 0;

        while (units >> bits)
            bits++;
        make_machine(&fixture, 16, 256, request.align);
        go(&fixture, &request, units * request.align);
        assert_int_equal(fixture.plan.count, bits);
        for (uint64_t less = 0; less < units; less++) {
            plan_bank_copy(&copy, &fixture);
            go(&copy, &request, less * request.align);
            assert_int_equal(copy.plan.reached, less * request.align);
            assert_int_equal(count_steps(&copy.plan, HOTRAM_PLAN_PLUG), 0);
        }
    }
}

/* ---- A guest that refuses ---- */

static void another_choice_is_tried_when_the_guest_refuses(void **state)
{
    struct unit_random random = unit_random_start("refusals");
    static struct plan_bank fixture;

    (void)state;
    for (unsigned i = 0; i < 20000; i++) {
        struct hotram_plan_request request;
        bool fixed[JUDGE_SLOTS], refuses[JUDGE_SLOTS];
        struct judge judged;
        uint64_t present;
        bool done = false;

        make_any(&fixture, &random, &request, fixed);
        present = plan_bank_size(&fixture, &request);
        if (present == 0)
            continue;
        request.target = unit_random_below(&random, (uint32_t)present);
        memset(fixed, 0, sizeof fixed);
        request.bank = &fixture.bank;
        judge(&judged, &request);
        for (uint32_t slot = 0; slot < JUDGE_SLOTS; slot++)
            refuses[slot] = fixture.slots[slot].state != HOTRAM_DIMM_EMPTY && unit_random_below(&random, 2);
        for (unsigned plans = 0; !done; plans++) {
            assert_between(plans, 0, fixture.bank.config.slots);
            assert_int_equal(plan_bank_plan(&fixture, request), HOTRAM_OK);
            done = true;
            for (uint32_t step = 0; step < fixture.plan.count && done; step++) {
                uint32_t slot = fixture.plan.steps[step].slot;

                if (slot != HOTRAM_SLOT_ANY && refuses[slot]) {
                    fixed[slot] = true;
                    done = false;
                } else {
                    plan_bank_step(&fixture, &request, &fixture.plan.steps[step]);
                }
            }
        }
        assert_int_equal(plan_bank_size(&fixture, &request), fixture.plan.reached);
        assert_true(fixture.plan.reached >= request.target);
        if (judged.aligned) /* else an odd DIMM that went may leave only more than there was */
            assert_between(fixture.plan.reached, request.target, present);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plans_reach_whatever_can_be_reached),
        cmocka_unit_test(sequences_strand_nothing),
        cmocka_unit_test(sequences_on_large_banks_strand_nothing),
        cmocka_unit_test(crowded_banks_are_planned_too),
        cmocka_unit_test(growing_then_shrinking_returns),
        cmocka_unit_test(new_dimms_can_be_given_back_in_any_amount),
        cmocka_unit_test(another_choice_is_tried_when_the_guest_refuses),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
