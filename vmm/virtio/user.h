/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What devices of vhost-user have in common: the connection to the back end and what becomes of it
 * (user_serve.c), the guest memory that the back end maps (user_memory.c).
 *
 * The back end maps guest memory, range by range: each before the guest can use it, until before it is
 * removed; a DIMM beyond the back end's limit is refused. A back end that violates the protocol, does not
 * answer in time or closes the connection is lost for good: its requests remain unanswered, and the driver
 * sees NEEDS_RESET.
 *
 * Threads: the device has an I/O thread of its own, which waits for the back end's answers. Queues belong to
 * it, and from virtio_user_serve() on also the connection, which before belongs to the main thread.
 */
#ifndef VMM_VIRTIO_USER_H
#define VMM_VIRTIO_USER_H

#include "vhost/user.h"
#include "virtio/device.h"
#include "virtio/vhost.h"

struct chardev;

/* What differs between kinds of devices. */
struct virtio_user_type {
    const char *noun;  /* of the device, for messages: "disk" */
    uint64_t protocol; /* protocol features that the back end must have, besides REPLY_ACK */
    uint64_t features; /* features of the device that concern the back end, besides those of rings */
    unsigned group;    /* queues that are given together, such as a pair of a network card's; or 1 */
    /* The back end has announced that configuration space has changed; NULL: it is ignored. I/O thread. */
    void (*config_changed)(struct virtio_device *device);
};

struct virtio_user {
    struct virtio_device *device;
    const struct virtio_user_type *type;
    const char *id;          /* of the chardev; the device's values own it */
    struct chardev *chardev; /* the main thread's: it provided the connection; NULL: none yet */
    struct guest_listener listener;
    bool listens;

    /* The I/O thread's: */
    struct vhost_user back_end;
    struct virtio_vhost vhost;
    unsigned queues; /* maximum number of queues that the back end is given; set before it serves */
    bool lost;       /* the back end is lost, or the device leaves */
    struct watch *socket_watch, *requests_watch;
};

/* Connect to the back end of chardev `id`, and negotiate; sets `back_end`. `property` is the property that
 * named it, for an error. False and an error; the caller calls virtio_user_release(). Main thread, like the
 * next two. */
bool virtio_user_connect(struct virtio_user *user, struct virtio_device *device,
                         const struct virtio_user_type *type, const char *id, const char *property,
                         struct board *board, struct error *error);
/* Once the device is on its bus: pass guest memory and rings to the back end. False and an error; likewise.
 */
bool virtio_user_serve(struct virtio_user *user, struct error *error);
/* Take rings back, and disconnect; also after a failure, or if nothing was connected. */
void virtio_user_release(struct virtio_user *user);

/* Have features of rings that the back end lacks not offered to the driver. False and an error: the back end
 * is older than virtio 1.0. Main thread, before the device is on its bus. */
bool virtio_user_limit_rings(const struct virtio_user *user, struct virtio_values *values,
                             struct error *error);

/* user_memory.c: have the back end map all guest memory, and follow later changes of it. False and an error:
 * it refuses, or out of memory. Main thread. */
bool virtio_user_listen(struct virtio_user *user, struct error *error);

/* Have the rings served, if the guest runs and the back end is not lost. I/O thread. */
void virtio_user_begin(struct virtio_user *user);
/* Called after each request to the back end: a connection that has broken becomes a lost back end, with a
 * message. False: the back end is lost. I/O thread. */
bool virtio_user_still_there(struct virtio_user *user);

/* Callbacks of struct virtio_device_type, on the I/O thread, for a device whose `user` is set. */
void virtio_user_started(struct virtio_device *device);
void virtio_user_resumed(struct virtio_device *device);
void virtio_user_take_back(struct virtio_device *device);
void virtio_user_vector_changed(struct virtio_device *device);
/* handle() of a device all of whose queues are the back end's, or wait for it. */
bool virtio_user_handle(struct virtio_device *device, struct virtio_queue *queue);

#endif
