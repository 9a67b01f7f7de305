/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include <hotram/pm1.h>

#define STATUS 0
#define ENABLE 2
#define CONTROL HOTRAM_PM1_CONTROL

static void the_button_asserts_the_sci_once_it_is_enabled(void **state)
{
    struct hotram_pm1 pm1 = { 0 };

    (void)state;
    assert_int_equal(hotram_pm1_raise(&pm1, HOTRAM_PM1_POWER_BUTTON), HOTRAM_OK);
    assert_false(hotram_pm1_level(&pm1));
    assert_false(hotram_pm1_write(&pm1, ENABLE, 2, 0xffff));
    assert_int_equal(hotram_pm1_read(&pm1, ENABLE, 2), 0x0721); /* bits that are events */
    assert_true(hotram_pm1_level(&pm1));
    hotram_pm1_write(&pm1, STATUS, 1, 0xff);
    assert_true(hotram_pm1_level(&pm1));
    hotram_pm1_write(&pm1, STATUS + 1, 1, HOTRAM_PM1_POWER_BUTTON >> 8);
    assert_false(hotram_pm1_level(&pm1));
    assert_int_equal(hotram_pm1_read(&pm1, STATUS, 2), 0);
}

static void waking_is_a_status_without_an_interrupt(void **state)
{
    struct hotram_pm1 pm1 = { .enable = 0xffff };

    (void)state;
    assert_int_equal(hotram_pm1_raise(&pm1, HOTRAM_PM1_WAKE), HOTRAM_OK);
    assert_false(hotram_pm1_level(&pm1));
    assert_int_equal(hotram_pm1_read(&pm1, STATUS, 2), HOTRAM_PM1_WAKE);
}

static void it_is_always_in_acpi_mode_and_says_when_to_sleep(void **state)
{
    struct hotram_pm1 pm1 = { 0 };

    (void)state;
    assert_int_equal(hotram_pm1_read(&pm1, CONTROL, 2), 1);
    assert_false(hotram_pm1_write(&pm1, CONTROL, 2, 5 << 10));
    assert_int_equal(hotram_pm1_sleep_type(&pm1), 5);
    assert_int_equal(hotram_pm1_read(&pm1, CONTROL, 2), 5 << 10 | 1);
    assert_true(hotram_pm1_write(&pm1, CONTROL, 2, 7 << 10 | 0x2000));
    assert_int_equal(hotram_pm1_sleep_type(&pm1), 7);
    assert_int_equal(hotram_pm1_read(&pm1, CONTROL, 2) & 0x2000, 0); /* written only */
    assert_true(hotram_pm1_write(&pm1, CONTROL + 1, 1, 0x20));
    assert_false(hotram_pm1_write(&pm1, CONTROL, 1, 0x20));
}

/* Against bytes: status is cleared by ones, enable and control are stored. */
static void accesses_of_any_width_are_their_bytes(void **state)
{
    struct unit_random random = unit_random_start("PM1");

    (void)state;
    for (unsigned round = 0; round < 100000; round++) {
        static const unsigned widths[] = { 1, 2, 4 };
        struct hotram_pm1 pm1 = { .status = (uint16_t)unit_random_next(&random),
                                  .enable = (uint16_t)(unit_random_next(&random) & 0x721) };
        struct hotram_pm1 other = pm1;
        const unsigned width = widths[unit_random_below(&random, 3)];
        const uint32_t offset = unit_random_below(&random, 9);
        const uint32_t value = (uint32_t)unit_random_next(&random);
        bool sleeps = false;

        for (unsigned i = 0; i < width; i++)
            assert_int_equal(hotram_pm1_read(&pm1, offset, width) >> 8 * i & 0xff,
                             hotram_pm1_read(&pm1, offset + i, 1));
        for (unsigned i = 0; i < width; i++)
            sleeps |= hotram_pm1_write(&other, offset + i, 1, value >> 8 * i & 0xff);
        assert_int_equal(hotram_pm1_write(&pm1, offset, width, value), sleeps);
        assert_memory_equal(&pm1, &other, sizeof pm1);
    }
}

static void what_is_none_is_ignored(void **state)
{
    struct hotram_pm1 pm1 = { 1, 2, 3 };
    const struct hotram_pm1 before = pm1;

    (void)state;
    assert_int_equal(hotram_pm1_raise(NULL, HOTRAM_PM1_WAKE), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_pm1_raise(&pm1, 1), HOTRAM_E_ARGUMENT);
    for (unsigned width = 0; width < 9; width++) {
        if (width == 1 || width == 2 || width == 4)
            continue;
        assert_int_equal(hotram_pm1_read(&pm1, 0, width), UINT32_MAX);
        assert_false(hotram_pm1_write(&pm1, 4, width, UINT32_MAX));
    }
    assert_false(hotram_pm1_write(&pm1, UINT32_MAX, 4, UINT32_MAX)); /* round the end of all offsets */
    assert_int_equal(hotram_pm1_read(&pm1, UINT32_MAX, 4), UINT32_MAX);
    assert_false(hotram_pm1_write(NULL, 4, 2, UINT32_MAX));
    assert_int_equal(hotram_pm1_read(NULL, 0, 2), UINT32_MAX);
    assert_int_equal(hotram_pm1_sleep_type(NULL), 0);
    assert_false(hotram_pm1_level(NULL));
    hotram_pm1_reset(NULL);
    assert_memory_equal(&pm1, &before, sizeof pm1);
    hotram_pm1_reset(&pm1);
    assert_int_equal(pm1.status | pm1.enable | pm1.control, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_button_asserts_the_sci_once_it_is_enabled),
        cmocka_unit_test(waking_is_a_status_without_an_interrupt),
        cmocka_unit_test(it_is_always_in_acpi_mode_and_says_when_to_sleep),
        cmocka_unit_test(accesses_of_any_width_are_their_bytes),
        cmocka_unit_test(what_is_none_is_ignored),
    };

    return cmocka_run_group_tests_name("pm1", tests, NULL, NULL);
}
