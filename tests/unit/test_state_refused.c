/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Saved banks that are damaged, made up, or of another bank: each is refused and named, or gives a sound
 * bank.
 */
#include "state_bank.h"

static void put(uint8_t *at, uint64_t value, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        at[i] = (uint8_t)(value >> (8 * i));
}

/* As it is: the checksum finds it. Sealed anew: refused, or a sound bank that is what the bytes say. */
static void every_changed_byte_is_refused_or_gives_a_sound_bank(void **state)
{
    unsigned taken = 0, refused = 0;
    struct fixture source, target;
    struct form form;

    (void)state;
    make_busy(&source);
    form = save(&source);
    for (unsigned change = 1; change < 256; change++) {
        for (size_t i = 0; i < form.length; i++) {
            form.bytes[i] ^= (uint8_t)change;
            make(&target, &usual);
            assert_int_not_equal(restore(&target, &form, NULL, NULL), HOTRAM_OK);
            judge_seal(form.bytes, form.length);
            if (restore(&target, &form, NULL, NULL) == HOTRAM_OK)
                taken++;
            else
                refused++;
            form.bytes[i] ^= (uint8_t)change;
            judge_seal(form.bytes, form.length);
        }
    }
    assert_true(taken > 1000 && refused > 1000);
    free(form.bytes);
}

static void what_is_cut_short_is_refused(void **state)
{
    struct fixture source, target;
    struct hotram_restore_result result;
    struct form form;

    (void)state;
    make_busy(&source);
    make(&target, &usual);
    form = save(&source);
    while (form.length-- > 0) {
        struct form part = { malloc(form.length + 1), form.length };

        assert_non_null(part.bytes);
        memcpy(part.bytes, form.bytes, part.length);
        assert_int_equal(restore(&target, &part, NULL, &result), HOTRAM_E_FORMAT);
        assert_int_equal(result.field, HOTRAM_FIELD_LENGTH);
        /* Said to be whole, though. */
        if (part.length >= HOTRAM_STATE_FRAME) {
            put(part.bytes + 8, part.length, 4);
            judge_seal(part.bytes, part.length);
            assert_int_not_equal(restore(&target, &part, NULL, &result), HOTRAM_OK);
        }
        free(part.bytes);
    }
    free(form.bytes);
}

/* ---- What is refused, and how it is named ---- */

static void expect(const struct hotram_bank_config *config, const struct form *form,
                   const struct hotram_bank_restoring *how, enum hotram_status status,
                   const struct hotram_restore_result *expected)
{
    struct hotram_restore_result result;
    struct fixture target;

    make(&target, config);
    assert_int_equal(restore(&target, form, how, &result), status);
    assert_int_equal(result.field, expected->field);
    assert_int_equal(result.slot, expected->slot);
    assert_int_equal(result.other, expected->other);
    assert_int_equal(result.saved, expected->saved);
    assert_int_equal(result.wanted, expected->wanted);
}

#define NAMED(field, slot, saved, wanted) \
    &(struct hotram_restore_result) \
    { \
        HOTRAM_FIELD_##field, slot, HOTRAM_SLOT_ANY, saved, wanted \
    }

static void another_configuration_is_refused_and_named(void **state)
{
    const uint32_t any = HOTRAM_SLOT_ANY;
    struct hotram_bank_config config = usual;
    struct fixture source;
    struct form form;

    (void)state;
    make_busy(&source);
    form = save(&source);
    config.base = 3 * GIB;
    expect(&config, &form, NULL, HOTRAM_E_CONFIG, NAMED(BASE, any, 4 * GIB, 3 * GIB));
    config = usual;
    config.size = 9 * GIB;
    expect(&config, &form, NULL, HOTRAM_E_CONFIG, NAMED(SIZE, any, 8 * GIB, 9 * GIB));
    config = usual;
    config.slots = SLOTS + 1;
    expect(&config, &form, NULL, HOTRAM_E_CONFIG, NAMED(SLOTS, any, SLOTS, SLOTS + 1));
    config.slots = 1;
    expect(&config, &form, NULL, HOTRAM_E_CONFIG, NAMED(SLOTS, any, SLOTS, 1));
    free(form.bytes);
}

/* Only as far as the DIMMs need it. */
static void capacity_and_granularity_may_differ(void **state)
{
    struct hotram_bank_config config = usual;
    struct fixture source, target;
    struct form form;

    (void)state;
    make_busy(&source);
    form = save(&source);
    config.capacity = 962 * MIB; /* as much as there is */
    config.granularity = MIB;
    make(&target, &config);
    assert_int_equal(restore(&target, &form, NULL, NULL), HOTRAM_OK);
    config.capacity = 961 * MIB;
    expect(&config, &form, NULL, HOTRAM_E_CAPACITY, NAMED(DIMM_SIZE, 5, 64 * MIB, 63 * MIB));
    config = usual;
    config.granularity = 64 * MIB;
    expect(&config, &form, NULL, HOTRAM_E_SIZE, NAMED(DIMM_SIZE, 4, 2 * MIB, 64 * MIB));
    free(form.bytes);
}

