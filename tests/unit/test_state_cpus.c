/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The saved forms of a bank of CPUs and of its register block: the bytes that state.h shows, what is refused
 * and how it is named, and what the caller is asked to attach.
 */
#include "../fuzz/state_judge.h"
#include "unit.h"

#include <hotram/state_cpus.h>

#define SLOTS 6u
#define LENGTH HOTRAM_STATE_CPUS_LENGTH(SLOTS)
#define ID(slot) (UINT64_C(0x8000000100000000) + (slot)*0x101u)

/* Offsets in a saved slot, and the slot's own. */
enum { HARDWARE_ID = 0, OST_EVENT = 8, OST_STATUS = 12, STATE = 16, PENDING = 17 };
#define AT(slot) (16u + 18u * (slot))

struct fixture {
    struct hotram_cpus cpus;
    struct hotram_cpu slots[SLOTS];
    uint8_t bytes[LENGTH];
    struct hotram_saved saved;
    struct hotram_restore_result result;
    uint32_t refused;
    char calls[64]; /* of attach and detach: +0-0 */
};

static void never(void *opaque)
{
    (void)opaque;
    fail();
}

static void never_ost(void *opaque, uint32_t slot, uint32_t event, uint32_t status)
{
    (void)opaque, (void)slot, (void)event, (void)status;
    fail();
}

static void let_go(void *opaque, uint32_t slot)
{
    (void)opaque, (void)slot;
}

static void ignore(void *opaque)
{
    (void)opaque;
}

static const struct hotram_cpus_ops silent = { never, never_ost, let_go };
static const struct hotram_cpus_ops usual = { ignore, never_ost, let_go };

static void make(struct fixture *fixture, const struct hotram_cpus_ops *ops)
{
    memset(fixture, 0, sizeof *fixture);
    fixture->refused = UINT32_MAX;
    for (uint32_t i = 0; i < SLOTS; i++)
        fixture->slots[i].hardware_id = ID(i);
    assert_int_equal(hotram_cpus_init(&fixture->cpus, fixture->slots, SLOTS, ops, fixture), HOTRAM_OK);
}

/* A slot in each state: 0 fixed, 1 plugged, 2 plugged with its event, 3 with both events, 4 ejecting, 5 none.
 * It is saved. */
static void make_busy(struct fixture *fixture)
{
    struct hotram_buffer out;

    make(fixture, &usual);
    for (uint32_t i = 0; i < 5; i++)
        assert_int_equal(hotram_cpus_plug(&fixture->cpus, i, i == 2 || i == 3), HOTRAM_OK);
    assert_int_equal(hotram_cpus_fix(&fixture->cpus, 0), HOTRAM_OK);
    assert_int_equal(hotram_cpus_request_removal(&fixture->cpus, 3), HOTRAM_OK);
    assert_int_equal(hotram_cpus_eject(&fixture->cpus, 4), HOTRAM_OK);
    fixture->slots[1].ost_event = 0x103;
    fixture->slots[5].ost_status = 0x84;
    hotram_buffer_init(&out, fixture->bytes, sizeof fixture->bytes);
    assert_int_equal(hotram_cpus_save(&fixture->cpus, &out), HOTRAM_OK);
    assert_int_equal(out.length, LENGTH);
}

/* ---- Callbacks ---- */

static void note(struct fixture *fixture, char call, uint32_t slot)
{
    size_t length = strlen(fixture->calls);

    assert_true(slot < SLOTS && length + 2 < sizeof fixture->calls);
    assert_int_equal(hotram_cpus_slot(&fixture->cpus, slot)->hardware_id, ID(slot));
    fixture->calls[length] = call;
    fixture->calls[length + 1] = (char)('0' + slot);
}

static bool attach(void *opaque, uint32_t slot)
{
    struct fixture *fixture = opaque;

    note(fixture, '+', slot);
    return slot != fixture->refused;
}

static void detach(void *opaque, uint32_t slot)
{
    note(opaque, '-', slot);
}

/* Restore what was saved into a new bank, which attaches. */
static enum hotram_status restore(struct fixture *target, const struct fixture *source, size_t length)
{
    const struct hotram_cpus_restoring how = { attach, detach, target };

    target->saved = (struct hotram_saved){ source->bytes, length };
    return hotram_cpus_restore(&target->cpus, &target->saved, &how, &target->result);
}

static void expect_unchanged(const struct fixture *target)
{
    struct fixture fresh;

    make(&fresh, &silent);
    assert_memory_equal(target->slots, fresh.slots, sizeof fresh.slots);
    assert_int_equal(target->cpus.first, fresh.cpus.first);
}

/* ---- Tests ---- */

