/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shared by the files of virtio-blk (VIRTIO 1.2, 5.2): blk.c is the device, blk_request.c its requests.
 *
 * Threads: as in virtio/device.h. `queue` and the lists belong to the I/O thread, `user` and the works to the
 * main thread. `write_back` is read on the I/O thread; a vCPU writes it under the device's lock.
 */
#ifndef VMM_VIRTIO_BLK_H
#define VMM_VIRTIO_BLK_H

#include <stdatomic.h>

#include "block/node.h"
#include "block/queue.h"
#include "virtio/device.h"

/* Feature bits (5.2.3). */
#define BLK_F_SEG_MAX (UINT64_C(1) << 2)
#define BLK_F_RO (UINT64_C(1) << 5)
#define BLK_F_BLK_SIZE (UINT64_C(1) << 6)
#define BLK_F_FLUSH (UINT64_C(1) << 9)
#define BLK_F_TOPOLOGY (UINT64_C(1) << 10)
#define BLK_F_CONFIG_WCE (UINT64_C(1) << 11)
#define BLK_F_MQ (UINT64_C(1) << 12)
#define BLK_F_DISCARD (UINT64_C(1) << 13)
#define BLK_F_WRITE_ZEROES (UINT64_C(1) << 14)

#define BLK_CONFIG_WRITE_BACK 32 /* offset of `writeback` in configuration space (5.2.4) */

#define BLK_SERIAL 20u /* bytes of a serial number as the driver receives it (5.2.6) */
/* Maximum number of sectors of one discard or write-zeroes request: as in QEMU. */
#define BLK_RANGE_MAX 0x3fffffu

/* Policy for requests that fail (werror=, rerror=): report the error to the guest, report success, stop the
 * machine and retry when it continues, or stop on ENOSPC and otherwise report. */
enum blk_policy { BLK_REPORT, BLK_IGNORE, BLK_STOP, BLK_ENOSPC };

struct blk;

struct blk_request {
    struct virtio_request virtio; /* first */
    struct block_request block;
    struct blk *blk;
    struct iovec *status;     /* the iovec that was shortened by the status byte after the data; or NULL */
    struct blk_request *next; /* in blk->held */
};

struct blk_values {
    struct virtio_values virtio;
    char *drive, *iothread, *serial, *write_cache, *werror, *rerror;
    uint32_t logical, physical, granularity, queues, queue_size;
    int32_t bootindex;
    bool logical_given, physical_given, granularity_given, bootindex_given, queues_given;
    bool config_wce, discard, write_zeroes, share;
};

struct blk {
    struct virtio_device virtio; /* first */
    struct blk_values values;
    struct block_user user;
    struct block_queue *queue;
    struct watch *watch; /* of the queue's descriptor */
    int watch_error;     /* why `watch` is NULL: an errno */
    char *user_name, *qdev;
    enum blk_policy on_read_error, on_write_error;
    atomic_bool write_back;                /* the driver flushes; false: each write is flushed */
    struct blk_request *held, **last_held; /* failed requests, to be retried when the guest runs again */
    struct blk_failure {
        bool write, nospace, stop, ignored;
        int error;
    } failure; /* for `failed`, on the main thread; under the device's lock `interrupt`. If several requests
                * fail before it runs: the first one that stops the machine, otherwise the last */
    struct work failed;
};

/* Check a value of write-cache=; NULL: it was not given. False and an error: it is none of on, off, auto. */
bool blk_write_cache_check(const char *word, struct error *error);
/* Set the write cache's mode as write-cache= says: before the guest sees the device, and at a reset. */
void blk_write_cache_reset(struct blk *blk);

/* Callbacks of struct virtio_device_type, on the I/O thread. */
bool blk_handle(struct virtio_device *device, struct virtio_queue *queue);
void blk_started(struct virtio_device *device);
void blk_continued(struct virtio_device *device, const void *state);
void blk_resumed(struct virtio_device *device);
void blk_reset(struct virtio_device *device);

#endif