/* Change a number of a slot, in place of what is there. */
static void expect_changed(const struct form *form, uint32_t slot, unsigned offset, uint64_t value,
                           unsigned count, enum hotram_status status,
                           const struct hotram_restore_result *expected)
{
    uint64_t was = judge_number(slot_of(form, slot) + offset, count);

    put(slot_of(form, slot) + offset, value, count);
    judge_seal(form->bytes, form->length);
    expect(&usual, form, NULL, status, expected);
    put(slot_of(form, slot) + offset, was, count);
    judge_seal(form->bytes, form->length);
}

static void values_that_cannot_be_are_refused_and_named(void **state)
{
    const struct hotram_restore_result overlap = { HOTRAM_FIELD_DIMM_ADDR, 3, 1, 10 * GIB + 2 * MIB, 0 };
    struct fixture source;
    struct form form;

    (void)state;
    make_busy(&source);
    form = save(&source);
    expect_changed(&form, 1, STATE, 1, 1, HOTRAM_E_VALUE, NAMED(DIMM_STATE, 1, 1, 0));
    expect_changed(&form, 1, STATE, 5, 1, HOTRAM_E_VALUE, NAMED(DIMM_STATE, 1, 5, 0));
    expect_changed(&form, 1, PENDING, 2, 1, HOTRAM_E_VALUE, NAMED(PENDING, 1, 2, 1));
    expect_changed(&form, 3, PENDING, 4, 1, HOTRAM_E_VALUE, NAMED(PENDING, 3, 4, 3));
    expect_changed(&form, 5, PENDING, 1, 1, HOTRAM_E_VALUE, NAMED(PENDING, 5, 1, 0));
    expect_changed(&form, 0, PENDING, 1, 1, HOTRAM_E_VALUE, NAMED(PENDING, 0, 1, 0));
    expect_changed(&form, 0, ADDR, 4 * GIB, 8, HOTRAM_E_VALUE, NAMED(DIMM_ADDR, 0, 4 * GIB, 0));
    expect_changed(&form, 0, SIZE, 1, 8, HOTRAM_E_VALUE, NAMED(DIMM_SIZE, 0, 1, 0));
    expect_changed(&form, 0, NODE, 1, 4, HOTRAM_E_VALUE, NAMED(DIMM_NODE, 0, 1, 0));
    expect_changed(&form, 2, SIZE, 0, 8, HOTRAM_E_SIZE, NAMED(DIMM_SIZE, 2, 0, 2 * MIB));
    expect_changed(&form, 2, SIZE, UINT64_MAX, 8, HOTRAM_E_SIZE, NAMED(DIMM_SIZE, 2, UINT64_MAX, 2 * MIB));
    expect_changed(&form, 2, ADDR, 0, 8, HOTRAM_E_REGION, NAMED(DIMM_ADDR, 2, 0, 4 * GIB));
    expect_changed(&form, 2, ADDR, UINT64_MAX, 8, HOTRAM_E_REGION, NAMED(DIMM_ADDR, 2, UINT64_MAX, 4 * GIB));
    expect_changed(&form, 3, ADDR, 10 * GIB + 2 * MIB, 8, HOTRAM_E_OVERLAP, &overlap);
    free(form.bytes);
}

static void addresses_are_aligned_as_the_caller_wants(void **state)
{
    const struct hotram_bank_restoring fine = { .align = 2 * MIB }, coarse = { .align = 4 * GIB };
    struct fixture source, target;
    struct form form;

    (void)state;
    make_busy(&source);
    form = save(&source);
    make(&target, &usual);
    assert_int_equal(restore(&target, &form, &fine, NULL), HOTRAM_OK);
    expect(&usual, &form, &coarse, HOTRAM_E_ALIGN, NAMED(DIMM_ADDR, 1, 10 * GIB, 4 * GIB));
    free(form.bytes);
}

static void a_bank_that_is_not_empty_is_left_alone(void **state)
{
    struct fixture source, target;
    struct hotram_restore_result result;
    struct hotram_saved saved;
    struct fixture before;
    struct form form;

    (void)state;
    make_busy(&source);
    form = save(&source);
    make(&target, &usual);
    plug(&target, 4, 4 * GIB, 2 * MIB, false);
    before = target;
    saved = (struct hotram_saved){ form.bytes, form.length };
    assert_int_equal(hotram_bank_restore(&target.bank, &saved, NULL, &result), HOTRAM_E_SLOT_TAKEN);
    assert_int_equal(result.slot, 4);
    assert_int_equal(result.field, HOTRAM_FIELD_NONE);
    assert_memory_equal(&target, &before, sizeof before);
    free(form.bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_changed_byte_is_refused_or_gives_a_sound_bank),
        cmocka_unit_test(what_is_cut_short_is_refused),
        cmocka_unit_test(another_configuration_is_refused_and_named),
        cmocka_unit_test(capacity_and_granularity_may_differ),
        cmocka_unit_test(values_that_cannot_be_are_refused_and_named),
        cmocka_unit_test(addresses_are_aligned_as_the_caller_wants),
        cmocka_unit_test(a_bank_that_is_not_empty_is_left_alone),
    };

    return cmocka_run_group_tests_name("state_refused", tests, NULL, NULL);
}
