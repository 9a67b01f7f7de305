/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An MC146818 real-time clock with 128 bytes of CMOS memory (Motorola MC146818A data sheet).
 *
 * It keeps the host's time plus an offset; a guest that sets the clock changes the offset. The alarm and the
 * once-a-second interrupt work; the periodic interrupt (2 Hz and faster) is not there: Linux uses its own
 * timers for that.
 *
 * Threads: all state is under the machine lock; the timer runs on the main thread and takes the lock.
 */
#ifndef VMM_DEVICE_RTC_H
#define VMM_DEVICE_RTC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"
#include "bus/bus.h"

struct rtc {
    struct ports *ports;
    struct loop *loop;
    void (*irq)(void *opaque, bool high);
    void *opaque;
    bool local;     /* the guest's clock shows the host's local time */
    int64_t offset; /* seconds: guest's clock minus host's */
    uint8_t index;
    uint8_t cmos[128];
    bool line;
    struct timer timer;
    struct work start; /* a guest enabled an interrupt: start the timer */
};

void rtc_init(struct rtc *rtc, struct ports *ports, struct loop *loop, bool local, int64_t offset,
              void (*irq)(void *opaque, bool high), void *opaque);
void rtc_reset(struct rtc *rtc); /* under the machine lock */
/* Main thread: no timer is left. */
void rtc_stop(struct rtc *rtc);

#endif
