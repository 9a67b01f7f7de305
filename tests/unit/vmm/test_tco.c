/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The TCO watchdog at its ports, with a guest's clock that the test sets: what a driver reads, when the board
 * hears of it, and when it does not.
 */
#include "device_world.h"

#include "device/tco.h"
#include "layout/x86.h"

#define TICK TCO_TICK_NS

static struct tco tco;
static unsigned bites;

static void bitten(void *opaque)
{
    (void)opaque;
    bites++;
}

static uint32_t in(unsigned offset, unsigned width)
{
    uint32_t value = 0;

    bus_access(&bus, BUS_PORTS, X86_PORT_TCO + offset, false, width, (uint8_t *)&value);
    return value;
}

static void out(unsigned offset, unsigned width, uint32_t value)
{
    bus_access(&bus, BUS_PORTS, X86_PORT_TCO + offset, true, width, (uint8_t *)&value);
}

static uint32_t gcs(void)
{
    uint32_t value = 0;

    bus_access(&bus, BUS_MEMORY, X86_GCS, false, 4, (uint8_t *)&value);
    return value;
}

static void set_gcs(uint32_t value)
{
    bus_access(&bus, BUS_MEMORY, X86_GCS, true, 4, (uint8_t *)&value);
}

/* Time of the guest, and whatever the main thread has to do at its end. */
static void pass(uint64_t nanoseconds)
{
    machine_clock.stood += nanoseconds;
    tco.look.run(&tco); /* as the host's timer calls it */
    loop_once(loop, 0);
}

static int start(bool strapped)
{
    int failed = world_set_up();

    machine_clock = (struct guest_clock){ 0 };
    board.watchdog = bitten;
    bites = 0;
    tco_init(&tco, &board, strapped);
    tco_run(&tco, true);
    return failed;
}

static int set_up(void **state)
{
    (void)state;
    return start(false);
}

static int set_up_strapped(void **state)
{
    (void)state;
    return start(true);
}

static int tear_down(void **state)
{
    (void)state;
    tco_destroy(&tco);
    bus_destroy(&bus);
    loop_destroy(loop);
    return 0;
}

/* As iTCO_wdt does: halt, clear, allow the reboot, set the time, load, and let it count. */
static void arm(unsigned ticks)
{
    out(TCO1_CNT, 2, in(TCO1_CNT, 2) | TCO1_CNT_HALT);
    out(TCO1_STS, 2, TCO1_STS_TIMEOUT);
    out(TCO2_STS, 2, TCO2_STS_SECOND);
    set_gcs(gcs() & ~GCS_NO_REBOOT);
    out(TCO_TMR, 2, (in(TCO_TMR, 2) & ~TCO_TMR_MAX) | ticks);
    out(TCO_RLD, 2, 1);
    out(TCO1_CNT, 2, in(TCO1_CNT, 2) & ~TCO1_CNT_HALT);
}

static void registers_are_as_after_power_on(void **state)
{
    static const struct {
        unsigned offset, value;
    } values[] = { { TCO_RLD, 0 },    { TCO_DAT, 0 },     { TCO1_STS, 0 },    { TCO2_STS, 0 },
                   { TCO1_CNT, 0 },   { TCO2_CNT, 0x08 }, { TCO_MESSAGE, 0 }, { TCO_WDCNT, 0 },
                   { SW_IRQ_GEN, 3 }, { TCO_TMR, 4 },     { 0x14, 0 },        { 0x1e, 0 } };
    uint32_t smi = 0;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(values); i++)
        assert_int_equal(in(values[i].offset, 2), values[i].value);
    assert_int_equal(gcs(), GCS_NO_REBOOT);
    /* iTCO_wdt counts on two timeouts only where TCO_EN or GBL_SMI_EN is clear; SeaBIOS leaves SMIs alone
     * where APMC_EN is set. */
    bus_access(&bus, BUS_PORTS, X86_PORT_SMI_EN, true, 4, (uint8_t *)&(uint32_t){ 0xffffffff });
    bus_access(&bus, BUS_PORTS, X86_PORT_SMI_EN, false, 4, (uint8_t *)&smi);
    assert_int_equal(smi, 0x20);
    pass(1000 * TICK); /* it does not count by itself */
    assert_int_equal(in(TCO_RLD, 2), 0);
    assert_int_equal(in(TCO1_STS, 2), 0);
}

