/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vhost: the kernel serves queues of a virtio device by itself (linux/vhost.h), what a descriptor of one of
 * its devices is for: /dev/vhost-net, /dev/vhost-vsock. It knows guest memory as a few ranges of this
 * program's addresses, and a driver's doorbells and interrupts as eventfds. What is the same for all of them
 * is here.
 *
 * Threads: as each function says; the kernel has locks of its own.
 */
#ifndef VMM_VHOST_VHOST_H
#define VMM_VHOST_VHOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Feature bits of rings (VIRTIO 1.2, 6); all kernels' vhost has had these since Linux 4.0. */
#define VHOST_RING_FEATURES (UINT64_C(1) << 28 | UINT64_C(1) << 29 | UINT64_C(1) << 32)

/* Ranges of guest memory that the kernel takes by default (parameter max_mem_regions of its module vhost). */
#define VHOST_SPANS_MAX 64u

struct vhost_span {
    uint64_t address, size; /* guest-physical, bytes */
    void *memory;           /* where there is none, the kernel's accesses fail */
};

/* One ring, in memory that stays until vhost_ring_take(). */
struct vhost_ring {
    unsigned size;
    uint16_t next; /* entry of the available ring that is to be taken next */
    void *descriptors, *available, *used;
    int kick, call; /* eventfds: the driver's doorbell, and its interrupt */
    int error;      /* an eventfd that the kernel writes when it finds no sense in the ring */
};

/* A device of the kernel's, for errors and to open it. */
struct vhost_kind {
    const char *path;   /* "/dev/vhost-net" */
    const char *module; /* "vhost_net" */
    const char *wanted; /* by which option: "vhost=on" */
    const char
        *instead; /* what serves without it: ", or say vhost=off, which serves every tap device", or "" */
};

/* A descriptor of one that is to be opened. -1 and an error that says what to do. Main thread, and so are the
 * next three. */
int vhost_open(const struct vhost_kind *kind, struct error *error);
/* Its feature bits. False: `fd` is no descriptor of any vhost device. */
bool vhost_features(int fd, uint64_t *features);
/* This program is who uses it. False and errno, EBUSY: another one is already, or another device here. */
bool vhost_own(int fd);
/* All of guest memory, from now on: what was there before and is no longer is not accessed any more when this
 * returns. False and an error without a subject: the kernel refuses, and the ranges are as before. */
bool vhost_set_memory(int fd, const struct vhost_span *spans, unsigned count, struct error *error);

/* The features that the driver has accepted, before its rings. False and errno. The device's I/O thread, and
 * so are the rest. */
bool vhost_set_features(int fd, uint64_t features);
/* Give a ring to the kernel, which does not serve it yet. False and errno. */
bool vhost_ring_give(int fd, unsigned index, const struct vhost_ring *ring);
/* Take it back, after the kernel has stopped serving it: *next is where it goes on, or as it was if the
 * kernel never had it. */
void vhost_ring_take(int fd, unsigned index, uint16_t *next);
/* A ring that it has gets another interrupt. */
bool vhost_ring_call(int fd, unsigned index, int call);

#endif
