/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PL031 real-time clock. The host's wall clock is the test's; the clock of the event loop's timers is
 * not.
 */
#include "device_world.h"

#include <time.h>

#include "base/config.h"
#include "device/pl031.h"
#include "layout/arm64.h"

#define DR 0x00
#define MR 0x04
#define LR 0x08
#define CR 0x0c
#define IMSC 0x10
#define RIS 0x14
#define MIS 0x18
#define ICR 0x1c

#define NOW 981173106u /* 2001-02-03 04:05:06 UTC */

static struct pl031 pl031;
static struct timespec wall;

int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);

int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
    if (clock != CLOCK_REALTIME)
        return __real_clock_gettime(clock, now);
    *now = wall;
    return 0;
}

static uint32_t in(uint64_t offset)
{
    uint32_t value = 0;

    bus_access(&bus, BUS_MEMORY, ARM64_PL031 + offset, false, 4, (uint8_t *)&value);
    return value;
}

static void out(uint64_t offset, uint32_t value)
{
    bus_access(&bus, BUS_MEMORY, ARM64_PL031 + offset, true, 4, (uint8_t *)&value);
}

static void start(bool local, int64_t offset)
{
    const struct chip_place place = { ARM64_PL031, ARM64_GSI_PL031 };

    pl031_init(&pl031, &board, &place, local, offset);
}

/* The event loop runs for at most `seconds`; whether there is an interrupt then. */
static bool interrupts_within(int seconds)
{
    for (int i = 0; i < seconds * 100 && !line_high; i++)
        loop_once(loop, 10);
    return line_high;
}

static int set_up(void **state)
{
    (void)state;
    wall = (struct timespec){ .tv_sec = NOW };
    setenv("TZ", "XXX-5:30", 1); /* east of Greenwich */
    return world_set_up();
}

static int tear_down(void **state)
{
    (void)state;
    pl031_destroy(&pl031);
    bus_destroy(&bus);
    loop_destroy(loop);
    return 0;
}

/* ---- time ---- */

static void it_says_what_it_is(void **state)
{
    static const uint8_t identity[] = { 0x31, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };

    (void)state;
    start(false, 0);
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(in(0xfe0 + 4 * i), identity[i]);
}

static void it_counts_the_hosts_seconds(void **state)
{
    (void)state;
    start(false, 0);
    assert_int_equal(in(DR), NOW);
    wall.tv_nsec = 999999999;
    assert_int_equal(in(DR), NOW);
    wall.tv_sec++;
    assert_int_equal(in(DR), NOW + 1);
    out(DR, 5); /* can only be read */
    assert_int_equal(in(DR), NOW + 1);
}

/* -rtc base= */
static void it_begins_at_another_time(void **state)
{
    (void)state;
    start(false, -1000000);
    assert_int_equal(in(DR), NOW - 1000000);
}

static void it_shows_local_time(void **state)
{
    (void)state;
    start(true, 0);
    assert_int_equal(in(DR), NOW + (5 * 60 + 30) * 60);
    out(LR, 100);
    wall.tv_sec += 7;
    assert_int_equal(in(DR), 107);
}

static void a_guest_sets_it(void **state)
{
    (void)state;
    start(false, 0);
    assert_int_equal(in(LR), 0);
    out(LR, 0xfffffffe);
    assert_int_equal(in(DR), 0xfffffffe);
    wall.tv_sec += 3;
    assert_int_equal(in(DR), 1); /* it has 32 bits */
    assert_int_equal(in(LR), 0xfffffffe);
}

static void it_cannot_be_stopped(void **state)
{
    (void)state;
    start(false, 0);
    assert_int_equal(in(CR), 1);
    out(CR, 0);
    wall.tv_sec++;
    assert_int_equal(in(CR), 1);
    assert_int_equal(in(DR), NOW + 1);
}

/* ---- alarm ---- */

static void a_match_shows_when_its_second_comes(void **state)
{
    (void)state;
    start(false, 0);
    out(MR, NOW + 10);
    assert_int_equal(in(MR), NOW + 10);
    wall.tv_sec += 9;
    assert_int_equal(in(RIS), 0);
    wall.tv_sec++;
    assert_int_equal(in(RIS), 1);
    assert_int_equal(in(MIS), 0);
    assert_false(line_high);
    out(IMSC, 0xffffffff);
    assert_int_equal(in(IMSC), 1);
    assert_int_equal(in(MIS), 1);
    assert_true(line_high);
    out(ICR, 0xfffffffe);
    assert_true(line_high);
    out(ICR, 1);
    assert_false(line_high);
    assert_int_equal(in(RIS), 0);
    wall.tv_sec++; /* once only */
    assert_int_equal(in(RIS), 0);
}