static void registers_keep_the_bits_that_they_have(void **state)
{
    (void)state;
    out(TCO1_CNT, 2, TCO1_CNT_HALT);
    out(TCO2_CNT, 2, 0xffff);
    assert_int_equal(in(TCO2_CNT, 2), 0x3e);
    out(TCO_MESSAGE, 4, 0x12345678); /* two registers */
    assert_int_equal(in(TCO_MESSAGE, 2), 0x5678);
    assert_int_equal(in(TCO_MESSAGE + 1, 1), 0x56);
    assert_int_equal(in(TCO_WDCNT, 2), 0x34);
    out(SW_IRQ_GEN, 1, 0xfe);
    assert_int_equal(in(SW_IRQ_GEN, 2), 2);
    out(TCO_TMR, 2, 0xfd23);
    assert_int_equal(in(TCO_TMR, 2), 0x123);
    out(TCO_TMR + 1, 1, 0x02); /* a byte of it */
    assert_int_equal(in(TCO_TMR, 2), 0x223);
    out(TCO_TMR, 2, 1); /* is ignored, and so is 0 */
    out(TCO_TMR, 2, 0);
    assert_int_equal(in(TCO_TMR, 2), 0x223);
    out(TCO1_CNT + 1, 1, 0xff);
    assert_int_equal(in(TCO1_CNT, 2), TCO1_CNT_LOCK | TCO1_CNT_HALT | TCO1_CNT_NMI2SMI);
    out(TCO1_CNT, 2, 0); /* the lock stays until a reset */
    assert_int_equal(in(TCO1_CNT, 2), TCO1_CNT_LOCK);
    out(0x14, 2, 0xffff);
    assert_int_equal(in(0x14, 2), 0);
}

static void what_is_written_to_the_data_registers_is_noted(void **state)
{
    (void)state;
    out(TCO_DAT, 1, 0x11);
    assert_int_equal(in(TCO1_STS, 2), TCO1_STS_SW_SMI);
    out(TCO_DAT + 1, 1, 0x22);
    assert_int_equal(in(TCO_DAT, 2), 0x2211);
    assert_int_equal(in(TCO1_STS, 2), TCO1_STS_SW_SMI | TCO1_STS_INT);
    out(TCO1_STS, 2, TCO1_STS_SW_SMI); /* ones clear, zeros do not */
    assert_int_equal(in(TCO1_STS, 2), TCO1_STS_INT);
    out(TCO1_STS + 1, 1, 0xff);
    assert_int_equal(in(TCO1_STS, 2), TCO1_STS_INT);
}

static void two_timeouts_bite_once(void **state)
{
    (void)state;
    arm(5);
    assert_int_equal(in(TCO_RLD, 2), 5);
    pass(1);
    assert_int_equal(in(TCO_RLD, 2), 5);
    pass(TICK);
    assert_int_equal(in(TCO_RLD, 2), 4);
    pass(4 * TICK - 2);
    assert_int_equal(in(TCO_RLD, 2), 1);
    assert_int_equal(in(TCO1_STS, 2), 0);
    pass(1);
    assert_int_equal(in(TCO1_STS, 2), TCO1_STS_TIMEOUT);
    assert_int_equal(in(TCO_RLD, 2), 5);
    assert_int_equal(in(TCO2_STS, 2), 0);
    pass(5 * TICK - 1);
    assert_int_equal(bites, 0);
    pass(1);
    assert_int_equal(bites, 1);
    assert_int_equal(in(TCO2_STS, 2), TCO2_STS_SECOND | TCO2_STS_BOOT);
    pass(100 * TICK); /* it has stopped */
    assert_int_equal(bites, 1);
    out(TCO_RLD, 2, 1); /* until it is loaded again */
    pass(10 * TICK);
    assert_int_equal(bites, 2);
}

