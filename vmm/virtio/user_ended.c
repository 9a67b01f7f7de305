/* SPDX-License-Identifier: BSD-2-Clause */
/* Which requests of a ring a back end of vhost-user has ended: the ring says it, in the guest's memory. On
 * the I/O thread. */
#include <time.h>

#include "base/loop.h"
#include "virtio/chain.h"
#include "virtio/user.h"

struct indices {
    const struct virtio_queue *queue;
    uint16_t available, used;
};

static void read_indices(void *opaque)
{
    struct indices *indices = opaque;
    const struct available_ring *available = indices->queue->available.memory;
    const struct used_ring *used = indices->queue->used.memory;

    indices->used = atomic_load_explicit(&used->index, memory_order_acquire);
    indices->available = atomic_load_explicit(&available->index, memory_order_acquire);
}

static bool find_indices(struct virtio_queue *queue, struct indices *indices)
{
    *indices = (struct indices){ .queue = queue };
    return queue->available.region && queue->used.region &&
           guest_memory_try(queue->memory, read_indices, indices);
}

bool virtio_user_ended(struct virtio_queue *queue, uint16_t *next)
{
    struct indices indices;

    if (!find_indices(queue, &indices))
        return false;
    *next = indices.used;
    return true;
}

bool virtio_user_in_progress(struct virtio_queue *queue)
{
    struct indices indices;

    return find_indices(queue, &indices) && indices.available != indices.used;
}

/* The back end may say that it has taken a request before that has ended; and where the ring's memory cannot
 * be read, nothing can be waited for. */
static bool has_ended(struct virtio_queue *queue, uint16_t next)
{
    uint16_t ended;

    return !virtio_user_ended(queue, &ended) || ended == next;
}

void virtio_user_drain(struct virtio_user *user, unsigned queues, const uint16_t *next)
{
    static const struct timespec pause = { .tv_nsec = 200000 };
    const uint64_t deadline = loop_now() + VHOST_USER_DRAIN_MS;

    for (unsigned i = 0; i < queues && !user->back_end.broken; i++)
        while (!has_ended(virtio_device_queue(user->device, i), next[i])) {
            if (loop_now() >= deadline) {
                vhost_user_break(&user->back_end,
                                 "it has not ended all requests of queue %u within %u seconds", i,
                                 VHOST_USER_DRAIN_MS / 1000);
                break;
            }
            nanosleep(&pause, NULL);
        }
}
