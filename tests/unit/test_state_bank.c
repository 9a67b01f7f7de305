/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The saved form of a bank: what was saved comes back, with the memory that the caller attaches.
 */
#include "state_bank.h"

static void assert_same(const struct fixture *a, const struct fixture *b)
{
    assert_memory_equal(a->slots, b->slots, sizeof a->slots);
    assert_int_equal(a->bank.first, b->bank.first);
    assert_int_equal(a->bank.used, b->bank.used);
}

/* The checksum is that of Python's zlib.crc32(). */
static void known_bytes_are_a_known_bank(void **state)
{
    static const uint8_t known[] = { 'H', 'R',  'S', 'T', 1, 0, 1, 0, 0x60, 0, 0, 0, 0,    0,    0,    0,
                                     1,   0,    0,   0,   0, 0, 0, 0, 2,    0, 0, 0, 2,    0,    0,    0,
                                     0,   0,    0,   0,   0, 0, 0, 0, 0,    0, 0, 0, 0,    0,    0,    0,
                                     0,   0,    0,   0,   3, 1, 0, 0, 0x84, 0, 0, 0, 0,    0,    0,    0,
                                     0,   0x40, 1,   0,   0, 0, 0, 0, 0,    8, 0, 0, 0,    0,    8,    0,
                                     0,   0,    0,   0,   0, 0, 0, 0, 0,    0, 3, 3, 0xf8, 0xd0, 0x64, 0xc8 };
    const struct hotram_bank_config config = { 4 * GIB, 8 * GIB, 4 * GIB, 2 * MIB, 2, 0 };
    struct fixture fixture;
    struct form form;

    (void)state;
    make(&fixture, &config);
    plug(&fixture, 1, 5 * GIB, 128 * MIB, true);
    assert_int_equal(hotram_bank_request_removal(&fixture.bank, 1), HOTRAM_OK);
    fixture.slots[0].ost_event = 0x103;
    fixture.slots[0].ost_status = 0x84;
    form = save(&fixture);
    assert_int_equal(form.length, sizeof known);
    assert_memory_equal(form.bytes, known, sizeof known);
    free(form.bytes);
}

static void a_bank_in_the_middle_of_everything_comes_back(void **state)
{
    struct fixture source, target;
    struct form form, again;

    (void)state;
    make_busy(&source);
    make(&target, &usual);
    form = save(&source);
    assert_int_equal(restore(&target, &form, NULL, NULL), HOTRAM_OK);
    assert_same(&target, &source);
    assert_int_equal(target.slots[0].ost_event, 3);
    assert_int_equal(target.slots[0].ost_status, 0x84);
    assert_true(target.slots[2].insert_pending && !target.slots[2].remove_pending);
    assert_true(target.slots[3].state == HOTRAM_DIMM_REMOVAL_REQUESTED && !target.slots[3].remove_pending);
    assert_true(target.slots[4].insert_pending && target.slots[4].remove_pending);
    again = save(&target);
    assert_memory_equal(again.bytes, form.bytes, form.length);
    /* Life goes on. */
    assert_int_equal(hotram_bank_finish(&target.bank, 5), HOTRAM_OK);
    assert_int_equal(hotram_bank_eject(&target.bank, 3), HOTRAM_OK);
    assert_int_equal(hotram_bank_withdraw(&target.bank, 4), HOTRAM_OK);
    assert_null(judge_bank(&target.bank));
    free(form.bytes);
    free(again.bytes);
}

static void a_reserved_slot_is_not_saved(void **state)
{
    const struct hotram_dimm_request request = { .size = 2 * MIB, .align = 2 * MIB };
    struct fixture fixture;
    struct hotram_buffer out;
    uint8_t bytes[HOTRAM_STATE_BANK_LENGTH(SLOTS)];

    (void)state;
    make_busy(&fixture);
    assert_int_equal(hotram_bank_reserve(&fixture.bank, &request, NULL), HOTRAM_OK);
    hotram_buffer_init(&out, bytes, sizeof bytes);
    assert_int_equal(hotram_bank_save(&fixture.bank, &out), HOTRAM_E_STATE);
    assert_int_equal(out.length, 0);
    assert_int_equal(hotram_bank_cancel(&fixture.bank, 0), HOTRAM_OK);
    assert_int_equal(hotram_bank_save(&fixture.bank, &out), HOTRAM_OK);
}

/* ---- Random banks ---- */

static void random_call(struct fixture *fixture, struct unit_random *random)
{
    const uint32_t slots = fixture->bank.config.slots, slot = unit_random_below(random, slots);
    const struct hotram_dimm_request request = {
        .size = (1 + unit_random_below(random, 8)) * 2 * MIB,
        .align = UINT64_C(1) << unit_random_below(random, 24),
        .addr = fixture->bank.config.base + unit_random_below(random, 1024) * MIB,
        .addr_given = unit_random_below(random, 2),
        .node = (uint32_t)unit_random_next(random),
        .slot = slot,
        .slot_given = unit_random_below(random, 2),
    };
    struct hotram_dimm_result place;
    struct hotram_memhp memhp = { &fixture->bank, slot };

    switch (unit_random_below(random, 8)) {
    case 0:
        hotram_bank_request_removal(&fixture->bank, slot);
        break;
    case 1:
        hotram_bank_eject(&fixture->bank, slot);
        break;
    case 2:
        hotram_bank_finish(&fixture->bank, slot);
        break;
    case 3:
        hotram_bank_withdraw(&fixture->bank, slot);
        break;
    case 4:
        hotram_memhp_write(&memhp, 4 + 4 * unit_random_below(random, 2), 4,
                           (uint32_t)unit_random_next(random));
        break;
    case 5:
        hotram_memhp_write(&memhp, 0x14, 1, 2u << unit_random_below(random, 2));
        break;
    default:
        if (hotram_bank_reserve(&fixture->bank, &request, &place) == HOTRAM_OK)
            hotram_bank_commit(&fixture->bank, place.slot, unit_random_below(random, 2));
    }
}