static void a_guest_that_feeds_it_is_not_bitten(void **state)
{
    (void)state;
    arm(4);
    for (unsigned i = 0; i < 20; i++) {
        pass(7 * TICK); /* behind the first timeout, before the second */
        assert_int_equal(in(TCO1_STS, 2), TCO1_STS_TIMEOUT);
        out(TCO_RLD, 1, 0); /* whatever is written */
        out(TCO1_STS, 2, TCO1_STS_TIMEOUT);
    }
    assert_int_equal(bites, 0);
    out(TCO1_CNT, 2, TCO1_CNT_HALT);
    assert_int_equal(in(TCO_RLD, 2), 4);
    pass(100 * TICK);
    assert_int_equal(in(TCO_RLD, 2), 4);
    out(TCO1_CNT, 2, 0); /* from there on */
    pass(8 * TICK);
    assert_int_equal(bites, 1);
}

static void clearing_the_status_is_not_feeding(void **state)
{
    (void)state;
    arm(4);
    pass(4 * TICK);
    out(TCO1_STS, 2, TCO1_STS_TIMEOUT);
    pass(4 * TICK);
    assert_int_equal(bites, 1);
}

/* What the guest reads does not wait for the main thread. */
static void the_guest_sees_a_timeout_at_once(void **state)
{
    (void)state;
    arm(4);
    machine_clock.stood += 4 * TICK;
    assert_int_equal(in(TCO1_STS, 2), TCO1_STS_TIMEOUT);
    machine_clock.stood += 4 * TICK;
    out(TCO_RLD, 2, 1); /* too late */
    assert_int_equal(bites, 0);
    loop_once(loop, 0);
    assert_int_equal(bites, 1);
}

static void no_reboot_counts_and_does_not_bite(void **state)
{
    (void)state;
    arm(4);
    set_gcs(GCS_NO_REBOOT);
    pass(8 * TICK);
    assert_int_equal(in(TCO2_STS, 2), TCO2_STS_SECOND | TCO2_STS_BOOT);
    pass(800 * TICK);
    assert_int_equal(bites, 0);
    assert_int_equal(in(TCO_RLD, 2), 4);
    set_gcs(0);
    pass(8 * TICK);
    assert_int_equal(bites, 1);
}

static void the_strap_cannot_be_overruled(void **state)
{
    (void)state;
    arm(4);
    assert_int_equal(gcs(), GCS_NO_REBOOT); /* where Linux gives up */
    pass(8 * TICK);
    tco.state.gcs = 0; /* of another machine */
    tco_restored(&tco);
    assert_int_equal(gcs(), GCS_NO_REBOOT);
    pass(8 * TICK);
    assert_int_equal(bites, 0);
}

static void time_stops_while_the_guest_does(void **state)
{
    (void)state;
    arm(4);
    pass(6 * TICK);
    tco_run(&tco, false);
    assert_int_equal(tco.state.left, 2 * TICK); /* what is saved */
    for (unsigned i = 0; i < 10; i++)
        pass(0); /* the host's timer comes: the guest's clock stands */
    tco_run(&tco, true);
    pass(2 * TICK - 1);
    assert_int_equal(bites, 0);
    /* Stopped when it is due: it waits for the guest. */
    machine_clock.stood += 1;
    tco_run(&tco, false);
    pass(0);
    assert_int_equal(bites, 0);
    tco_run(&tco, true);
    loop_once(loop, 0);
    assert_int_equal(bites, 1);
}

static void a_reset_keeps_what_says_why(void **state)
{
    (void)state;
    arm(4);
    pass(8 * TICK);
    tco_reset(&tco);
    assert_int_equal(in(TCO2_STS, 2), TCO2_STS_SECOND | TCO2_STS_BOOT);
    assert_int_equal(in(TCO1_STS, 2), 0);
    assert_int_equal(gcs(), GCS_NO_REBOOT);
    out(TCO2_STS, 2, TCO2_STS_SECOND);
    assert_int_equal(in(TCO2_STS, 2), TCO2_STS_BOOT);
    /* One that comes between the timeout and the main thread's look is the only one. */
    arm(4);
    machine_clock.stood += 8 * TICK;
    assert_int_equal(in(TCO_RLD, 2), 0);
    tco_reset(&tco);
    pass(100 * TICK);
    assert_int_equal(bites, 1);
}

