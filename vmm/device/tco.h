/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The watchdog of QEMU's q35: the TCO timer of Intel's I/O Controller Hub 9 (data sheet 316972, 13.9), behind
 * PMBASE; the bit "no reboot" of its register GCS (10.1), behind RCBA; and SMI_EN (13.8.3), in which drivers
 * see that no firmware handles the first timeout. Linux' driver is iTCO_wdt.
 *
 * The timer counts down in ticks of 0.6 seconds, of the guest's clock. The first time at zero sets TIMEOUT;
 * the second time, without TCO_RLD having been written between, sets SECOND_TO_STS, and unless "no reboot" is
 * set the board hears of it and the timer stops. As in QEMU the timer stands still after a reset until
 * TCO_RLD or TCO1_CNT is written (in the data sheet it counts, and firmware halts it). There are no SMIs, and
 * neither DATA_OUT nor NMI_NOW interrupts a processor.
 *
 * Threads: the device's own lock protects its state; its timer runs on the main thread and takes the lock.
 * The board's watchdog() is called on the main thread, without the lock.
 */
#ifndef VMM_DEVICE_TCO_H
#define VMM_DEVICE_TCO_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"
#include "device/device.h"

#define TCO_TICK_NS UINT64_C(600000000)

/* Registers, at their ports. */
enum {
    TCO_RLD = 0x00,
    TCO_DAT = 0x02, /* TCO_DAT_IN, TCO_DAT_OUT */
    TCO1_STS = 0x04,
    TCO2_STS = 0x06,
    TCO1_CNT = 0x08,
    TCO2_CNT = 0x0a,
    TCO_MESSAGE = 0x0c, /* 1, 2 */
    TCO_WDCNT = 0x0e,
    SW_IRQ_GEN = 0x10,
    TCO_TMR = 0x12,
    TCO_LENGTH = 0x20,
};
#define TCO1_STS_SW_SMI 0x0002u
#define TCO1_STS_INT 0x0004u
#define TCO1_STS_TIMEOUT 0x0008u
#define TCO2_STS_SECOND 0x0002u
#define TCO2_STS_BOOT 0x0004u
#define TCO1_CNT_NMI2SMI 0x0200u
#define TCO1_CNT_HALT 0x0800u
#define TCO1_CNT_LOCK 0x1000u
#define TCO_TMR_MIN 2u /* less is ignored */
#define TCO_TMR_MAX 0x3ffu
#define GCS_NO_REBOOT 0x20u

struct tco_state {
    uint64_t left; /* until zero, nanoseconds, as of `since` */
    uint32_t gcs;
    uint16_t data, status1, status2, control1, control2, message, progress, software_irq, timer;
    uint8_t started; /* the timer was loaded; it counts unless it is halted */
    uint8_t once;    /* it has reached zero since TCO_RLD was written */
    uint8_t expired; /* the second timeout has occurred; the board's watchdog() is still to be called */
};
extern const struct state_table tco_state_table;
extern const struct device_type tco_type;

struct tco {
    struct device device; /* first */
    const struct board *board;
    bool strapped;        /* the pin for "no reboot" is set: GCS has no effect */
    pthread_mutex_t lock; /* of all that follows except the timer */
    struct tco_state state;
    bool runs;      /* the guest runs */
    uint64_t since; /* the guest's clock when `left` was computed, nanoseconds */
    uint64_t due;   /* the guest's clock at the timer's next call; UINT64_MAX: none */
    struct timer timer;
    struct work look; /* posted after an access: set the timer, call the board */
};

/* `strapped`: timeouts never affect the machine. Main thread, like the functions below, which take the lock.
 */
void tco_init(struct tco *tco, const struct board *board, bool strapped);
void tco_reset(struct tco *tco);
void tco_restored(struct tco *tco); /* after the state was restored */
void tco_run(struct tco *tco, bool run);
/* Cancel timer and work. */
void tco_destroy(struct tco *tco);

#endif
