/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of vhost-user-blk share: user_blk.c is the device; user_blk_serve.c what its back end has of
 * it while it serves, the rings and the connection; user_blk_memory.c the guest memory that the back end
 * maps.
 *
 * The back end maps guest memory, range by range. Each is mapped before the guest hears of it, and unmapped
 * before it goes; a DIMM beyond the back end's limit is refused. A back end that breaks the protocol, does
 * not answer in time or goes away is lost for good: its requests stay unanswered, the driver sees
 * NEEDS_RESET.
 *
 * Threads: a thread of its own has the queues and, once the device is plugged, the connection, since it waits
 * for answers. The main thread has the connection until then, and from then on asks that thread.
 */
#ifndef VMM_VIRTIO_USER_BLK_H
#define VMM_VIRTIO_USER_BLK_H

#include <stdatomic.h>

#include "vhost/user.h"
#include "virtio/blk.h"
#include "virtio/vhost.h"

#define BLK_F_SIZE_MAX (UINT64_C(1) << 1)
/* What a driver can use of what a back end offers (VIRTIO 1.2, 5.2.3), besides several queues. */
#define USER_BLK_FEATURES \
    (BLK_F_SIZE_MAX | BLK_F_SEG_MAX | BLK_F_RO | BLK_F_BLK_SIZE | BLK_F_FLUSH | BLK_F_TOPOLOGY | \
     BLK_F_CONFIG_WCE | BLK_F_DISCARD | BLK_F_WRITE_ZEROES)
#define USER_BLK_CONFIG_SIZE 60u /* 5.2.4, to the end of write zeroes */
#define USER_BLK_CONFIG_CAPACITY 0

struct chardev;

struct user_blk_values {
    struct virtio_values virtio;
    char *chardev;
    uint32_t bootindex, queues, queue_size;
    bool bootindex_given, queues_given;
    bool config_wce, discard, write_zeroes;
};

struct user_blk {
    struct virtio_device virtio; /* first */
    struct user_blk_values values;
    struct chardev *chardev; /* the main thread's: whose connection it has; NULL: none yet */
    struct guest_listener listener;
    bool listens;
    _Atomic uint64_t capacity; /* as the back end has said it last; with `changed` */
    struct work changed;       /* posted to the main thread */

    /* The I/O thread's: */
    struct vhost_user user;
    struct virtio_vhost vhost;
    bool lost; /* the back end is, or the device goes */
    struct watch *socket_watch, *requests_watch;
};

static inline struct user_blk *user_blk_of(struct virtio_device *device)
{
    return (struct user_blk *)(void *)device;
}

/* A device on its bus gives its back end memory and rings. False and an error: user_blk_leave(). Main thread.
 */
bool user_blk_serve(struct user_blk *blk, struct error *error);
/* The back end has nothing any more. For one that was not served, too. Main thread. */
void user_blk_leave(struct user_blk *blk);

/* Between these files. Main thread: give the back end all memory, and hear of what comes and goes. */
bool user_blk_listen(struct user_blk *blk, struct error *error);
/* I/O thread: have the rings served, if the guest runs and there is a back end. */
void user_blk_begin(struct user_blk *blk);
/* I/O thread, after each request to the back end: whether it is there. If it is not any more, that is said.
 */
bool user_blk_still_there(struct user_blk *blk);

/* Of the type, on the I/O thread. */
void user_blk_started(struct virtio_device *device);
void user_blk_resumed(struct virtio_device *device);
void user_blk_take_back(struct virtio_device *device);
void user_blk_vector_changed(struct virtio_device *device);
/* The driver has written to configuration space: waits for the back end. With the device's lock. */
void user_blk_config_written(struct virtio_device *device, unsigned offset, unsigned width);

#endif
