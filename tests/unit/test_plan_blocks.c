/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Plans for DIMMs and blocks together: some that show the rule, and any small bank held to a search that
 * tries all combinations.
 */
#include <hotram/plan_blocks.h>

#include "plan_bank.h"

#define NODE 1u
#define SIZES 40u /* targets and sums are below it */

static enum hotram_status plan_with(struct plan_bank *fixture, struct hotram_plan_request request,
                                    struct hotram_plan_blocks *blocks)
{
    size_t length;
    void *scratch;
    enum hotram_status status;

    request.bank = &fixture->bank;
    length = hotram_plan_scratch(&request);
    scratch = malloc(length);
    assert_non_null(scratch);
    status = hotram_plan_with_blocks(&request, blocks, scratch, length, &fixture->plan);
    free(scratch);
    return status;
}

/* ---- Counting ---- */

/* The linker has the library call the second one (--wrap). */
enum hotram_status __real_hotram_plan(const struct hotram_plan_request *request, void *scratch,
                                      size_t scratch_size, struct hotram_plan *plan);
enum hotram_status __wrap_hotram_plan(const struct hotram_plan_request *request, void *scratch,
                                      size_t scratch_size, struct hotram_plan *plan);

static unsigned plans;

enum hotram_status __wrap_hotram_plan(const struct hotram_plan_request *request, void *scratch,
                                      size_t scratch_size, struct hotram_plan *plan)
{
    plans++;
    return __real_hotram_plan(request, scratch, scratch_size, plan);
}

/* ---- The rule ---- */

static void make_bank(struct plan_bank *fixture, uint32_t slots)
{
    const struct hotram_bank_config config = {
        .size = 1000, .capacity = 100, .granularity = 4, .slots = slots
    };

    plan_bank_make(fixture, &config);
}

/* DIMMs of 4 units and more, blocks of 1. */
static void expect(struct plan_bank *fixture, uint64_t present, uint64_t target, uint64_t dimms,
                   uint64_t blocks_then)
{
    struct hotram_plan_blocks blocks = { .present = present, .most = 20, .unit = 1 };
    const struct hotram_plan_request request = { .target = target, .align = 4 };

    assert_int_equal(plan_with(fixture, request, &blocks), HOTRAM_OK);
    assert_int_equal(fixture->plan.reached, target);
    assert_int_equal(blocks.target, blocks_then);
    fixture->plan.reached -= blocks.target;
    plan_bank_take(fixture, &request);
    assert_int_equal(plan_bank_size(fixture, &request), dimms);
}

static void dimms_stay_and_blocks_are_exact(void **state)
{
    static struct plan_bank fixture;

    (void)state;
    make_bank(&fixture, 8);
    expect(&fixture, 0, 10, 8, 2);  /* whole DIMMs, and the rest */
    expect(&fixture, 2, 13, 8, 5);  /* no DIMM is so small */
    expect(&fixture, 5, 17, 12, 5); /* one is */
    expect(&fixture, 5, 13, 12, 1); /* blocks go first */
    expect(&fixture, 1, 12, 12, 0); /* all of them */
    expect(&fixture, 0, 11, 8, 3);  /* then a DIMM, of which blocks replace what has to stay */
    expect(&fixture, 3, 0, 0, 0);
    make_bank(&fixture, 1);
    expect(&fixture, 0, 8, 8, 0);
    expect(&fixture, 0, 16, 8, 8); /* without a slot, blocks */
    expect(&fixture, 8, 4, 0, 4);  /* nor can a DIMM take the place of a larger one */
}

static void what_comes_last(void **state)
{
    static struct plan_bank fixture;
    struct hotram_plan_blocks blocks = { .present = 4, .most = 4, .unit = 1 };

    (void)state;
    make_bank(&fixture, 4);
    assert_int_equal(plan_with(&fixture, (struct hotram_plan_request){ .target = 11, .align = 4 }, &blocks),
                     HOTRAM_OK);
    assert_int_equal(blocks.target, 3); /* after DIMMs of 8, so that there is never less than 4 */
    assert_true(blocks.last);
    assert_int_equal(plan_with(&fixture, (struct hotram_plan_request){ .target = 2, .align = 4 }, &blocks),
                     HOTRAM_OK);
    assert_int_equal(blocks.target, 2);
    assert_false(blocks.last);
}