static void the_bytes_are_those_of_the_header(void **state)
{
    static const uint8_t front[] = { 'H', 'R', 'S', 'T', 6, 0, 1, 0, LENGTH, 0, 0, 0, SLOTS, 0, 0, 0 };
    static const uint8_t slots[SLOTS][18] = {
        { 0x00, 0, 0, 0, 1, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0 },
        { 0x01, 1, 0, 0, 1, 0, 0, 0x80, 3, 1, 0, 0, 0, 0, 0, 0, 2, 0 },
        { 0x02, 2, 0, 0, 1, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 2, 1 },
        { 0x03, 3, 0, 0, 1, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 3, 3 },
        { 0x04, 4, 0, 0, 1, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0 },
        { 0x05, 5, 0, 0, 1, 0, 0, 0x80, 0, 0, 0, 0, 0x84, 0, 0, 0, 0, 0 },
    };
    struct fixture fixture;

    (void)state;
    make_busy(&fixture);
    assert_memory_equal(fixture.bytes, front, sizeof front);
    assert_memory_equal(fixture.bytes + sizeof front, slots, sizeof slots);
    assert_int_equal(judge_number(fixture.bytes + LENGTH - 4, 4), judge_sum(fixture.bytes, LENGTH - 4));
}

static void a_bank_comes_back_and_present_cpus_are_attached(void **state)
{
    struct fixture source, target;

    (void)state;
    make_busy(&source);
    make(&target, &silent);
    assert_int_equal(restore(&target, &source, LENGTH), HOTRAM_OK);
    assert_memory_equal(target.slots, source.slots, sizeof source.slots);
    assert_int_equal(target.cpus.first, source.cpus.first);
    assert_int_equal(hotram_cpus_pending(&target.cpus, 3), 3);
    assert_int_equal(target.saved.length, 0);
    assert_int_equal(target.result.field, HOTRAM_FIELD_NONE);
    assert_string_equal(target.calls, "+0+1+2+3");
    assert_int_equal(hotram_cpus_finish(&target.cpus, 4), HOTRAM_OK);
}

static void a_cpu_that_is_refused_undoes_those_before_it(void **state)
{
    struct fixture source, target;

    (void)state;
    make_busy(&source);
    make(&target, &silent);
    target.refused = 2;
    assert_int_equal(restore(&target, &source, LENGTH), HOTRAM_E_ATTACH);
    assert_int_equal(target.result.slot, 2);
    assert_string_equal(target.calls, "+0+1+2-0-1");
    assert_int_equal(target.saved.length, LENGTH);
    expect_unchanged(&target);
}

static void arguments_and_the_target_are_checked(void **state)
{
    struct fixture source, target;
    struct hotram_cpus_restoring how = { attach, NULL, NULL };
    struct hotram_cpus large = { .count = HOTRAM_STATE_CPUS_MAX + 1 };
    struct hotram_buffer out;
    struct hotram_saved saved;

    (void)state;
    make_busy(&source);
    make(&target, &silent);
    saved = (struct hotram_saved){ source.bytes, LENGTH };
    assert_int_equal(hotram_cpus_save(NULL, &out), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_cpus_save(&source.cpus, NULL), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_cpus_save(&large, &out), HOTRAM_E_ARGUMENT);
    hotram_buffer_init(&out, target.bytes, LENGTH - 1);
    assert_int_equal(hotram_cpus_save(&source.cpus, &out), HOTRAM_E_BUFFER);
    assert_int_equal(out.length, LENGTH);
    assert_int_equal(hotram_cpus_restore(NULL, &saved, NULL, NULL), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_cpus_restore(&target.cpus, NULL, NULL, NULL), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_cpus_restore(&target.cpus, &saved, &how, NULL), HOTRAM_E_ARGUMENT);
    how = (struct hotram_cpus_restoring){ NULL, detach, NULL };
    assert_int_equal(hotram_cpus_restore(&target.cpus, &saved, &how, NULL), HOTRAM_E_ARGUMENT);
    expect_unchanged(&target);
    assert_int_equal(hotram_cpus_plug(&target.cpus, 5, false), HOTRAM_OK);
    assert_int_equal(restore(&target, &source, LENGTH), HOTRAM_E_SLOT_TAKEN);
    assert_int_equal(target.result.slot, 5);
    make(&target, &silent);
    assert_int_equal(hotram_cpus_restore(&target.cpus, &saved, NULL, NULL), HOTRAM_OK); /* attaches nothing */
    assert_memory_equal(target.slots, source.slots, sizeof source.slots);
}

