/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The register block of CPUs against docs/register-interface.md. Tests whose name begins with "seen" show
 * what was observed on QEMU.
 */
#include "unit.h"

#include <hotram/cpuhp.h>

#define SLOTS 6u
#define ID(slot) (UINT64_C(0x0100000000) * ((slot) + 1) + 0x80000000u + (slot))

struct fixture {
    struct hotram_cpus cpus;
    struct hotram_cpu slots[SLOTS];
    struct hotram_cpuhp cpuhp;
    unsigned raised, reported, ejected;
    uint32_t slot, event, status;
};

static void on_raise(void *opaque)
{
    ((struct fixture *)opaque)->raised++;
}

static void on_ost(void *opaque, uint32_t slot, uint32_t event, uint32_t status)
{
    struct fixture *fixture = opaque;

    fixture->reported++;
    fixture->slot = slot;
    fixture->event = event;
    fixture->status = status;
}

static void on_eject(void *opaque, uint32_t slot)
{
    struct fixture *fixture = opaque;

    fixture->ejected++;
    fixture->slot = slot;
}

static const struct hotram_cpus_ops ops = { on_raise, on_ost, on_eject };

/* Slots 0 (fixed) and 1 contain CPUs, the others none. */
static void make(struct fixture *fixture)
{
    memset(fixture, 0, sizeof *fixture);
    for (uint32_t i = 0; i < SLOTS; i++)
        fixture->slots[i].hardware_id = ID(i);
    assert_int_equal(hotram_cpus_init(&fixture->cpus, fixture->slots, SLOTS, &ops, fixture), HOTRAM_OK);
    assert_int_equal(hotram_cpuhp_init(&fixture->cpuhp, &fixture->cpus), HOTRAM_OK);
    assert_int_equal(hotram_cpus_plug(&fixture->cpus, 0, false), HOTRAM_OK);
    assert_int_equal(hotram_cpus_fix(&fixture->cpus, 0), HOTRAM_OK);
    assert_int_equal(hotram_cpus_plug(&fixture->cpus, 1, false), HOTRAM_OK);
}

static uint32_t rd(struct fixture *fixture, uint32_t offset, unsigned width)
{
    return hotram_cpuhp_read(&fixture->cpuhp, offset, width);
}

static void wr(struct fixture *fixture, uint32_t offset, unsigned width, uint32_t value)
{
    hotram_cpuhp_write(&fixture->cpuhp, offset, width, value);
}

static uint32_t flags(struct fixture *fixture)
{
    return rd(fixture, 4, 1);
}

/* Command 0 from a slot on. */
static uint32_t next_from(struct fixture *fixture, uint32_t slot)
{
    wr(fixture, 0, 4, slot);
    wr(fixture, 5, 1, 0);
    return rd(fixture, 8, 4);
}

/* ---- Reads, at every width and offset ---- */

static uint32_t mask(unsigned width)
{
    return width == 4 ? 0xffffffffu : width == 2 ? 0xffffu : 0xffu;
}

/* What starts at an offset: the three registers that can be read, zeros between, ones behind. */
static uint32_t part(const uint32_t registers[3], uint64_t offset, unsigned width)
{
    uint32_t value = offset >= 12 ? 0xffffffffu : offset % 4 == 0 ? registers[offset / 4] : 0;

    return value & mask(width);
}

static uint32_t expected_read(const uint32_t registers[3], uint64_t offset, unsigned width)
{
    if (width == 1 || offset % width == 0)
        return part(registers, offset, width);
    if (width == 2)
        return part(registers, offset, 1) | part(registers, offset + 1, 1) << 8;
    if (offset % 2 == 0)
        return part(registers, offset, 2) | part(registers, offset + 2, 2) << 16;
    return part(registers, offset, 1) | part(registers, offset + 1, 2) << 8 |
           part(registers, offset + 3, 1) << 24;
}

static void expect_everywhere(struct fixture *fixture, uint32_t high, uint32_t status, uint32_t low)
{
    const uint32_t registers[3] = { high, status, low };
    static const uint32_t bases[] = { 0, 0x80, 0x80000000u, 0xfffffff0u };

    for (unsigned width = 1; width <= 4; width *= 2) {
        for (unsigned i = 0; i < COUNT_OF(bases); i++) {
            for (uint32_t offset = bases[i]; offset - bases[i] < 16; offset++)
                assert_int_equal(rd(fixture, offset, width), expected_read(registers, offset, width));
        }
    }
}

