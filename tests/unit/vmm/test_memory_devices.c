/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Devices among the guest's memory: the PL011 serial port and the Generic Event Device; and the ports that
 * hardware-reduced ACPI has.
 */
#include "device_world.h"

#include "device/ged.h"
#include "device/pl011.h"
#include "device/sleep.h"
#include "layout/arm64.h"

#define PL011 UINT64_C(0x09000000)
#define DR (PL011 + 0x00)
#define RSR (PL011 + 0x04)
#define FR (PL011 + 0x18)
#define IMSC (PL011 + 0x38)
#define RIS (PL011 + 0x3c)
#define MIS (PL011 + 0x40)
#define ICR (PL011 + 0x44)
#define GED UINT64_C(0x09080000)
#define SLEEP_CONTROL 0x604
#define RESET 0xcf9

static struct pl011 pl011;
static struct ged ged;
static struct sleep sleep_registers;
static const struct chardev_user_ops *user_ops;
static void *user;
static uint8_t sent[8192];
static size_t sent_count;

/* ---- what the devices call ---- */

bool chardev_attach(struct chardev *chardev, const struct chardev_user_ops *ops, void *who,
                    struct error *error)
{
    (void)chardev, (void)error;
    user_ops = ops;
    user = who;
    return true;
}

void channel_write(struct channel *channel, const void *bytes, size_t length, bool droppable)
{
    (void)channel, (void)droppable;
    assert_true(sent_count + length <= sizeof sent);
    memcpy(sent + sent_count, bytes, length);
    sent_count += length;
}

void channel_pause(struct channel *channel, bool pause)
{
    (void)channel, (void)pause;
}

static uint64_t in(uint64_t address, unsigned width)
{
    uint64_t value = 0;

    bus_access(&bus, BUS_MEMORY, address, false, width, (uint8_t *)&value);
    return value;
}

static void out(uint64_t address, unsigned width, uint64_t value)
{
    bus_access(&bus, BUS_MEMORY, address, true, width, (uint8_t *)&value);
}

static int set_up(void **state)
{
    (void)state;
    sent_count = 0;
    if (world_set_up() != 0)
        return -1;
    pl011_init(&pl011, &board, PL011, ARM64_GSI_PL011);
    line_attach(&pl011.line, NULL, NULL);
    user_ops->opened(user, (struct channel *)&pl011);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    line_stop(&pl011.line);
    bus_destroy(&bus);
    loop_destroy(loop);
    return 0;
}

/* ---- addresses ---- */

static void where_no_device_is_reads_float(void **state)
{
    uint8_t port = 0;

    (void)state;
    assert_int_equal(in(0x1000, 8), UINT64_MAX);
    assert_int_equal(in(PL011 + 0x1000, 4), 0xffffffff);
    assert_int_equal(in(UINT64_MAX, 4) & 0xffffff00, 0xffffff00);
    /* Ports are a world of their own. */
    bus_access(&bus, BUS_PORTS, (uint16_t)(FR & 0xffff), false, 1, &port);
    assert_int_equal(port, 0xff);
}

static void an_access_of_eight_bytes_comes_as_two(void **state)
{
    (void)state;
    assert_int_equal(in(PL011 + 0x20, 8), 0); /* ILPR, IBRD */
    out(PL011 + 0x20, 8, UINT64_C(0x1234) << 32);
    assert_int_equal(in(PL011 + 0x24, 4), 0x1234);
}

/* ---- PL011 ---- */

static void it_says_what_it_is(void **state)
{
    static const uint8_t identity[] = { 0x11, 0x10, 0x14, 0x00, 0x0d, 0xf0, 0x05, 0xb1 };

    (void)state;
    for (unsigned i = 0; i < 8; i++)
        assert_int_equal(in(PL011 + 0xfe0 + 4 * i, 4), identity[i]);
}

static void what_the_guest_sends_goes_out(void **state)
{
    (void)state;
    for (const char *at = "hello"; *at; at++) {
        assert_int_equal(in(FR, 4) & 0x20, 0);
        out(DR, *at == 'h' ? 4 : 1, (uint8_t)*at);
    }
    loop_once(loop, 0);
    assert_int_equal(sent_count, 5);
    assert_memory_equal(sent, "hello", 5);
}

static void sending_interrupts_until_it_is_cleared(void **state)
{
    (void)state;
    out(IMSC, 4, 0x20);
    assert_false(line_high);
    out(DR, 1, 'x');
    assert_true(line_high);
    assert_int_equal(in(MIS, 4), 0x20);
    out(ICR, 4, 0x20);
    assert_false(line_high);
    assert_int_equal(in(RIS, 4), 0);
}

