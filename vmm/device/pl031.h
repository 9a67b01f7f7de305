/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A PL031 real-time clock (Arm DDI 0224), which counts seconds since 1970 and interrupts when the count
 * reaches a match value. It keeps the host's time plus an offset, and is always on: as if a battery had kept
 * it so. A guest that sets the clock changes the offset.
 *
 * Threads: all state is under the clock's own lock; the timer runs on the main thread and takes the lock.
 */
#ifndef VMM_DEVICE_PL031_H
#define VMM_DEVICE_PL031_H

#include <stdbool.h>
#include <stdint.h>

#include "base/loop.h"
#include "device/device.h"

struct pl031_state {
    int64_t offset;  /* seconds: guest's clock minus host's */
    uint32_t seen;   /* the count up to which matches have been noticed */
    uint32_t match;  /* RTCMR */
    uint32_t loaded; /* RTCLR */
    uint8_t mask;    /* RTCIMSC: 1: the interrupt is let through */
    uint8_t raw;     /* RTCRIS: 1: the count has matched */
};
extern const struct state_table pl031_state_table;
extern const struct device_type pl031_type;

struct pl031 {
    struct device device; /* first */
    const struct vm *vm;
    struct loop *loop;
    uint64_t address;
    unsigned gsi;
    bool local;           /* the guest's clock shows the host's local time */
    pthread_mutex_t lock; /* of what follows, but for the timer */
    struct pl031_state state;
    bool line; /* the interrupt line: follows from the state */
    struct timer timer;
    struct work look; /* what is to interrupt has changed: set the timer */
};

/* `address`: of its registers; `gsi`: its interrupt; `offset`: seconds, the guest's clock minus the host's.
 */
void pl031_init(struct pl031 *pl031, const struct board *board, const struct chip_place *place, bool local,
                int64_t offset);
/* These take the lock. */
void pl031_reset(struct pl031 *pl031);
void pl031_restored(struct pl031 *pl031); /* the state is another */
/* Main thread: no timer is left. */
void pl031_destroy(struct pl031 *pl031);

#endif
