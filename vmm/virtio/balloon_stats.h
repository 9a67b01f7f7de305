/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The balloon's statistics: the guest's numbers about its memory (VIRTIO 1.2, 5.5.6.3), for balloon.c.
 *
 * The driver makes a buffer with its numbers available, and makes it available again with new numbers each
 * time that the device returns it. So the device requests a report by returning the buffer; between requests
 * it holds the buffer, but no lease of its memory.
 *
 * Threads: functions that end in _on_io run on the device's I/O thread, balloon_stats_lent() under the
 * device's lock, all others on the main thread. `lock`, a leaf, protects the last report.
 */
#ifndef VMM_VIRTIO_BALLOON_STATS_H
#define VMM_VIRTIO_BALLOON_STATS_H

#include <pthread.h>
#include <stdatomic.h>

#include "device/guest_statistics.h"
#include "virtio/device.h"

#define BALLOON_STATS 16u /* tags that have a name */

struct balloon_report {
    uint64_t values[BALLOON_STATS]; /* by tag; UINT64_MAX: not reported */
    uint64_t updated;               /* seconds since 1970; 0: no report yet */
    uint64_t lent, count;           /* `lent` and `reports` of struct guest_total */
};

struct balloon_stats {
    struct guest_statistics source; /* first; on the board while the device is on its bus */
    struct virtio_device *device;
    _Atomic uint64_t lent; /* bytes */
    pthread_mutex_t lock;
    struct balloon_report last; /* with the lock */

    /* The I/O thread's: */
    struct virtio_request *held; /* the driver's buffer between two reports; NULL: the driver has it */
    bool asked;                  /* the main thread has asked for a report that is not here yet */
    bool outdated;               /* the next report may have been written before that */
    struct work heard;           /* posted to the main thread */

    /* The main thread's: */
    struct timer poll;
    uint32_t interval; /* seconds; 0: no polling */
};

void balloon_stats_init(struct balloon_stats *stats, struct virtio_device *device);
/* Once the device is on its bus: become the board's source of statistics, and poll every `interval` seconds
 * (0: never). */
void balloon_stats_begin(struct balloon_stats *stats, uint32_t interval);
/* Once the device has left its bus (or was never on one), and its I/O thread no longer uses it. */
void balloon_stats_end(struct balloon_stats *stats);

/* Poll every `interval` seconds, beginning at once; 0: stop polling. */
void balloon_stats_poll(struct balloon_stats *stats, uint32_t interval);
/* The last report, with the names of QEMU's property guest-stats. Returns how many numbers were written. */
size_t balloon_stats_show(struct balloon_stats *stats, struct live_number numbers[LIVE_NUMBERS_MAX]);

/* Record how many bytes the balloon contains, as the driver has written it. */
void balloon_stats_lent(struct balloon_stats *stats, uint64_t bytes);

/* Record a report, and hold its request, which the caller must not use any more. */
void balloon_stats_take_on_io(struct balloon_stats *stats, struct virtio_request *request);
/* The guest runs again: request the report that was asked for while it was paused. */
void balloon_stats_resume_on_io(struct balloon_stats *stats);
/* The device is being reset: drop the held request and the last report. */
void balloon_stats_reset_on_io(struct balloon_stats *stats);

#endif
