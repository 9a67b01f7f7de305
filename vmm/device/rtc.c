/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/rtc.h"

#include <time.h>

#include "device/rtc_firmware.h"
#include "layout/x86.h"

/* CMOS addresses */
enum {
    SECONDS = 0,
    SECONDS_ALARM,
    MINUTES,
    MINUTES_ALARM,
    HOURS,
    HOURS_ALARM,
    WEEKDAY,
    DAY,
    MONTH,
    YEAR,
    REGISTER_A,
    REGISTER_B,
    REGISTER_C,
    REGISTER_D,
    CENTURY = 0x32, /* where the FADT says it is */
};

#define A_STANDARD 0x26 /* 32768 Hz, as firmware sets it; "update in progress" never shows */
#define B_24_HOURS 0x02
#define B_BINARY 0x04
#define B_UPDATE_INTERRUPT 0x10
#define B_ALARM_INTERRUPT 0x20
#define B_SET 0x80
#define C_INTERRUPT 0x80
#define D_VALID 0x80
#define ALARM_ANY 0xc0 /* an alarm byte with both top bits matches every value */

static bool is_time(unsigned at)
{
    return at == SECONDS || at == MINUTES || at == HOURS || (at >= WEEKDAY && at <= YEAR) || at == CENTURY;
}

static uint8_t encode(const struct rtc *rtc, int value)
{
    return (uint8_t)(rtc->cmos[REGISTER_B] & B_BINARY ? value : value / 10 << 4 | value % 10);
}

static int decode(const struct rtc *rtc, uint8_t byte)
{
    return rtc->cmos[REGISTER_B] & B_BINARY ? byte : (byte >> 4) * 10 + (byte & 0xf);
}

static uint8_t encode_hour(const struct rtc *rtc, int hour)
{
    if (rtc->cmos[REGISTER_B] & B_24_HOURS)
        return encode(rtc, hour);
    return encode(rtc, hour % 12 == 0 ? 12 : hour % 12) | (hour >= 12 ? 0x80 : 0);
}

static int decode_hour(const struct rtc *rtc, uint8_t byte)
{
    if (rtc->cmos[REGISTER_B] & B_24_HOURS)
        return decode(rtc, byte);
    return decode(rtc, byte & 0x7f) % 12 + (byte & 0x80 ? 12 : 0);
}

static void host_time(const struct rtc *rtc, struct tm *tm)
{
    time_t now = time(NULL) + (time_t)rtc->offset;

    if (rtc->local)
        localtime_r(&now, tm);
    else
        gmtime_r(&now, tm);
}

/* While the guest sets the clock the bytes stand still; else they follow the host. */
static void show_time(struct rtc *rtc)
{
    struct tm tm;

    if (rtc->cmos[REGISTER_B] & B_SET)
        return;
    host_time(rtc, &tm);
    rtc->cmos[SECONDS] = encode(rtc, tm.tm_sec > 59 ? 59 : tm.tm_sec);
    rtc->cmos[MINUTES] = encode(rtc, tm.tm_min);
    rtc->cmos[HOURS] = encode_hour(rtc, tm.tm_hour);
    rtc->cmos[WEEKDAY] = encode(rtc, tm.tm_wday + 1);
    rtc->cmos[DAY] = encode(rtc, tm.tm_mday);
    rtc->cmos[MONTH] = encode(rtc, tm.tm_mon + 1);
    /* A guest may set a year before 1900, which is less than 0 in tm. */
    rtc->cmos[YEAR] = encode(rtc, (tm.tm_year % 100 + 100) % 100);
    rtc->cmos[CENTURY] = encode(rtc, (tm.tm_year + 1900) / 100);
}

static void take_time(struct rtc *rtc)
{
    struct tm tm = {
        .tm_sec = decode(rtc, rtc->cmos[SECONDS]),
        .tm_min = decode(rtc, rtc->cmos[MINUTES]),
        .tm_hour = decode_hour(rtc, rtc->cmos[HOURS]),
        .tm_mday = decode(rtc, rtc->cmos[DAY]),
        .tm_mon = decode(rtc, rtc->cmos[MONTH]) - 1,
        .tm_year = decode(rtc, rtc->cmos[CENTURY]) * 100 + decode(rtc, rtc->cmos[YEAR]) - 1900,
        .tm_isdst = -1,
    };

    rtc->offset = (rtc->local ? mktime(&tm) : timegm(&tm)) - time(NULL);
}

static void update_line(struct rtc *rtc)
{
    bool high = rtc->cmos[REGISTER_C] & rtc->cmos[REGISTER_B] & (B_UPDATE_INTERRUPT | B_ALARM_INTERRUPT);

    if (high)
        rtc->cmos[REGISTER_C] |= C_INTERRUPT;
    if (high == rtc->line)
        return;
    rtc->line = high;
    vm_irq_line(rtc->vm, rtc->gsi, high);
}

static uint64_t rtc_read(void *device, uint64_t offset, unsigned width)
{
    struct rtc *rtc = device;
    uint8_t value;

    (void)width;
    if (offset == 0)
        return 0xff;
    if (is_time(rtc->index))
        show_time(rtc);
    value = rtc->cmos[rtc->index];
    if (rtc->index == REGISTER_C) {
        rtc->cmos[REGISTER_C] = 0;
        update_line(rtc);
    }
    return value;
}

