/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The clock's registers in CMOS memory, and the time in them: in binary or BCD, with 24 or twice 12 hours, as
 * the guest has chosen in register B. Under the clock's lock.
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

/* While the guest sets the clock the bytes stand still; else they follow the host. */
void rtc_show_time(struct rtc *rtc);
/* The time is what the bytes say: the offset changes. */
void rtc_take_time(struct rtc *rtc);

#endif