static void random_banks_come_back(void **state)
{
    static const uint32_t counts[] = { 1, 2, 3, 16, HOTRAM_SLOTS_MAX };
    struct unit_random random = unit_random_start("random banks");
    static struct fixture source, target;

    (void)state;
    for (unsigned i = 0; i < 600; i++) {
        struct hotram_bank_config config = usual;
        unsigned calls = unit_random_below(&random, 800);
        struct form form;

        config.slots = counts[i % COUNT_OF(counts)];
        config.base = unit_random_next(&random) >> 1 & ~UINT64_C(0xfff);
        make(&source, &config);
        make(&target, &config);
        for (unsigned call = 0; call < calls; call++)
            random_call(&source, &random);
        form = save(&source);
        assert_int_equal(restore(&target, &form, NULL, NULL), HOTRAM_OK);
        assert_same(&target, &source);
        free(form.bytes);
    }
}

/* ---- The caller's memory ---- */

static bool attach(void *opaque, uint32_t slot)
{
    struct fixture *fixture = opaque;
    const struct hotram_dimm *dimm = hotram_bank_slot(&fixture->bank, slot);

    assert_true(dimm->size > 0 && dimm->addr >= fixture->bank.config.base);
    if (slot == fixture->refuses)
        return false;
    fixture->attached[fixture->attaches++] = slot;
    return true;
}

static void detach(void *opaque, uint32_t slot)
{
    struct fixture *fixture = opaque;

    assert_int_equal(fixture->attached[fixture->detaches++], slot);
    assert_true(hotram_bank_slot(&fixture->bank, slot)->size > 0);
}

/* By address: 2 at 4 GiB, 4 at 5, 3 at 6, 1 at 10. Slot 5 is ejecting: its memory is gone. */
static void memory_is_attached_by_rising_address(void **state)
{
    static const uint32_t order[] = { 2, 4, 3, 1 };
    struct fixture source, target;
    const struct hotram_bank_restoring how = { 1, attach, detach, &target };
    struct form form;

    (void)state;
    make_busy(&source);
    form = save(&source);
    make(&target, &usual);
    assert_int_equal(restore(&target, &form, &how, NULL), HOTRAM_OK);
    assert_int_equal(target.attaches, COUNT_OF(order));
    assert_memory_equal(target.attached, order, sizeof order);
    assert_int_equal(target.detaches, 0);
    for (uint32_t i = 0; i <= COUNT_OF(order); i++) {
        struct hotram_restore_result result;

        make(&target, &usual);
        target.refuses = i < COUNT_OF(order) ? order[i] : 5;
        assert_int_equal(restore(&target, &form, &how, &result),
                         i < COUNT_OF(order) ? HOTRAM_E_ATTACH : HOTRAM_OK);
        assert_int_equal(target.attaches, i);
        assert_int_equal(target.detaches, i < COUNT_OF(order) ? i : 0);
        assert_int_equal(result.slot, i < COUNT_OF(order) ? order[i] : HOTRAM_SLOT_ANY);
    }
    free(form.bytes);
}

/* What is refused for itself is refused before anything is attached. */
static void nothing_is_attached_of_what_is_refused(void **state)
{
    struct fixture source, target;
    const struct hotram_bank_restoring how = { 1, attach, detach, &target };
    struct form form;

    (void)state;
    make_busy(&source);
    form = save(&source);
    slot_of(&form, 5)[STATE] = 7;
    judge_seal(form.bytes, form.length);
    make(&target, &usual);
    assert_int_equal(restore(&target, &form, &how, NULL), HOTRAM_E_VALUE);
    assert_int_equal(target.attaches + target.detaches, 0);
    free(form.bytes);
}

static void arguments_are_checked(void **state)
{
    struct fixture fixture;
    struct hotram_bank *bank = &fixture.bank;
    const struct hotram_bank_restoring wrong[] = {
        { .align = 0 },
        { .align = 3 },
        { .align = 1, .attach = attach },
        { .align = 1, .detach = detach },
    };
    struct hotram_saved saved = { NULL, 0 }, nowhere = { NULL, 5 };
    struct hotram_buffer out;

    (void)state;
    make(&fixture, &usual);
    hotram_buffer_init(&out, NULL, 0);
    assert_int_equal(hotram_bank_save(NULL, &out), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_bank_save(bank, NULL), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_bank_save(bank, &out), HOTRAM_E_BUFFER);
    assert_int_equal(out.length, HOTRAM_STATE_BANK_LENGTH(SLOTS));
    assert_int_equal(hotram_bank_restore(NULL, &saved, NULL, NULL), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_bank_restore(bank, NULL, NULL, NULL), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_bank_restore(bank, &nowhere, NULL, NULL), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_bank_restore(bank, &saved, NULL, NULL), HOTRAM_E_FORMAT);
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        assert_int_equal(hotram_bank_restore(bank, &saved, &wrong[i], NULL), HOTRAM_E_ARGUMENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_bytes_are_a_known_bank),
        cmocka_unit_test(a_bank_in_the_middle_of_everything_comes_back),
        cmocka_unit_test(a_reserved_slot_is_not_saved),
        cmocka_unit_test(random_banks_come_back),
        cmocka_unit_test(memory_is_attached_by_rising_address),
        cmocka_unit_test(nothing_is_attached_of_what_is_refused),
        cmocka_unit_test(arguments_are_checked),
    };

    return cmocka_run_group_tests_name("state_bank", tests, NULL, NULL);
}