static void write_register_b(struct rtc *rtc, uint8_t value)
{
    bool was_setting = rtc->cmos[REGISTER_B] & B_SET;

    show_time(rtc); /* from here on the bytes may stand still */
    rtc->cmos[REGISTER_B] = value;
    if (was_setting && !(value & B_SET))
        take_time(rtc);
    if (value & (B_UPDATE_INTERRUPT | B_ALARM_INTERRUPT))
        loop_post(rtc->loop, &rtc->start);
    update_line(rtc);
}

static void rtc_write(void *device, uint64_t offset, unsigned width, uint64_t word)
{
    struct rtc *rtc = device;
    uint8_t value = (uint8_t)word;

    (void)width;
    if (offset == 0) {
        rtc->index = value & 0x7f;
    } else if (rtc->index == REGISTER_A) {
        rtc->cmos[REGISTER_A] = value & 0x7f;
    } else if (rtc->index == REGISTER_B) {
        write_register_b(rtc, value);
    } else if (rtc->index == REGISTER_C || rtc->index == REGISTER_D) {
        /* read-only */
    } else if (is_time(rtc->index)) {
        show_time(rtc);
        rtc->cmos[rtc->index] = value;
        if (!(rtc->cmos[REGISTER_B] & B_SET))
            take_time(rtc);
    } else {
        rtc->cmos[rtc->index] = value;
    }
}

static bool alarm_matches(const struct rtc *rtc, unsigned alarm, unsigned now)
{
    return rtc->cmos[alarm] >= ALARM_ANY || rtc->cmos[alarm] == rtc->cmos[now];
}

static void schedule(struct rtc *rtc);

/* Once a second, for as long as an interrupt is enabled. */
static void tick(void *opaque)
{
    struct rtc *rtc = opaque;
    bool enabled;

    pthread_mutex_lock(&rtc->lock);
    show_time(rtc);
    rtc->cmos[REGISTER_C] |= B_UPDATE_INTERRUPT;
    if (alarm_matches(rtc, SECONDS_ALARM, SECONDS) && alarm_matches(rtc, MINUTES_ALARM, MINUTES) &&
        alarm_matches(rtc, HOURS_ALARM, HOURS))
        rtc->cmos[REGISTER_C] |= B_ALARM_INTERRUPT;
    update_line(rtc);
    enabled = rtc->cmos[REGISTER_B] & (B_UPDATE_INTERRUPT | B_ALARM_INTERRUPT);
    pthread_mutex_unlock(&rtc->lock);
    if (enabled)
        schedule(rtc);
}

/* Main thread: the next tick comes just after the host's second changes. */
static void schedule(struct rtc *rtc)
{
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    timer_start(rtc->loop, &rtc->timer, 1001 - (uint64_t)now.tv_nsec / 1000000, tick, rtc);
}

static void start(void *opaque)
{
    struct rtc *rtc = opaque;

    if (!timer_runs(&rtc->timer))
        schedule(rtc);
}

void rtc_init(struct rtc *rtc, const struct board *board, unsigned gsi, bool local, int64_t offset)
{
    const struct bus_range range = {
        .first = X86_PORT_RTC,
        .count = 2,
        .width_max = 1,
        .read = rtc_read,
        .write = rtc_write,
        .device = rtc,
        .lock = &rtc->lock,
        .name = "real-time clock",
    };

    if (local)
        tzset(); /* reads files: not when a vCPU first asks for the time */
    *rtc = (struct rtc){ .vm = board->vm, .gsi = gsi, .loop = board->loop, .local = local, .offset = offset };
    pthread_mutex_init(&rtc->lock, NULL);
    rtc->start = (struct work){ .run = start, .opaque = rtc };
    rtc->cmos[REGISTER_A] = A_STANDARD;
    rtc->cmos[REGISTER_B] = B_24_HOURS;
    rtc->cmos[REGISTER_D] = D_VALID;
    bus_add_at_start(board->bus, &range);
}

/* The clock and the memory have a battery: reset only stops interrupts, and what firmware reads is again what
 * the machine is, whatever the guest wrote there. */
void rtc_reset(struct rtc *rtc)
{
    pthread_mutex_lock(&rtc->lock);
    rtc->cmos[REGISTER_B] &= (uint8_t) ~(B_UPDATE_INTERRUPT | B_ALARM_INTERRUPT | B_SET);
    rtc->cmos[REGISTER_C] = 0;
    rtc_write_firmware_bytes(rtc->cmos, &rtc->machine);
    update_line(rtc);
    pthread_mutex_unlock(&rtc->lock);
}

void rtc_describe(struct rtc *rtc, const struct rtc_machine *machine)
{
    pthread_mutex_lock(&rtc->lock);
    rtc->machine = *machine;
    rtc_write_firmware_bytes(rtc->cmos, machine);
    pthread_mutex_unlock(&rtc->lock);
}

void rtc_stop(struct rtc *rtc)
{
    timer_cancel(&rtc->timer);
    if (rtc->loop) /* it was made */
        loop_cancel(rtc->loop, &rtc->start);
}

void rtc_destroy(struct rtc *rtc)
{
    if (rtc->loop)
        pthread_mutex_destroy(&rtc->lock);
}
