/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of virtio-blk share (VIRTIO 1.2, 5.2): blk.c is the device, blk_request.c its requests.
 *
 * Threads: as virtio/device.h says: `queue` and the lists are the I/O thread's, the node and the work the
 * main thread's, `write_back` is read by one and written by a vCPU with the device's lock.
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

#define BLK_CONFIG_WRITE_BACK 32 /* its place in the configuration (5.2.4) */

#define BLK_SERIAL 20u /* bytes of a serial number as the driver gets it */
/* Sectors of one discard or of one request to write zeroes, at most: QEMU's. */
#define BLK_RANGE_MAX 0x3fffffu

/* What becomes of a guest whose request fails: werror=, rerror=. */
enum blk_policy { BLK_REPORT, BLK_IGNORE, BLK_STOP, BLK_ENOSPC };

struct blk;

struct blk_request {
    struct virtio_request virtio; /* first */
    struct block_request block;
    struct blk *blk;
    struct iovec *status;     /* the iovec that is a byte shorter for the status behind the data; or NULL */
    struct blk_request *next; /* of those that wait for the guest to run again */
};

struct blk_values {
    struct virtio_values virtio;
    char *drive, *iothread, *serial, *write_cache, *werror, *rerror;
    uint32_t logical, physical, granularity, bootindex, queues, queue_size;
    bool logical_given, physical_given, granularity_given, bootindex_given, queues_given;
    bool config_wce, discard, write_zeroes, share;
};

struct blk {
    struct virtio_device virtio; /* first */
    struct blk_values values;
    struct block_user user;
    struct block_queue *queue;
    struct watch *watch; /* of the queue's descriptor */
    int watch_error;     /* why there is none: an errno */
    char *user_name, *qdev;
    enum blk_policy on_read_error, on_write_error;
    atomic_bool write_back; /* the driver flushes; else each write is flushed */
    struct blk_request *held, **last_held;
    struct blk_failure {
        bool write, nospace, stop, ignored;
        int error;
    } failure; /* with `failed`, which tells the main thread of it; the lock is the device's `interrupt`. Of
                * several before it is told, the first that stops the machine, or the last */
    struct work failed;
};

/* As write-cache= says: before the driver, and when it is reset. */
void blk_write_cache_reset(struct blk *blk);

/* I/O thread. */
bool blk_handle(struct virtio_device *device, struct virtio_queue *queue);
void blk_started(struct virtio_device *device);
void blk_resumed(struct virtio_device *device);
void blk_reset(struct virtio_device *device);

#endif
