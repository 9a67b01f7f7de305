/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A bank of CPUs: every call in every state, and the search for pending events against a search of all slots.
 */
#include "unit.h"

#include <hotram/cpu.h>

#define SLOTS 70u
#define SUBJECT 2u

struct fixture {
    struct hotram_cpus cpus;
    struct hotram_cpu slots[SLOTS];
    unsigned raised;
    unsigned ejected;
    uint32_t last_ejected;
    bool finish_at_once;
};

static void count_raise(void *opaque)
{
    ((struct fixture *)opaque)->raised++;
}

static void ignore_ost(void *opaque, uint32_t slot, uint32_t event, uint32_t status)
{
    (void)opaque;
    (void)slot;
    (void)event;
    (void)status;
}

static void count_eject(void *opaque, uint32_t slot)
{
    struct fixture *fixture = opaque;

    fixture->ejected++;
    fixture->last_ejected = slot;
    assert_int_equal(fixture->slots[slot].state, HOTRAM_CPU_EJECTING);
    assert_false(fixture->slots[slot].insert_pending || fixture->slots[slot].remove_pending);
    if (fixture->finish_at_once)
        assert_int_equal(hotram_cpus_finish(&fixture->cpus, slot), HOTRAM_OK);
}

static const struct hotram_cpus_ops ops = { count_raise, ignore_ost, count_eject };

static void make(struct fixture *fixture, uint32_t count)
{
    memset(fixture, 0, sizeof *fixture);
    memset(fixture->slots, 0xa5, sizeof fixture->slots);
    for (uint32_t i = 0; i < SLOTS; i++)
        fixture->slots[i].hardware_id = i * UINT64_C(0x100000001);
    assert_int_equal(hotram_cpus_init(&fixture->cpus, fixture->slots, count, &ops, fixture), HOTRAM_OK);
}

/* ---- Initialization ---- */

static void init_checks_its_arguments(void **state)
{
    static const struct hotram_cpus_ops no_raise = { NULL, ignore_ost, count_eject };
    static const struct hotram_cpus_ops no_ost = { count_raise, NULL, count_eject };
    static const struct hotram_cpus_ops no_eject = { count_raise, ignore_ost, NULL };
    const struct hotram_cpus_ops *bad[] = { NULL, &no_raise, &no_ost, &no_eject };
    struct hotram_cpus cpus;
    struct hotram_cpu slot = { .hardware_id = 1 };

    (void)state;
    assert_int_equal(hotram_cpus_init(NULL, &slot, 1, &ops, NULL), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_cpus_init(&cpus, NULL, 1, &ops, NULL), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_cpus_init(&cpus, &slot, 0, &ops, NULL), HOTRAM_E_ARGUMENT);
    for (unsigned i = 0; i < COUNT_OF(bad); i++)
        assert_int_equal(hotram_cpus_init(&cpus, &slot, 1, bad[i], NULL), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_cpus_init(&cpus, &slot, 1, &ops, NULL), HOTRAM_OK);
}

static void a_new_bank_is_empty_and_keeps_the_hardware_ids(void **state)
{
    struct fixture fixture;

    (void)state;
    make(&fixture, SLOTS);
    for (uint32_t i = 0; i < SLOTS; i++) {
        const struct hotram_cpu *cpu = hotram_cpus_slot(&fixture.cpus, i);

        assert_ptr_equal(cpu, &fixture.slots[i]);
        assert_int_equal(cpu->hardware_id, i * UINT64_C(0x100000001));
        assert_int_equal(cpu->state, HOTRAM_CPU_ABSENT);
        assert_int_equal(cpu->ost_event + cpu->ost_status, 0);
        assert_false(cpu->insert_pending || cpu->remove_pending);
        assert_false(hotram_cpus_present(&fixture.cpus, i));
    }
    assert_null(hotram_cpus_slot(&fixture.cpus, SLOTS));
    assert_null(hotram_cpus_slot(&fixture.cpus, UINT32_MAX));
    assert_null(hotram_cpus_slot(NULL, 0));
    assert_false(hotram_cpus_present(&fixture.cpus, SLOTS));
    assert_false(hotram_cpus_present(NULL, 0));
    assert_int_equal(hotram_cpus_pending(&fixture.cpus, 0), HOTRAM_CPU_NONE);
    assert_int_equal(hotram_cpus_pending(NULL, 0), HOTRAM_CPU_NONE);
}

