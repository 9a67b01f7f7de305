/* SPDX-License-Identifier: BSD-2-Clause */
/* Requests come: the next chain of a virtqueue, and the bytes in it. */
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "virtio/chain.h"

struct fetch {
    struct virtio_queue *queue;
    bool empty;
    uint16_t head;
    const void *table; /* leased: the indirect table to follow */
    struct virtio_chain chain;
};

static void fetch_chain(void *opaque)
{
    struct fetch *fetch = opaque;
    struct virtio_queue *queue = fetch->queue;
    struct virtio_chain *chain = &fetch->chain;
    struct available_ring *available = queue->available.memory;
    const unsigned size = queue->layout.size;
    const uint16_t index = atomic_load_explicit(&available->index, memory_order_acquire);
    const uint16_t waiting = (uint16_t)(index - queue->next_available);

    fetch->empty = waiting == 0;
    if (fetch->empty)
        return;
    if (waiting > size) {
        snprintf(chain->why, sizeof chain->why, "%u available entries, of %u", waiting, size);
        return;
    }
    fetch->head = atomic_load_explicit(&available->ring[queue->next_available % size], memory_order_relaxed);
    virtio_chain_follow(chain, queue->descriptors.memory, size, fetch->head, queue->indirect);
}

static void fetch_table(void *opaque)
{
    struct fetch *fetch = opaque;

    virtio_chain_follow(&fetch->chain, fetch->table,
                        fetch->chain.table.length / (uint32_t)sizeof(struct virtio_descriptor), 0, false);
}

/* False: the queue is broken. */
static bool read_table(struct virtio_queue *queue, struct fetch *fetch)
{
    const struct virtio_descriptor *at = &fetch->chain.table;
    struct lease table;
    bool good;

    if (!guest_memory_lease(queue->memory, queue->holder, LEASE_READ, at->address, at->length, &table)) {
        virtio_queue_break(queue,
                           "an indirect table of %u bytes at 0x%llx, which is not in one piece of memory",
                           at->length, (unsigned long long)at->address);
        return false;
    }
    fetch->table = table.memory;
    good = virtio_queue_try(queue, fetch_table, fetch);
    lease_return(queue->memory, &table);
    return good;
}

/* Copy the next chain out of the guest's memory. False: there is none, or the queue is broken. */
static bool read_chain(struct virtio_queue *queue, struct fetch *fetch)
{
    struct virtio_chain *chain = &fetch->chain;

    if (!virtio_queue_try(queue, fetch_chain, fetch) || fetch->empty)
        return false;
    if (!chain->why[0] && chain->indirect && !read_table(queue, fetch))
        return false;
    if (chain->why[0])
        virtio_queue_break(queue, "%s", chain->why);
    return !chain->why[0];
}

struct virtio_request *virtio_queue_pop(struct virtio_queue *queue)
{
    struct virtio_request *request = queue->free;
    struct fetch fetch; /* large: only what is used of it is set */
    enum virtio_translation done;

    queue->starved = false;
    if (!queue->running || queue->broken)
        return NULL;
    fetch.queue = queue;
    fetch.chain.count = 0;
    fetch.chain.indirect = false;
    fetch.chain.why[0] = '\0';
    if (!read_chain(queue, &fetch))
        return NULL;
    if (!request) {
        virtio_queue_break(queue, "more than %u requests at a time", queue->layout.size);
        return NULL;
    }
    done = virtio_chain_translate(&fetch.chain, request);
    if (done == VIRTIO_WRONG)
        virtio_queue_break(queue, "%s", fetch.chain.why);
    queue->starved = done == VIRTIO_STARVED;
    if (done != VIRTIO_TRANSLATED)
        return NULL;
    request->head = fetch.head;
    queue->free = request->next_free;
    queue->next_available++;
    queue->in_flight++;
    return request;
}

struct request_copy {
    void *to;
    const void *from;
    size_t length;
};

static void copy(void *opaque)
{
    const struct request_copy *what = opaque;

    memcpy(what->to, what->from, what->length);
}

static size_t copy_segments(struct guest_memory *memory, const struct iovec *segments, unsigned count,
                            uint64_t offset, char *bytes, size_t length, bool write)
{
    size_t done = 0;

    for (unsigned i = 0; i < count && done < length; i++) {
        char *const at = (char *)segments[i].iov_base + offset;
        struct request_copy what;

        if (offset >= segments[i].iov_len) {
            offset -= segments[i].iov_len;
            continue;
        }
        what.length = segments[i].iov_len - offset;
        if (what.length > length - done)
            what.length = length - done;
        what.to = write ? at : bytes + done;
        what.from = write ? bytes + done : at;
        if (!guest_memory_try(memory, copy, &what))
            break;
        done += what.length;
        offset = 0;
    }
    return done;
}

size_t virtio_request_read(const struct virtio_request *request, uint64_t offset, void *bytes, size_t length)
{
    return copy_segments(request->queue->memory, request->out, request->out_count, offset, bytes, length,
                         false);
}

size_t virtio_request_write(const struct virtio_request *request, uint64_t offset, const void *bytes,
                            size_t length)
{
    return copy_segments(request->queue->memory, request->in, request->in_count, offset, (void *)bytes,
                         length, true);
}
