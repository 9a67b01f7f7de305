/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shared by queue.c, queue_pop.c and chain.c: the layout of rings, and the translation of descriptors in
 * guest memory to leased host memory (VIRTIO 1.2, 2.7).
 *
 * Threads: the one that serves the queue.
 */
#ifndef VMM_VIRTIO_CHAIN_H
#define VMM_VIRTIO_CHAIN_H

#include <stdatomic.h>

#include "virtio/queue.h"

/* The driver's ring (2.7.6), and the device's (2.7.8). With the event index, a 16-bit field follows each. */
struct available_ring {
    _Atomic uint16_t flags, index;
    _Atomic uint16_t ring[]; /* heads of chains */
};
#define AVAILABLE_NO_INTERRUPT 1u

struct used_element {
    uint32_t head, written;
};
struct used_ring {
    _Atomic uint16_t flags, index;
    struct used_element ring[];
};
#define USED_NO_NOTIFY 1u

/* 2.7.5 */
struct virtio_descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t flags, next;
};
#define VIRTIO_DESCRIPTOR_NEXT 1u
#define VIRTIO_DESCRIPTOR_WRITE 2u
#define VIRTIO_DESCRIPTOR_INDIRECT 4u

/* A chain's descriptors, copied from guest memory. */
struct virtio_chain {
    unsigned count;
    bool indirect; /* the descriptors of the indirect table that `table` refers to follow */
    struct virtio_descriptor table;
    char why[96]; /* the rule that the chain violates, or "" */
    struct virtio_descriptor descriptors[VIRTIO_DESCRIPTORS_MAX];
};

/* Run access(opaque), which accesses the rings' memory and must hold no lock and no memory of its own. False:
 * the host cannot provide the memory; the queue is broken. */
bool virtio_queue_try(struct virtio_queue *queue, void (*access)(void *opaque), void *opaque);

/* Append the descriptors of a chain in a table of `entries` to `chain`, from number `first` to the last one
 * or to one that refers to an indirect table. Reads guest memory: must run within guest_memory_try(). False:
 * the chain is invalid, and chain->why is set. */
bool virtio_chain_follow(struct virtio_chain *chain, const volatile struct virtio_descriptor *table,
                         unsigned entries, unsigned first, bool indirect_allowed);

enum virtio_translation {
    VIRTIO_TRANSLATED,
    VIRTIO_WRONG,   /* the guest's fault: chain->why */
    VIRTIO_STARVED, /* the host is out of memory; may be repeated later */
};
/* Lease the buffers of a chain, and set a request's iovecs and sizes. Unless the result is VIRTIO_TRANSLATED,
 * the request has no lease. */
enum virtio_translation virtio_chain_translate(struct virtio_chain *chain, struct virtio_request *request);
/* Return a request's leases. */
void virtio_request_release(struct virtio_request *request);

#endif