/* ---- States ---- */

static enum hotram_status plug_cold(struct hotram_cpus *cpus, uint32_t slot)
{
    return hotram_cpus_plug(cpus, slot, false);
}

static enum hotram_status plug_hot(struct hotram_cpus *cpus, uint32_t slot)
{
    return hotram_cpus_plug(cpus, slot, true);
}

#define REFUSED 99 /* not a state */

/* Each call, and the state that it leads to from each of the states, in the order of the enum. */
static const struct {
    enum hotram_status (*call)(struct hotram_cpus *cpus, uint32_t slot);
    uint8_t to[5];
    unsigned raised, ejected;
} calls[] = {
    { plug_cold, { HOTRAM_CPU_PLUGGED, REFUSED, REFUSED, REFUSED, REFUSED }, 0, 0 },
    { plug_hot, { HOTRAM_CPU_PLUGGED, REFUSED, REFUSED, REFUSED, REFUSED }, 1, 0 },
    { hotram_cpus_fix, { REFUSED, REFUSED, HOTRAM_CPU_FIXED, REFUSED, REFUSED }, 0, 0 },
    { hotram_cpus_request_removal,
      { REFUSED, REFUSED, HOTRAM_CPU_REMOVAL_REQUESTED, HOTRAM_CPU_REMOVAL_REQUESTED, REFUSED },
      1,
      0 },
    { hotram_cpus_withdraw, { REFUSED, REFUSED, REFUSED, HOTRAM_CPU_PLUGGED, REFUSED }, 0, 0 },
    { hotram_cpus_eject, { REFUSED, REFUSED, HOTRAM_CPU_EJECTING, HOTRAM_CPU_EJECTING, REFUSED }, 0, 1 },
    { hotram_cpus_finish, { REFUSED, REFUSED, REFUSED, REFUSED, HOTRAM_CPU_ABSENT }, 0, 0 },
};

/* Bring the subject into a state by the calls that lead to it. */
static void enter(struct fixture *fixture, uint8_t to)
{
    make(fixture, 4);
    if (to == HOTRAM_CPU_ABSENT)
        return;
    assert_int_equal(hotram_cpus_plug(&fixture->cpus, SUBJECT, false), HOTRAM_OK);
    if (to == HOTRAM_CPU_FIXED)
        assert_int_equal(hotram_cpus_fix(&fixture->cpus, SUBJECT), HOTRAM_OK);
    if (to == HOTRAM_CPU_REMOVAL_REQUESTED)
        assert_int_equal(hotram_cpus_request_removal(&fixture->cpus, SUBJECT), HOTRAM_OK);
    if (to == HOTRAM_CPU_EJECTING)
        assert_int_equal(hotram_cpus_eject(&fixture->cpus, SUBJECT), HOTRAM_OK);
    assert_int_equal(fixture->slots[SUBJECT].state, to);
    fixture->raised = fixture->ejected = 0;
}

static void every_call_in_every_state(void **state)
{
    struct fixture fixture, before;

    (void)state;
    for (unsigned i = 0; i < COUNT_OF(calls); i++) {
        for (uint8_t from = 0; from < COUNT_OF(calls[i].to); from++) {
            const bool refused = calls[i].to[from] == REFUSED;

            enter(&fixture, from);
            before = fixture;
            assert_int_equal(calls[i].call(&fixture.cpus, SUBJECT), refused ? HOTRAM_E_STATE : HOTRAM_OK);
            if (refused) {
                assert_memory_equal(&fixture, &before, sizeof before);
                continue;
            }
            assert_int_equal(fixture.slots[SUBJECT].state, calls[i].to[from]);
            assert_int_equal(fixture.raised, calls[i].raised);
            assert_int_equal(fixture.ejected, calls[i].ejected);
            fixture.slots[SUBJECT] = before.slots[SUBJECT];
            assert_memory_equal(fixture.slots, before.slots, sizeof before.slots);
        }
    }
}