static void each_command_has_its_data_at_every_width_and_offset(void **state)
{
    struct fixture fixture;

    (void)state;
    make(&fixture);
    expect_everywhere(&fixture, 0, 1, 0);
    wr(&fixture, 0, 4, 1);
    expect_everywhere(&fixture, 0, 1, 1);
    wr(&fixture, 5, 1, 3);
    expect_everywhere(&fixture, ID(1) >> 32, 1, (uint32_t)ID(1));
    wr(&fixture, 0, 4, 5);
    expect_everywhere(&fixture, ID(5) >> 32, 0, (uint32_t)ID(5));
    wr(&fixture, 5, 1, 1);
    expect_everywhere(&fixture, 0, 0, 0);
    wr(&fixture, 5, 1, 2);
    expect_everywhere(&fixture, 0, 0, 0);
}

static void seen_a_selector_out_of_range_reads_zero_and_ignores_all_other_writes(void **state)
{
    static const uint32_t selectors[] = { SLOTS, SLOTS + 1, 0x80000000u, UINT32_MAX };
    struct fixture fixture, before;

    (void)state;
    make(&fixture);
    assert_int_equal(hotram_cpus_plug(&fixture.cpus, 2, true), HOTRAM_OK);
    wr(&fixture, 5, 1, 3);
    for (unsigned i = 0; i < COUNT_OF(selectors); i++) {
        wr(&fixture, 0, 4, selectors[i]);
        expect_everywhere(&fixture, 0, 0, 0);
        before = fixture;
        for (uint32_t offset = 4; offset < 12; offset++)
            for (uint32_t value = 0; value < 256; value++)
                wr(&fixture, offset, 1, value);
        assert_memory_equal(&fixture, &before, sizeof before);
    }
    wr(&fixture, 0, 4, 2);
    assert_int_equal(rd(&fixture, 8, 4), (uint32_t)ID(2)); /* the command is the last that was accepted */
}

static void a_missing_block_and_other_widths(void **state)
{
    static const unsigned others[] = { 0, 3, 5, 8, 32, 33, UINT32_MAX };
    struct fixture fixture;

    (void)state;
    make(&fixture);
    assert_int_equal(hotram_cpuhp_init(NULL, &fixture.cpus), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_cpuhp_init(&fixture.cpuhp, NULL), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_cpuhp_read(NULL, 0, 1), 0xff);
    assert_int_equal(hotram_cpuhp_read(NULL, 0, 2), 0xffff);
    assert_int_equal(hotram_cpuhp_read(NULL, 0, 4), 0xffffffffu);
    hotram_cpuhp_write(NULL, 0, 4, 1);
    for (unsigned i = 0; i < COUNT_OF(others); i++) {
        assert_int_equal(rd(&fixture, 0, others[i]), 0xffffffffu);
        assert_int_equal(hotram_cpuhp_read(NULL, 0, others[i]), 0xffffffffu);
        wr(&fixture, 0, others[i], 1);
        assert_int_equal(fixture.cpuhp.selector, 0);
    }
}

/* ---- Selector and command ---- */

static void seen_a_narrow_selector_write_is_extended_with_zeroes(void **state)
{
    struct fixture fixture;

    (void)state;
    make(&fixture);
    wr(&fixture, 0, 4, 0x12345678);
    wr(&fixture, 0, 1, 0xffffff05);
    assert_int_equal(rd(&fixture, 8, 4), 5);
    wr(&fixture, 0, 4, 0x10004);
    assert_int_equal(rd(&fixture, 8, 4), 0);
    wr(&fixture, 0, 2, 0xffff0003);
    assert_int_equal(rd(&fixture, 8, 4), 3);
    wr(&fixture, 1, 1, 1);
    wr(&fixture, 1, 4, 2);
    assert_int_equal(rd(&fixture, 8, 4), 3);
}

static void seen_an_unknown_command_keeps_the_last(void **state)
{
    struct fixture fixture;

    (void)state;
    make(&fixture);
    wr(&fixture, 0, 4, 5);
    wr(&fixture, 5, 1, 3);
    for (uint32_t command = 4; command < 256; command++) {
        wr(&fixture, 5, 1, command);
        assert_int_equal(fixture.cpuhp.command, HOTRAM_CPUHP_HARDWARE_ID);
    }
    wr(&fixture, 5, 1, 0x101); /* the low byte counts */
    assert_int_equal(fixture.cpuhp.command, HOTRAM_CPUHP_OST_EVENT);
}

