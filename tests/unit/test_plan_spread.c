/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include <hotram/plan.h>

#define NODES 4u

/* Spread, and hold the targets to those given. */
static void check(size_t count, struct hotram_plan_node nodes[], uint64_t total, uint64_t unit,
                  const uint64_t expected[])
{
    assert_int_equal(hotram_plan_spread(nodes, count, total, unit), HOTRAM_OK);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(nodes[i].target, expected[i]);
}

#define SIZES(...) ((const uint64_t[]){ __VA_ARGS__ })
#define CHECK(total, unit, expected, ...) \
    check(COUNT_OF(((struct hotram_plan_node[]){ __VA_ARGS__ })), \
          (struct hotram_plan_node[]){ __VA_ARGS__ }, total, unit, expected)

static void the_smallest_grow_first(void **state)
{
    (void)state;
    CHECK(16, 1, SIZES(6, 5, 5), { 2, 0, 0 }, { 4, 0, 0 }, { 5, 0, 0 });
    CHECK(14, 1, SIZES(5, 4, 5), { 2, 0, 0 }, { 4, 0, 0 }, { 5, 0, 0 });
    CHECK(12, 1, SIZES(3, 4, 5), { 2, 0, 0 }, { 4, 0, 0 }, { 5, 0, 0 });
    CHECK(100, 4, SIZES(100), { 8, 0, 0 });
}

static void the_largest_shrink_first(void **state)
{
    (void)state;
    CHECK(8, 1, SIZES(2, 3, 3), { 2, 0, 0 }, { 4, 0, 0 }, { 5, 0, 0 });
    CHECK(10, 1, SIZES(2, 4, 4), { 2, 0, 0 }, { 4, 0, 0 }, { 5, 0, 0 });
    CHECK(5, 1, SIZES(2, 2, 1), { 2, 0, 0 }, { 4, 0, 0 }, { 5, 0, 0 });
    CHECK(0, 1, SIZES(0, 0, 0), { 2, 0, 0 }, { 4, 0, 0 }, { 5, 0, 0 });
}

static void what_need_not_change_stays(void **state)
{
    (void)state;
    CHECK(11, 4, SIZES(2, 4, 5), { 2, 0, 0 }, { 4, 1, 0 }, { 5, 5, 0 });
    CHECK(12, 1, SIZES(3, 9), { 2, 0, 0 }, { 9, 0, 0 });
    CHECK(10, 1, SIZES(2, 8), { 2, 0, 0 }, { 9, 0, 0 });
}

static void floors_hold(void **state)
{
    (void)state;
    CHECK(6, 1, SIZES(1, 5), { 6, 0, 0 }, { 8, 5, 0 });
    CHECK(4, 1, SIZES(0, 5), { 6, 0, 0 }, { 8, 5, 0 }); /* less there cannot be */
    CHECK(0, 1, SIZES(6, 8), { 6, 6, 0 }, { 8, 8, 0 });
    CHECK(5, 4, SIZES(0, 5), { 6, 0, 0 }, { 8, 5, 0 }); /* the last unit above a floor is cut */
}

static void the_last_unit_is_cut(void **state)
{
    (void)state;
    CHECK(10, 4, SIZES(4, 6), { 0, 0, 0 }, { 2, 0, 0 });
    CHECK(13, 4, SIZES(7, 6), { 0, 0, 0 }, { 2, 0, 0 });
    CHECK(17, 4, SIZES(8, 9), { 8, 0, 0 }, { 12, 0, 0 });
}

/* The rule itself, unit by unit. */
static void spread_slowly(struct hotram_plan_node nodes[], size_t count, uint64_t total, uint64_t unit)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i++) {
        nodes[i].target = nodes[i].present;
        sum += nodes[i].present;
    }
    while (sum < total) {
        size_t best = 0;
        uint64_t more = total - sum < unit ? total - sum : unit;

        for (size_t i = 1; i < count; i++) {
            if (nodes[i].target < nodes[best].target)
                best = i;
        }
        nodes[best].target += more;
        sum += more;
    }
    while (sum > total) {
        size_t best = count;
        uint64_t less = sum - total < unit ? sum - total : unit;

        for (size_t i = 0; i < count; i++) {
            if (nodes[i].target > nodes[i].floor && (best == count || nodes[i].target >= nodes[best].target))
                best = i;
        }
        if (best == count)
            return;
        if (less > nodes[best].target - nodes[best].floor)
            less = nodes[best].target - nodes[best].floor;
        nodes[best].target -= less;
        sum -= less;
    }
}