static void every_call_checks_bank_and_slot(void **state)
{
    static const uint32_t none[] = { 4, 5, SLOTS, HOTRAM_CPU_NONE };
    struct fixture fixture, before;

    (void)state;
    make(&fixture, 4);
    before = fixture;
    for (unsigned i = 0; i < COUNT_OF(calls); i++) {
        assert_int_equal(calls[i].call(NULL, 0), HOTRAM_E_ARGUMENT);
        for (unsigned j = 0; j < COUNT_OF(none); j++)
            assert_int_equal(calls[i].call(&fixture.cpus, none[j]), HOTRAM_E_SLOT_RANGE);
    }
    assert_int_equal(hotram_cpus_reset(NULL), HOTRAM_E_ARGUMENT);
    assert_memory_equal(&fixture, &before, sizeof before);
}

static void a_state_that_cannot_be_is_refused(void **state)
{
    struct fixture fixture;

    (void)state;
    make(&fixture, 4);
    fixture.slots[SUBJECT].state = HOTRAM_CPU_EJECTING + 1;
    for (unsigned i = 0; i < COUNT_OF(calls); i++)
        assert_int_equal(calls[i].call(&fixture.cpus, SUBJECT), HOTRAM_E_STATE);
    assert_false(hotram_cpus_present(&fixture.cpus, SUBJECT));
}

static void the_guest_may_use_a_cpu_from_plug_to_eject(void **state)
{
    static const bool present[] = { false, true, true, true, false };
    struct fixture fixture;

    (void)state;
    for (uint8_t i = 0; i < COUNT_OF(present); i++) {
        enter(&fixture, i);
        assert_int_equal(hotram_cpus_present(&fixture.cpus, SUBJECT), present[i]);
    }
}

/* ---- Events ---- */

static void insert_and_remove_are_pending_beside_each_other(void **state)
{
    struct fixture fixture;

    (void)state;
    make(&fixture, 4);
    assert_int_equal(hotram_cpus_plug(&fixture.cpus, SUBJECT, true), HOTRAM_OK);
    assert_int_equal(hotram_cpus_request_removal(&fixture.cpus, SUBJECT), HOTRAM_OK);
    assert_true(fixture.slots[SUBJECT].insert_pending && fixture.slots[SUBJECT].remove_pending);
    assert_int_equal(fixture.raised, 2);
    assert_int_equal(hotram_cpus_withdraw(&fixture.cpus, SUBJECT), HOTRAM_OK);
    assert_true(fixture.slots[SUBJECT].insert_pending && !fixture.slots[SUBJECT].remove_pending);
    assert_int_equal(hotram_cpus_pending(&fixture.cpus, 0), SUBJECT);
}

static void events_go_with_the_cpu(void **state)
{
    struct fixture fixture;

    (void)state;
    make(&fixture, 4);
    fixture.finish_at_once = true;
    assert_int_equal(hotram_cpus_plug(&fixture.cpus, SUBJECT, true), HOTRAM_OK);
    assert_int_equal(hotram_cpus_request_removal(&fixture.cpus, SUBJECT), HOTRAM_OK);
    assert_int_equal(hotram_cpus_eject(&fixture.cpus, SUBJECT), HOTRAM_OK);
    assert_int_equal(fixture.last_ejected, SUBJECT);
    assert_int_equal(fixture.slots[SUBJECT].state, HOTRAM_CPU_ABSENT);
    assert_int_equal(hotram_cpus_pending(&fixture.cpus, 0), HOTRAM_CPU_NONE);
    assert_int_equal(hotram_cpus_plug(&fixture.cpus, SUBJECT, false), HOTRAM_OK);
    assert_int_equal(hotram_cpus_pending(&fixture.cpus, 0), HOTRAM_CPU_NONE);
}

static void the_codes_of_a_slot_survive_its_cpu(void **state)
{
    struct fixture fixture;

    (void)state;
    make(&fixture, 4);
    assert_int_equal(hotram_cpus_plug(&fixture.cpus, SUBJECT, false), HOTRAM_OK);
    fixture.slots[SUBJECT].ost_event = 3;
    fixture.slots[SUBJECT].ost_status = 0x84;
    assert_int_equal(hotram_cpus_eject(&fixture.cpus, SUBJECT), HOTRAM_OK);
    assert_int_equal(hotram_cpus_finish(&fixture.cpus, SUBJECT), HOTRAM_OK);
    assert_int_equal(fixture.slots[SUBJECT].ost_event, 3);
    assert_int_equal(fixture.slots[SUBJECT].ost_status, 0x84);
}

