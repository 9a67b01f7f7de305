/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An MC146818 real-time clock with 128 bytes of CMOS memory (Motorola MC146818A data sheet). Firmware finds
 * there how much memory and how many CPUs the machine has, and from what to boot (rtc_firmware.c).
 *
 * It keeps the host's time plus an offset; a guest that sets the clock changes the offset. The alarm and the
 * once-a-second interrupt work; the periodic interrupt (2 Hz and faster) is not there: Linux uses its own
 * timers for that.
 *
 * Threads: all state is under the clock's own lock; the timer runs on the main thread and takes the lock.
 */
#ifndef VMM_DEVICE_RTC_H
#define VMM_DEVICE_RTC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"
#include "device/device.h"

/* What firmware finds in the CMOS memory. */
struct rtc_machine {
    uint32_t cpus;          /* 1 or more */
    uint64_t low_ram_end;   /* bytes of RAM from 0 on */
    uint64_t high_ram_size; /* bytes of RAM from 4 GiB on */
    const char *boot_order; /* letters as those of -boot order=; NULL: QEMU's */
    const char *boot_once;  /* instead, until the second reset: the first is the start. NULL: nothing */
};

#define RTC_CMOS_SIZE 128

struct rtc_state {
    int64_t offset; /* seconds: guest's clock minus host's */
    uint8_t cmos[RTC_CMOS_SIZE];
    uint8_t index; /* of the byte that the data port is */
};
extern const struct state_table rtc_state_table;
extern const struct device_type rtc_type;

struct rtc {
    struct device device; /* first */
    const struct vm *vm;
    unsigned gsi;
    struct loop *loop;
    pthread_mutex_t lock; /* of what follows, but for the timer */
    bool local;           /* the guest's clock shows the host's local time */
    struct rtc_state state;
    struct rtc_machine machine;
    bool line; /* the interrupt line: follows from the state */
    struct timer timer;
    struct work start; /* a guest enabled an interrupt: start the timer */
};

/* `offset`: seconds, the guest's clock minus the host's; `gsi`: its interrupt. */
void rtc_init(struct rtc *rtc, const struct board *board, unsigned gsi, bool local, int64_t offset);
/* Before the guest runs: what firmware finds, from here on and after each reset. Takes the lock. */
void rtc_describe(struct rtc *rtc, const struct rtc_machine *machine);
void rtc_destroy(struct rtc *rtc); /* after rtc_stop() */
/* These take the lock. */
void rtc_reset(struct rtc *rtc);
void rtc_restored(struct rtc *rtc); /* the state is another */
/* Main thread: no timer is left. */
void rtc_stop(struct rtc *rtc);

#endif