static void what_is_refused(void **state)
{
    static struct plan_bank fixture;
    struct hotram_plan_request request = { .target = 30, .align = 4 };
    struct hotram_plan_blocks blocks = { .present = 8, .least = 4, .most = 12, .unit = 4 };
    static uint64_t scratch[(1 << 20) / 8];
    static const struct hotram_plan_blocks wrong[] = {
        { .unit = 0 },
        { .unit = 3 },
        { .present = 1, .least = 2, .most = 3, .unit = 1 },
        { .present = 4, .most = 3, .unit = 1 },
        { .most = UINT64_MAX - 1000, .unit = 1 },
    };

    (void)state;
    make_bank(&fixture, 1);
    assert_int_equal(plan_with(&fixture, request, &blocks), HOTRAM_E_SIZE);
    assert_int_equal(fixture.plan.reached, 8);
    assert_int_equal(blocks.target, 8);
    assert_int_equal(fixture.plan.below, 28);
    assert_int_equal(fixture.plan.above, 32);
    request.target = 200;
    assert_int_equal(plan_with(&fixture, request, &blocks), HOTRAM_E_CAPACITY);
    assert_int_equal(fixture.plan.below, 112);
    assert_int_equal(fixture.plan.above, HOTRAM_PLAN_NONE);
    request.target = UINT64_MAX;
    assert_int_equal(plan_with(&fixture, request, &blocks), HOTRAM_E_CAPACITY);
    request.target = 3;
    assert_int_equal(plan_with(&fixture, request, &blocks), HOTRAM_OK);
    assert_int_equal(fixture.plan.reached, 4);
    request.at_most = true;
    assert_int_equal(plan_with(&fixture, request, &blocks), HOTRAM_E_STATE);
    request.bank = &fixture.bank;
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        struct hotram_plan_blocks copy = wrong[i];

        assert_int_equal(hotram_plan_with_blocks(&request, &copy, scratch, sizeof scratch, &fixture.plan),
                         HOTRAM_E_ARGUMENT);
        assert_memory_equal(&copy, &wrong[i], sizeof copy);
        assert_int_equal(fixture.plan.below, HOTRAM_PLAN_NONE);
    }
    assert_int_equal(hotram_plan_with_blocks(&request, NULL, scratch, sizeof scratch, &fixture.plan),
                     HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_plan_with_blocks(&request, &blocks, scratch, sizeof scratch, NULL),
                     HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_plan_with_blocks(&request, &blocks, scratch, 8, &fixture.plan), HOTRAM_E_BUFFER);
    assert_int_equal(
        hotram_plan_with_blocks(&request, &blocks, (char *)scratch + 1, sizeof scratch - 8, &fixture.plan),
        HOTRAM_E_ARGUMENT);
    request.align = 3;
    assert_int_equal(hotram_plan_with_blocks(&request, &blocks, scratch, sizeof scratch, &fixture.plan),
                     HOTRAM_E_ARGUMENT);
}

/* ---- Many DIMMs ---- */

/* Of 1 to 64 units of 8 each, and blocks of 2, 8000 of 9000. */
static void make_many(struct plan_bank *fixture, uint32_t count, struct hotram_plan_blocks *blocks)
{
    const struct hotram_bank_config config = {
        .size = 1 << 20, .capacity = 1 << 20, .granularity = 8, .slots = HOTRAM_SLOTS_MAX
    };

    plan_bank_make(fixture, &config);
    for (uint32_t i = 0; i < count; i++)
        assert_true(
            plan_bank_add(fixture, PLAN_BANK_ANYWHERE, 8 * (1 + i * 37 % 64), 0, HOTRAM_DIMM_PLUGGED));
    *blocks = (struct hotram_plan_blocks){ .present = 8000, .most = 9000, .unit = 2 };
}

/* Plan for so much more than is present, by at most so many plans for DIMMs. */
static void plan_more(struct plan_bank *fixture, int64_t more, bool at_most,
                      struct hotram_plan_blocks *blocks, unsigned limit)
{
    struct hotram_plan_request request = { .bank = &fixture->bank, .align = 8, .at_most = at_most };

