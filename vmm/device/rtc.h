/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An MC146818 real-time clock with 128 bytes of CMOS memory (Motorola MC146818A data sheet), which also tells
 * firmware the machine's memory, CPUs and boot devices (rtc_firmware.c).
 *
 * It shows the host's time plus an offset, which a guest changes by setting the clock. The alarm and the
 * once-a-second interrupt are implemented, the periodic interrupt (2 Hz and faster) is not: Linux uses other
 * timers for it.
 *
 * Threads: the clock's own lock protects its state; the timer runs on the main thread and takes the lock.
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
    const char *boot_order; /* letters of -boot order=; NULL: QEMU's default */
    const char *boot_once;  /* used in place of it until the second reset (the start is the first); or NULL */
};

#define RTC_CMOS_SIZE 128

struct rtc_state {
    int64_t offset; /* seconds: guest's clock minus host's */
    uint8_t cmos[RTC_CMOS_SIZE];
    uint8_t index; /* of the byte at the data port */
};
extern const struct state_table rtc_state_table;
extern const struct device_type rtc_type;

struct rtc {
    struct device device; /* first */
    const struct vm *vm;
    unsigned gsi;
    struct loop *loop;
    pthread_mutex_t lock; /* of all that follows except the timer */
    bool local;           /* the guest's clock shows the host's local time */
    struct rtc_state state;
    struct rtc_machine machine;
    bool line; /* the interrupt line: follows from the state */
    struct timer timer;
    struct work start; /* a guest enabled an interrupt: start the timer */
};

/* `offset` is the guest's clock minus the host's, seconds; `local`: it shows local time, otherwise UTC. Main
 * thread, like all functions here. */
void rtc_init(struct rtc *rtc, const struct board *board, unsigned gsi, bool local, int64_t offset);
/* Before the guest runs: set what firmware reads, now and after each reset. Takes the lock. */
void rtc_describe(struct rtc *rtc, const struct rtc_machine *machine);
void rtc_destroy(struct rtc *rtc); /* after rtc_stop() */
/* They take the lock. */
void rtc_reset(struct rtc *rtc);
void rtc_restored(struct rtc *rtc); /* after the state was restored */
/* Cancel timer and work. */
void rtc_stop(struct rtc *rtc);

#endif
