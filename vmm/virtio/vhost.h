/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Queues of a virtio device that the kernel serves (vhost/vhost.h), or another program (vhost/user.h). While
 * it does, this program does not access their rings. It takes them back when the guest is paused, a queue
 * breaks, the device is reset, or the device requests it, and continues with the entry at which the server
 * stopped.
 *
 * Memory: the kernel holds no leases. Its table contains the whole hotplug region as one range, which has no
 * memory where there is no DIMM (memory/reservation.h): accesses to a removed DIMM fail, and DIMMs do not
 * change the table. A range outside the region is removed from the table before its memory is.
 *
 * Threads: attach, detach and the listener run on the main thread, everything else on the device's I/O
 * thread.
 */
#ifndef VMM_VIRTIO_VHOST_H
#define VMM_VIRTIO_VHOST_H

#include "memory/guest_memory.h"
#include "memory/reservation.h"
#include "vhost/vhost.h"
#include "virtio/device.h"

struct virtio_vhost;

/* The server, by kind of device. */
struct virtio_vhost_type {
    const char *name;    /* for messages: "vhost-net" */
    const char *server;  /* for messages: "the kernel's vhost-net" */
    const char *instead; /* way out if its limit on memory is reached: "; vhost=off has no limit", or "" */
    /* Set the table of guest memory. False and an error: it is unchanged. Main thread. NULL: the device
     * itself informs the server of guest memory. */
    bool (*set_memory)(struct virtio_device *device, const struct vhost_span *spans, unsigned count,
                       struct error *error);
    /* Begin to serve queues 0 to `queues` - 1, with these rings. False and an error: it serves none, and
     * continues with their `next`, if it has served some of them. */
    bool (*start)(struct virtio_device *device, unsigned queues, struct vhost_ring *rings,
                  struct error *error);
    /* Stop serving them; set next[i] to the entry of the available ring with which ring i continues. */
    void (*stop)(struct virtio_device *device, unsigned queues, uint16_t *next);
    /* Replace the interrupt's eventfd of a queue that is served. False: refused. */
    bool (*set_call)(struct virtio_device *device, unsigned queue, int call);
    /* The device is not served again before virtio_vhost_restart(); `why` is for a message. This program has
     * the rings. */
    void (*gave_up)(struct virtio_device *device, const char *why);
};

/* An eventfd that the server writes for a queue without a vector: this program then raises the pin. */
struct virtio_vhost_pin {
    struct virtio_vhost *vhost;
    unsigned queue;
    int fd;
    struct watch *watch;
};

/* `ready`, `failed`, `wrong` and `served` are the I/O thread's, the rest is fixed while it is ready. */
struct virtio_vhost {
    struct virtio_device *device;
    const struct virtio_vhost_type *type;
    bool ready;      /* attached: the server may be given rings */
    bool failed;     /* it is not given rings before virtio_vhost_restart() */
    bool wrong;      /* nor before it has accepted a table of guest memory: its present one is outdated */
    unsigned served; /* queues that it serves now; 0: this program serves all */
    unsigned queues; /* number of queues that it may serve: 0 to `queues` - 1 */
    struct virtio_vhost_pin *pins; /* [queues]; NULL: not attached */
    int error;                     /* an eventfd: the kernel has found an invalid ring or buffer */
    struct watch *error_watch;
    const struct reservation *reservation;
    bool listens;
    struct guest_listener listener;
};

/* Prepare to have queues 0 to `queues` - 1 served, for a device that is on its bus. False and an error: out
 * of memory or descriptors, or the table of memory is refused; the caller detaches. virtio_vhost_detach()
 * takes rings back, and has no effect if nothing is attached. Main thread. */
bool virtio_vhost_attach(struct virtio_vhost *vhost, const struct virtio_vhost_type *type,
                         struct virtio_device *device, unsigned queues, struct error *error);
void virtio_vhost_detach(struct virtio_vhost *vhost);

/* The driver has initialized the device anew: a start that failed may be repeated. I/O thread, like the next
 * three. */
void virtio_vhost_restart(struct virtio_vhost *vhost);
/* Have queues 0 to `queues` - 1 served if the device runs, none of them is broken or has requests in flight,
 * and no start has failed. Returns whether any queue is served now; a start that fails has called gave_up().
 */
bool virtio_vhost_start_if_possible(struct virtio_vhost *vhost, unsigned queues);
/* Take all rings back. Has no effect if none is served. */
void virtio_vhost_take_back(struct virtio_vhost *vhost);
/* Callback of struct virtio_device_type: the driver has changed a queue's vector. */
void virtio_vhost_vector_changed(struct virtio_vhost *vhost);

#endif