static void any_spread_is_as_if_unit_by_unit(void **state)
{
    struct unit_random random = unit_random_start("spread");

    (void)state;
    for (unsigned i = 0; i < 200000; i++) {
        struct hotram_plan_node nodes[NODES], slow[NODES];
        size_t count = 1 + unit_random_below(&random, NODES);
        uint64_t unit = UINT64_C(1) << unit_random_below(&random, 4);
        uint64_t total = unit_random_below(&random, 160);

        for (size_t n = 0; n < count; n++) {
            nodes[n].present = unit_random_below(&random, 40);
            nodes[n].floor = unit_random_below(&random, (uint32_t)nodes[n].present + 1);
            if (unit_random_below(&random, 2)) {
                nodes[n].present -= nodes[n].present % unit;
                nodes[n].floor = 0;
            }
        }
        memcpy(slow, nodes, sizeof slow);
        spread_slowly(slow, count, total, unit);
        assert_int_equal(hotram_plan_spread(nodes, count, total, unit), HOTRAM_OK);
        for (size_t n = 0; n < count; n++)
            assert_int_equal(nodes[n].target, slow[n].target);
    }
}

static void large_numbers_do_not_wrap(void **state)
{
    const uint64_t half = UINT64_C(1) << 63;

    (void)state;
    CHECK(UINT64_MAX, 1, SIZES(half, half - 1), { 0, 0, 0 }, { 0, 0, 0 });
    CHECK(UINT64_MAX, half, SIZES(half, half - 1), { 0, 0, 0 }, { 0, 0, 0 });
    CHECK(UINT64_MAX, half, SIZES(UINT64_MAX), { UINT64_MAX - 1, 0, 0 });
    CHECK(0, half, SIZES(0), { UINT64_MAX, 0, 0 });
    CHECK(1, 1, SIZES(1), { UINT64_MAX, 1, 0 });
    CHECK(UINT64_MAX, 1, SIZES(UINT64_MAX, 0), { UINT64_MAX, 0, 0 }, { 0, 0, 0 });
}

static void bad_arguments_are_refused(void **state)
{
    struct hotram_plan_node nodes[2] = { { 4, 4, 9 }, { 4, 0, 9 } };

    (void)state;
    assert_int_equal(hotram_plan_spread(NULL, 2, 8, 1), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_plan_spread(nodes, 0, 8, 1), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_plan_spread(nodes, 2, 8, 0), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_plan_spread(nodes, 2, 8, 6), HOTRAM_E_ARGUMENT);
    nodes[1].floor = 5;
    assert_int_equal(hotram_plan_spread(nodes, 2, 8, 1), HOTRAM_E_ARGUMENT);
    nodes[1].floor = 0;
    nodes[1].present = UINT64_MAX - 3;
    assert_int_equal(hotram_plan_spread(nodes, 2, 8, 1), HOTRAM_E_ARGUMENT);
    assert_int_equal(nodes[0].target, 9);
    assert_int_equal(nodes[1].target, 9);
    nodes[1].present--;
    assert_int_equal(hotram_plan_spread(nodes, 2, 8, 1), HOTRAM_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_smallest_grow_first),    cmocka_unit_test(the_largest_shrink_first),
        cmocka_unit_test(what_need_not_change_stays), cmocka_unit_test(floors_hold),
        cmocka_unit_test(the_last_unit_is_cut),       cmocka_unit_test(any_spread_is_as_if_unit_by_unit),
        cmocka_unit_test(large_numbers_do_not_wrap),  cmocka_unit_test(bad_arguments_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
