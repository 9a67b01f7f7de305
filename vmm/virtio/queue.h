/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Split virtqueues: Virtual I/O Device (VIRTIO) 1.2, 2.7, with indirect descriptors and event index.
 *
 * Rings and buffers are the guest's, and hostile: whatever is wrong with them breaks the queue, once, with a
 * sentence that says what. A broken queue gives no requests; what is under way may end. Nothing of the
 * guest's is believed twice: descriptors are copied before they are looked at.
 *
 * Memory is held by leases: the rings' for as long as the queue runs, a request's from virtio_queue_pop() to
 * virtio_queue_push(). When memory with rings leaves, the queue breaks and gives the leases back
 * (virtio_queue_check_rings()), so no DIMM waits for it.
 *
 * Threads: `layout` is the owner's. virtio_queue_start() and stop() while nobody uses the queue; the rest on
 * the one thread that serves it.
 */
#ifndef VMM_VIRTIO_QUEUE_H
#define VMM_VIRTIO_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "base/error.h"
#include "memory/guest_memory.h"

#define VIRTIO_QUEUE_SIZE_MAX 1024u
/* Of one request: descriptors, and pieces of host memory, since a buffer may lie across regions. */
#define VIRTIO_DESCRIPTORS_MAX 1024u
#define VIRTIO_SEGMENTS_MAX 1024u
/* Of these, in the request itself. */
#define VIRTIO_SEGMENTS_INLINE 16u

struct virtio_queue;

/* What the driver has said of a queue (4.1.4.3). */
struct virtio_queue_layout {
    uint16_t size;                         /* a power of two, at most VIRTIO_QUEUE_SIZE_MAX */
    uint64_t descriptors, available, used; /* guest-physical */
};

/* A chain of buffers that the driver has made available. Its device may have more behind it
 * (virtio_queue_start()). */
struct virtio_request {
    struct virtio_queue *queue;
    struct iovec *out, *in; /* what the device reads, and after it what it writes */
    unsigned out_count, in_count;
    uint64_t out_bytes, in_bytes;

    uint16_t head; /* the queue's, and so is the rest */
    unsigned lease_count;
    struct lease *leases;
    void *large; /* where more than VIRTIO_SEGMENTS_INLINE are, or NULL */
    struct iovec inline_segments[VIRTIO_SEGMENTS_INLINE];
    struct lease inline_leases[VIRTIO_SEGMENTS_INLINE];
    struct virtio_request *next_free;
};

/* Who has a queue, and what it calls: on the thread that serves the queue. */
struct virtio_queue_owner {
    /* The queue has broken: `why` is a clause such as "descriptor 7 is a buffer of no bytes". */
    void (*broken)(void *opaque, const char *why);
    /* Interrupt the driver: a buffer was used. */
    void (*interrupt)(void *opaque, struct virtio_queue *queue);
    /* A request is no longer in flight. NULL: nobody asks. */
    void (*ended)(void *opaque);
    void *opaque;
};

struct virtio_queue {
    unsigned index;
    struct guest_memory *memory;
    enum guest_holder holder;
    struct virtio_queue_owner owner;

    struct virtio_queue_layout layout; /* of a queue that runs; fixed meanwhile */
    bool running;
    bool broken;
    bool indirect, event_index;                /* negotiated */
    struct lease descriptors, available, used; /* none: not running, or broken by the rings' leaving */
    uint16_t next_available;                   /* counts on modulo 2^16, as all of these */
    uint16_t next_used;                        /* what virtio_queue_fill() fills */
    uint16_t published;                        /* what the driver sees */
    bool silent;                               /* doorbells are not wanted */
    bool starved;                              /* virtio_queue_pop() was short of memory */
    unsigned in_flight;                        /* requests that the device has */

    void *requests; /* [layout.size] of request_size each */
    size_t request_size;
    struct virtio_request *free;
};

/* Before the first start. `holder` is the device's (guest_memory_holder()). */
void virtio_queue_init(struct virtio_queue *queue, unsigned index, struct guest_memory *memory,
                       enum guest_holder holder, const struct virtio_queue_owner *owner);

/* What can be said of a layout without looking at memory: false, and the rule that it breaks. */
bool virtio_queue_layout_check(const struct virtio_queue_layout *layout, const char **why);

/* Run, from its first entry on, with room for `request_size` bytes for each request, of which the first are a
 * struct virtio_request. False and what is wrong: the layout, rings that are no memory, or memory is short;
 * it does not run. */
bool virtio_queue_start(struct virtio_queue *queue, const struct virtio_queue_layout *layout, bool indirect,
                        bool event_index, size_t request_size, struct error *error);
/* Run no more: the rings' leases are given back. No request is in flight. One that does not run will do. */
void virtio_queue_stop(struct virtio_queue *queue);

/* The next request, or NULL: there is none, the queue does not run or is broken, or memory is short (then
 * `starved`: to be tried again after a while). Bytes behind the struct are as the last user left them, zeros
 * at first. */
struct virtio_request *virtio_queue_pop(struct virtio_queue *queue);
/* Put the request that was popped last back, as if it had not been popped. Several: in reverse order. */
void virtio_queue_unpop(struct virtio_request *request);
/* Give a request up: the driver does not hear of it. For a queue that is about to stop. */
void virtio_queue_drop(struct virtio_request *request);
/* Give a request's memory back before its end; it has no bytes any more. For one that is kept for long. */
void virtio_request_let_go(struct virtio_request *request);
/* The device is done with a request, and has written so many bytes of `in`, from the first on. Its leases are
 * given back; the driver sees it, and is interrupted if it wants to be. The request must not be used any
 * more. Also of a queue that has broken meanwhile. */
void virtio_queue_push(struct virtio_request *request, uint32_t written);
/* The same in two steps, for requests that the driver has to see all at once, or for fewer interrupts. */
void virtio_queue_fill(struct virtio_request *request, uint32_t written);
void virtio_queue_flush(struct virtio_queue *queue);

/* Doorbells are not wanted while requests are popped, as a hint to the driver. */
void virtio_queue_silence(struct virtio_queue *queue);
/* They are wanted again. True: there are requests that no doorbell will announce any more. */
bool virtio_queue_listen(struct virtio_queue *queue);

/* Break it if some of its rings' memory has left, or leaves: to be called on the thread that serves it after
 * each time that a listener of guest memory hears `leave`. */
void virtio_queue_check_rings(struct virtio_queue *queue);

/* Break the queue for a reason of the device's: a request that makes no sense. printf-like. */
void virtio_queue_break(struct virtio_queue *queue, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Copy bytes out of `out`, or into `in`, from `offset` on; returns how many: fewer if there are no more, or
 * the host cannot give the memory (then the machine is told). */
size_t virtio_request_read(const struct virtio_request *request, uint64_t offset, void *bytes, size_t length);
size_t virtio_request_write(const struct virtio_request *request, uint64_t offset, const void *bytes,
                            size_t length);

#endif
