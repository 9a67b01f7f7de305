/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The register block against docs/register-interface.md. Tests whose name begins with "seen" show what was
 * observed on QEMU.
 */
#include "unit.h"

#include <hotram/memhp.h>

#define ADDR UINT64_C(0x0000000123400000)
#define SIZE UINT64_C(0x0000000240000000)
#define NODE 0x01020304u
#define SLOTS 3u

struct fixture {
    struct hotram_bank bank;
    struct hotram_dimm slots[SLOTS];
    struct hotram_memhp memhp;
    unsigned raised;
    unsigned ejected;
    unsigned reported;
    uint32_t slot;
    uint32_t event;
    uint32_t status;
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

static const struct hotram_bank_ops ops = { on_raise, on_ost, on_eject };

/* Slot 1 is plugged; slots 0 and 2 are empty. Slot 1 is selected. */
static void make(struct fixture *fixture, bool hot)
{
    const struct hotram_bank_config config = {
        .base = 0,
        .size = UINT64_C(1) << 40,
        .capacity = UINT64_MAX,
        .granularity = 0x200000,
        .slots = SLOTS,
    };
    const struct hotram_dimm_request request = {
        .slot = 1,
        .slot_given = true,
        .addr = ADDR,
        .addr_given = true,
        .size = SIZE,
        .align = 0x200000,
        .node = NODE,
    };

    memset(fixture, 0, sizeof *fixture);
    assert_int_equal(hotram_bank_init(&fixture->bank, &config, fixture->slots, &ops, fixture), HOTRAM_OK);
    assert_int_equal(hotram_memhp_init(&fixture->memhp, &fixture->bank), HOTRAM_OK);
    assert_int_equal(hotram_bank_reserve(&fixture->bank, &request, NULL), HOTRAM_OK);
    assert_int_equal(hotram_bank_commit(&fixture->bank, 1, hot), HOTRAM_OK);
    hotram_memhp_write(&fixture->memhp, 0x00, 4, 1);
}

static uint32_t flags(struct fixture *fixture)
{
    return hotram_memhp_read(&fixture->memhp, 0x14, 1);
}

static void control(struct fixture *fixture, uint32_t value)
{
    hotram_memhp_write(&fixture->memhp, 0x14, 1, value);
}

/* The value of a read with the layout written down once more, an aligned piece at a time. The pieces of an
 * access, by its width and the offset modulo 4: */
static const struct {
    unsigned width;
    unsigned offset;
    unsigned pieces[5]; /* widths, 0 at the end */
} splits[] = {
    { 1, 0, { 1 } }, { 1, 1, { 1 } },       { 1, 2, { 1 } },    { 1, 3, { 1 } },
    { 2, 0, { 2 } }, { 2, 1, { 1, 1 } },    { 2, 2, { 2 } },    { 2, 3, { 1, 1 } },
    { 4, 0, { 4 } }, { 4, 1, { 1, 2, 1 } }, { 4, 2, { 2, 2 } }, { 4, 3, { 1, 2, 1 } },
};

static const unsigned *pieces_of(unsigned width, uint32_t offset)
{
    for (unsigned i = 0; i < COUNT_OF(splits); i++) {
        if (splits[i].width == width && splits[i].offset == offset % 4)
            return splits[i].pieces;
    }
    fail();
    return NULL;
}

static uint32_t mask(unsigned width)
{
    return width == 4 ? 0xffffffffu : width == 2 ? 0xffffu : 0xffu;
}

/* What the pending register gives. */
static uint32_t first_pending(const struct fixture *fixture)
{
    for (uint32_t slot = 0; slot < SLOTS; slot++)
        if (fixture->slots[slot].insert_pending || fixture->slots[slot].remove_pending)
            return slot;
    return 0xffffffffu;
}

static uint32_t expected_read(const uint32_t registers[6], bool in_range, uint32_t pending, uint32_t offset,
                              unsigned width)
{
    const unsigned *pieces = pieces_of(width, offset);
    uint64_t at = offset;
    uint32_t value = 0;

    for (unsigned i = 0; pieces[i]; i++) {
        uint32_t piece = 0xffffffffu;

        if (at < 24 && !in_range)
            piece = 0;
        else if (at < 24 && at % 4 == 0)
            piece = registers[at / 4];
        else if (at == 24)
            piece = pending;
        value |= (piece & mask(pieces[i])) << (8 * (at - offset));
        at += pieces[i];
    }
    return value;
}

static const uint32_t offsets_beyond[] = { 25, 26, 27, 28, 29, 32, 0x100, 0x80000000u, 0xfffffff0u };
static const unsigned widths[] = { 1, 2, 4 };

static void expect_everywhere(struct fixture *fixture, const uint32_t registers[6], bool in_range)
{
    for (unsigned w = 0; w < COUNT_OF(widths); w++) {
        for (uint32_t offset = 0; offset < 40; offset++)
            assert_int_equal(hotram_memhp_read(&fixture->memhp, offset, widths[w]),
                             expected_read(registers, in_range, first_pending(fixture), offset, widths[w]));
        for (unsigned i = 0; i < COUNT_OF(offsets_beyond); i++)
            assert_int_equal(hotram_memhp_read(&fixture->memhp, offsets_beyond[i], widths[w]),
                             mask(widths[w]));
        for (uint32_t back = 1; back <= 4; back++) /* no way around to offset 0 */
            assert_int_equal(hotram_memhp_read(&fixture->memhp, 0u - back, widths[w]), mask(widths[w]));
    }
}

static void init_checks_its_arguments(void **state)
{
    struct fixture fixture;
    struct hotram_memhp memhp;

    (void)state;
    make(&fixture, true);
    assert_int_equal(hotram_memhp_init(NULL, &fixture.bank), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_memhp_init(&memhp, NULL), HOTRAM_E_ARGUMENT);
    memset(&memhp, 0xff, sizeof memhp);
    assert_int_equal(hotram_memhp_init(&memhp, &fixture.bank), HOTRAM_OK);
    assert_int_equal(hotram_memhp_read(&memhp, 0x00, 4), 0); /* slot 0, empty */
}

static void a_missing_block_floats_and_ignores(void **state)
{
    (void)state;
    assert_int_equal(hotram_memhp_read(NULL, 0, 1), 0xff);
    assert_int_equal(hotram_memhp_read(NULL, 0, 2), 0xffff);
    assert_int_equal(hotram_memhp_read(NULL, 0, 4), 0xffffffffu);
    hotram_memhp_write(NULL, 0, 4, 1);
}

static void other_widths_read_ones_and_are_ignored(void **state)
{
    static const unsigned others[] = { 0, 3, 5, 8, 32, 33, UINT32_MAX };
    struct fixture fixture;

    (void)state;
    make(&fixture, true);
    for (unsigned i = 0; i < COUNT_OF(others); i++) {
        assert_int_equal(hotram_memhp_read(&fixture.memhp, 0, others[i]), 0xffffffffu);
        assert_int_equal(hotram_memhp_read(NULL, 0, others[i]), 0xffffffffu);
        hotram_memhp_write(&fixture.memhp, 0, others[i], 0);
        assert_int_equal(fixture.memhp.selector, 1);
    }
}

static void a_plugged_slot_reads_right_at_every_width_and_offset(void **state)
{
    const uint32_t registers[6] = { (uint32_t)ADDR, ADDR >> 32, (uint32_t)SIZE, SIZE >> 32, NODE, 3 };
    struct fixture fixture;

    (void)state;
    make(&fixture, true);
    expect_everywhere(&fixture, registers, true);
}

static void seen_an_empty_slot_reads_zero_in_every_register(void **state)
{
    const uint32_t registers[6] = { 0 };
    struct fixture fixture;

    (void)state;
    make(&fixture, true);
    hotram_memhp_write(&fixture.memhp, 0x00, 4, 2);
    expect_everywhere(&fixture, registers, true);
}

static void reserved_and_ejecting_slots_read_as_empty(void **state)
{
    const uint32_t registers[6] = { 0 };
    const struct hotram_dimm_request request = {
        .slot = 2,
        .slot_given = true,
        .size = 0x200000,
        .align = 0x200000,
        .node = 7,
    };
    struct fixture fixture;

    (void)state;
    make(&fixture, true);
    assert_int_equal(hotram_bank_reserve(&fixture.bank, &request, NULL), HOTRAM_OK);
    hotram_memhp_write(&fixture.memhp, 0x00, 4, 2);
    expect_everywhere(&fixture, registers, true);
    hotram_memhp_write(&fixture.memhp, 0x00, 4, 1);
    assert_int_equal(hotram_bank_eject(&fixture.bank, 1), HOTRAM_OK);
    expect_everywhere(&fixture, registers, true);
}

static void seen_a_selector_out_of_range_reads_zero_in_the_whole_block(void **state)
{
    static const uint32_t selectors[] = { SLOTS, SLOTS + 1, 0x80000000u, UINT32_MAX };
    const uint32_t registers[6] = { 0 };
    struct fixture fixture;

    (void)state;
    make(&fixture, true);
    for (unsigned i = 0; i < COUNT_OF(selectors); i++) {
        hotram_memhp_write(&fixture.memhp, 0x00, 4, selectors[i]);
        assert_int_equal(fixture.memhp.selector, selectors[i]);
        expect_everywhere(&fixture, registers, false);
    }
}

static void seen_a_byte_at_0_is_the_low_byte_of_the_address(void **state)
{
    struct fixture fixture;

    (void)state;
    make(&fixture, true);
    fixture.slots[1].addr = UINT64_C(0x1122334455667788);
    assert_int_equal(hotram_memhp_read(&fixture.memhp, 0, 1), 0x88);
    assert_int_equal(hotram_memhp_read(&fixture.memhp, 0, 2), 0x7788);
    assert_int_equal(hotram_memhp_read(&fixture.memhp, 0, 4), 0x55667788);
    assert_int_equal(hotram_memhp_read(&fixture.memhp, 4, 4), 0x11223344);
}

static void seen_other_offsets_read_all_ones_of_the_width(void **state)
{
    struct fixture fixture;

    (void)state;
    make(&fixture, true);
    assert_int_equal(hotram_memhp_read(&fixture.memhp, 0x15, 1), 0xff);
    assert_int_equal(hotram_memhp_read(&fixture.memhp, 0x02, 2), 0xffff);
}

static void seen_an_unaligned_dword_is_split(void **state)
{
    struct fixture fixture;

    (void)state;
    make(&fixture, true);
    assert_int_equal(ADDR >> 32, 1);
    assert_int_equal(hotram_memhp_read(&fixture.memhp, 0x02, 4), 0x0001ffff);
}

static void seen_a_selector_out_of_range_ignores_all_other_writes(void **state)
{
    struct fixture fixture;
    struct hotram_dimm before[SLOTS];

    (void)state;
    make(&fixture, true);
    hotram_memhp_write(&fixture.memhp, 0x00, 4, SLOTS);
    memcpy(before, fixture.slots, sizeof before);
    for (uint32_t offset = 4; offset < 24; offset++)
        hotram_memhp_write(&fixture.memhp, offset, 1, 0xff);
    assert_memory_equal(before, fixture.slots, sizeof before);
    assert_int_equal(fixture.reported + fixture.ejected, 0);
    hotram_memhp_write(&fixture.memhp, 0x00, 4, 1);
    assert_int_equal(flags(&fixture), 3);
}

static void a_narrow_selector_write_is_extended_with_zeroes(void **state)
{
    struct fixture fixture;

    (void)state;
    make(&fixture, true);
    hotram_memhp_write(&fixture.memhp, 0x00, 4, 0x12345678);
    hotram_memhp_write(&fixture.memhp, 0x00, 1, 0xffffff02);
    assert_int_equal(fixture.memhp.selector, 2);
    hotram_memhp_write(&fixture.memhp, 0x00, 2, 0xffff0001);
    assert_int_equal(fixture.memhp.selector, 1);
}

static void writes_elsewhere_do_nothing(void **state)
{
    static const uint32_t offsets[] = { 0x01, 0x02, 0x03, 0x05, 0x06, 0x07, 0x09,        0x0a,       0x0b,
                                        0x0c, 0x0d, 0x0e, 0x0f, 0x10, 0x11, 0x12,        0x13,       0x15,
                                        0x16, 0x17, 0x18, 0x19, 0x1c, 0x20, 0xffffffffu, 0xfffffffeu };
    struct fixture fixture;
    struct fixture before;

    (void)state;
    make(&fixture, true);
    before = fixture;
    for (unsigned i = 0; i < COUNT_OF(offsets); i++)
        hotram_memhp_write(&fixture.memhp, offsets[i], 1, 0xff);
    hotram_memhp_write(&fixture.memhp, 0x0c, 4, UINT32_MAX);
    hotram_memhp_write(&fixture.memhp, 0x10, 4, UINT32_MAX);
    hotram_memhp_write(&fixture.memhp, 0x0e, 2, 0xffff);
    hotram_memhp_write(&fixture.memhp, 0x0e, 4, UINT32_MAX);
    hotram_memhp_write(&fixture.memhp, 0x18, 4, UINT32_MAX);
    hotram_memhp_write(&fixture.memhp, 0xfffffffeu, 4, 0);
    assert_memory_equal(&before, &fixture, sizeof before);
}

static void an_unaligned_write_is_split(void **state)
{
    struct fixture fixture;

    (void)state;
    make(&fixture, true);
    hotram_memhp_write(&fixture.memhp, 0x02, 4,
                       0x00771234); /* a word at 2: nothing; a word at 4: OST event */
    assert_int_equal(fixture.slots[1].ost_event, 0x77);
    assert_int_equal(fixture.memhp.selector, 1);
    hotram_memhp_write(&fixture.memhp, 0x13, 4, 0x00000200); /* bytes 0x13, word 0x14 (2: clear), byte 0x16 */
    assert_int_equal(flags(&fixture), 1);
}

static void the_ost_event_is_remembered_and_reported_with_the_status(void **state)
{
    struct fixture fixture;

    (void)state;
    make(&fixture, true);
    hotram_memhp_write(&fixture.memhp, 0x04, 4, 0x103);
    assert_int_equal(fixture.reported, 0);
    hotram_memhp_write(&fixture.memhp, 0x08, 4, 0x84);
    assert_int_equal(fixture.reported, 1);
    assert_int_equal(fixture.slot, 1);
    assert_int_equal(fixture.event, 0x103);
    assert_int_equal(fixture.status, 0x84);
    assert_int_equal(fixture.slots[1].ost_event, 0x103);
    assert_int_equal(fixture.slots[1].ost_status, 0x84);
    hotram_memhp_write(&fixture.memhp, 0x08, 1, 0xffffff00u);
    assert_int_equal(fixture.reported, 2);
    assert_int_equal(fixture.event, 0x103);
    assert_int_equal(fixture.status, 0);
}

static void each_slot_remembers_its_own_ost_event(void **state)
{
    struct fixture fixture;

    (void)state;
    make(&fixture, true);
    hotram_memhp_write(&fixture.memhp, 0x04, 4, 3);
    hotram_memhp_write(&fixture.memhp, 0x00, 4, 0);
    hotram_memhp_write(&fixture.memhp, 0x04, 4, 1);
    hotram_memhp_write(&fixture.memhp, 0x00, 4, 1);
    hotram_memhp_write(&fixture.memhp, 0x08, 4, 0x82);
    assert_int_equal(fixture.event, 3);
}

static void seen_ost_of_an_empty_slot_is_reported(void **state)
{
    struct fixture fixture;

    (void)state;
    make(&fixture, true);
    hotram_memhp_write(&fixture.memhp, 0x04, 4, 3);
    hotram_memhp_write(&fixture.memhp, 0x08, 4, 0x84);
    control(&fixture, HOTRAM_MEMHP_EJECT);
    assert_int_equal(hotram_bank_finish(&fixture.bank, 1), HOTRAM_OK);
    hotram_memhp_write(&fixture.memhp, 0x08, 4, 0);
    assert_int_equal(fixture.reported, 2);
    assert_int_equal(fixture.slot, 1);
    assert_int_equal(fixture.event, 3);
    assert_int_equal(fixture.status, 0);
}

static void seen_control_takes_one_action_per_write(void **state)
{
    struct fixture fixture;

    (void)state;
    make(&fixture, true);
    assert_int_equal(hotram_bank_request_removal(&fixture.bank, 1), HOTRAM_OK);
    assert_int_equal(flags(&fixture), 7);
    control(&fixture, 0x0f);
    assert_int_equal(flags(&fixture), 5);
    control(&fixture, 0x0f); /* again insert, which is clear already */
    assert_int_equal(flags(&fixture), 5);
    control(&fixture, 0x0c);
    assert_int_equal(flags(&fixture), 1);
    assert_int_equal(fixture.ejected, 0);
    control(&fixture, 0x08);
    assert_int_equal(flags(&fixture), 0);
    assert_int_equal(fixture.ejected, 1);
}

static void all_control_values_do_what_their_lowest_action_says(void **state)
{
    struct fixture fixture;

    (void)state;
    for (uint32_t value = 0; value < 256; value++) {
        make(&fixture, true);
        assert_int_equal(hotram_bank_request_removal(&fixture.bank, 1), HOTRAM_OK);
        control(&fixture, value);
        assert_int_equal(flags(&fixture), value & 2 ? 5 : value & 4 ? 3 : value & 8 ? 0 : 7);
        assert_int_equal(fixture.ejected, (value & 0xe) == 8);
    }
}

static void a_wide_control_write_counts_its_low_byte_at_every_width(void **state)
{
    struct fixture fixture;

    (void)state;
    for (unsigned i = 0; i < COUNT_OF(widths); i++) {
        make(&fixture, true);
        hotram_memhp_write(&fixture.memhp, 0x14, widths[i], 0xfffffff2u);
        assert_int_equal(flags(&fixture), 1);
        hotram_memhp_write(&fixture.memhp, 0x14, widths[i], 0xffff00f1u);
        assert_int_equal(flags(&fixture), 1);
    }
}

static void seen_eject_of_an_empty_slot_is_ignored(void **state)
{
    struct fixture fixture;

    (void)state;
    make(&fixture, true);
    hotram_memhp_write(&fixture.memhp, 0x00, 4, 0);
    control(&fixture, HOTRAM_MEMHP_EJECT);
    assert_int_equal(fixture.ejected, 0);
}

static void seen_eject_without_request_ejects(void **state)
{
    struct fixture fixture;

    (void)state;
    make(&fixture, false);
    control(&fixture, HOTRAM_MEMHP_EJECT);
    assert_int_equal(fixture.ejected, 1);
    assert_int_equal(fixture.slot, 1);
    assert_int_equal(fixture.slots[1].state, HOTRAM_DIMM_EJECTING);
    control(&fixture, HOTRAM_MEMHP_EJECT);
    assert_int_equal(fixture.ejected, 1);
}

static void seen_a_dimm_at_start_is_enabled_only(void **state)
{
    struct fixture fixture;

    (void)state;
    make(&fixture, false);
    assert_int_equal(flags(&fixture), 1);
    assert_int_equal(fixture.raised, 0);
}

static void seen_plugging_while_running_is_pending_and_raises(void **state)
{
    struct fixture fixture;

    (void)state;
    make(&fixture, true);
    assert_int_equal(flags(&fixture), 3);
    assert_int_equal(fixture.raised, 1);
}

static void seen_a_repeated_unplug_request_raises_again(void **state)
{
    struct fixture fixture;

    (void)state;
    make(&fixture, false);
    assert_int_equal(hotram_bank_request_removal(&fixture.bank, 1), HOTRAM_OK);
    control(&fixture, HOTRAM_MEMHP_REMOVE);
    assert_int_equal(flags(&fixture), 1);
    assert_int_equal(hotram_bank_request_removal(&fixture.bank, 1), HOTRAM_OK);
    assert_int_equal(flags(&fixture), 5);
    assert_int_equal(fixture.raised, 2);
}

static void random_accesses_never_do_harm(void **state)
{
    struct unit_random random = unit_random_start("random accesses");
    struct fixture fixture;

    (void)state;
    make(&fixture, true);
    for (unsigned i = 0; i < 500000; i++) {
        uint32_t offset = unit_random_below(&random, 8) ? unit_random_below(&random, 28)
                                                        : (uint32_t)unit_random_next(&random);
        unsigned width = unit_random_below(&random, 6);
        uint32_t value = unit_random_below(&random, 2) ? unit_random_below(&random, 16)
                                                       : (uint32_t)unit_random_next(&random);
        uint32_t slot = unit_random_below(&random, SLOTS);
        const struct hotram_dimm_request request = {
            .slot = slot,
            .slot_given = true,
            .size = 0x200000,
            .align = 0x200000,
        };

        if (unit_random_below(&random, 2))
            hotram_memhp_write(&fixture.memhp, offset, width, value);
        else
            hotram_memhp_read(&fixture.memhp, offset, width);
        if (unit_random_below(&random, 4) == 0) {
            hotram_bank_finish(&fixture.bank, slot);
            hotram_bank_reserve(&fixture.bank, &request, NULL);
            hotram_bank_commit(&fixture.bank, slot, true);
            hotram_bank_request_removal(&fixture.bank, unit_random_below(&random, SLOTS));
        }
        for (uint32_t s = 0; s < SLOTS; s++)
            assert_true(fixture.slots[s].state <= HOTRAM_DIMM_EJECTING);
    }
    assert_true(fixture.ejected > 0 && fixture.reported > 0);
}

static void the_pending_register_gives_the_first_slot_with_an_event(void **state)
{
    struct fixture fixture;
    struct hotram_dimm_request request = { .slot_given = true, .size = 0x200000, .align = 0x200000 };

    (void)state;
    make(&fixture, false);
    assert_int_equal(hotram_memhp_read(&fixture.memhp, HOTRAM_MEMHP_PENDING, 4), 0xffffffffu);
    hotram_bank_request_removal(&fixture.bank, 1);
    assert_int_equal(hotram_memhp_read(&fixture.memhp, HOTRAM_MEMHP_PENDING, 4), 1);
    request.slot = 2;
    hotram_bank_reserve(&fixture.bank, &request, NULL);
    hotram_bank_commit(&fixture.bank, 2, true);
    assert_int_equal(hotram_memhp_read(&fixture.memhp, HOTRAM_MEMHP_PENDING, 4), 1);
    request.slot = 0;
    hotram_bank_reserve(&fixture.bank, &request, NULL);
    assert_int_equal(hotram_memhp_read(&fixture.memhp, HOTRAM_MEMHP_PENDING, 4), 1);
    hotram_bank_commit(&fixture.bank, 0, true);
    assert_int_equal(hotram_memhp_read(&fixture.memhp, HOTRAM_MEMHP_PENDING, 4), 0);
    /* It does not depend on the selector, and taking note of the events moves it on. */
    for (uint32_t slot = 0; slot < SLOTS; slot++) {
        assert_int_equal(hotram_memhp_read(&fixture.memhp, HOTRAM_MEMHP_PENDING, 1), slot);
        hotram_memhp_write(&fixture.memhp, 0x00, 4, slot);
        control(&fixture, HOTRAM_MEMHP_INSERT);
        control(&fixture, HOTRAM_MEMHP_REMOVE);
    }
    hotram_memhp_write(&fixture.memhp, 0x00, 4, SLOTS);
    assert_int_equal(hotram_memhp_read(&fixture.memhp, HOTRAM_MEMHP_PENDING, 4), 0xffffffffu);
    assert_int_equal(hotram_memhp_read(&fixture.memhp, HOTRAM_MEMHP_PENDING, 2), 0xffffu);
    assert_int_equal(hotram_bank_first_pending(NULL), HOTRAM_SLOT_ANY);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(init_checks_its_arguments),
        cmocka_unit_test(a_missing_block_floats_and_ignores),
        cmocka_unit_test(other_widths_read_ones_and_are_ignored),
        cmocka_unit_test(a_plugged_slot_reads_right_at_every_width_and_offset),
        cmocka_unit_test(seen_an_empty_slot_reads_zero_in_every_register),
        cmocka_unit_test(reserved_and_ejecting_slots_read_as_empty),
        cmocka_unit_test(seen_a_selector_out_of_range_reads_zero_in_the_whole_block),
        cmocka_unit_test(seen_a_byte_at_0_is_the_low_byte_of_the_address),
        cmocka_unit_test(seen_other_offsets_read_all_ones_of_the_width),
        cmocka_unit_test(seen_an_unaligned_dword_is_split),
        cmocka_unit_test(seen_a_selector_out_of_range_ignores_all_other_writes),
        cmocka_unit_test(a_narrow_selector_write_is_extended_with_zeroes),
        cmocka_unit_test(writes_elsewhere_do_nothing),
        cmocka_unit_test(an_unaligned_write_is_split),
        cmocka_unit_test(the_ost_event_is_remembered_and_reported_with_the_status),
        cmocka_unit_test(each_slot_remembers_its_own_ost_event),
        cmocka_unit_test(seen_ost_of_an_empty_slot_is_reported),
        cmocka_unit_test(seen_control_takes_one_action_per_write),
        cmocka_unit_test(all_control_values_do_what_their_lowest_action_says),
        cmocka_unit_test(a_wide_control_write_counts_its_low_byte_at_every_width),
        cmocka_unit_test(seen_eject_of_an_empty_slot_is_ignored),
        cmocka_unit_test(seen_eject_without_request_ejects),
        cmocka_unit_test(seen_a_dimm_at_start_is_enabled_only),
        cmocka_unit_test(seen_plugging_while_running_is_pending_and_raises),
        cmocka_unit_test(seen_a_repeated_unplug_request_raises_again),
        cmocka_unit_test(the_pending_register_gives_the_first_slot_with_an_event),
        cmocka_unit_test(random_accesses_never_do_harm),
    };

    return cmocka_run_group_tests_name("memhp", tests, NULL, NULL);
}