static void seen_a_wide_write_of_control_is_no_command(void **state)
{
    struct fixture fixture;

    (void)state;
    make(&fixture);
    wr(&fixture, 0, 4, 1);
    wr(&fixture, 4, 2, 0x0300);
    assert_int_equal(rd(&fixture, 8, 4), 1);
    wr(&fixture, 4, 4, 0x0300);
    assert_int_equal(rd(&fixture, 8, 4), 1);
    wr(&fixture, 5, 2, 0x0003); /* the byte at 5, and one at 6 */
    assert_int_equal(rd(&fixture, 8, 4), (uint32_t)ID(1));
}

static void seen_the_next_event_from_each_selector(void **state)
{
    static const uint32_t found[SLOTS] = { 2, 2, 2, 4, 4, 2 };
    struct fixture fixture;

    (void)state;
    make(&fixture);
    assert_int_equal(next_from(&fixture, 3), 3); /* none: the selector stays */
    assert_int_equal(hotram_cpus_plug(&fixture.cpus, 4, true), HOTRAM_OK);
    assert_int_equal(hotram_cpus_plug(&fixture.cpus, 2, true), HOTRAM_OK);
    for (uint32_t from = 0; from < SLOTS; from++)
        assert_int_equal(next_from(&fixture, from), found[from]);
    wr(&fixture, 4, 1, 2);
    wr(&fixture, 0, 4, 3);
    assert_int_equal(rd(&fixture, 8, 4), 3); /* it acts when it is written, not when it is read */
    assert_int_equal(next_from(&fixture, 3), 4);
    wr(&fixture, 4, 1, 2);
    assert_int_equal(next_from(&fixture, 3), 3);
}

static void a_reset_selects_slot_and_command_0(void **state)
{
    struct fixture fixture;

    (void)state;
    make(&fixture);
    wr(&fixture, 0, 4, 77);
    fixture.cpuhp.command = 3;
    assert_int_equal(hotram_cpuhp_init(&fixture.cpuhp, &fixture.cpus), HOTRAM_OK);
    expect_everywhere(&fixture, 0, 1, 0);
}

/* ---- Control ---- */

/* Slot 2 has both events and is selected. */
static void make_pending(struct fixture *fixture)
{
    make(fixture);
    assert_int_equal(hotram_cpus_plug(&fixture->cpus, 2, true), HOTRAM_OK);
    assert_int_equal(hotram_cpus_request_removal(&fixture->cpus, 2), HOTRAM_OK);
    wr(fixture, 0, 4, 2);
    assert_int_equal(flags(fixture), 7);
}

static void one_action_for_each_write_of_control(void **state)
{
    struct fixture fixture;

    (void)state;
    for (uint32_t value = 0; value < 256; value++) {
        make_pending(&fixture);
        wr(&fixture, 4, 1, value);
        assert_int_equal(flags(&fixture), value & 2 ? 5 : value & 4 ? 3 : value & 8 ? 0 : 7);
        assert_int_equal(fixture.ejected, !(value & 6) && value & 8);
        assert_int_equal(next_from(&fixture, 0), value & 8 && !(value & 6) ? 0 : 2);
    }
}

static void both_events_are_cleared_one_after_the_other(void **state)
{
    struct fixture fixture;

    (void)state;
    make_pending(&fixture);
    wr(&fixture, 4, 1, 2);
    assert_int_equal(next_from(&fixture, 0), 2);
    wr(&fixture, 4, 1, 4);
    assert_int_equal(flags(&fixture), 1);
    assert_int_equal(next_from(&fixture, 0), 0);
}

static void an_eject_without_a_request_is_carried_out(void **state)
{
    struct fixture fixture;

    (void)state;
    make(&fixture);
    wr(&fixture, 0, 4, 1);
    wr(&fixture, 4, 1, 8);
    assert_int_equal(fixture.ejected, 1);
    assert_int_equal(fixture.slot, 1);
    assert_int_equal(flags(&fixture), 0);
    wr(&fixture, 4, 1, 8); /* ejecting */
    assert_int_equal(fixture.ejected, 1);
}

