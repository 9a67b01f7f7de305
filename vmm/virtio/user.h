/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What devices of vhost-user have in common: the connection to the back end and what becomes of it
 * (user_life.c, user_serve.c, user_again.c), the guest memory that the back end maps (user_memory.c).
 *
 * The back end maps guest memory, range by range: each before the guest can use it, until before it is
 * removed; a DIMM beyond the back end's limit is refused. A back end that violates the protocol, does not
 * answer in time or closes the connection is gone.
 *
 * Without reconnect= of the chardev it is lost for good: its requests remain unanswered, and the driver sees
 * NEEDS_RESET. With it, requests wait until a back end listens again (user_again.c). That one continues where
 * the driver has seen the last request end, and processes those that were in progress anew: it knows them by
 * memory that the first one has left (INFLIGHT_SHMFD). Where there is none and requests were in progress, the
 * driver sees NEEDS_RESET, too, unless the device loses nothing by it.
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
struct virtio_user_part;

/* What differs between kinds of devices. */
struct virtio_user_type {
    const char *noun;  /* of the device, for messages: "disk" */
    uint64_t protocol; /* protocol features that the back end must have, besides REPLY_ACK */
    uint64_t features; /* features of the device that concern the back end, besides those of rings */
    unsigned group;    /* queues that are given together, such as a pair of a network card's; or 1 */
    bool again;        /* the device can continue with a back end that connects again */
    bool ordered;      /* requests end in their order, or may be lost: in progress are the last ones */
    /* Whether the back end may serve now; NULL: always. I/O thread, like all that follow. */
    bool (*may_serve)(struct virtio_device *device);
    /* The back end is gone, of which the driver learns by this, and not by NEEDS_RESET; may be NULL. */
    void (*gone)(struct virtio_device *device);
    /* The connection is new: what else the device asks for at its beginning. False and an error; NULL:
     * nothing. The thread that asks: virtio_user_ask(). */
    bool (*ask)(struct virtio_device *device, struct error *error);
    /* The connection has been made again, before any ring is given; NULL: nothing to do. */
    void (*came_back)(struct virtio_device *device);
    /* The back end has announced that configuration space has changed; NULL: it is ignored. */
    void (*config_changed)(struct virtio_device *device);
};

struct virtio_user {
    struct virtio_device *device;
    const struct virtio_user_type *type;
    const char *id;          /* of the chardev; the device's values own it */
    struct chardev *chardev; /* the main thread's: it provided the connection; NULL: none yet */
    struct guest_listener listener;
    bool listens;
    bool joining;       /* the main thread's: the device is not there yet, and nobody waits for the answers */
    bool joined_before; /* likewise: virtio_user_join() has ended */
    bool refused;       /* likewise: a range was, while it is `joining`; */
    struct error refusal;  /* for this reason */
    atomic_bool hung_up;   /* nobody wants to hear what becomes of the connection */
    unsigned mapped;       /* the main thread's: ranges that the back end maps, or would */
    _Atomic unsigned most; /* of those, written by the I/O thread; UINT_MAX: it is lost, and no limit */
    struct virtio_user_part
        *parts; /* the main thread's: ranges that it maps, or is asked to (user_memory.c) */

    /* The I/O thread's: */
    struct vhost_user back_end;
    struct virtio_vhost vhost;
    unsigned queues; /* maximum number of queues that the back end is given; set before it serves */
    bool reconnects; /* fixed */
    bool lost;       /* the back end is lost, or the device leaves */
    bool away;       /* it is gone, and may come back */
    unsigned given;  /* queues that it has been given, in whole or in part */
    bool unsure;     /* requests were in progress then, and it is not known which */
    bool failing;    /* a failure to come back was reported */
    uint64_t needs;  /* features that the driver may have accepted */
    struct vhost_user_region *regions; /* [region_count]: the guest memory that it maps */
    unsigned region_count;
    struct vhost_user_inflight inflight;
    struct watch *socket_watch, *requests_watch;

    /* Posted to the main thread: to connect again; and by it to the I/O thread: there is a connection. */
    struct work went, arrived;
    /* Of virtio_user_join(): posted to the I/O thread, and by it to the main thread. */
    struct work watch, watched;
    int watch_failure; /* the I/O thread's between the two: errno, or 0 */
    void (*joined)(void *opaque, const struct error *why);
    void *joined_opaque;
    struct vhost_user arriving; /* the I/O thread's once `arrived` is posted */
};

/* Connect to the back end of chardev `id`; `property` is the property that named it, for an error. False and
 * an error; the caller calls virtio_user_release(). Main thread. */
bool virtio_user_connect(struct virtio_user *user, struct virtio_device *device,
                         const struct virtio_user_type *type, const char *id, const char *property,
                         struct board *board, struct error *error);
