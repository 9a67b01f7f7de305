/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vhost-user-blk: a disk whose requests a back end of vhost-user processes (virtio/user.h).
 *
 * Threads: as in virtio/user.h.
 */
#ifndef VMM_VIRTIO_USER_BLK_H
#define VMM_VIRTIO_USER_BLK_H

#include <stdatomic.h>

#include "virtio/blk.h"
#include "virtio/user.h"

#define BLK_F_SIZE_MAX (UINT64_C(1) << 1)
/* Features that are offered to the driver if the back end has them (VIRTIO 1.2, 5.2.3), besides BLK_F_MQ. */
#define USER_BLK_FEATURES \
    (BLK_F_SIZE_MAX | BLK_F_SEG_MAX | BLK_F_RO | BLK_F_BLK_SIZE | BLK_F_FLUSH | BLK_F_TOPOLOGY | \
     BLK_F_CONFIG_WCE | BLK_F_DISCARD | BLK_F_WRITE_ZEROES)
#define USER_BLK_CONFIG_SIZE 60u /* 5.2.4, to the end of write zeroes */
#define USER_BLK_CONFIG_CAPACITY 0

struct user_blk_values {
    struct virtio_values virtio;
    char *chardev, *write_cache;
    uint32_t queues, queue_size;
    int32_t bootindex;
    bool bootindex_given, queues_given;
    bool config_wce, discard, write_zeroes;
};

struct user_blk {
    struct virtio_device virtio; /* first */
    struct user_blk_values values;
    struct virtio_user user;
    _Atomic uint64_t capacity; /* sectors, as the back end reported last; for `changed` */
    struct work changed;       /* posted to the main thread */
};

#endif
