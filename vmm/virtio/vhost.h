/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Queues of a virtio device that the kernel serves (vhost/vhost.h). While it does, this program does not
 * touch their rings; it takes them back when the guest stands still, a queue breaks, the device is reset, or
 * the device wants them, and goes on from where the kernel was.
 *
 * Memory: the kernel holds no leases. It knows the whole hotplug region as one range, in which there is
 * nothing where no DIMM is (memory/reservation.h): what the driver points at too late is not reached, and no
 * number of DIMMs changes the table. A region outside of it is taken out of the table before its memory goes.
 *
 * Threads: attach, detach and the listener are the main thread's, the rest the I/O thread's.
 */
#ifndef VMM_VIRTIO_VHOST_H
#define VMM_VIRTIO_VHOST_H

#include "memory/guest_memory.h"
#include "memory/reservation.h"
#include "vhost/vhost.h"
#include "virtio/device.h"

struct virtio_vhost;

/* What differs: what is asked of the kernel, and what becomes of a device that it does not serve. */
struct virtio_vhost_type {
    const char *name;    /* for people: "vhost-net" */
    const char *server;  /* who serves the queues: "the kernel's vhost-net" */
    const char *instead; /* where it takes no more memory: "; vhost=off has no limit", or "" */
    /* Main thread. NULL: the device itself says where guest memory is. */
    bool (*set_memory)(struct virtio_device *device, const struct vhost_span *spans, unsigned count,
                       struct error *error);
    /* Serve queues 0 to `queues` - 1, whose rings these are. False and an error: it serves none. */
    bool (*start)(struct virtio_device *device, unsigned queues, const struct vhost_ring *rings,
                  struct error *error);
    /* Serve them no longer; next[i] becomes where ring i goes on. */
    void (*stop)(struct virtio_device *device, unsigned queues, uint16_t *next);
    bool (*set_call)(struct virtio_device *device, unsigned queue, int call);
    /* It will not be served until the driver starts anew, and virtio_vhost_restart(); `why` is for people.
     * This program has the rings. */
    void (*gave_up)(struct virtio_device *device, const char *why);
};

/* The kernel writes it where no vector interrupts the driver. */
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
    bool ready;      /* the kernel may be given rings */
    bool failed;     /* not until virtio_vhost_restart() */
    bool wrong;      /* not until the kernel has taken a table of guest memory: it has an old one */
    unsigned served; /* queues that the kernel serves now; 0: this program has all */
    unsigned queues; /* that it may serve: from the first on */
    struct virtio_vhost_pin *pins; /* [queues]; NULL: there is no vhost */
    int error;                     /* an eventfd: the kernel finds no sense in a ring */
    struct watch *error_watch;
    const struct reservation *reservation;
    bool listens;
    struct guest_listener listener;
};

/* Get everything ready for queues 0 to `queues` - 1 of a device that is on its bus. Main thread, and so is
 * detach, which is for one that is not attached, too. False: detach it. */
bool virtio_vhost_attach(struct virtio_vhost *vhost, const struct virtio_vhost_type *type,
                         struct virtio_device *device, unsigned queues, struct error *error);
void virtio_vhost_detach(struct virtio_vhost *vhost);

/* The driver starts anew: what failed before may be tried again. I/O thread, and so are the next. */
void virtio_vhost_restart(struct virtio_vhost *vhost);
/* Let the kernel serve queues 0 to `queues` - 1, if the guest runs and nothing stands in the way. Whether it
 * serves any. */
bool virtio_vhost_start_if_possible(struct virtio_vhost *vhost, unsigned queues);
/* This program has the rings. */
void virtio_vhost_take_back(struct virtio_vhost *vhost);
/* Of the device's type: a queue has another vector. */
void virtio_vhost_vector_changed(struct virtio_vhost *vhost);

#endif