    request.target = plan_bank_size(fixture, &request) + blocks->present + (uint64_t)more;
    plans = 0;
    assert_int_equal(plan_with(fixture, request, blocks), HOTRAM_OK);
    assert_in_range(plans, 1, limit);
}

static void a_search_ends_with_the_best(void **state)
{
    static struct plan_bank fixture;
    static const int64_t changes[] = { 2, 8, 600, 802, 4000, 5002, -2, -800, -8000, -8002, -30000 };
    struct hotram_plan_blocks blocks;

    (void)state;
    make_many(&fixture, 200, &blocks);
    for (size_t i = 0; i < COUNT_OF(changes); i++)
        plan_more(&fixture, changes[i], false, &blocks, 5);
    plan_more(&fixture, -801, false, &blocks,
              6); /* between two sizes, of which the nearest is planned then */
    assert_int_equal(fixture.plan.above - fixture.plan.below, 2);
    plan_more(&fixture, -801, true, &blocks, 6);
    assert_int_equal(fixture.plan.reached, fixture.plan.below);
}

/* More sums than are looked at are between what blocks can add and the present, and each replaces a DIMM. */
static void blocks_are_not_overlooked(void **state)
{
    static struct plan_bank fixture;
    struct hotram_plan_blocks blocks;

    (void)state;
    make_many(&fixture, HOTRAM_SLOTS_MAX, &blocks);
    plan_more(&fixture, 900, false, &blocks, 7 * HOTRAM_PLAN_SUMS_MAX);
    assert_int_equal(fixture.plan.count, 0);
    assert_int_equal(blocks.target, 8900);
}

/* ---- Any small bank ---- */

static void make_any(struct plan_bank *fixture, struct unit_random *random,
                     struct hotram_plan_request *request, bool fixed[], struct hotram_plan_blocks *blocks)
{
    const uint32_t grain = 1u << unit_random_below(random, 3);
    struct hotram_bank_config config = {
        .base = grain * unit_random_below(random, 4),
        .capacity = grain * (1 + unit_random_below(random, 12 / grain)),
        .granularity = grain,
        .slots = unit_random_below(random, 5),
        .ranges = 1,
    };

    config.size = config.capacity + grain * unit_random_below(random, 12 / grain);
    *request = (struct hotram_plan_request){
        .align = (uint64_t)grain << unit_random_below(random, 3),
        .node_given = unit_random_below(random, 2),
        .node = NODE,
        .fixed = fixed,
    };
    plan_bank_make(fixture, &config);
    for (uint32_t i = unit_random_below(random, config.slots + 1); i > 0; i--)
        plan_bank_add(fixture, config.base + grain * unit_random_below(random, (uint32_t)config.size / grain),
                      grain * (1 + unit_random_below(random, 5 / grain)),
                      unit_random_below(random, 4) ? NODE : NODE + 1,
                      unit_random_below(random, 6) ? HOTRAM_DIMM_PLUGGED : HOTRAM_DIMM_EJECTING);
    for (uint32_t i = 0; i < config.slots; i++)
        fixed[i] = unit_random_below(random, 5) == 0;
    blocks->unit = UINT64_C(1) << unit_random_below(random, 3);
    blocks->least = unit_random_below(random, 4);
    blocks->present = blocks->least + unit_random_below(random, 6);
    blocks->most = blocks->present + unit_random_below(random, 9);
}

/* What there is to choose from: by sum of DIMMs, what the planner does for it. */
struct choice {
    bool reached[SIZES];
    uint64_t moved[SIZES];
    bool replaced[SIZES];
};

static void list_choices(struct plan_bank *fixture, struct hotram_plan_request request, struct choice *choice)
{
    memset(choice, 0, sizeof *choice);
    request.at_most = false;
    for (uint64_t sum = 0; sum < SIZES; sum++) {
        unsigned comes = 0, goes = 0;

        request.target = sum;
        if (plan_bank_plan(fixture, request) != HOTRAM_OK || fixture->plan.reached != sum)
            continue;
        choice->reached[sum] = true;
        for (uint32_t i = 0; i < fixture->plan.count; i++) {
            choice->moved[sum] += fixture->plan.steps[i].size;
            comes += fixture->plan.steps[i].action == HOTRAM_PLAN_PLUG;
            goes += fixture->plan.steps[i].action == HOTRAM_PLAN_UNPLUG;
        }
        choice->replaced[sum] = comes && goes;
    }
}

