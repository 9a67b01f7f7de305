/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The devices at their ports: power management, clock, serial port.
 */
#include <time.h>

#include "device_world.h"

#include "device/pm.h"
#include "device/rtc.h"
#include "device/serial.h"
#include "device/sleep.h"
#include "layout/x86.h"

static struct pm pm;
static struct rtc rtc;
static struct serial serial;

static uint32_t in(uint16_t port, unsigned width)
{
    uint32_t value = 0;

    bus_access(&bus, BUS_PORTS, port, false, width, (uint8_t *)&value);
    return value;
}

static void out(uint16_t port, unsigned width, uint32_t value)
{
    bus_access(&bus, BUS_PORTS, port, true, width, (uint8_t *)&value);
}

static int set_up(void **state)
{
    (void)state;
    return world_set_up();
}

static int tear_down(void **state)
{
    (void)state;
    line_stop(&serial.line);
    bus_destroy(&bus);
    loop_destroy(loop);
    return 0;
}

/* ---- power management ---- */

static uint16_t gpes_waiting;

static uint16_t waiting(void *opaque)
{
    (void)opaque;
    return gpes_waiting;
}

static void the_power_button_asserts_the_sci_when_enabled(void **state)
{
    (void)state;
    pm_init(&pm, &board, X86_IRQ_SCI, waiting);
    pm_press_power_button(&pm);
    assert_false(line_high);
    out(X86_PORT_PM1_EVENT + 2, 2, 0x0100);
    assert_true(line_high);
    assert_int_equal(in(X86_PORT_PM1_EVENT, 2), 0x0100);
    assert_int_equal(in(X86_PORT_PM1_EVENT, 4), 0x01000100);
    out(X86_PORT_PM1_EVENT, 2, 0x0020); /* another bit: stays */
    assert_true(line_high);
    out(X86_PORT_PM1_EVENT + 1, 1, 0x01); /* a byte of the register */
    assert_false(line_high);
    assert_int_equal(in(X86_PORT_PM1_EVENT, 2), 0);
    assert_int_equal(in(X86_PORT_PM1_EVENT + 2, 2), 0x0100);
}

static void gpe_and_power_button_share_the_sci(void **state)
{
    (void)state;
    pm_init(&pm, &board, X86_IRQ_SCI, waiting);
    out(X86_PORT_PM1_EVENT + 2, 2, 0x0100);
    out(X86_PORT_GPE0 + HOTRAM_GPE_LENGTH / 2, 1, 1 << HOTRAM_GPE_MEMORY);
    pm_raise_gpe(&pm, HOTRAM_GPE_MEMORY);
    assert_true(line_high);
    pm_press_power_button(&pm);
    out(X86_PORT_GPE0, 1, 1 << HOTRAM_GPE_MEMORY);
    assert_true(line_high);
    out(X86_PORT_PM1_EVENT, 2, 0x0100);
    assert_false(line_high);
    assert_int_equal(edges, 2);
}

static void an_event_from_before_it_was_enabled_asserts_the_sci(void **state)
{
    (void)state;
    pm_init(&pm, &board, X86_IRQ_SCI, waiting);
    pm_raise_gpe(&pm, HOTRAM_GPE_MEMORY);
    gpes_waiting = 1 << HOTRAM_GPE_MEMORY;
    out(X86_PORT_GPE0, 1, 0xff);
    assert_false(line_high);
    out(X86_PORT_GPE0 + HOTRAM_GPE_LENGTH / 2, 1, 1 << HOTRAM_GPE_MEMORY);
    assert_true(line_high);
    gpes_waiting = 0;
}

static void s5_powers_off_and_other_types_do_not(void **state)
{
    (void)state;
    pm_init(&pm, &board, X86_IRQ_SCI, waiting);
    assert_int_equal(in(X86_PORT_PM1_CONTROL, 2), 0x0001); /* always in ACPI mode */
    out(X86_PORT_PM1_CONTROL, 2, X86_SLP_TYP_S5 << 10);    /* without the enable bit */
    out(X86_PORT_PM1_CONTROL, 2, 3 << 10 | 1 << 13);
    assert_int_equal(power_offs, 0);
    out(X86_PORT_PM1_CONTROL, 2, X86_SLP_TYP_S5 << 10 | 1 << 13);
    assert_int_equal(power_offs, 1);
    assert_int_equal(in(X86_PORT_PM1_CONTROL, 2) & 1 << 13, 0);     /* reads as zero */
    out(X86_PORT_PM1_CONTROL + 1, 1, X86_SLP_TYP_S5 << 2 | 1 << 5); /* its high byte alone */
    assert_int_equal(power_offs, 2);
}