/* A value that is changed, with the checksum right again, and what is said of it. */
static void values_that_cannot_be_are_refused(void **state)
{
    static const struct {
        size_t at;
        uint8_t value;
        enum hotram_status status;
        enum hotram_state_field field;
        uint32_t slot;
        uint64_t saved, wanted;
    } cases[] = {
        { 4, HOTRAM_STATE_BANK, HOTRAM_E_FORMAT, HOTRAM_FIELD_KIND, UINT32_MAX, 1, 6 },
        { 6, 2, HOTRAM_E_VERSION, HOTRAM_FIELD_VERSION, UINT32_MAX, 2, 1 },
        { 12, 5, HOTRAM_E_CONFIG, HOTRAM_FIELD_SLOTS, UINT32_MAX, 5, SLOTS },
        { 15, 1, HOTRAM_E_CONFIG, HOTRAM_FIELD_SLOTS, UINT32_MAX, 0x1000006, SLOTS },
        { AT(2), 9, HOTRAM_E_CONFIG, HOTRAM_FIELD_CPU_ID, 2, UINT64_C(0x8000000100000209), ID(2) },
        { AT(0) + STATE, 5, HOTRAM_E_VALUE, HOTRAM_FIELD_DIMM_STATE, 0, 5, 0 },
        { AT(0) + PENDING, 1, HOTRAM_E_VALUE, HOTRAM_FIELD_PENDING, 0, 1, 0 },
        { AT(1) + PENDING, 2, HOTRAM_E_VALUE, HOTRAM_FIELD_PENDING, 1, 2, 1 },
        { AT(3) + PENDING, 4, HOTRAM_E_VALUE, HOTRAM_FIELD_PENDING, 3, 4, 3 },
        { AT(4) + PENDING, 1, HOTRAM_E_VALUE, HOTRAM_FIELD_PENDING, 4, 1, 0 },
        { AT(5) + PENDING, 2, HOTRAM_E_VALUE, HOTRAM_FIELD_PENDING, 5, 2, 0 },
    };

    (void)state;
    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        struct fixture source, target;

        make_busy(&source);
        make(&target, &silent);
        source.bytes[cases[i].at] = cases[i].value;
        assert_int_equal(restore(&target, &source, LENGTH), HOTRAM_E_CHECKSUM);
        judge_seal(source.bytes, LENGTH);
        assert_int_equal(restore(&target, &source, LENGTH), cases[i].status);
        assert_int_equal(target.result.field, cases[i].field);
        assert_int_equal(target.result.slot, cases[i].slot);
        assert_int_equal(target.result.saved, cases[i].saved);
        assert_int_equal(target.result.wanted, cases[i].wanted);
        assert_string_equal(target.calls, "");
        expect_unchanged(&target);
    }
}

static void what_is_cut_short_is_refused(void **state)
{
    (void)state;
    for (size_t length = 0; length < LENGTH; length++) {
        struct fixture source, target;

        make_busy(&source);
        make(&target, &silent);
        assert_int_equal(restore(&target, &source, length), HOTRAM_E_FORMAT);
        if (length >= HOTRAM_STATE_FRAME) { /* said to be whole, though */
            source.bytes[8] = (uint8_t)length;
            judge_seal(source.bytes, length);
            assert_int_not_equal(restore(&target, &source, length), HOTRAM_OK);
        }
        expect_unchanged(&target);
    }
}

static void the_register_block_comes_back(void **state)
{
    static const uint8_t front[] = { 'H', 'R', 'S', 'T', 7, 0, 1, 0, 21, 0, 0, 0, 4, 3, 2, 1, 3 };
    struct fixture fixture;
    struct hotram_cpuhp source, target;
    uint8_t bytes[21];
    struct hotram_buffer out;
    struct hotram_saved saved = { bytes, sizeof bytes };
    struct hotram_restore_result result;

    (void)state;
    make(&fixture, &silent);
    hotram_cpuhp_init(&source, &fixture.cpus);
    hotram_cpuhp_init(&target, &fixture.cpus);
    source.selector = 0x01020304;
    source.command = HOTRAM_CPUHP_HARDWARE_ID;
    hotram_buffer_init(&out, bytes, sizeof bytes);
    assert_int_equal(hotram_cpuhp_save(NULL, &out), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_cpuhp_save(&source, NULL), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_cpuhp_save(&source, &out), HOTRAM_OK);
    assert_memory_equal(bytes, front, sizeof front);
    for (unsigned command = 4; command < 256; command++) {
        bytes[16] = (uint8_t)command;
        judge_seal(bytes, sizeof bytes);
        assert_int_equal(hotram_cpuhp_restore(&target, &saved, &result), HOTRAM_E_VALUE);
        assert_int_equal(result.field, HOTRAM_FIELD_COMMAND);
        assert_int_equal(result.saved, command);
        assert_int_equal(target.selector + target.command, 0);
    }
    bytes[16] = 3;
    judge_seal(bytes, sizeof bytes);
    assert_int_equal(hotram_cpuhp_restore(NULL, &saved, NULL), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_cpuhp_restore(&target, NULL, NULL), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_cpuhp_restore(&target, &saved, NULL), HOTRAM_OK);
    assert_int_equal(target.selector, 0x01020304);
    assert_int_equal(target.command, 3);
    assert_ptr_equal(target.cpus, &fixture.cpus);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_bytes_are_those_of_the_header),
        cmocka_unit_test(a_bank_comes_back_and_present_cpus_are_attached),
        cmocka_unit_test(a_cpu_that_is_refused_undoes_those_before_it),
        cmocka_unit_test(arguments_and_the_target_are_checked),
        cmocka_unit_test(values_that_cannot_be_are_refused),
        cmocka_unit_test(what_is_cut_short_is_refused),
        cmocka_unit_test(the_register_block_comes_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
