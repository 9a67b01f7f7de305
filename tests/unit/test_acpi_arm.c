/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Timers, serial port and power button in the tables of hotram/acpi_arm.h, byte by byte.
 */
#include "acpi_expect.h"

#include <hotram/acpi_arm.h>

static const struct hotram_acpi_timers timers = {
    .secure = { 29, HOTRAM_TIMER_ACTIVE_LOW },
    .non_secure = { 30, HOTRAM_TIMER_EDGE | HOTRAM_TIMER_ALWAYS_ON },
    .virtual_el1 = { 27, HOTRAM_TIMER_ALWAYS_ON },
    .hypervisor = { 0, HOTRAM_TIMER_ALWAYS_ON }, /* not there */
    .hypervisor_virtual = { 28, HOTRAM_TIMER_ACTIVE_LOW },
};

static const struct hotram_acpi_pl011 pl011 = {
    .path = "\\_SB.COM0", .base = 0x09000000, .gsi = 33, .uid = 5
};

static enum hotram_status write_gtdt(struct hotram_buffer *out)
{
    return hotram_acpi_gtdt(out, &acpi_test_ids, &timers);
}

static enum hotram_status write_spcr(struct hotram_buffer *out)
{
    return hotram_acpi_spcr(out, &acpi_test_ids, &pl011);
}

static enum hotram_status write_dbg2(struct hotram_buffer *out)
{
    return hotram_acpi_dbg2(out, &acpi_test_ids, &pl011);
}

static void at_every_capacity_nothing_is_written_beyond_it(void **state)
{
    static const acpi_writer writers[] = { write_gtdt, write_spcr, write_dbg2 };

    (void)state;
    acpi_expect_capacities(writers, COUNT_OF(writers));
}

/* clang-format off */
static void gtdt_lists_five_timers(void **state)
{
    static const uint8_t body[] = {
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0,
        29, 0, 0, 0, 2, 0, 0, 0, 30, 0, 0, 0, 5, 0, 0, 0, 27, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 28, 0, 0, 0, 2, 0, 0, 0,
    };

    (void)state;
    acpi_expect_table(write_gtdt, "GTDT", 3, body, sizeof body);
}

static void spcr_names_the_console(void **state)
{
    static const uint8_t body[] = {
        3, 0, 0, 0, 0, 32, 0, 3, 0, 0, 0, 0x09, 0, 0, 0, 0, 8, 0, 33, 0, 0, 0, 7, 0, 1, 0, 3, 0,
        0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
    };

    (void)state;
    acpi_expect_table(write_spcr, "SPCR", 2, body, sizeof body);
}

static void dbg2_names_the_debug_port(void **state)
{
    static const uint8_t body[] = {
        44, 0, 0, 0, 1, 0, 0, 0, 0, 48, 0, 1, 10, 0, 38, 0, 0, 0, 0, 0, 0, 0x80, 3, 0, 0, 0, 22, 0, 34, 0,
        0, 32, 0, 3, 0, 0, 0, 0x09, 0, 0, 0, 0, 0, 0x10, 0, 0,
        '\\', '_', 'S', 'B', '.', 'C', 'O', 'M', '0', 0,
    };

    (void)state;
    acpi_expect_table(write_dbg2, "DBG2", 0, body, sizeof body);
}

static void the_serial_port_and_the_button_are_devices(void **state)
{
    static const uint8_t expected[] = {
        0x5b, 0x82, 0x42, 0x04, '\\', '.', '_', 'S', 'B', '_', 'C', 'O', 'M', '0',
        8, '_', 'H', 'I', 'D', 13, 'A', 'R', 'M', 'H', '0', '0', '1', '1', 0, 8, '_', 'U', 'I', 'D', 10, 5,
        8, '_', 'C', 'R', 'S', 0x11, 26, 10, 23,
        0x86, 9, 0, 1, 0, 0, 0, 9, 0, 0x10, 0, 0, 0x89, 6, 0, 1, 1, 33, 0, 0, 0, 0x79, 0,
        0x5b, 0x82, 27, '\\', '.', '_', 'S', 'B', '_', 'P', 'W', 'R', 'B',
        8, '_', 'H', 'I', 'D', 12, 0x41, 0xd0, 0x0c, 0x0c, 8, '_', 'U', 'I', 'D', 0,
    };
    struct hotram_buffer out;
    struct hotram_aml aml;
    uint8_t data[256];

    (void)state;
    hotram_buffer_init(&out, data, sizeof data);
    hotram_aml_begin(&aml, &out);
    assert_int_equal(hotram_acpi_pl011(&aml, &pl011), HOTRAM_OK);
    assert_int_equal(hotram_acpi_power_button(&aml, "\\_SB.PWRB"), HOTRAM_OK);
    assert_int_equal(hotram_aml_finish(&aml, NULL), HOTRAM_OK);
    assert_int_equal(out.length, sizeof expected);
    assert_memory_equal(data, expected, sizeof expected);
}
/* clang-format on */