static void the_reset_register_resets(void **state)
{
    (void)state;
    pm_init(&pm, &board, X86_IRQ_SCI, waiting);
    out(X86_PORT_RESET, 1, 0x02); /* says only how hard */
    assert_int_equal(resets, 0);
    out(X86_PORT_RESET, 1, X86_RESET_VALUE);
    assert_int_equal(resets, 1);
    assert_int_equal(in(X86_PORT_RESET, 1), 0);
}

static void the_pm_timer_runs_at_its_rate(void **state)
{
    struct timespec pause = { .tv_nsec = 20000000 };
    uint32_t before;

    (void)state;
    pm_init(&pm, &board, X86_IRQ_SCI, waiting);
    guest_clock_start(&machine_clock);
    before = in(X86_PORT_PM_TIMER, 4);
    nanosleep(&pause, NULL);
    assert_true(in(X86_PORT_PM_TIMER, 4) - before >= 71590); /* 20 ms at 3.579545 MHz */
    guest_clock_stop(&machine_clock);
    before = in(X86_PORT_PM_TIMER, 4);
    nanosleep(&pause, NULL);
    assert_int_equal(in(X86_PORT_PM_TIMER, 4), before); /* not while the guest is stopped */
    guest_clock_start(&machine_clock);
    nanosleep(&pause, NULL);
    assert_true(in(X86_PORT_PM_TIMER, 4) - before >= 71590);
}

/* Any byte on; it cannot be written, and no port behind it is its. */
static void the_pm_timer_is_read_in_parts(void **state)
{
    const uint32_t all = 0x12345678;

    (void)state;
    pm_init(&pm, &board, X86_IRQ_SCI, waiting);
    /* It stands where the timer has just come to that number for the second time. */
    machine_clock =
        (struct guest_clock){ .stood = (uint64_t)(((UINT64_C(1) << 32) + all + 0.5) * 1e9 / 3579545) };
    assert_int_equal(in(X86_PORT_PM_TIMER, 4), all);
    out(X86_PORT_PM_TIMER, 4, 0);
    out(X86_PORT_PM_TIMER + 1, 1, 0);
    assert_int_equal(in(X86_PORT_PM_TIMER, 4), all);
    for (unsigned i = 0; i < 4; i++)
        assert_int_equal(in((uint16_t)(X86_PORT_PM_TIMER + i), 1), all >> 8 * i & 0xff);
    assert_int_equal(in(X86_PORT_PM_TIMER, 2), all & 0xffff);
    assert_int_equal(in(X86_PORT_PM_TIMER + 2, 2), all >> 16);
}

static void without_fixed_hardware_s5_and_reset_are_the_same(void **state)
{
    static struct sleep chip;

    (void)state;
    sleep_init(&chip, &board);
    for (uint32_t value = 0; value < 0x100; value++)
        out(X86_PORT_SLEEP, 1, value);
    assert_int_equal(power_offs, 16); /* of 8 types one, with 4 other bits */
    out(X86_PORT_SLEEP + 1, 1, 0xff);
    assert_int_equal(power_offs, 16);
    assert_int_equal(in(X86_PORT_SLEEP, 1), 0);
    assert_int_equal(in(X86_PORT_SLEEP + 1, 1), 0);
    out(X86_PORT_RESET, 1, 0x02);
    assert_int_equal(resets, 0);
    out(X86_PORT_RESET, 1, X86_RESET_VALUE);
    assert_int_equal(resets, 1);
    assert_int_equal(in(X86_PORT_RESET, 1), 0);
}

static void reset_of_power_management(void **state)
{
    (void)state;
    pm_init(&pm, &board, X86_IRQ_SCI, waiting);
    out(X86_PORT_PM1_EVENT + 2, 2, 0x0100);
    pm_press_power_button(&pm);
    pm_reset(&pm);
    assert_false(line_high);
    assert_int_equal(in(X86_PORT_PM1_EVENT, 4), 0);
}

