/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * When a guest that writes too fast is slowed, how far, and that it stops. The group has no vCPUs.
 */
#include "../unit.h"

#include "machine/throttle.h"

#define SECOND 1000
#define MIB (UINT64_C(1) << 20)

static const struct throttle_limits limits = THROTTLE_LIMITS;

/* So many passes of half a second each; returns how many steps they cause. */
static unsigned passes(struct throttle *throttle, unsigned count, uint64_t sent, uint64_t written)
{
    unsigned steps = 0;

    for (unsigned i = 0; i < count; i++)
        steps += throttle_note(throttle, &limits, throttle->since + (i % 2 ? SECOND : SECOND / 2), sent,
                               written);
    return steps;
}

static void two_bad_seconds_are_a_step(void **state)
{
    struct throttle throttle = { 0 };

    (void)state;
    assert_int_equal(passes(&throttle, 2, 100 * MIB, 51 * MIB), 0);
    assert_int_equal(passes(&throttle, 2, 100 * MIB, 51 * MIB), 1);
    assert_int_equal(passes(&throttle, 40, 100 * MIB, 51 * MIB), 10);
}

static void as_much_as_the_threshold_is_no_step(void **state)
{
    struct throttle throttle = { 0 };

    (void)state;
    assert_int_equal(passes(&throttle, 40, 100 * MIB, 50 * MIB), 0);
    /* Nothing was sent: as a connection that stands still. */
    assert_int_equal(passes(&throttle, 40, 0, 0), 0);
    assert_int_equal(passes(&throttle, 4, 0, MIB), 1);
}

static void a_good_second_begins_anew(void **state)
{
    struct throttle throttle = { 0 };

    (void)state;
    for (unsigned i = 0; i < 10; i++) {
        assert_int_equal(passes(&throttle, 2, 100 * MIB, 100 * MIB), 0);
        assert_int_equal(passes(&throttle, 2, 100 * MIB, 1 * MIB), 0);
    }
}

static void short_passes_count_together(void **state)
{
    struct throttle throttle = { 0 };
    unsigned steps = 0;

    (void)state;
    for (uint64_t now = 1; now <= 10 * SECOND; now++)
        steps += throttle_note(&throttle, &limits, now, MIB, MIB);
    assert_int_equal(steps, 5);
}

static void steps_end_at_the_limit(void **state)
{
    static const struct throttle_limits low = { .trigger = 1, .initial = 30, .increment = 50, .max = 20 };
    unsigned percent = 0, steps = 0;

    (void)state;
    for (; percent < limits.max; steps++) {
        const unsigned next = throttle_next(percent, &limits);

        assert_int_equal(next, percent == 0 ? 20 : percent == 90 ? 99 : percent + 10);
        percent = next;
    }
    assert_int_equal(steps, 9);
    assert_int_equal(throttle_next(percent, &limits), 99);
    /* One that has been lowered meanwhile. */
    assert_int_equal(throttle_next(0, &low), 20);
    assert_int_equal(throttle_next(80, &low), 20);
}

static void turns_have_the_percentage(void **state)
{
    (void)state;
    for (unsigned percent = 1; percent <= 99; percent++) {
        const struct throttle_turns turns = throttle_turns(percent);
        const unsigned whole = turns.run + turns.rest;

        assert_true(turns.run >= 10 && turns.rest >= 10 && whole <= SECOND);
        assert_true(turns.rest * 100 < (percent + 2) * whole && turns.rest * 100 + whole >= percent * whole);
    }
}

/* The timer's; until so many turns have begun. */
static void take_turns(struct loop *loop, const struct throttle *throttle, unsigned count)
{
    for (bool rested = throttle->rests; count > 0; rested = throttle->rests) {
        loop_once(loop, -1);
        assert_int_equal(throttle->rests, atomic_load(&throttle->vcpus->rest));
        count -= throttle->rests != rested;
    }
}

static void the_guest_rests_until_the_end(void **state)
{
    static const struct throttle_limits at_once = { .trigger = 1, .initial = 50, .increment = 1, .max = 99 };
    struct vcpus vcpus = { .possible = 0 };
    struct throttle throttle;
    struct loop *loop = loop_create();

    (void)state;
    assert_non_null(loop);
    pthread_mutex_init(&vcpus.lock, NULL);
    pthread_cond_init(&vcpus.changed, NULL);
    for (unsigned turns = 0; turns < 6; turns++) {
        throttle_begin(&throttle, loop, &vcpus, 0);
        throttle_learn(&throttle, &at_once, SECOND, MIB, MIB);
        assert_false(timer_runs(&throttle.timer));
        throttle_learn(&throttle, &at_once, 2 * SECOND, MIB, MIB);
        assert_int_equal(throttle.percent, 50);
        assert_true(throttle.rests && timer_runs(&throttle.timer));
        take_turns(loop, &throttle, turns);
        throttle_end(&throttle);
        assert_false(atomic_load(&vcpus.rest) || throttle.rests || timer_runs(&throttle.timer));
        assert_int_equal(throttle.percent, 0);
        throttle_end(&throttle);
    }
    pthread_cond_destroy(&vcpus.changed);
    pthread_mutex_destroy(&vcpus.lock);
    loop_destroy(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_bad_seconds_are_a_step),
        cmocka_unit_test(as_much_as_the_threshold_is_no_step),
        cmocka_unit_test(a_good_second_begins_anew),
        cmocka_unit_test(short_passes_count_together),
        cmocka_unit_test(steps_end_at_the_limit),
        cmocka_unit_test(turns_have_the_percentage),
        cmocka_unit_test(the_guest_rests_until_the_end),
    };

    return cmocka_run_group_tests_name("throttle", tests, NULL, NULL);
}
