/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include <hotram/gpe.h>

static void raise_sets_the_status_bit_of_each_event(void **state)
{
    (void)state;
    for (unsigned event = 0; event < HOTRAM_GPE_EVENTS; event++) {
        struct hotram_gpe gpe = { 0 };

        assert_int_equal(hotram_gpe_raise(&gpe, event), HOTRAM_OK);
        for (unsigned byte = 0; byte < HOTRAM_GPE_LENGTH; byte++)
            assert_int_equal(hotram_gpe_read(&gpe, byte), byte == event / 8 ? 1 << event % 8 : 0);
    }
}

static void raise_refuses_what_its_contract_excludes(void **state)
{
    struct hotram_gpe gpe = { 0 };

    (void)state;
    assert_int_equal(hotram_gpe_raise(NULL, 0), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_gpe_raise(&gpe, HOTRAM_GPE_EVENTS), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_gpe_raise(&gpe, UINT32_MAX), HOTRAM_E_ARGUMENT);
    assert_int_equal(gpe.status, 0);
}

static void status_bits_are_cleared_by_writing_one(void **state)
{
    struct hotram_gpe gpe = { .status = 0xffff, .enable = 0x1234 };

    (void)state;
    hotram_gpe_write(&gpe, 0, 0x08);
    assert_int_equal(gpe.status, 0xfff7);
    hotram_gpe_write(&gpe, 1, 0x81);
    assert_int_equal(gpe.status, 0x7ef7);
    hotram_gpe_write(&gpe, 0, 0x00);
    assert_int_equal(gpe.status, 0x7ef7);
    assert_int_equal(gpe.enable, 0x1234);
}

static void enable_bits_are_stored_and_read_back(void **state)
{
    struct hotram_gpe gpe = { .status = 0x5a5a };

    (void)state;
    for (unsigned value = 0; value < 256; value++) {
        hotram_gpe_write(&gpe, 2, (uint8_t)value);
        hotram_gpe_write(&gpe, 3, (uint8_t)~value);
        assert_int_equal(hotram_gpe_read(&gpe, 2), value);
        assert_int_equal(hotram_gpe_read(&gpe, 3), (uint8_t)~value);
    }
    assert_int_equal(gpe.status, 0x5a5a);
}

static void the_level_is_that_of_enabled_pending_events(void **state)
{
    struct hotram_gpe gpe = { 0 };

    (void)state;
    assert_false(hotram_gpe_level(&gpe));
    hotram_gpe_raise(&gpe, HOTRAM_GPE_MEMORY);
    assert_false(hotram_gpe_level(&gpe));
    hotram_gpe_write(&gpe, 2, 0xf7); /* all of the low ones but event 3 */
    hotram_gpe_write(&gpe, 3, 0xff);
    assert_false(hotram_gpe_level(&gpe));
    hotram_gpe_write(&gpe, 2, 0x08);
    assert_true(hotram_gpe_level(&gpe));
    hotram_gpe_write(&gpe, 0, 0x08);
    assert_false(hotram_gpe_level(&gpe));
    hotram_gpe_raise(&gpe, 15);
    assert_true(hotram_gpe_level(&gpe));
    assert_false(hotram_gpe_level(NULL));
}

static void beyond_the_block_reads_float_and_writes_are_ignored(void **state)
{
    static const uint32_t offsets[] = { 4, 5, 8, 0x10000, UINT32_MAX };
    struct hotram_gpe gpe = { .status = 0x1111, .enable = 0x2222 };

    (void)state;
    for (unsigned i = 0; i < COUNT_OF(offsets); i++) {
        assert_int_equal(hotram_gpe_read(&gpe, offsets[i]), 0xff);
        hotram_gpe_write(&gpe, offsets[i], 0xff);
    }
    assert_int_equal(gpe.status, 0x1111);
    assert_int_equal(gpe.enable, 0x2222);
    assert_int_equal(hotram_gpe_read(NULL, 0), 0xff);
    hotram_gpe_write(NULL, 0, 0xff);
}

static void reset_leaves_nothing_pending_or_enabled(void **state)
{
    struct hotram_gpe gpe = { .status = 0xffff, .enable = 0xffff };

    (void)state;
    hotram_gpe_reset(&gpe);
    assert_int_equal(gpe.status, 0);
    assert_int_equal(gpe.enable, 0);
    hotram_gpe_reset(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(raise_sets_the_status_bit_of_each_event),
        cmocka_unit_test(raise_refuses_what_its_contract_excludes),
        cmocka_unit_test(status_bits_are_cleared_by_writing_one),
        cmocka_unit_test(enable_bits_are_stored_and_read_back),
        cmocka_unit_test(the_level_is_that_of_enabled_pending_events),
        cmocka_unit_test(beyond_the_block_reads_float_and_writes_are_ignored),
        cmocka_unit_test(reset_leaves_nothing_pending_or_enabled),
    };

    return cmocka_run_group_tests_name("gpe", tests, NULL, NULL);
}