/* ---- clock ---- */

static uint8_t cmos(uint8_t at)
{
    out(X86_PORT_RTC, 1, at);
    return (uint8_t)in(X86_PORT_RTC + 1, 1);
}

static void set_cmos(uint8_t at, uint8_t value)
{
    out(X86_PORT_RTC, 1, at);
    out(X86_PORT_RTC + 1, 1, value);
}

/* 2001-02-03 04:05:06 */
static void start_clock(void)
{
    rtc_init(&rtc, &board, X86_IRQ_RTC, false, 981173106 - time(NULL));
}

static void the_clock_shows_the_time_it_was_given(void **state)
{
    (void)state;
    start_clock();
    assert_int_equal(cmos(0x32), 0x20); /* century, in BCD as after power-on */
    assert_int_equal(cmos(9), 0x01);
    assert_int_equal(cmos(8), 0x02);
    assert_int_equal(cmos(7), 0x03);
    assert_int_equal(cmos(6), 7); /* a Saturday */
    assert_int_equal(cmos(4), 0x04);
    assert_int_equal(cmos(2), 0x05);
    assert_between(cmos(0), 0x06, 0x08);
    assert_int_equal(cmos(10) & 0x80, 0);
    assert_int_equal(cmos(13), 0x80);
    set_cmos(11, 0x04); /* binary, 12 hours */
    assert_int_equal(cmos(9), 1);
    assert_int_equal(cmos(4), 4);
}

static void a_guest_sets_the_clock(void **state)
{
    (void)state;
    start_clock();
    set_cmos(11, 0x82); /* stand still */
    set_cmos(0, 0x50);
    set_cmos(2, 0x59);
    set_cmos(4, 0x23);
    set_cmos(7, 0x31);
    set_cmos(8, 0x12);
    set_cmos(9, 0x99);
    set_cmos(0x32, 0x19);
    assert_int_equal(cmos(4), 0x23);
    set_cmos(11, 0x02);
    assert_int_equal(cmos(9), 0x99);
    assert_int_equal(cmos(7), 0x31);
    assert_int_equal(cmos(2), 0x59);
    assert_between(cmos(0), 0x50, 0x52);
}

static void the_clock_takes_any_bytes(void **state)
{
    static const uint8_t times[] = { 0, 2, 4, 7, 8, 9, 0x32 };

    (void)state;
    start_clock();
    set_cmos(0x32, 0x18); /* a year before 1900, in BCD */
    set_cmos(9, 0x30);
    assert_int_equal(cmos(0x32), 0x18);
    assert_int_equal(cmos(9), 0x30);
    for (unsigned format = 0; format < 8; format += 2)
        for (unsigned century = 0; century < 256; century++)
            for (unsigned value = 0; value < 256; value++) {
                set_cmos(11, 0x80 | format);
                for (size_t i = 0; i < sizeof times; i++)
                    set_cmos(times[i], (uint8_t)(times[i] == 0x32 ? century : value));
                set_cmos(11, (uint8_t)format);
                for (size_t i = 0; i < sizeof times; i++)
                    assert_true(format & 4 || (cmos(times[i]) & 0xf) < 10);
            }
}

/* What a saved state may hold, a guest can read: 2^42 seconds are 139,000 years. */
static void the_clock_shows_any_saved_time(void **state)
{
    static const int64_t offsets[] = { -(INT64_C(1) << 42), -INT64_C(64000000000), 0, INT64_C(1) << 42 };

    (void)state;
    start_clock();
    for (unsigned format = 0; format < 8; format += 2)
        for (size_t i = 0; i < COUNT_OF(offsets); i++) {
            rtc.state.offset = offsets[i];
            set_cmos(11, (uint8_t)format);
            for (uint8_t at = 0; at < 10; at++)
                assert_true(format & 4 || (cmos(at) & 0xf) < 10);
            assert_true(format & 4 || (cmos(0x32) & 0xf) < 10);
        }
    /* 2001 is the year 1 of its century; 2,800 years before, -799 is. */
    set_cmos(11, 0x02);
    rtc.state.offset = 981173106 - time(NULL) - INT64_C(2800) * 31556952;
    assert_int_equal(cmos(9), 0x01);
}

