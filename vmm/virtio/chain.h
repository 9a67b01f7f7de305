/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What queue.c, queue_pop.c and chain.c share: rings, and from descriptors in the guest's memory to a
 * request's pieces of host memory.
 *
 * Threads: that of the queue.
 */
#ifndef VMM_VIRTIO_CHAIN_H
#define VMM_VIRTIO_CHAIN_H

#include <stdatomic.h>

#include "virtio/queue.h"

/* The driver's part, and the device's: both end with a field for the event index. */
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

/* A chain's descriptors, copied out of the guest's memory. */
struct virtio_chain {
    unsigned count;
    bool indirect; /* `table` is to be followed, too */
    struct virtio_descriptor table;
    char why[96]; /* empty, or what is wrong with it */
    struct virtio_descriptor descriptors[VIRTIO_DESCRIPTORS_MAX];
};

/* Run access(opaque), which touches the rings' memory and holds nothing. False: the queue is broken. */
bool virtio_queue_try(struct virtio_queue *queue, void (*access)(void *opaque), void *opaque);

/* Follow a chain through `entries` descriptors from one of them on, to its end or an indirect table. Reads
 * the guest's memory: under guest_memory_try(). False: chain->why. */
bool virtio_chain_follow(struct virtio_chain *chain, const volatile struct virtio_descriptor *table,
                         unsigned entries, unsigned first, bool indirect_allowed);

enum virtio_translation {
    VIRTIO_TRANSLATED,
    VIRTIO_WRONG,   /* chain->why */
    VIRTIO_STARVED, /* memory of the host's is short */
};
/* Lease what the descriptors say for a request of the queue. Otherwise it has no lease. */
enum virtio_translation virtio_chain_translate(struct virtio_chain *chain, struct virtio_request *request);
/* Give a request's leases back. */
void virtio_request_release(struct virtio_request *request);

#endif
