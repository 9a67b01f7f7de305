/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The balloon's statistics: the guest's numbers about its memory (VIRTIO 1.2, 5.5.6.3), for balloon.c.
 *
 * The driver makes one buffer available with its numbers, and another one with new numbers when it gets the
 * first back: so the device asks by giving back, and holds a buffer, without its memory, between two
 * questions.
 *
 * Threads: functions that end in _on_io on the device's I/O thread; balloon_stats_lent() with the device's
 * lock; the rest on the main thread. What the guest said last is under `lock`, a leaf.
 */
#ifndef VMM_VIRTIO_BALLOON_STATS_H
#define VMM_VIRTIO_BALLOON_STATS_H

#include <pthread.h>
#include <stdatomic.h>

#include "device/guest_statistics.h"
#include "virtio/device.h"

#define BALLOON_STATS 16u /* tags that have a name */

struct balloon_report {
    uint64_t values[BALLOON_STATS]; /* UINT64_MAX: not said */
    uint64_t updated;               /* seconds since 1970; 0: never */
    uint64_t lent, count;           /* of struct guest_total */
};

struct balloon_stats {
    struct guest_statistics source; /* first; on the board while the device is on its bus */
    struct virtio_device *device;
    _Atomic uint64_t lent; /* bytes */
    pthread_mutex_t lock;
    struct balloon_report last; /* with the lock */

    /* The I/O thread's: */
    struct virtio_request *held; /* the driver's buffer between two questions */
    bool asked;                  /* somebody waits for a report */
    bool outdated;               /* but the next one may have been made before the question */
    struct work heard;           /* posted to the main thread */

    /* The main thread's: */
    struct timer poll;
    uint32_t interval; /* seconds; 0: nobody polls */
};

void balloon_stats_init(struct balloon_stats *stats, struct virtio_device *device);
/* It is on its bus: the machine hears of the guest's memory by it. */
void balloon_stats_begin(struct balloon_stats *stats, uint32_t interval);
/* It is on no bus (or never was), and nothing runs on the I/O thread for it. */
void balloon_stats_end(struct balloon_stats *stats);

/* Poll each so many seconds, from now on; 0: never. */
void balloon_stats_poll(struct balloon_stats *stats, uint32_t interval);
/* As QEMU's property guest-stats shows it. */
size_t balloon_stats_show(struct balloon_stats *stats, struct live_number numbers[LIVE_NUMBERS_MAX]);

/* The driver has so many bytes in the balloon. */
void balloon_stats_lent(struct balloon_stats *stats, uint64_t bytes);

/* Take the driver's numbers. */
void balloon_stats_take_on_io(struct balloon_stats *stats, struct virtio_request *request);
/* The guest runs again: a question that could not be put meanwhile is put now. */
void balloon_stats_resume_on_io(struct balloon_stats *stats);
/* The driver has gone. */
void balloon_stats_reset_on_io(struct balloon_stats *stats);

#endif
