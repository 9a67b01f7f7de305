/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Split virtqueues (2.7). Whatever touches the rings' memory runs under guest_memory_try(), since the host
 * may fail to give it; such code holds nothing.
 */
#include "virtio/queue.h"

#include <assert.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "virtio/chain.h"

/* ---- life ---- */

void virtio_queue_init(struct virtio_queue *queue, unsigned index, struct guest_memory *memory,
                       enum guest_holder holder, const struct virtio_queue_owner *owner)
{
    *queue = (struct virtio_queue){ .index = index, .memory = memory, .holder = holder, .owner = *owner };
}

bool virtio_queue_layout_check(const struct virtio_queue_layout *layout, const char **why)
{
    *why = NULL;
    if (layout->size == 0 || layout->size > VIRTIO_QUEUE_SIZE_MAX || (layout->size & (layout->size - 1)) != 0)
        *why = "its size is no power of two up to 1024";
    else if (layout->descriptors % 16 != 0)
        *why = "its descriptors are not at a multiple of 16";
    else if (layout->available % 2 != 0)
        *why = "its available ring is not at a multiple of 2";
    else if (layout->used % 4 != 0)
        *why = "its used ring is not at a multiple of 4";
    return !*why;
}

/* Bytes of the three parts (2.7). */
static uint64_t available_bytes(const struct virtio_queue *queue)
{
    return sizeof(struct available_ring) + 2u * queue->layout.size + (queue->event_index ? 2u : 0u);
}

static uint64_t used_bytes(const struct virtio_queue *queue)
{
    return sizeof(struct used_ring) + sizeof(struct used_element) * queue->layout.size +
           (queue->event_index ? 2u : 0u);
}

static uint64_t descriptor_bytes(const struct virtio_queue *queue)
{
    return sizeof(struct virtio_descriptor) * (uint64_t)queue->layout.size;
}

static void return_ring(struct virtio_queue *queue, struct lease *ring)
{
    if (ring->region)
        lease_return(queue->memory, ring);
}

static void return_rings(struct virtio_queue *queue)
{
    return_ring(queue, &queue->descriptors);
    return_ring(queue, &queue->available);
    return_ring(queue, &queue->used);
}

static bool lease_rings(struct virtio_queue *queue, struct error *error)
{
    const struct virtio_queue_layout *at = &queue->layout;

    if (guest_memory_lease(queue->memory, queue->holder, LEASE_READ, at->descriptors, descriptor_bytes(queue),
                           &queue->descriptors) &&
        guest_memory_lease(queue->memory, queue->holder, LEASE_READ, at->available, available_bytes(queue),
                           &queue->available) &&
        guest_memory_lease(queue->memory, queue->holder, LEASE_WRITE, at->used, used_bytes(queue),
                           &queue->used))
        return true;
    return_rings(queue);
    return error_set(error,
                     "queue %u: its rings at 0x%llx, 0x%llx and 0x%llx are not each in one piece of memory",
                     queue->index, (unsigned long long)at->descriptors, (unsigned long long)at->available,
                     (unsigned long long)at->used);
}

bool virtio_queue_probe(const struct virtio_queue *queue, const struct virtio_queue_layout *layout,
                        bool event_index, struct error *error)
{
    struct virtio_queue probe = { .index = queue->index,
                                  .memory = queue->memory,
                                  .holder = queue->holder,
                                  .layout = *layout,
                                  .event_index = event_index };
    const char *why;

    if (!virtio_queue_layout_check(layout, &why))
        return error_set(error, "queue %u: %s", queue->index, why);
    if (!lease_rings(&probe, error))
        return false;
    return_rings(&probe);
    return true;
}

/* Number `index` of the requests. */
static struct virtio_request *request_at(const struct virtio_queue *queue, unsigned index)
{
    return (void *)((char *)queue->requests + index * queue->request_size);
}

