/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Ranges of a bank: addresses beside the DIMMs, without a slot.
 */
#include "unit.h"

#include <hotram/memhp.h>
#include <hotram/state.h>

#define MIB UINT64_C(0x100000)
#define GIB UINT64_C(0x40000000)

struct fixture {
    struct hotram_bank bank;
    struct hotram_dimm slots[HOTRAM_PLACES_MAX];
    unsigned raised;
    unsigned attached;
};

static void count_raise(void *opaque)
{
    ((struct fixture *)opaque)->raised++;
}

static void ignore_ost(void *opaque, uint32_t slot, uint32_t event, uint32_t status)
{
    (void)opaque, (void)slot, (void)event, (void)status;
}

static void ignore_eject(void *opaque, uint32_t slot)
{
    (void)opaque, (void)slot;
}

static const struct hotram_bank_ops ops = { count_raise, ignore_ost, ignore_eject };

static enum hotram_status make(struct fixture *fixture, uint32_t slots, uint32_t ranges)
{
    const struct hotram_bank_config config = {
        .base = 4 * GIB,
        .size = 4 * GIB,
        .capacity = 2 * GIB,
        .granularity = 2 * MIB,
        .slots = slots,
        .ranges = ranges,
    };

    memset(fixture, 0xa5, sizeof *fixture);
    fixture->raised = fixture->attached = 0;
    return hotram_bank_init(&fixture->bank, &config, fixture->slots, &ops, fixture);
}

static enum hotram_status reserve(struct fixture *fixture, bool range, uint64_t addr, uint64_t size,
                                  struct hotram_dimm_result *result)
{
    const struct hotram_dimm_request request = {
        .range = range,
        .addr = addr,
        .addr_given = addr != 0,
        .size = size,
        .align = 2 * MIB,
    };

    return hotram_bank_reserve(&fixture->bank, &request, result);
}

static void a_bank_has_slots_or_ranges(void **state)
{
    static const struct {
        uint32_t slots, ranges;
        enum hotram_status status;
    } cases[] = {
        { 0, 0, HOTRAM_E_ARGUMENT },
        { 0, 1, HOTRAM_OK },
        { 1, 0, HOTRAM_OK },
        { HOTRAM_SLOTS_MAX, HOTRAM_RANGES_MAX, HOTRAM_OK },
        { 1, HOTRAM_RANGES_MAX + 1, HOTRAM_E_ARGUMENT },
        { HOTRAM_SLOTS_MAX + 1, 1, HOTRAM_E_ARGUMENT },
        { UINT32_MAX, 1, HOTRAM_E_ARGUMENT },
        { 1, UINT32_MAX, HOTRAM_E_ARGUMENT },
    };
    struct fixture fixture;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_int_equal(make(&fixture, cases[i].slots, cases[i].ranges), cases[i].status);
    assert_int_equal(make(&fixture, 2, 3), HOTRAM_OK);
    assert_int_equal(fixture.slots[4].state, HOTRAM_DIMM_EMPTY);
    assert_null(hotram_bank_slot(&fixture.bank, 5));
    assert_int_equal(fixture.slots[5].state, 0xa5);
}

static void slots_and_ranges_share_addresses_and_capacity(void **state)
{
    struct hotram_dimm_result result;
    struct fixture fixture;

    (void)state;
    make(&fixture, 1, 2);
    assert_int_equal(reserve(&fixture, true, 0, 512 * MIB, &result), HOTRAM_OK);
    assert_int_equal(result.slot, 1);
    assert_int_equal(result.addr, 4 * GIB);
    assert_int_equal(reserve(&fixture, false, 4 * GIB, 2 * MIB, &result), HOTRAM_E_OVERLAP);
    assert_int_equal(result.slot, 1);
    assert_int_equal(reserve(&fixture, false, 0, GIB, &result), HOTRAM_OK);
    assert_int_equal(result.slot, 0);
    assert_int_equal(result.addr, 4 * GIB + 512 * MIB);
    assert_int_equal(reserve(&fixture, true, 5 * GIB, 2 * MIB, &result), HOTRAM_E_OVERLAP);
    assert_int_equal(result.slot, 0);
    assert_int_equal(reserve(&fixture, true, 0, 514 * MIB, &result), HOTRAM_E_CAPACITY);
    assert_int_equal(result.largest, 512 * MIB);
    assert_int_equal(reserve(&fixture, true, 7 * GIB, 512 * MIB, &result), HOTRAM_OK);
    assert_int_equal(result.slot, 2);
    assert_int_equal(reserve(&fixture, true, 0, 2 * MIB, NULL), HOTRAM_E_NO_SLOT);
    assert_int_equal(reserve(&fixture, false, 0, 2 * MIB, NULL), HOTRAM_E_NO_SLOT);
    /* By rising address, of both kinds. */
    assert_int_equal(hotram_bank_next(&fixture.bank, HOTRAM_SLOT_ANY), 1);
    assert_int_equal(hotram_bank_next(&fixture.bank, 1), 0);
    assert_int_equal(hotram_bank_next(&fixture.bank, 0), 2);
    assert_int_equal(hotram_bank_next(&fixture.bank, 2), HOTRAM_SLOT_ANY);
    assert_int_equal(hotram_bank_cancel(&fixture.bank, 1), HOTRAM_OK);
    assert_int_equal(reserve(&fixture, true, 0, 256 * MIB, &result), HOTRAM_OK);
    assert_int_equal(result.slot, 1);
    assert_int_equal(result.addr, 4 * GIB);
}

