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
    hotram_gpe_write(&gpe, 0, 0x08, 0);
    assert_int_equal(gpe.status, 0xfff7);
    hotram_gpe_write(&gpe, 1, 0x81, 0);
    assert_int_equal(gpe.status, 0x7ef7);
    hotram_gpe_write(&gpe, 0, 0x00, 0);
    assert_int_equal(gpe.status, 0x7ef7);
    assert_int_equal(gpe.enable, 0x1234);
}

static void enable_bits_are_stored_and_read_back(void **state)
{
    struct hotram_gpe gpe = { .status = 0x5a5a };

    (void)state;
    for (unsigned value = 0; value < 256; value++) {
        hotram_gpe_write(&gpe, 2, (uint8_t)value, 0);
        hotram_gpe_write(&gpe, 3, (uint8_t)~value, 0);
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
    hotram_gpe_write(&gpe, 2, 0xf7, 0); /* all of the low ones but event 3 */
    hotram_gpe_write(&gpe, 3, 0xff, 0);
    assert_false(hotram_gpe_level(&gpe));
    hotram_gpe_write(&gpe, 2, 0x08, 0);
    assert_true(hotram_gpe_level(&gpe));
    hotram_gpe_write(&gpe, 0, 0x08, 0);
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
        hotram_gpe_write(&gpe, offsets[i], 0xff, 0);
    }
    assert_int_equal(gpe.status, 0x1111);
    assert_int_equal(gpe.enable, 0x2222);
    assert_int_equal(hotram_gpe_read(NULL, 0), 0xff);
    hotram_gpe_write(NULL, 0, 0xff, 0);
}

static void reset_leaves_nothing_pending_or_enabled(void **state)
{
    struct hotram_gpe gpe = { .status = 0xffff, .enable = 0xffff, .repeated = 0xffff };

    (void)state;
    hotram_gpe_reset(&gpe);
    assert_int_equal(gpe.status, 0);
    assert_int_equal(gpe.enable, 0);
    assert_int_equal(gpe.repeated, 0);
    hotram_gpe_reset(NULL);
}

#define MEMORY (1u << HOTRAM_GPE_MEMORY)

/* What Linux does as it starts: disables all, clears all, and enables the event later. */
static void an_event_that_was_cleared_before_it_was_enabled_is_raised_again(void **state)
{
    struct hotram_gpe gpe = { 0 };

    (void)state;
    hotram_gpe_raise(&gpe, HOTRAM_GPE_MEMORY);
    hotram_gpe_write(&gpe, 2, 0, MEMORY);
    hotram_gpe_write(&gpe, 0, 0xff, MEMORY);
    assert_false(hotram_gpe_level(&gpe));
    hotram_gpe_write(&gpe, 2, MEMORY, MEMORY);
    assert_true(hotram_gpe_level(&gpe));
}

static void an_event_on_which_the_guest_never_acts_is_raised_again_once(void **state)
{
    struct hotram_gpe gpe = { 0 };

    (void)state;
    hotram_gpe_raise(&gpe, HOTRAM_GPE_MEMORY);
    for (unsigned i = 0; i < 4; i++) {
        hotram_gpe_write(&gpe, 2, 0, MEMORY);
        hotram_gpe_write(&gpe, 0, MEMORY, MEMORY);
        hotram_gpe_write(&gpe, 2, MEMORY, MEMORY);
        assert_int_equal(hotram_gpe_level(&gpe), i == 0);
    }
    hotram_gpe_raise(&gpe, HOTRAM_GPE_MEMORY); /* the platform may always */
    assert_true(hotram_gpe_level(&gpe));
}

/* What a guest and a platform can do, in every order of a certain length, beside what has to hold whatever
 * they do: while the event is enabled, something that waits and was not delivered yet asserts the SCI. */
enum act { PLUG, CLEAR, ENABLE, DISABLE, HANDLE, ACTS };

#define LENGTH 7

static void act(struct hotram_gpe *gpe, enum act what, uint16_t *waiting, bool *delivered)
{
    switch (what) {
    case PLUG:
        *waiting = MEMORY;
        *delivered = false;
        hotram_gpe_raise(gpe, HOTRAM_GPE_MEMORY);
        break;
    case CLEAR: /* ACPICA clears an event that it dispatches, and all as it starts */
        hotram_gpe_write(gpe, 0, 0xff, *waiting);
        break;
    case ENABLE:
        hotram_gpe_write(gpe, 2, MEMORY, *waiting);
        break;
    case DISABLE:
        hotram_gpe_write(gpe, 2, 0, *waiting);
        break;
    default: /* the method scans the slots */
        *waiting = 0;
    }
    if (*waiting && hotram_gpe_level(gpe))
        *delivered = true;
}

static void no_order_of_acts_loses_an_event(void **state)
{
    unsigned orders = 1;

    (void)state;
    for (unsigned i = 0; i < LENGTH; i++)
        orders *= ACTS;
    for (unsigned order = 0; order < orders; order++) {
        struct hotram_gpe gpe = { 0 };
        uint16_t waiting = 0;
        bool delivered = false;

        for (unsigned i = 0, rest = order; i < LENGTH; i++, rest /= ACTS) {
            act(&gpe, (enum act)(rest % ACTS), &waiting, &delivered);
            if (waiting && (gpe.enable & MEMORY) && !delivered)
                fail_msg("order %u, act %u: the event waits, is enabled, and was not delivered", order, i);
        }
    }
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
        cmocka_unit_test(an_event_that_was_cleared_before_it_was_enabled_is_raised_again),
        cmocka_unit_test(an_event_on_which_the_guest_never_acts_is_raised_again_once),
        cmocka_unit_test(no_order_of_acts_loses_an_event),
        cmocka_unit_test(reset_leaves_nothing_pending_or_enabled),
    };

    return cmocka_run_group_tests_name("gpe", tests, NULL, NULL);
}