static void seen_the_boot_cpu_and_empty_slots_are_not_ejected(void **state)
{
    struct fixture fixture;

    (void)state;
    make(&fixture);
    wr(&fixture, 4, 1, 8);
    assert_int_equal(flags(&fixture), 1);
    wr(&fixture, 0, 4, 5);
    wr(&fixture, 4, 1, 8);
    assert_int_equal(flags(&fixture), 0);
    assert_int_equal(fixture.ejected, 0);
}

static void writes_elsewhere_do_nothing(void **state)
{
    static const uint32_t offsets[] = { 1, 2, 3, 6, 7, 9, 10, 11, 12, 13, 16, 0x80, 0xfffffffe, 0xffffffff };
    struct fixture fixture, before;

    (void)state;
    make_pending(&fixture);
    wr(&fixture, 5, 1, 2);
    before = fixture;
    for (unsigned i = 0; i < COUNT_OF(offsets); i++)
        for (uint32_t value = 0; value < 256; value++)
            wr(&fixture, offsets[i], 1, value);
    wr(&fixture, 6, 2, 0xffff);
    wr(&fixture, 10, 4, UINT32_MAX);
    wr(&fixture, 9, 2, 0xffff);
    wr(&fixture, 0xfffffffe, 4, UINT32_MAX);
    assert_memory_equal(&fixture, &before, sizeof before);
}

/* ---- _OST ---- */

static void seen_the_event_is_remembered_and_reported_with_the_status(void **state)
{
    struct fixture fixture;

    (void)state;
    make(&fixture);
    wr(&fixture, 0, 4, 1);
    wr(&fixture, 5, 1, 1);
    wr(&fixture, 8, 4, 0x103);
    assert_int_equal(rd(&fixture, 8, 4), 0);
    assert_int_equal(fixture.reported, 0);
    wr(&fixture, 5, 1, 2);
    wr(&fixture, 8, 1, 0xffffff84);
    assert_int_equal(fixture.reported, 1);
    assert_int_equal(fixture.slot, 1);
    assert_int_equal(fixture.event, 0x103);
    assert_int_equal(fixture.status, 0x84);
    wr(&fixture, 8, 4, 0x12345678);
    assert_int_equal(fixture.reported, 2);
    assert_int_equal(fixture.event, 0x103);
    assert_int_equal(fixture.status, 0x12345678);
    assert_int_equal(fixture.slots[1].ost_status, 0x12345678);
    for (uint32_t command = 0; command < 4; command += 3) {
        wr(&fixture, 5, 1, command);
        wr(&fixture, 8, 4, 1);
    }
    assert_int_equal(fixture.reported, 2);
    assert_int_equal(fixture.slots[1].ost_event, 0x103);
}

static void seen_the_report_of_an_empty_slot(void **state)
{
    struct fixture fixture;

    (void)state;
    make(&fixture);
    wr(&fixture, 0, 4, 5);
    wr(&fixture, 5, 1, 2);
    wr(&fixture, 8, 4, 7);
    assert_int_equal(fixture.reported, 1);
    assert_int_equal(fixture.slot, 5);
    assert_int_equal(fixture.event, 0);
    assert_int_equal(fixture.status, 7);
    wr(&fixture, 0, 4, 9);
    wr(&fixture, 8, 4, 7);
    assert_int_equal(fixture.reported, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_command_has_its_data_at_every_width_and_offset),
        cmocka_unit_test(seen_a_selector_out_of_range_reads_zero_and_ignores_all_other_writes),
        cmocka_unit_test(a_missing_block_and_other_widths),
        cmocka_unit_test(seen_a_narrow_selector_write_is_extended_with_zeroes),
        cmocka_unit_test(seen_an_unknown_command_keeps_the_last),
        cmocka_unit_test(seen_a_wide_write_of_control_is_no_command),
        cmocka_unit_test(seen_the_next_event_from_each_selector),
        cmocka_unit_test(a_reset_selects_slot_and_command_0),
        cmocka_unit_test(one_action_for_each_write_of_control),
        cmocka_unit_test(both_events_are_cleared_one_after_the_other),
        cmocka_unit_test(an_eject_without_a_request_is_carried_out),
        cmocka_unit_test(seen_the_boot_cpu_and_empty_slots_are_not_ejected),
        cmocka_unit_test(writes_elsewhere_do_nothing),
        cmocka_unit_test(seen_the_event_is_remembered_and_reported_with_the_status),
        cmocka_unit_test(seen_the_report_of_an_empty_slot),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