static bool are_blocks(const struct hotram_plan_blocks *blocks, uint64_t size)
{
    return size >= blocks->least && size <= blocks->most && (size - blocks->present) % blocks->unit == 0;
}

static uint64_t moved_with(const struct choice *choice, const struct hotram_plan_blocks *blocks, uint64_t sum,
                           uint64_t target)
{
    const uint64_t then = target - sum;

    return choice->moved[sum] + (then > blocks->present ? then - blocks->present : blocks->present - then);
}

/* The best sum of DIMMs for a target, by the rule; SIZES: none. */
static uint64_t best_sum(const struct choice *choice, const struct hotram_plan_blocks *blocks,
                         uint64_t target)
{
    uint64_t best = SIZES;

    for (uint64_t sum = 0; sum <= target && sum < SIZES; sum++) {
        if (!choice->reached[sum] || !are_blocks(blocks, target - sum))
            continue;
        if (best == SIZES ||
            moved_with(choice, blocks, sum, target) < moved_with(choice, blocks, best, target) ||
            (moved_with(choice, blocks, sum, target) == moved_with(choice, blocks, best, target) &&
             choice->replaced[sum] <= choice->replaced[best]))
            best = sum;
    }
    return best;
}

static void check_target(struct plan_bank *fixture, struct hotram_plan_request request,
                         const struct choice *choice, struct hotram_plan_blocks blocks)
{
    static struct plan_bank copy;
    const uint64_t present = plan_bank_size(fixture, &request) + blocks.present;
    uint64_t below = HOTRAM_PLAN_NONE, above = HOTRAM_PLAN_NONE, goal = request.target;
    enum hotram_status status;

    for (uint64_t size = 0; size < SIZES; size++)
        if (best_sum(choice, &blocks, size) < SIZES) {
            below = size <= request.target ? size : below;
            above = size >= request.target && above == HOTRAM_PLAN_NONE ? size : above;
        }
    plan_bank_copy(&copy, fixture);
    status = plan_with(&copy, request, &blocks);
    assert_int_equal(copy.plan.below, below);
    assert_int_equal(copy.plan.above, above);
    if (request.target < present)
        goal = request.at_most ? below : above;
    if (goal == HOTRAM_PLAN_NONE || best_sum(choice, &blocks, goal) == SIZES) {
        assert_int_not_equal(status, HOTRAM_OK);
        assert_int_equal(copy.plan.count, 0);
        assert_int_equal(copy.plan.reached, present);
        assert_int_equal(blocks.target, blocks.present);
        return;
    }
    assert_int_equal(status, HOTRAM_OK);
    assert_int_equal(copy.plan.reached, goal);
    assert_int_equal(goal - blocks.target, best_sum(choice, &blocks, goal));
    copy.plan.reached -= blocks.target;
    plan_bank_take(&copy, &request);
    assert_int_equal(blocks.last, plan_bank_size(&copy, &request) > plan_bank_size(fixture, &request));
}

static void plans_are_the_best_of_all_combinations(void **state)
{
    struct unit_random random = unit_random_start("any small bank with blocks, all targets");
    static struct plan_bank fixture;

    (void)state;
    for (unsigned i = 0; i < 3000; i++) {
        struct hotram_plan_request request;
        struct hotram_plan_blocks blocks;
        struct choice choice;
        bool fixed[HOTRAM_PLACES_MAX];

        make_any(&fixture, &random, &request, fixed, &blocks);
        list_choices(&fixture, request, &choice);
        for (unsigned at = 0; at < 2 * SIZES - 8; at++) {
            request.target = at / 2;
            request.at_most = at % 2;
            check_target(&fixture, request, &choice, blocks);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dimms_stay_and_blocks_are_exact),
        cmocka_unit_test(what_comes_last),
        cmocka_unit_test(what_is_refused),
        cmocka_unit_test(a_search_ends_with_the_best),
        cmocka_unit_test(blocks_are_not_overlooked),
        cmocka_unit_test(plans_are_the_best_of_all_combinations),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
