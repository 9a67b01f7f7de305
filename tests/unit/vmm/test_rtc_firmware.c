/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What firmware reads in the CMOS memory: sizes of RAM, number of CPUs, boot order.
 */
#include "device_world.h"

#include "base/config.h"
#include "device/rtc.h"
#include "layout/x86.h"

static struct rtc rtc;

static uint8_t cmos(uint8_t at)
{
    bus_access(&bus, BUS_PORTS, X86_PORT_RTC, true, 1, &at);
    bus_access(&bus, BUS_PORTS, X86_PORT_RTC + 1, false, 1, &at);
    return at;
}

static void set_cmos(uint8_t at, uint8_t value)
{
    bus_access(&bus, BUS_PORTS, X86_PORT_RTC, true, 1, &at);
    bus_access(&bus, BUS_PORTS, X86_PORT_RTC + 1, true, 1, &value);
}

static void start_clock(void)
{
    rtc_init(&rtc, &board, X86_IRQ_RTC, false, 0);
}

static uint64_t cmos_number(uint8_t at, unsigned length)
{
    uint64_t value = 0;

    while (length-- > 0)
        value = value << 8 | cmos((uint8_t)(at + length));
    return value;
}

static void finds_memory(uint64_t base, uint64_t extended, uint64_t above_16m, uint64_t above_4g)
{
    assert_int_equal(cmos_number(0x15, 2), base);
    assert_int_equal(cmos_number(0x17, 2), extended);
    assert_int_equal(cmos_number(0x30, 2), extended);
    assert_int_equal(cmos_number(0x34, 2), above_16m);
    assert_int_equal(cmos_number(0x5b, 3), above_4g);
}

/* What QEMU has there: tests/differential/test_cmos.py. */
static void firmware_finds_memory_cpus_and_boot_order(void **state)
{
    (void)state;
    start_clock();
    rtc_describe(&rtc, &(struct rtc_machine){ 1, 2 * MIB, 0, NULL, NULL });
    finds_memory(640, 1024, 0, 0);
    assert_int_equal(cmos(0x5f), 0);
    rtc_describe(&rtc, &(struct rtc_machine){ 2, 17 * MIB, 0, NULL, NULL });
    finds_memory(640, 16384, 16, 0);
    assert_int_equal(cmos(0x5f), 1);
    rtc_describe(&rtc, &(struct rtc_machine){ CPUS_MAX, X86_LOW_RAM_END, 5 * GIB, NULL, NULL });
    finds_memory(640, 65535, 0x7f00, 0x14000);
    assert_int_equal(cmos(0x5f), CPUS_MAX - 1);
    assert_int_equal(cmos(0x3d), 0x12); /* disk, floppy, */
    assert_int_equal(cmos(0x38), 0x30); /* CD */
    rtc_describe(&rtc, &(struct rtc_machine){ 1, X86_LOW_RAM_END, 2048 * GIB, NULL, NULL });
    finds_memory(640, 65535, 0x7f00, 0xffffff); /* the most that the bytes can say */
}

/* Firmware that read them as a guest left them would wait for CPUs that do not come. */
static void a_reset_puts_back_what_firmware_reads(void **state)
{
    static const uint8_t places[] = { 0x0f, 0x15, 0x16, 0x17, 0x18, 0x30, 0x31, 0x34,
                                      0x35, 0x38, 0x3d, 0x5b, 0x5c, 0x5d, 0x5f };
    uint8_t before[COUNT_OF(places)];

    (void)state;
    start_clock();
    rtc_describe(&rtc, &(struct rtc_machine){ 4, 1 * GIB, 0, NULL, NULL });
    for (unsigned i = 0; i < COUNT_OF(places); i++) {
        before[i] = cmos(places[i]);
        set_cmos(places[i], 0xff);
        assert_int_equal(cmos(places[i]), 0xff);
    }
    rtc_reset(&rtc);
    for (unsigned i = 0; i < COUNT_OF(places); i++)
        assert_int_equal(cmos(places[i]), before[i]);
}

static int set_up(void **state)
{
    (void)state;
    return world_set_up();
}

static int tear_down(void **state)
{
    (void)state;
    rtc_stop(&rtc);
    rtc_destroy(&rtc);
    bus_destroy(&bus);
    loop_destroy(loop);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(firmware_finds_memory_cpus_and_boot_order),
        TEST(a_reset_puts_back_what_firmware_reads),
    };

    return cmocka_run_group_tests_name("rtc-firmware", tests, NULL, NULL);
}