/* The host's timer is set, and set anew when zero comes earlier than it. */
static void the_main_thread_is_woken_in_time(void **state)
{
    (void)state;
    arm(0x3ff);
    loop_once(loop, 0);
    assert_true(timer_runs(&tco.timer));
    assert_int_equal(tco.due, 0x3ff * TICK);
    out(TCO_TMR, 2, 4);
    out(TCO_RLD, 2, 1);
    loop_once(loop, 0);
    assert_int_equal(tco.due, 4 * TICK);
    machine_clock.stood += 2 * TICK;
    out(TCO_RLD, 2, 1); /* later: the timer comes, and sees */
    assert_int_equal(tco.due, 4 * TICK);
    pass(2 * TICK);
    assert_int_equal(tco.due, 6 * TICK);
    out(TCO1_CNT, 2, TCO1_CNT_HALT);
    pass(2 * TICK);
    assert_false(timer_runs(&tco.timer));
    assert_int_equal(bites, 0);
}

static void a_restored_timer_goes_on(void **state)
{
    struct tco_state saved;

    (void)state;
    arm(4);
    pass(6 * TICK);
    tco_run(&tco, false);
    saved = tco.state;
    tco_reset(&tco);
    machine_clock.stood = 5000 * TICK; /* another machine's */
    tco.state = saved;
    tco_restored(&tco);
    tco_run(&tco, true);
    pass(2 * TICK - 1);
    assert_int_equal(bites, 0);
    pass(1);
    assert_int_equal(bites, 1);
}

static void hostile_states_are_refused(void **state)
{
    const struct {
        struct tco_state made;
        bool taken;
    } states[] = {
        { { .timer = 4, .left = TCO_TMR_MAX * TICK, .started = 1, .once = 1, .expired = 1 }, true },
        { { .timer = 4, .left = TCO_TMR_MAX * TICK + 1 }, false },
        { { .timer = 1 }, false },
        { { .timer = 0, .started = 1 }, false }, /* would be at zero without end */
        { { .timer = 0x400 }, false },
        { { .timer = 4, .started = 2 }, false },
        { { .timer = 4, .gcs = 1 }, false },
        { { .timer = 4, .status2 = 1 }, false },
    };
    uint8_t bytes[STATE_SIZE_MAX];
    struct hotram_buffer buffer;
    struct hotram_saved saved;
    struct error error;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(states); i++) {
        hotram_buffer_init(&buffer, bytes, sizeof bytes);
        assert_int_equal(state_save(&tco_state_table, "tco", &states[i].made, &buffer), HOTRAM_OK);
        saved = (struct hotram_saved){ bytes, buffer.length };
        assert_int_equal(state_restore(&tco_state_table, "tco", &tco.state, &saved, &error), states[i].taken);
    }
    tco_restored(&tco); /* the first: nothing of it is dangerous */
    pass(3000 * TICK);
    assert_in_range(bites, 1, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(registers_are_as_after_power_on),
        TEST(registers_keep_the_bits_that_they_have),
        TEST(what_is_written_to_the_data_registers_is_noted),
        TEST(two_timeouts_bite_once),
        TEST(a_guest_that_feeds_it_is_not_bitten),
        TEST(clearing_the_status_is_not_feeding),
        TEST(the_guest_sees_a_timeout_at_once),
        TEST(no_reboot_counts_and_does_not_bite),
        cmocka_unit_test_setup_teardown(the_strap_cannot_be_overruled, set_up_strapped, tear_down),
        TEST(time_stops_while_the_guest_does),
        TEST(a_reset_keeps_what_says_why),
        TEST(the_main_thread_is_woken_in_time),
        TEST(a_restored_timer_goes_on),
        TEST(hostile_states_are_refused),
    };

    return cmocka_run_group_tests_name("tco", tests, NULL, NULL);
}
