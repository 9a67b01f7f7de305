/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Split virtqueues: Virtual I/O Device (VIRTIO) 1.2, 2.7, with indirect descriptors and event index.
 *
 * Rings and buffers are written by the guest, which is hostile: any violation breaks the queue, once, with a
 * reason. A broken queue returns no requests; those in flight may still end. Descriptors are copied before
 * they are checked, so that the guest cannot change them afterwards.
 *
 * Memory is held by leases: that of the rings while the queue runs, that of a request from virtio_queue_pop()
 * to virtio_queue_push(). When memory that contains rings is removed, the queue breaks and returns the leases
 * (virtio_queue_check_rings()), so that the removal of a DIMM does not wait for the driver.
 *
 * Threads: all functions run on the one thread that serves the queue. The exceptions are virtio_queue_init(),
 * before that thread uses the queue, virtio_queue_layout_check() and virtio_queue_probe().
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
/* Maximum number of descriptors of a request, and of contiguous pieces of host memory that they refer to: a
 * buffer may extend across regions. */
#define VIRTIO_DESCRIPTORS_MAX 1024u
#define VIRTIO_SEGMENTS_MAX 1024u
/* Pieces for which the request itself has room. */
#define VIRTIO_SEGMENTS_INLINE 16u

struct virtio_queue;

/* A queue's size and addresses, as the driver has written them (4.1.4.3). */
struct virtio_queue_layout {
    uint16_t size;                         /* a power of two, at most VIRTIO_QUEUE_SIZE_MAX */
    uint64_t descriptors, available, used; /* guest-physical */
};

/* A chain of buffers that the driver has made available. The device's own data may follow the struct
 * (`request_size` of virtio_queue_start()). The device may change the iovecs; virtio_queue_push() does not
 * use them. */
struct virtio_request {
    struct virtio_queue *queue;
    struct iovec *out, *in; /* buffers that the device reads, and that it writes */
    unsigned out_count, in_count;
    uint64_t out_bytes, in_bytes;

    uint16_t head; /* this and all that follows belongs to the queue */
    unsigned lease_count;
    struct lease *leases;
    void *large; /* memory of leases and iovecs if there are more than VIRTIO_SEGMENTS_INLINE; or NULL */
    struct iovec inline_segments[VIRTIO_SEGMENTS_INLINE];
    struct lease inline_leases[VIRTIO_SEGMENTS_INLINE];
    struct virtio_request *next_free;
};

/* Callbacks of a queue's owner, on the thread that serves the queue. They must not stop the queue. */
struct virtio_queue_owner {
    /* The queue has broken; `why` is a phrase such as "a buffer of no bytes". */
    void (*broken)(void *opaque, const char *why);
    /* Interrupt the driver: a buffer has been used. */
    void (*interrupt)(void *opaque, struct virtio_queue *queue);
    /* A request is no longer in flight. May be NULL. */
    void (*ended)(void *opaque);
    void *opaque;
};

struct virtio_queue {
    unsigned index;
    struct guest_memory *memory;
    enum guest_holder holder;
    struct virtio_queue_owner owner;

    struct virtio_queue_layout layout; /* fixed while the queue runs */
    bool running;
    bool broken;
    bool indirect, event_index;                /* negotiated features */
    struct lease descriptors, available, used; /* none: not running, or the rings' memory has been removed */
    uint16_t
        next_available; /* entry of the available ring that is popped next; modulo 2^16, like the next two */
    uint16_t next_used; /* entry of the used ring that virtio_queue_fill() writes next */
    uint16_t published; /* the used ring's index as the driver sees it */
    bool silent;        /* the driver need not ring the doorbell */
    bool starved;       /* the last virtio_queue_pop() was out of memory */
    unsigned in_flight; /* requests that the device has popped and not yet ended */

    void *requests; /* [layout.size] of request_size each */
    size_t request_size;
    struct virtio_request *free;
};

/* Before the first start. `holder` is the device's (guest_memory_holder()). */
void virtio_queue_init(struct virtio_queue *queue, unsigned index, struct guest_memory *memory,
                       enum guest_holder holder, const struct virtio_queue_owner *owner);

/* Check size and alignment of a layout, without access to memory (2.7). False: *why is the rule that it
 * violates, a constant string. */
bool virtio_queue_layout_check(const struct virtio_queue_layout *layout, const char **why);

/* Whether a queue could start with this layout now; has no effect. Any thread; the queue does not run. False
 * and an error: as virtio_queue_start() would say. */
bool virtio_queue_probe(const struct virtio_queue *queue, const struct virtio_queue_layout *layout,
                        bool event_index, struct error *error);

/* Start the queue, with its first entry. Each request has `request_size` bytes, which begin with a struct
 * virtio_request. The queue must not be running. False and an error: the layout is invalid, a ring is not in
 * one piece of memory, or out of memory; the queue does not run. */
bool virtio_queue_start(struct virtio_queue *queue, const struct virtio_queue_layout *layout, bool indirect,
                        bool event_index, size_t request_size, struct error *error);
/* Stop the queue and return the rings' leases. No request may be in flight. Has no effect on a queue that
 * does not run. */
void virtio_queue_stop(struct virtio_queue *queue);

/* Pop the next request. NULL: there is none, the queue does not run or is (or becomes) broken, or out of
 * memory (then `starved` is set, and the caller should try again later). Bytes after the struct are as their
 * last user left them, initially zeros. */
struct virtio_request *virtio_queue_pop(struct virtio_queue *queue);
/* Put the request that was popped last back, as if it had not been popped; several in reverse order. */
void virtio_queue_unpop(struct virtio_request *request);
/* End a request without informing the driver: for a queue that is broken or about to stop. */
void virtio_queue_drop(struct virtio_request *request);
/* Return the leases of a request that stays in flight; it has no buffers any more. For one that the device
 * holds for a long time. */
void virtio_request_let_go(struct virtio_request *request);
/* End a request of which the device has written the first `written` bytes of `in` (at most in_bytes): return
 * its leases, inform the driver, and interrupt the driver if it requests that. The request must not be used
 * afterwards. Also for a queue that has broken in the meantime, whose driver is not informed. */
void virtio_queue_push(struct virtio_request *request, uint32_t written);
/* The same in two steps: the driver sees all filled requests at virtio_queue_flush(), with one interrupt. */
void virtio_queue_fill(struct virtio_request *request, uint32_t written);
void virtio_queue_flush(struct virtio_queue *queue);

/* Hint to the driver that it need not ring the doorbell (2.7.10), while requests are being popped. */
void virtio_queue_silence(struct virtio_queue *queue);
/* Request doorbells again. True: there are requests for which no doorbell will be rung. */
bool virtio_queue_listen(struct virtio_queue *queue);

/* Break the queue, and return the rings' leases, if memory of its rings has been or is being removed. To be
 * called after each `leave` of a listener of guest memory. */
void virtio_queue_check_rings(struct virtio_queue *queue);

/* Break the queue for a reason that the device has found, such as a malformed request; printf-like. Has no
 * effect on a queue that is already broken. */
void virtio_queue_break(struct virtio_queue *queue, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Copy bytes from `out`, or to `in`, beginning at `offset`. Returns the number of bytes copied: fewer than
 * `length` if the buffers end, or if the host cannot provide the memory (which the machine is informed of).
 */
size_t virtio_request_read(const struct virtio_request *request, uint64_t offset, void *bytes, size_t length);
size_t virtio_request_write(const struct virtio_request *request, uint64_t offset, const void *bytes,
                            size_t length);

#endif
