/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include <hotram/ged.h>

static void events_add_up_until_they_are_read(void **state)
{
    struct hotram_ged ged = { 0 };

    (void)state;
    assert_int_equal(hotram_ged_read(&ged, 0, 4), 0);
    assert_int_equal(hotram_ged_raise(&ged, HOTRAM_GED_MEMORY), HOTRAM_OK);
    assert_int_equal(hotram_ged_raise(&ged, HOTRAM_GED_MEMORY), HOTRAM_OK);
    assert_int_equal(hotram_ged_raise(&ged, HOTRAM_GED_POWER_BUTTON), HOTRAM_OK);
    assert_int_equal(hotram_ged_raise(&ged, HOTRAM_GED_CPU), HOTRAM_OK);
    assert_int_equal(hotram_ged_read(&ged, 0, 4), 0xb);
    assert_int_equal(hotram_ged_read(&ged, 0, 4), 0);
}

static void raise_refuses_what_its_contract_excludes(void **state)
{
    struct hotram_ged ged = { 0 };

    (void)state;
    assert_int_equal(hotram_ged_raise(NULL, HOTRAM_GED_MEMORY), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_ged_raise(&ged, 0), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_ged_raise(&ged, 4), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_ged_raise(&ged, 0x10 | HOTRAM_GED_CPU), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_ged_raise(&ged, UINT32_MAX), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_ged_read(&ged, 0, 4), 0);
}

static void only_a_read_of_the_whole_register_clears_it(void **state)
{
    static const struct {
        uint32_t offset;
        unsigned width;
    } others[] = { { 0, 1 }, { 0, 2 }, { 2, 2 }, { 3, 1 }, { 1, 4 }, { 4, 4 }, { 0, 8 }, { 0, 0 } };
    struct hotram_ged ged = { 0 };

    (void)state;
    hotram_ged_raise(&ged, HOTRAM_GED_MEMORY);
    for (unsigned i = 0; i < COUNT_OF(others); i++)
        assert_int_equal(hotram_ged_read(&ged, others[i].offset, others[i].width), 0);
    assert_int_equal(hotram_ged_read(NULL, 0, 4), 0);
    assert_int_equal(hotram_ged_read(&ged, 0, 4), HOTRAM_GED_MEMORY);
}

static void the_level_is_held_until_the_register_is_read(void **state)
{
    struct hotram_ged ged = { 0 };

    (void)state;
    assert_false(hotram_ged_level(NULL));
    assert_false(hotram_ged_level(&ged));
    hotram_ged_raise(&ged, HOTRAM_GED_POWER_BUTTON);
    assert_true(hotram_ged_level(&ged));
    hotram_ged_read(&ged, 0, 2);
    assert_true(hotram_ged_level(&ged));
    hotram_ged_read(&ged, 0, 4);
    assert_false(hotram_ged_level(&ged));
    hotram_ged_raise(&ged, HOTRAM_GED_MEMORY);
    hotram_ged_reset(&ged);
    assert_false(hotram_ged_level(&ged));
}

static void reset_drops_what_was_pending(void **state)
{
    struct hotram_ged ged = { 0 };

    (void)state;
    hotram_ged_raise(&ged, HOTRAM_GED_MEMORY);
    hotram_ged_reset(&ged);
    assert_int_equal(hotram_ged_read(&ged, 0, 4), 0);
    hotram_ged_reset(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(events_add_up_until_they_are_read),
        cmocka_unit_test(raise_refuses_what_its_contract_excludes),
        cmocka_unit_test(only_a_read_of_the_whole_register_clears_it),
        cmocka_unit_test(the_level_is_held_until_the_register_is_read),
        cmocka_unit_test(reset_drops_what_was_pending),
    };

    return cmocka_run_group_tests_name("ged", tests, NULL, NULL);
}