static void cmos_memory_keeps_what_is_written(void **state)
{
    (void)state;
    start_clock();
    set_cmos(0x40, 0xa5);
    set_cmos(0x7f, 0x5a);
    rtc_reset(&rtc);
    assert_int_equal(cmos(0x40), 0xa5);
    assert_int_equal(cmos(0xff), 0x5a); /* the top bit of the index is another thing */
    set_cmos(12, 0xff);
    assert_int_equal(cmos(12), 0);
}

static void the_clock_interrupts_once_a_second(void **state)
{
    (void)state;
    start_clock();
    set_cmos(11, 0x12);
    for (int i = 0; i < 30 && !line_high; i++)
        loop_once(loop, 100);
    assert_true(line_high);
    assert_int_equal(cmos(12), 0x90);
    assert_false(line_high);
    set_cmos(1, 0xc0); /* the alarm matches every second */
    set_cmos(3, 0xc0);
    set_cmos(5, 0xc0);
    set_cmos(11, 0x22);
    for (int i = 0; i < 30 && !line_high; i++)
        loop_once(loop, 100);
    assert_int_equal(cmos(12), 0xb0);
    rtc_stop(&rtc);
}

/* ---- serial port ---- */

static const struct chardev_user_ops *user_ops;
static void *user;
static uint8_t sent[8192];
static size_t sent_count;
static bool paused;

bool chardev_attach(struct chardev *chardev, const struct chardev_user_ops *ops, void *the_user,
                    struct error *error)
{
    (void)chardev;
    (void)error;
    user_ops = ops;
    user = the_user;
    return true;
}

void channel_write(struct channel *channel, const void *bytes, size_t length, bool may_drop)
{
    (void)channel;
    (void)may_drop;
    assert_true(length <= sizeof sent - sent_count);
    memcpy(sent + sent_count, bytes, length);
    sent_count += length;
}

void channel_pause(struct channel *channel, bool pause)
{
    (void)channel;
    paused = pause;
}

static void *start_serial(void)
{
    sent_count = 0;
    paused = false;
    serial_init(&serial, &board, X86_PORT_COM1, X86_IRQ_COM1);
    line_attach(&serial.line, NULL, NULL);
    return user_ops->opened(user, (struct channel *)&serial);
}

static void what_the_guest_sends_goes_out(void **state)
{
    (void)state;
    start_serial();
    for (const char *at = "hello"; *at; at++) {
        assert_int_equal(in(X86_PORT_COM1 + 5, 1) & 0x60, 0x60);
        out(X86_PORT_COM1, 1, (uint8_t)*at);
    }
    loop_once(loop, 0);
    assert_int_equal(sent_count, 5);
    assert_memory_equal(sent, "hello", 5);
}

static void a_full_transmitter_says_so(void **state)
{
    (void)state;
    start_serial();
    for (unsigned i = 0; i < LINE_RING; i++)
        out(X86_PORT_COM1, 1, (uint8_t)i);
    assert_int_equal(in(X86_PORT_COM1 + 5, 1) & 0x60, 0);
    out(X86_PORT_COM1 + 1, 1, 0x02);
    assert_false(line_high);
    out(X86_PORT_COM1, 1, 0xee); /* lost, as on a chip */
    loop_once(loop, 0);
    assert_true(line_high); /* it ran empty */
    assert_int_equal(in(X86_PORT_COM1 + 2, 1) & 0x0f, 0x02);
    assert_false(line_high); /* reading takes it back */
    assert_int_equal(sent_count, LINE_RING);
    assert_int_equal(sent[LINE_RING - 1], (LINE_RING - 1) & 0xff);
}

static void enabling_the_empty_transmitter_interrupts(void **state)
{
    (void)state;
    start_serial();
    out(X86_PORT_COM1 + 1, 1, 0x02);
    assert_true(line_high);
    assert_int_equal(in(X86_PORT_COM1 + 2, 1) & 0x0f, 0x02);
    assert_int_equal(in(X86_PORT_COM1 + 2, 1) & 0x0f, 0x01);
    assert_false(line_high);
}

