/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/rtc_time.h"

#include <time.h>

/* What a byte has no room for is cut off: any number may come out of a saved clock. */
static uint8_t encode(const struct rtc *rtc, int number)
{
    const unsigned value = (uint8_t)number;

    return (uint8_t)(rtc->state.cmos[REGISTER_B] & B_BINARY ? value : value / 10 << 4 | value % 10);
}

static int decode(const struct rtc *rtc, uint8_t byte)
{
    return rtc->state.cmos[REGISTER_B] & B_BINARY ? byte : (byte >> 4) * 10 + (byte & 0xf);
}

static uint8_t encode_hour(const struct rtc *rtc, int hour)
{
    if (rtc->state.cmos[REGISTER_B] & B_24_HOURS)
        return encode(rtc, hour);
    return encode(rtc, hour % 12 == 0 ? 12 : hour % 12) | (hour >= 12 ? 0x80 : 0);
}

static int decode_hour(const struct rtc *rtc, uint8_t byte)
{
    if (rtc->state.cmos[REGISTER_B] & B_24_HOURS)
        return decode(rtc, byte);
    return decode(rtc, byte & 0x7f) % 12 + (byte & 0x80 ? 12 : 0);
}

static void host_time(const struct rtc *rtc, struct tm *tm)
{
    time_t now = time(NULL) + (time_t)rtc->state.offset;

    if (rtc->local)
        localtime_r(&now, tm);
    else
        gmtime_r(&now, tm);
}

void rtc_show_time(struct rtc *rtc)
{
    struct tm tm;
    int year;

    if (rtc->state.cmos[REGISTER_B] & B_SET)
        return;
    host_time(rtc, &tm);
    rtc->state.cmos[SECONDS] = encode(rtc, tm.tm_sec > 59 ? 59 : tm.tm_sec);
    rtc->state.cmos[MINUTES] = encode(rtc, tm.tm_min);
    rtc->state.cmos[HOURS] = encode_hour(rtc, tm.tm_hour);
    rtc->state.cmos[WEEKDAY] = encode(rtc, tm.tm_wday + 1);
    rtc->state.cmos[DAY] = encode(rtc, tm.tm_mday);
    rtc->state.cmos[MONTH] = encode(rtc, tm.tm_mon + 1);
    /* A guest may set a year before 1900, which is less than 0 in tm; a saved clock even one before 0. */
    year = (tm.tm_year % 100 + 100) % 100;
    rtc->state.cmos[YEAR] = encode(rtc, year);
    rtc->state.cmos[CENTURY] = encode(rtc, (tm.tm_year - year) / 100 + 19);
}

void rtc_take_time(struct rtc *rtc)
{
    struct tm tm = {
        .tm_sec = decode(rtc, rtc->state.cmos[SECONDS]),
        .tm_min = decode(rtc, rtc->state.cmos[MINUTES]),
        .tm_hour = decode_hour(rtc, rtc->state.cmos[HOURS]),
        .tm_mday = decode(rtc, rtc->state.cmos[DAY]),
        .tm_mon = decode(rtc, rtc->state.cmos[MONTH]) - 1,
        .tm_year = decode(rtc, rtc->state.cmos[CENTURY]) * 100 + decode(rtc, rtc->state.cmos[YEAR]) - 1900,
        .tm_isdst = -1,
    };

    rtc->state.offset = (rtc->local ? mktime(&tm) : timegm(&tm)) - time(NULL);
}