static void a_full_transmitter_says_so(void **state)
{
    (void)state;
    out(IMSC, 4, 0x20);
    for (unsigned i = 0; i < LINE_RING; i++)
        out(DR, 1, i & 0xff);
    assert_int_equal(in(FR, 4) & 0xa0, 0x20);
    out(ICR, 4, 0x7ff);
    out(DR, 1, 0xee); /* lost */
    assert_false(line_high);
    loop_once(loop, 0);
    assert_true(line_high); /* there is room again */
    assert_int_equal(in(FR, 4) & 0xa0, 0x80);
    assert_int_equal(sent_count, LINE_RING);
    assert_int_equal(sent[LINE_RING - 1], (LINE_RING - 1) & 0xff);
}

static void input_interrupts_until_it_is_read(void **state)
{
    (void)state;
    assert_int_equal(in(FR, 4) & 0x10, 0x10);
    assert_int_equal(in(DR, 4), 0);
    out(IMSC, 4, 0x50);
    user_ops->input(user, (const uint8_t *)"abcdefghijklmnopqrst", 20);
    assert_true(line_high);
    assert_int_equal(in(MIS, 4), 0x50);
    assert_int_equal(in(FR, 4) & 0x50, 0x40);
    for (char wanted = 'a'; wanted <= 't'; wanted++)
        assert_int_equal(in(DR, 4), wanted);
    assert_false(line_high);
    assert_int_equal(in(FR, 4) & 0x50, 0x10);
    assert_int_equal(in(RSR, 4), 0);
}

static void what_is_masked_does_not_interrupt(void **state)
{
    (void)state;
    user_ops->input(user, (const uint8_t *)"a", 1);
    assert_false(line_high);
    assert_int_equal(in(RIS, 4), 0x50);
    assert_int_equal(in(MIS, 4), 0);
    out(IMSC, 4, 0xffff);
    assert_int_equal(in(IMSC, 4), 0x7ff);
    assert_true(line_high);
    pl011_reset(&pl011);
    assert_false(line_high);
    assert_int_equal(in(IMSC, 4), 0);
    assert_int_equal(in(RIS, 4), 0);
}

/* ---- GED ---- */

static void an_event_is_a_level_until_it_is_read(void **state)
{
    (void)state;
    ged_init(&ged, &board, GED, ARM64_GSI_GED);
    assert_int_equal(in(GED, 4), 0);
    ged_raise(&ged, HOTRAM_GED_MEMORY);
    assert_true(line_high);
    ged_raise(&ged, HOTRAM_GED_POWER_BUTTON);
    assert_int_equal(edges, 1);
    out(GED, 4, 0xffffffff); /* nothing */
    assert_int_equal(in(GED, 2), 0);
    assert_true(line_high);
    assert_int_equal(in(GED, 4), 3);
    assert_false(line_high);
    assert_int_equal(in(GED, 4), 0);
    ged_raise(&ged, HOTRAM_GED_MEMORY);
    assert_true(line_high);
    ged_reset(&ged);
    assert_false(line_high);
    assert_int_equal(in(GED, 4), 0);
}

/* ---- sleep and reset ---- */

static void out_port(uint16_t port, uint8_t value)
{
    bus_access(&bus, BUS_PORTS, port, true, 1, &value);
}

static void only_s5_powers_off(void **state)
{
    uint8_t value = 0xff;

    (void)state;
    sleep_init(&sleep_registers, &board);
    for (unsigned type = 0; type < 8; type++)
        out_port(SLEEP_CONTROL, (uint8_t)(type << 2));
    assert_int_equal(power_offs, 0); /* without "go" */
    for (unsigned type = 0; type < 8; type++)
        out_port(SLEEP_CONTROL, (uint8_t)(0x20 | type << 2));
    assert_int_equal(power_offs, 1);
    out_port(SLEEP_CONTROL + 1, 0x34); /* the status register */
    assert_int_equal(power_offs, 1);
    bus_access(&bus, BUS_PORTS, SLEEP_CONTROL, false, 1, &value);
    assert_int_equal(value, 0);
    out_port(RESET, 2);
    assert_int_equal(resets, 0);
    out_port(RESET, 6);
    assert_int_equal(resets, 1);
}

#define WITH_SET_UP(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SET_UP(where_no_device_is_reads_float),
        WITH_SET_UP(an_access_of_eight_bytes_comes_as_two),
        WITH_SET_UP(it_says_what_it_is),
        WITH_SET_UP(what_the_guest_sends_goes_out),
        WITH_SET_UP(sending_interrupts_until_it_is_cleared),
        WITH_SET_UP(a_full_transmitter_says_so),
        WITH_SET_UP(input_interrupts_until_it_is_read),
        WITH_SET_UP(what_is_masked_does_not_interrupt),
        WITH_SET_UP(an_event_is_a_level_until_it_is_read),
        WITH_SET_UP(only_s5_powers_off),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