static bool make_requests(struct virtio_queue *queue, size_t request_size, struct error *error)
{
    const size_t alignment = _Alignof(max_align_t);

    assert(request_size >= sizeof(struct virtio_request));
    queue->request_size = (request_size + alignment - 1) / alignment * alignment;
    queue->requests = calloc(queue->layout.size, queue->request_size);
    if (!queue->requests)
        return error_set(error, "queue %u: out of memory", queue->index);
    queue->free = NULL;
    for (unsigned i = queue->layout.size; i-- > 0;) {
        request_at(queue, i)->queue = queue;
        request_at(queue, i)->next_free = queue->free;
        queue->free = request_at(queue, i);
    }
    return true;
}

bool virtio_queue_start(struct virtio_queue *queue, const struct virtio_queue_layout *layout, bool indirect,
                        bool event_index, size_t request_size, struct error *error)
{
    const char *why;

    assert(!queue->running);
    if (!virtio_queue_layout_check(layout, &why))
        return error_set(error, "queue %u: %s", queue->index, why);
    queue->layout = *layout;
    queue->indirect = indirect;
    queue->event_index = event_index;
    queue->next_available = queue->next_used = queue->published = 0;
    queue->silent = queue->starved = queue->broken = false;
    if (!lease_rings(queue, error))
        return false;
    if (!make_requests(queue, request_size, error)) {
        return_rings(queue);
        return false;
    }
    queue->running = true;
    return true;
}

void virtio_queue_stop(struct virtio_queue *queue)
{
    assert(queue->in_flight == 0);
    return_rings(queue);
    free(queue->requests);
    queue->requests = NULL;
    queue->free = NULL;
    queue->running = queue->broken = queue->starved = false;
}

/* ---- what breaks it ---- */

void virtio_queue_break(struct virtio_queue *queue, const char *format, ...)
{
    char why[160];
    va_list arguments;

    if (queue->broken)
        return;
    queue->broken = true;
    va_start(arguments, format);
    vsnprintf(why, sizeof why, format, arguments);
    va_end(arguments);
    queue->owner.broken(queue->owner.opaque, why);
}

static bool has_rings(const struct virtio_queue *queue)
{
    return queue->used.region && !queue->broken;
}

bool virtio_queue_try(struct virtio_queue *queue, void (*access)(void *opaque), void *opaque)
{
    if (guest_memory_try(queue->memory, access, opaque))
        return true;
    virtio_queue_break(queue, "the host cannot give its memory");
    return false;
}

/* Whether a lease is of a region that is still there: a new one would be the same. */
static bool still_there(struct virtio_queue *queue, const struct lease *ring, uint64_t address)
{
    struct lease now;
    bool same;

    if (!guest_memory_lease_some(queue->memory, queue->holder, LEASE_READ, address, ring->length, &now))
        return false;
    same = now.region == ring->region;
    lease_return(queue->memory, &now);
    return same;
}

void virtio_queue_check_rings(struct virtio_queue *queue)
{
    const struct virtio_queue_layout *at = &queue->layout;

    if (!queue->used.region ||
        (still_there(queue, &queue->descriptors, at->descriptors) &&
         still_there(queue, &queue->available, at->available) && still_there(queue, &queue->used, at->used)))
        return;
    /* Whoever else uses them stops first. */
    virtio_queue_break(queue, "the guest has removed the memory that its rings are in");
    return_rings(queue);
}

/* ---- requests go ---- */

static void free_request(struct virtio_request *request)
{
    struct virtio_queue *queue = request->queue;

    virtio_request_release(request);
    request->next_free = queue->free;
    queue->free = request;
    queue->in_flight--;
    if (queue->owner.ended)
        queue->owner.ended(queue->owner.opaque);
}

void virtio_queue_drop(struct virtio_request *request)
{
    free_request(request);
}

void virtio_request_let_go(struct virtio_request *request)
{
    virtio_request_release(request);
    request->out_count = request->in_count = 0;
    request->out_bytes = request->in_bytes = 0;
}