static void a_request_is_of_one_kind(void **state)
{
    const struct hotram_dimm_request both = {
        .range = true, .slot_given = true, .size = 2 * MIB, .align = 2 * MIB
    };
    struct hotram_dimm_request of_range = {
        .slot_given = true, .slot = 1, .size = 2 * MIB, .align = 2 * MIB
    };
    struct fixture fixture;

    (void)state;
    make(&fixture, 1, 1);
    assert_int_equal(hotram_bank_reserve(&fixture.bank, &both, NULL), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_bank_reserve(&fixture.bank, &of_range, NULL), HOTRAM_E_SLOT_RANGE);
}

/* It is reserved until that is cancelled, and the guest's registers do not show it. */
static void a_range_is_no_dimm(void **state)
{
    struct fixture fixture;
    struct hotram_memhp memhp;

    (void)state;
    make(&fixture, 0, 1);
    assert_int_equal(hotram_memhp_init(&memhp, &fixture.bank), HOTRAM_OK);
    assert_int_equal(reserve(&fixture, true, 0, 2 * MIB, NULL), HOTRAM_OK);
    assert_int_equal(hotram_bank_commit(&fixture.bank, 0, true), HOTRAM_E_SLOT_RANGE);
    assert_int_equal(hotram_bank_request_removal(&fixture.bank, 0), HOTRAM_E_SLOT_RANGE);
    assert_int_equal(hotram_bank_eject(&fixture.bank, 0), HOTRAM_E_SLOT_RANGE);
    assert_int_equal(hotram_bank_finish(&fixture.bank, 0), HOTRAM_E_SLOT_RANGE);
    assert_int_equal(hotram_bank_first_pending(&fixture.bank), HOTRAM_SLOT_ANY);
    for (uint32_t offset = 0; offset < 0x18; offset += 4)
        assert_int_equal(hotram_memhp_read(&memhp, offset, 4), 0);
    hotram_memhp_write(&memhp, 0x14, 1, 8); /* ejects nothing */
    assert_int_equal(hotram_bank_slot(&fixture.bank, 0)->state, HOTRAM_DIMM_RESERVED);
    assert_int_equal(hotram_bank_reset(&fixture.bank), HOTRAM_OK);
    assert_int_equal(hotram_bank_cancel(&fixture.bank, 0), HOTRAM_OK);
    assert_int_equal(hotram_bank_cancel(&fixture.bank, 0), HOTRAM_E_STATE);
    assert_int_equal(hotram_bank_cancel(&fixture.bank, 1), HOTRAM_E_SLOT_RANGE);
    assert_int_equal(fixture.raised, 0);
}

static bool attach(void *opaque, uint32_t slot)
{
    struct fixture *fixture = opaque;

    assert_int_equal(slot, 0);
    fixture->attached++;
    return false;
}

static void detach(void *opaque, uint32_t slot)
{
    (void)opaque, (void)slot;
    fail();
}

/* A saved bank has no ranges; that into which it is restored may have some already. */
static void ranges_are_not_saved(void **state)
{
    struct fixture source, target;
    const struct hotram_bank_restoring how = { 1, attach, detach, &target };
    uint8_t bytes[HOTRAM_STATE_BANK_LENGTH(1)];
    struct hotram_restore_result result;
    struct hotram_saved saved;
    struct hotram_buffer out;

    (void)state;
    make(&source, 1, 2);
    assert_int_equal(reserve(&source, false, 5 * GIB, GIB, NULL), HOTRAM_OK);
    assert_int_equal(hotram_bank_commit(&source.bank, 0, false), HOTRAM_OK);
    assert_int_equal(reserve(&source, true, 0, 2 * MIB, NULL), HOTRAM_OK);
    hotram_buffer_init(&out, bytes, sizeof bytes);
    assert_int_equal(hotram_bank_save(&source.bank, &out), HOTRAM_OK);
    assert_int_equal(out.length, sizeof bytes);

    make(&target, 1, 2);
    assert_int_equal(reserve(&target, true, 0, 2 * MIB, NULL), HOTRAM_OK);
    assert_int_equal(reserve(&target, true, 7 * GIB, 2 * MIB, NULL), HOTRAM_OK);
    saved = (struct hotram_saved){ bytes, sizeof bytes };
    assert_int_equal(hotram_bank_restore(&target.bank, &saved, &how, &result), HOTRAM_E_ATTACH);
    assert_int_equal(target.attached, 1);
    assert_int_equal(target.slots[1].state, HOTRAM_DIMM_RESERVED);
    assert_int_equal(target.slots[0].state, HOTRAM_DIMM_EMPTY);
    assert_int_equal(hotram_bank_restore(&target.bank, &saved, NULL, &result), HOTRAM_OK);
    assert_int_equal(target.slots[0].state, HOTRAM_DIMM_PLUGGED);
    assert_int_equal(target.slots[2].state, HOTRAM_DIMM_RESERVED);

    make(&target, 1, 2);
    assert_int_equal(reserve(&target, true, 5 * GIB, 2 * MIB, NULL), HOTRAM_OK);
    saved = (struct hotram_saved){ bytes, sizeof bytes };
    assert_int_equal(hotram_bank_restore(&target.bank, &saved, NULL, &result), HOTRAM_E_OVERLAP);
    assert_int_equal(result.other, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_bank_has_slots_or_ranges),
        cmocka_unit_test(slots_and_ranges_share_addresses_and_capacity),
        cmocka_unit_test(a_request_is_of_one_kind),
        cmocka_unit_test(a_range_is_no_dimm),
        cmocka_unit_test(ranges_are_not_saved),
    };

    return cmocka_run_group_tests_name("ranges", tests, NULL, NULL);
}
