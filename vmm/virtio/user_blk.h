/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shared by the files of vhost-user-blk: user_blk.c is the device; user_blk_serve.c rings and connection
 * while the back end serves; user_blk_memory.c the guest memory that the back end maps.
 *
 * The back end maps guest memory, range by range: each before the guest can use it, until before it is
 * removed; a DIMM beyond the back end's limit is refused. A back end that violates the protocol, does not
 * answer in time or closes the connection is lost for good: its requests remain unanswered, and the driver
 * sees NEEDS_RESET.
 *
 * Threads: the device has an I/O thread of its own, which waits for the back end's answers. Queues belong to
 * it, and from user_blk_serve() on also the connection, which before belongs to the main thread.
 */
#ifndef VMM_VIRTIO_USER_BLK_H
#define VMM_VIRTIO_USER_BLK_H

#include <stdatomic.h>

#include "vhost/user.h"
#include "virtio/blk.h"
#include "virtio/vhost.h"

#define BLK_F_SIZE_MAX (UINT64_C(1) << 1)
/* Features that are offered to the driver if the back end has them (VIRTIO 1.2, 5.2.3), besides BLK_F_MQ. */
#define USER_BLK_FEATURES \
    (BLK_F_SIZE_MAX | BLK_F_SEG_MAX | BLK_F_RO | BLK_F_BLK_SIZE | BLK_F_FLUSH | BLK_F_TOPOLOGY | \
     BLK_F_CONFIG_WCE | BLK_F_DISCARD | BLK_F_WRITE_ZEROES)
#define USER_BLK_CONFIG_SIZE 60u /* 5.2.4, to the end of write zeroes */
#define USER_BLK_CONFIG_CAPACITY 0

struct chardev;

struct user_blk_values {
    struct virtio_values virtio;
    char *chardev, *write_cache;
    uint32_t bootindex, queues, queue_size;
    bool bootindex_given, queues_given;
    bool config_wce, discard, write_zeroes;
};

struct user_blk {
    struct virtio_device virtio; /* first */
    struct user_blk_values values;
    struct chardev *chardev; /* the main thread's: it provided the connection; NULL: none yet */
    struct guest_listener listener;
    bool listens;
    _Atomic uint64_t capacity; /* sectors, as the back end reported last; for `changed` */
    struct work changed;       /* posted to the main thread */

    /* The I/O thread's: */
    struct vhost_user user;
    struct virtio_vhost vhost;
    bool lost; /* the back end is lost, or the device leaves */
    struct watch *socket_watch, *requests_watch;
};

static inline struct user_blk *user_blk_of(struct virtio_device *device)
{
    return (struct user_blk *)(void *)device;
}

/* Once the device is on its bus: pass guest memory and rings to the back end. False and an error; the caller
 * calls user_blk_leave(). Main thread. */
bool user_blk_serve(struct user_blk *blk, struct error *error);
/* Take rings back, and stop using the back end; also for a device that was not served. Main thread. */
void user_blk_leave(struct user_blk *blk);

/* Have the back end map all guest memory, and follow later changes of it. False and an error: it refuses, or
 * out of memory. Main thread. */
bool user_blk_listen(struct user_blk *blk, struct error *error);
/* Have the rings served, if the guest runs and the back end is not lost. I/O thread. */
void user_blk_begin(struct user_blk *blk);
/* Called after each request to the back end: a connection that has broken becomes a lost back end, with a
 * message. False: the back end is lost. I/O thread. */
bool user_blk_still_there(struct user_blk *blk);

/* Callbacks of struct virtio_device_type, on the I/O thread. */
void user_blk_started(struct virtio_device *device);
void user_blk_resumed(struct virtio_device *device);
void user_blk_take_back(struct virtio_device *device);
void user_blk_vector_changed(struct virtio_device *device);
/* The same, under the device's lock: the driver has written to configuration space. Waits for the back end.
 */
void user_blk_config_written(struct virtio_device *device, unsigned offset, unsigned width);

#endif