/* ---- Bad input ---- */

static void tables_refuse_missing_arguments(void **state)
{
    struct hotram_buffer out;

    (void)state;
    hotram_buffer_init(&out, NULL, 0);
    acpi_expect_argument(hotram_acpi_gtdt(NULL, &acpi_test_ids, &timers), &out);
    acpi_expect_argument(hotram_acpi_gtdt(&out, NULL, &timers), &out);
    acpi_expect_argument(hotram_acpi_gtdt(&out, &acpi_test_ids, NULL), &out);
    acpi_expect_argument(hotram_acpi_spcr(NULL, &acpi_test_ids, &pl011), &out);
    acpi_expect_argument(hotram_acpi_spcr(&out, NULL, &pl011), &out);
    acpi_expect_argument(hotram_acpi_spcr(&out, &acpi_test_ids, NULL), &out);
    acpi_expect_argument(hotram_acpi_dbg2(NULL, &acpi_test_ids, &pl011), &out);
    acpi_expect_argument(hotram_acpi_dbg2(&out, NULL, &pl011), &out);
    acpi_expect_argument(hotram_acpi_dbg2(&out, &acpi_test_ids, NULL), &out);
}

static void a_timer_has_three_flags(void **state)
{
    struct hotram_buffer out;

    (void)state;
    hotram_buffer_init(&out, NULL, 0);
    for (unsigned i = 0; i < 5; i++) {
        struct hotram_acpi_timer five[5] = { { 0 } };
        struct hotram_acpi_timers bad;

        five[i].flags = 8;
        bad = (struct hotram_acpi_timers){ five[0], five[1], five[2], five[3], five[4] };
        acpi_expect_argument(hotram_acpi_gtdt(&out, &acpi_test_ids, &bad), &out);
    }
}

static void a_serial_port_has_a_path_and_a_place(void **state)
{
    char longest[257] = "\\";
    struct hotram_acpi_pl011 bad[] = { pl011, pl011, pl011, pl011, pl011 };
    struct hotram_buffer out;
    struct hotram_aml aml;

    (void)state;
    memset(longest + 1, 'A', 255);
    bad[0].path = NULL;
    bad[1].path = "";
    bad[2].path = "COM0";
    bad[3].path = longest; /* 256 characters */
    bad[4].base = 0xfffff001;
    hotram_buffer_init(&out, NULL, 0);
    hotram_aml_begin(&aml, &out);
    for (unsigned i = 0; i < COUNT_OF(bad); i++) {
        acpi_expect_argument(hotram_acpi_spcr(&out, &acpi_test_ids, &bad[i]), &out);
        acpi_expect_argument(hotram_acpi_dbg2(&out, &acpi_test_ids, &bad[i]), &out);
        acpi_expect_argument(hotram_acpi_pl011(&aml, &bad[i]), &out);
    }
    longest[255] = '\0';
    bad[4].base = 0xfffff000;
    assert_int_equal(hotram_acpi_dbg2(&out, &acpi_test_ids, &bad[3]), HOTRAM_E_BUFFER);
    assert_int_equal(out.length, 36 + 8 + 38 + 256);
    assert_int_equal(hotram_acpi_spcr(&out, &acpi_test_ids, &bad[4]), HOTRAM_E_BUFFER);
}

static void devices_refuse_what_is_missing(void **state)
{
    struct hotram_buffer out;
    struct hotram_aml aml;

    (void)state;
    hotram_buffer_init(&out, NULL, 0);
    hotram_aml_begin(&aml, &out);
    acpi_expect_argument(hotram_acpi_pl011(NULL, &pl011), &out);
    acpi_expect_argument(hotram_acpi_pl011(&aml, NULL), &out);
    acpi_expect_argument(hotram_acpi_power_button(NULL, "PWRB"), &out);
    acpi_expect_argument(hotram_acpi_power_button(&aml, NULL), &out);
    assert_int_equal(hotram_aml_finish(&aml, NULL), HOTRAM_OK); /* the writer went on */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(at_every_capacity_nothing_is_written_beyond_it),
        cmocka_unit_test(gtdt_lists_five_timers),
        cmocka_unit_test(spcr_names_the_console),
        cmocka_unit_test(dbg2_names_the_debug_port),
        cmocka_unit_test(the_serial_port_and_the_button_are_devices),
        cmocka_unit_test(tables_refuse_missing_arguments),
        cmocka_unit_test(a_timer_has_three_flags),
        cmocka_unit_test(a_serial_port_has_a_path_and_a_place),
        cmocka_unit_test(devices_refuse_what_is_missing),
    };

    return cmocka_run_group_tests_name("acpi-arm", tests, NULL, NULL);
}