static void input_comes_as_fast_as_the_guest_reads(void **state)
{
    uint8_t bytes[CHANNEL_INPUT_MAX];
    void *session = start_serial();

    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * 7);
    out(X86_PORT_COM1 + 1, 1, 0x01);
    user_ops->input(session, bytes, sizeof bytes);
    assert_true(paused);
    assert_true(line_high);
    for (size_t i = 0; i < sizeof bytes; i++) {
        assert_int_equal(in(X86_PORT_COM1 + 5, 1) & 0x03, 0x01); /* data, no overrun */
        assert_int_equal(in(X86_PORT_COM1, 1), bytes[i]);
    }
    assert_int_equal(in(X86_PORT_COM1 + 5, 1) & 0x01, 0);
    assert_false(line_high);
    loop_once(loop, 0);
    assert_false(paused);
    user_ops->input(session, bytes, 1); /* and on */
    assert_false(paused);
    assert_int_equal(in(X86_PORT_COM1, 1), bytes[0]);
}

static void loop_back_is_as_drivers_test_it(void **state)
{
    (void)state;
    start_serial();
    assert_int_equal(in(X86_PORT_COM1 + 6, 1) & 0xf0, 0xb0);
    out(X86_PORT_COM1 + 4, 1, 0x1a); /* loop, OUT2, RTS */
    assert_int_equal(in(X86_PORT_COM1 + 6, 1) & 0xf0, 0x90);
    out(X86_PORT_COM1, 1, 'x');
    assert_int_equal(in(X86_PORT_COM1, 1), 'x');
    loop_once(loop, 0);
    assert_int_equal(sent_count, 0);
}

static void registers_keep_what_is_written(void **state)
{
    (void)state;
    start_serial();
    out(X86_PORT_COM1 + 7, 1, 0xa5);
    assert_int_equal(in(X86_PORT_COM1 + 7, 1), 0xa5);
    out(X86_PORT_COM1 + 3, 1, 0x80); /* divisor latch */
    out(X86_PORT_COM1, 1, 0x01);
    out(X86_PORT_COM1 + 1, 1, 0x02);
    assert_int_equal(in(X86_PORT_COM1, 2), 0x0201); /* a word is two bytes */
    out(X86_PORT_COM1 + 3, 1, 0x03);
    assert_int_equal(in(X86_PORT_COM1 + 1, 1), 0);
    out(X86_PORT_COM1 + 2, 1, 0x01);
    assert_int_equal(in(X86_PORT_COM1 + 2, 1) & 0xc0, 0xc0); /* a 16550A has FIFOs */
    loop_once(loop, 0);
    assert_int_equal(sent_count, 0);
}

static void without_a_channel_output_is_dropped(void **state)
{
    void *session = start_serial();

    (void)state;
    user_ops->closed(session);
    for (unsigned i = 0; i < 3 * LINE_RING; i++) {
        out(X86_PORT_COM1, 1, 'x');
        if (!(in(X86_PORT_COM1 + 5, 1) & 0x20))
            loop_once(loop, 0);
    }
    assert_int_equal(sent_count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_power_button_asserts_the_sci_when_enabled),
        TEST(gpe_and_power_button_share_the_sci),
        TEST(an_event_from_before_it_was_enabled_asserts_the_sci),
        TEST(s5_powers_off_and_other_types_do_not),
        TEST(the_reset_register_resets),
        TEST(the_pm_timer_runs_at_its_rate),
        TEST(the_pm_timer_is_read_in_parts),
        TEST(without_fixed_hardware_s5_and_reset_are_the_same),
        TEST(reset_of_power_management),
        TEST(the_clock_shows_the_time_it_was_given),
        TEST(a_guest_sets_the_clock),
        TEST(the_clock_takes_any_bytes),
        TEST(the_clock_shows_any_saved_time),
        TEST(cmos_memory_keeps_what_is_written),
        TEST(the_clock_interrupts_once_a_second),
        TEST(what_the_guest_sends_goes_out),
        TEST(a_full_transmitter_says_so),
        TEST(enabling_the_empty_transmitter_interrupts),
        TEST(input_comes_as_fast_as_the_guest_reads),
        TEST(loop_back_is_as_drivers_test_it),
        TEST(registers_keep_what_is_written),
        TEST(without_a_channel_output_is_dropped),
    };

    return cmocka_run_group_tests_name("devices", tests, NULL, NULL);
}