static void a_match_with_the_present_second_is_one(void **state)
{
    (void)state;
    start(false, 0);
    out(MR, NOW);
    assert_int_equal(in(RIS), 1);
    out(ICR, 1);
    assert_int_equal(in(RIS), 0);
    out(MR, 17);
    out(LR, 17);
    assert_int_equal(in(RIS), 1);
}

/* A host whose clock is set forward does not make the guest miss it; nor is it reached by setting clocks. */
static void only_time_that_passes_is_searched(void **state)
{
    (void)state;
    start(false, 0);
    out(MR, NOW + 10);
    out(LR, NOW + 20);
    assert_int_equal(in(RIS), 0);
    out(LR, NOW);
    wall.tv_sec -= 5;
    assert_int_equal(in(RIS), 0);
    wall.tv_sec += 4000;
    assert_int_equal(in(RIS), 1);
    out(ICR, 1);
    wall.tv_sec -= 4000; /* and again */
    assert_int_equal(in(RIS), 0);
    wall.tv_sec += 4000;
    assert_int_equal(in(RIS), 1);
}

static void a_match_beyond_the_end_of_the_count(void **state)
{
    (void)state;
    start(false, 0);
    out(LR, 0xfffffff0);
    out(MR, 5);
    wall.tv_sec += 20;
    assert_int_equal(in(DR), 4);
    assert_int_equal(in(RIS), 0);
    wall.tv_sec++;
    assert_int_equal(in(RIS), 1);
}

/* Nobody reads a register meanwhile: the timer of the event loop comes when the second begins. */
static void a_match_interrupts_a_guest_that_sleeps(void **state)
{
    uint64_t began;

    (void)state;
    start(false, 0);
    wall.tv_nsec = 700000000;
    out(MR, NOW + 1);
    out(IMSC, 1);
    loop_once(loop, 0);
    assert_true(timer_runs(&pl031.timer));
    began = loop_now();
    while (loop_now() - began < 310 && timer_runs(&pl031.timer))
        loop_once(loop, 5);
    wall = (struct timespec){ .tv_sec = NOW + 1 }; /* the host's second comes a little late: it looks again */
    assert_true(interrupts_within(30));
    assert_int_equal(edges, 1);
    assert_false(timer_runs(&pl031.timer));
    out(ICR, 1); /* in the same second: the next match is far away */
    loop_once(loop, 0);
    assert_true(pl031.timer.deadline > loop_now() + 10000);
}

/* No timer runs for an interrupt that nobody gets. */
static void a_masked_match_wakes_nobody(void **state)
{
    (void)state;
    start(false, 0);
    out(MR, NOW + 1000);
    loop_once(loop, 0);
    assert_false(timer_runs(&pl031.timer));
    out(IMSC, 1);
    loop_once(loop, 0);
    assert_true(timer_runs(&pl031.timer));
    out(IMSC, 0);
    out(MR, NOW + 1); /* whatever is posted */
    wall.tv_sec += 2;
    assert_false(interrupts_within(1));
    assert_int_equal(in(RIS), 1);
}

/* ---- reset, saved state ---- */

static void a_reset_keeps_the_time_alone(void **state)
{
    (void)state;
    start(false, 0);
    out(LR, 1000);
    out(MR, 1000);
    out(IMSC, 1);
    assert_true(line_high);
    pl031_reset(&pl031);
    assert_false(line_high);
    assert_int_equal(in(DR), 1000);
    assert_int_equal(in(LR) + in(MR) + in(IMSC) + in(RIS), 0);
    wall.tv_sec++;
    assert_int_equal(in(RIS), 0);
}

/* An alarm that came between the two is not lost. */
static void a_restored_clock_has_its_alarm(void **state)
{
    struct pl031_state saved;

    (void)state;
    start(false, 0);
    out(MR, NOW + 10);
    out(IMSC, 1);
    saved = pl031.state;
    pl031_reset(&pl031);
    wall.tv_sec += 100;
    assert_int_equal(in(RIS), 0);
    pl031.state = saved;
    pl031_restored(&pl031);
    assert_false(line_high);
    assert_true(interrupts_within(30));
    assert_int_equal(in(MIS), 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(it_says_what_it_is),
        TEST(it_counts_the_hosts_seconds),
        TEST(it_begins_at_another_time),
        TEST(it_shows_local_time),
        TEST(a_guest_sets_it),
        TEST(it_cannot_be_stopped),
        TEST(a_match_shows_when_its_second_comes),
        TEST(a_match_with_the_present_second_is_one),
        TEST(only_time_that_passes_is_searched),
        TEST(a_match_beyond_the_end_of_the_count),
        TEST(a_match_interrupts_a_guest_that_sleeps),
        TEST(a_masked_match_wakes_nobody),
        TEST(a_reset_keeps_the_time_alone),
        TEST(a_restored_clock_has_its_alarm),
    };

    return cmocka_run_group_tests_name("pl031", tests, NULL, NULL);
}