void virtio_queue_unpop(struct virtio_request *request)
{
    request->queue->next_available--;
    free_request(request);
}

struct fill {
    struct virtio_queue *queue;
    struct used_element element;
};

static void fill(void *opaque)
{
    const struct fill *fill = opaque;
    struct used_ring *used = fill->queue->used.memory;

    used->ring[fill->queue->next_used % fill->queue->layout.size] = fill->element;
}

void virtio_queue_fill(struct virtio_request *request, uint32_t written)
{
    struct fill what = { request->queue, { request->head, written } };

    assert(written <= request->in_bytes);
    free_request(request);
    if (has_rings(what.queue) && virtio_queue_try(what.queue, fill, &what))
        what.queue->next_used++;
}

struct publication {
    struct virtio_queue *queue;
    bool interrupt;
};

/* 2.7.7.2, 2.7.10: whether `event` is among the entries that came since `before`. */
static bool passed(uint16_t event, uint16_t now, uint16_t before)
{
    return (uint16_t)(now - event - 1) < (uint16_t)(now - before);
}

static void publish(void *opaque)
{
    struct publication *what = opaque;
    struct virtio_queue *queue = what->queue;
    struct used_ring *used = queue->used.memory;
    struct available_ring *available = queue->available.memory;

    atomic_store_explicit(&used->index, queue->next_used, memory_order_release);
    /* The driver writes what it wants to hear of, then looks at the index. */
    atomic_thread_fence(memory_order_seq_cst);
    if (queue->event_index)
        what->interrupt = passed(
            atomic_load_explicit(&available->ring[queue->layout.size], memory_order_relaxed),
            queue->next_used, queue->published);
    else
        what->interrupt = !(atomic_load_explicit(&available->flags, memory_order_relaxed) &
                            AVAILABLE_NO_INTERRUPT);
}

void virtio_queue_flush(struct virtio_queue *queue)
{
    struct publication what = { .queue = queue };

    if (!has_rings(queue) || queue->published == queue->next_used || !virtio_queue_try(queue, publish, &what))
        return;
    queue->published = queue->next_used;
    if (what.interrupt)
        queue->owner.interrupt(queue->owner.opaque, queue);
}

void virtio_queue_push(struct virtio_request *request, uint32_t written)
{
    struct virtio_queue *queue = request->queue;

    virtio_queue_fill(request, written);
    virtio_queue_flush(queue);
}

/* ---- doorbells ---- */

static void set_doorbells(void *opaque)
{
    struct virtio_queue *queue = opaque;
    struct used_ring *used = queue->used.memory;

    if (!queue->event_index)
        atomic_store_explicit(&used->flags, queue->silent ? USED_NO_NOTIFY : 0, memory_order_relaxed);
    else if (!queue->silent) /* otherwise it stays behind, and is not passed again for long */
        atomic_store_explicit((_Atomic uint16_t *)&used->ring[queue->layout.size], queue->next_available,
                              memory_order_relaxed);
}

void virtio_queue_silence(struct virtio_queue *queue)
{
    queue->silent = true;
    if (has_rings(queue))
        RESULT_DOES_NOT_MATTER(virtio_queue_try(queue, set_doorbells, queue), "the queue is broken then");
}

struct look {
    struct virtio_queue *queue;
    bool more;
};

static void look_for_more(void *opaque)
{
    struct look *look = opaque;
    struct available_ring *available = look->queue->available.memory;

    /* The driver counts on, then looks whether a doorbell is wanted. */
    atomic_thread_fence(memory_order_seq_cst);
    look->more = atomic_load_explicit(&available->index, memory_order_acquire) != look->queue->next_available;
}

bool virtio_queue_listen(struct virtio_queue *queue)
{
    struct look look = { .queue = queue };

    queue->silent = false;
    return has_rings(queue) && virtio_queue_try(queue, set_doorbells, queue) &&
           virtio_queue_try(queue, look_for_more, &look) && look.more;
}