static void a_fixed_cpu_has_no_event(void **state)
{
    struct fixture fixture;

    (void)state;
    make(&fixture, 4);
    assert_int_equal(hotram_cpus_plug(&fixture.cpus, SUBJECT, true), HOTRAM_OK);
    assert_int_equal(hotram_cpus_fix(&fixture.cpus, SUBJECT), HOTRAM_OK);
    assert_int_equal(hotram_cpus_pending(&fixture.cpus, 0), HOTRAM_CPU_NONE);
}

static void a_reset_discards_inserts_and_keeps_removals(void **state)
{
    struct fixture fixture;

    (void)state;
    make(&fixture, SLOTS);
    for (uint32_t i = 0; i < SLOTS; i++) {
        assert_int_equal(hotram_cpus_plug(&fixture.cpus, i, i % 4 != 3), HOTRAM_OK);
        if (i % 3 == 1)
            assert_int_equal(hotram_cpus_request_removal(&fixture.cpus, i), HOTRAM_OK);
    }
    assert_int_equal(hotram_cpus_reset(&fixture.cpus), HOTRAM_OK);
    for (uint32_t i = 0; i < SLOTS; i++) {
        assert_false(fixture.slots[i].insert_pending);
        assert_int_equal(fixture.slots[i].remove_pending, i % 3 == 1);
        assert_int_equal(fixture.slots[i].state,
                         i % 3 == 1 ? HOTRAM_CPU_REMOVAL_REQUESTED : HOTRAM_CPU_PLUGGED);
        if (i % 3 == 1)
            assert_int_equal(hotram_cpus_pending(&fixture.cpus, i - 1), i);
    }
}

/* ---- The search, against one of all slots ---- */

static uint32_t search(const struct fixture *fixture, uint32_t count, uint32_t from)
{
    for (uint32_t pass = 0; pass < 2; pass++) {
        for (uint32_t i = pass == 0 ? from : 0; i < count; i++) {
            if (fixture->slots[i].insert_pending || fixture->slots[i].remove_pending)
                return i;
        }
    }
    return HOTRAM_CPU_NONE;
}

static void the_search_finds_what_a_search_of_all_slots_finds(void **state)
{
    struct unit_random random = unit_random_start("cpu");

    (void)state;
    for (unsigned run = 0; run < 20; run++) {
        const uint32_t count = 1 + unit_random_below(&random, SLOTS);
        struct fixture fixture;

        make(&fixture, count);
        fixture.finish_at_once = run % 2 == 0;
        for (unsigned i = 0; i < 2000; i++) {
            uint32_t slot = unit_random_below(&random, count), from = unit_random_below(&random, count + 2);

            if (unit_random_below(&random, 200) == 0)
                hotram_cpus_reset(&fixture.cpus);
            else
                calls[unit_random_below(&random, COUNT_OF(calls))].call(&fixture.cpus, slot);
            assert_int_equal(hotram_cpus_pending(&fixture.cpus, from), search(&fixture, count, from));
            assert_int_equal(hotram_cpus_pending(&fixture.cpus, UINT32_MAX), search(&fixture, count, 0));
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(init_checks_its_arguments),
        cmocka_unit_test(a_new_bank_is_empty_and_keeps_the_hardware_ids),
        cmocka_unit_test(every_call_in_every_state),
        cmocka_unit_test(every_call_checks_bank_and_slot),
        cmocka_unit_test(a_state_that_cannot_be_is_refused),
        cmocka_unit_test(the_guest_may_use_a_cpu_from_plug_to_eject),
        cmocka_unit_test(insert_and_remove_are_pending_beside_each_other),
        cmocka_unit_test(events_go_with_the_cpu),
        cmocka_unit_test(the_codes_of_a_slot_survive_its_cpu),
        cmocka_unit_test(a_fixed_cpu_has_no_event),
        cmocka_unit_test(a_reset_discards_inserts_and_keeps_removals),
        cmocka_unit_test(the_search_finds_what_a_search_of_all_slots_finds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
