/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vhost: the kernel serves queues of a virtio device (linux/vhost.h), by a descriptor of one of its devices:
 * /dev/vhost-net, /dev/vhost-vsock. It accesses guest memory by a few ranges of this program's addresses, and
 * knows a driver's doorbells and interrupts as eventfds. Functions for all of these devices are here.
 *
 * Threads: as each function states; the kernel has locks of its own.
 */
#ifndef VMM_VHOST_VHOST_H
#define VMM_VHOST_VHOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Feature bits of rings (VIRTIO 1.2, 6), which vhost has since Linux 4.0. */
#define VHOST_RING_FEATURES (UINT64_C(1) << 28 | UINT64_C(1) << 29 | UINT64_C(1) << 32)

/* Maximum number of ranges of guest memory: the default of the parameter max_mem_regions of the module vhost.
 */
#define VHOST_SPANS_MAX 64u

struct vhost_span {
    uint64_t address, size; /* guest-physical, bytes */
    void *memory;           /* this program's address; the kernel's accesses fail where nothing is mapped */
};

/* One ring, in memory that exists until the server has given it back. */
struct vhost_ring {
    unsigned size; /* entries */
    uint16_t next; /* entry of the available ring that is to be taken next */
    void *descriptors, *available, *used;
    int kick, call; /* eventfds: the driver's doorbell, and its interrupt */
    int error;      /* an eventfd that the kernel writes when the ring is invalid */
};

/* A kind of vhost device. */
struct vhost_kind {
    const char *path;   /* "/dev/vhost-net" */
    const char *module; /* "vhost_net" */
    const char *wanted; /* the option that requires it: "vhost=on" */
    const char *
        instead; /* for errors, the alternative: ", or say vhost=off, which serves every tap device", or "" */
};

/* Open a device. Returns a descriptor; or -1 and an error with a remedy. Main thread, like the next three. */
int vhost_open(const struct vhost_kind *kind, struct error *error);
/* Set *features to the device's feature bits. False: `fd` is not a descriptor of a vhost device. */
bool vhost_features(int fd, uint64_t *features);
/* Become the owner. False and errno; EBUSY: the descriptor already has an owner. */
bool vhost_own(int fd);
/* Replace the table of guest memory, at most VHOST_SPANS_MAX ranges. When this returns, accesses by the
 * previous table have ended. False and an error without a subject: too many ranges, or the kernel refuses;
 * the table is unchanged. */
bool vhost_set_memory(int fd, const struct vhost_span *spans, unsigned count, struct error *error);

/* Set the features that the driver has accepted, before any ring is given. False and errno. The device's I/O
 * thread, like all that follow. */
bool vhost_set_features(int fd, uint64_t features);
/* Set up a ring, which the kernel does not serve yet. False and errno; it may have been set up in part. */
bool vhost_ring_give(int fd, unsigned index, const struct vhost_ring *ring);
/* Take a ring back, after the kernel has stopped serving it: *next becomes the entry with which it continues;
 * it stays unchanged if the kernel cannot say. */
void vhost_ring_take(int fd, unsigned index, uint16_t *next);
/* Replace the interrupt's eventfd of a ring. False and errno. */
bool vhost_ring_call(int fd, unsigned index, int call);

#endif