/* Negotiate; sets `back_end`. Waits for the back end. False and an error; likewise. The main thread, or the
 * device's I/O thread while nobody else uses the connection. */
bool virtio_user_ask(struct virtio_user *user, struct error *error);
/* Once the device is built: have the back end map guest memory, now and from now on, without waiting for it.
 * Calls joined() from the event loop, with an error or NULL. False and an error; it is not called. Main
 * thread, like all that follow. */
bool virtio_user_join(struct virtio_user *user, void (*joined)(void *opaque, const struct error *why),
                      void *opaque, struct error *error);
/* Shut down the connection, of which `line` is a descriptor of the caller's own, so that what waits for the
 * back end ends. */
void virtio_user_hang_up(struct virtio_user *user, int line);
/* Once the device is on its bus, without effect if it has joined: pass guest memory and rings to the back
 * end, and let memory that is created from now on be mapped by it. False and an error; likewise. */
bool virtio_user_serve(struct virtio_user *user, struct error *error);
/* The same, as a virtio_device_type's `plugged` for devices that have `user`. */
bool virtio_user_plugged(struct virtio_device *device, struct error *error);
/* Take rings back, and disconnect; also after a failure, or if nothing was connected. May be repeated. */
void virtio_user_release(struct virtio_user *user);

/* Have features of rings that the back end lacks not offered to the driver. False and an error: the back end
 * is older than virtio 1.0. Main thread, before the device is on its bus. */
bool virtio_user_limit_rings(const struct virtio_user *user, struct virtio_values *values,
                             struct error *error);

/* user_memory.c: have the back end map all guest memory, and follow later changes of it. False and an error:
 * it refuses, or out of memory. Main thread. */
bool virtio_user_listen(struct virtio_user *user, struct error *error);
/* No longer follow them, from when on nothing is posted to the I/O thread; and, once it has run what was,
 * give back what is there. Main thread; without effect if there is nothing. */
void virtio_user_unlisten(struct virtio_user *user);
void virtio_user_free_memory(struct virtio_user *user);

/* Have a back end that has come back map the same memory. False: it is broken, or refuses, which breaks it.
 * I/O thread. */
bool virtio_user_map_again(struct virtio_user *user);

/* user_again.c: the end of a connection, for a chardev that connects again: begin to wait for the next one.
 * I/O thread. */
void virtio_user_await(struct virtio_user *user);
/* Prepare for that. Main thread. */
void virtio_user_again_init(struct virtio_user *user);
/* Pass the memory of requests in progress to the back end, before it is given so many rings. False: it is
 * broken. I/O thread. */
bool virtio_user_pass_inflight(struct virtio_user *user, unsigned queues, const struct vhost_ring *rings);
/* user_serve.c: watch the connection, or no longer. False and errno. I/O thread. */
bool virtio_user_watch(struct virtio_user *user);
void virtio_user_unwatch(struct virtio_user *user);
/* How it serves rings. */
extern const struct virtio_vhost_type virtio_user_vhost_type;

/* user_ended.c: of a ring that the back end has been given, the entry that is processed next, if those that
 * have ended are the first ones. False: its memory cannot be read. I/O thread. */
bool virtio_user_ended(struct virtio_queue *queue, uint16_t *next);
/* Whether some may be in progress. I/O thread. */
bool virtio_user_in_progress(struct virtio_queue *queue);
/* Rings that were taken back at next[i]: wait until all that the back end has taken from them has ended, for
 * VHOST_USER_DRAIN_MS at most, which breaks the connection. I/O thread. */
void virtio_user_drain(struct virtio_user *user, unsigned queues, const uint16_t *next);

/* Have the rings served, if the guest runs and the back end is not lost. I/O thread. */
void virtio_user_begin(struct virtio_user *user);
/* Called after each request to the back end: a connection that has broken becomes a lost back end, with a
 * message. False: the back end is lost. I/O thread. */
bool virtio_user_still_there(struct virtio_user *user);

/* Callback of struct virtio_device_type, for any device. A back end that serves has no requests in progress
 * when the rings are taken back; one that is gone may have some. */
bool virtio_user_can_save(struct virtio_device *device, struct error *error);
/* Callbacks of struct virtio_device_type, on the I/O thread, for a device whose `user` is set. */
void virtio_user_reset(struct virtio_device *device);
void virtio_user_started(struct virtio_device *device);
void virtio_user_resumed(struct virtio_device *device);
void virtio_user_take_back(struct virtio_device *device);
void virtio_user_vector_changed(struct virtio_device *device);
/* handle() of a device all of whose queues are the back end's, or wait for it. */
bool virtio_user_handle(struct virtio_device *device, struct virtio_queue *queue);

#endif
