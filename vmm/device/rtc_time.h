/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The clock's registers in CMOS memory, and the time in them: in binary or BCD, in 24-hour or 12-hour form,
 * as register B says (Motorola MC146818A data sheet).
 *
 * Threads: under the clock's lock.
 */
#ifndef VMM_DEVICE_RTC_TIME_H
#define VMM_DEVICE_RTC_TIME_H

#include "device/rtc.h"

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

/* Register B */
#define B_24_HOURS 0x02
#define B_BINARY 0x04
#define B_SET 0x80 /* the guest is setting the clock */

/* Write the current time to the registers; no effect while B_SET is set. */
void rtc_show_time(struct rtc *rtc);
/* Set the clock to the time in the registers, by changing the offset. */
void rtc_take_time(struct rtc *rtc);

#endif
