/* SPDX-License-Identifier: BSD-2-Clause */
#include "virtio/vhost.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/message.h"
#include "pci/msix.h"
#include "virtio/run.h"

/* ---- interrupts ---- */

/* The eventfd of a queue's vector, which KVM turns into an interrupt; or one of our own, for the pin. */
static int call_of(struct virtio_vhost *vhost, unsigned queue)
{
    const struct virtio_device *device = vhost->device;
    const unsigned vector = atomic_load(&device->queues[queue].vector);

    return msix_enabled(&device->pci) && vector < device->vector_count ? device->vector_fd[vector]
                                                                       : vhost->pins[queue].fd;
}

static void on_pin(void *opaque, uint32_t events)
{
    struct virtio_vhost_pin *pin = opaque;
    uint64_t count;

    (void)events;
    if (read(pin->fd, &count, sizeof count) == (ssize_t)sizeof count)
        virtio_interrupt_queue(pin->vhost->device, pin->queue);
}

static void on_error(void *opaque, uint32_t events)
{
    struct virtio_vhost *vhost = opaque;
    uint64_t count;

    (void)events;
    if (read(vhost->error, &count, sizeof count) == (ssize_t)sizeof count && vhost->served > 0)
        virtio_queue_break(virtio_device_queue(vhost->device, 0), "%s finds no sense in its rings or buffers",
                           vhost->type->server);
}

void virtio_vhost_vector_changed(struct virtio_vhost *vhost)
{
    for (unsigned i = 0; i < vhost->served; i++)
        if (!vhost->type->set_call(vhost->device, i, call_of(vhost, i)))
            warning("%s: queue %u: %s does not take its interrupt", vhost->device->name, i,
                    vhost->type->name);
}

/* ---- the rings change hands ---- */

static bool can_start(struct virtio_vhost *vhost, unsigned queues)
{
    struct virtio_device *device = vhost->device;

    if (!vhost->ready || vhost->failed || vhost->wrong || vhost->served > 0 || !device->running ||
        device->halting || atomic_load(&device->needs_reset))
        return false;
    for (unsigned i = 0; i < queues; i++) {
        const struct virtio_queue *queue = virtio_device_queue(device, i);

        if (!queue->running || queue->broken || queue->in_flight > 0)
            return false;
    }
    return true;
}

static void start(struct virtio_vhost *vhost, unsigned queues)
{
    struct vhost_ring rings[VIRTIO_QUEUES_MAX] = { { 0 } };
    struct virtio_device *device = vhost->device;
    struct error error;

    for (unsigned i = 0; i < queues; i++) {
        struct virtio_queue_link *link = &device->queues[i];

        virtio_queue_hand_over(link);
        rings[i] = (struct vhost_ring){ .size = link->queue.layout.size,
                                        .next = link->queue.next_available,
                                        .descriptors = link->queue.descriptors.memory,
                                        .available = link->queue.available.memory,
                                        .used = link->queue.used.memory,
                                        .kick = link->bell,
                                        .call = call_of(vhost, i),
                                        .error = vhost->error };
    }
    if (vhost->type->start(device, queues, rings, &error)) {
        vhost->served = queues;
        return;
    }
    vhost->failed = true;
    for (unsigned i = 0; i < queues; i++)
        virtio_queue_take_back(&device->queues[i], rings[i].next);
    vhost->type->gave_up(device, error.text);
}

void virtio_vhost_restart(struct virtio_vhost *vhost)
{
    vhost->failed = false;
}

bool virtio_vhost_start_if_possible(struct virtio_vhost *vhost, unsigned queues)
{
    if (can_start(vhost, queues))
        start(vhost, queues);
    return vhost->served > 0;
}

void virtio_vhost_take_back(struct virtio_vhost *vhost)
{
    uint16_t next[VIRTIO_QUEUES_MAX] = { 0 };
    const unsigned queues = vhost->served;

    if (queues == 0)
        return;
    for (unsigned i = 0; i < queues; i++)
        next[i] = virtio_device_queue(vhost->device, i)->next_available;
    vhost->type->stop(vhost->device, queues, next);
    vhost->served = 0;
    for (unsigned i = 0; i < queues; i++)
        virtio_queue_take_back(&vhost->device->queues[i], next[i]);
}

/* ---- guest memory ---- */

static bool is_reserved(const struct virtio_vhost *vhost, const void *memory)
{
    const struct reservation *reservation = vhost->reservation;

    return reservation->memory && (uintptr_t)memory - (uintptr_t)reservation->memory < reservation->size;
}

/* Without `gone`, if that is a range of its own. */
static bool set_kernel_memory(struct virtio_vhost *vhost, const void *gone, struct error *error)
{
    struct guest_span spans[VHOST_SPANS_MAX];
    struct vhost_span table[VHOST_SPANS_MAX];
    const unsigned all = guest_memory_spans(vhost->device->memory, vhost->reservation, spans,
                                            VHOST_SPANS_MAX);
    unsigned count = 0;

    if (all > VHOST_SPANS_MAX + (gone ? 1 : 0))
        return vhost->type->set_memory(vhost->device, NULL, all, error);
    for (unsigned i = 0; i < all && i < VHOST_SPANS_MAX; i++)
        if (spans[i].memory != gone)
            table[count++] = (struct vhost_span){ spans[i].address, spans[i].size, spans[i].memory };
    return vhost->type->set_memory(vhost->device, table, count, error);
}

static bool memory_prepare(void *opaque, const struct guest_part *part, struct guest_offer *offer,
                           struct error *error)
{
    struct virtio_vhost *vhost = opaque;
    const unsigned count = guest_memory_spans(vhost->device->memory, vhost->reservation, NULL, 0);

    (void)offer;
    return !vhost->ready || is_reserved(vhost, part->memory) || count < VHOST_SPANS_MAX ||
           error_set(error, "device '%s' uses %s, which takes %u ranges of memory, and has so many%s",
                     vhost->device->name, vhost->type->name, VHOST_SPANS_MAX, vhost->type->instead);
}

struct outcome_of_table {
    struct virtio_vhost *vhost;
    const char *why; /* NULL: the kernel has taken it */
};

static void table_is_wrong(void *opaque)
{
    const struct outcome_of_table *outcome = opaque;
    struct virtio_vhost *vhost = outcome->vhost;

    virtio_vhost_take_back(vhost);
    vhost->failed = vhost->wrong = true;
    vhost->type->gave_up(vhost->device, outcome->why);
}

static void table_is_right(void *opaque)
{
    struct virtio_vhost *vhost = opaque;

    vhost->wrong = false;
}

/* A table that is wrong is not used. */
static void tell_or_give_up(struct virtio_vhost *vhost, const void *gone)
{
    struct error error;
    struct outcome_of_table outcome = { vhost, error.text };

    if (!set_kernel_memory(vhost, gone, &error))
        virtio_device_call(vhost->device, table_is_wrong, &outcome);
    else if (vhost->wrong) /* changes only in calls that this thread waits for */
        virtio_device_call(vhost->device, table_is_right, vhost);
}

static void memory_commit(void *opaque, const struct guest_part *part)
{
    struct virtio_vhost *vhost = opaque;

    if (vhost->ready && !is_reserved(vhost, part->memory))
        tell_or_give_up(vhost, NULL);
}

/* The same table once more is a barrier: no access that began before is under way when the kernel returns. */
static void memory_leave(void *opaque, const struct guest_part *part)
{
    struct virtio_vhost *vhost = opaque;

    tell_or_give_up(vhost, is_reserved(vhost, part->memory) ? NULL : part->memory);
}

/* ---- life ---- */

static int make_eventfd(struct error *error)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    if (fd < 0)
        error_set(error, "no eventfd can be had for the device: %s", strerror(errno));
    return fd;
}

struct watching {
    struct virtio_vhost *vhost;
    bool good;
};

static void watch_on_io(void *opaque)
{
    struct watching *watching = opaque;
    struct virtio_vhost *vhost = watching->vhost;
    struct loop *loop = io_thread_loop(vhost->device->io);

    vhost->error_watch = watch_add(loop, vhost->error, EPOLLIN, on_error, vhost);
    watching->good = vhost->error_watch != NULL;
    for (unsigned i = 0; i < vhost->queues && watching->good; i++) {
        struct virtio_vhost_pin *pin = &vhost->pins[i];

        pin->watch = watch_add(loop, pin->fd, EPOLLIN, on_pin, pin);
        watching->good = pin->watch != NULL;
    }
    vhost->ready = watching->good;
}

static bool make_eventfds(struct virtio_vhost *vhost, struct error *error)
{
    vhost->pins = calloc(vhost->queues, sizeof *vhost->pins);
    if (!vhost->pins)
        return error_set(error, "out of memory");
    vhost->error = -1;
    for (unsigned i = 0; i < vhost->queues; i++)
        vhost->pins[i] = (struct virtio_vhost_pin){ .vhost = vhost, .queue = i, .fd = -1 };
    vhost->error = make_eventfd(error);
    for (unsigned i = 0; vhost->error >= 0 && i < vhost->queues; i++) {
        vhost->pins[i].fd = make_eventfd(error);
        if (vhost->pins[i].fd < 0)
            return false;
    }
    return vhost->error >= 0;
}

bool virtio_vhost_attach(struct virtio_vhost *vhost, const struct virtio_vhost_type *type,
                         struct virtio_device *device, unsigned queues, struct error *error)
{
    struct watching watching = { .vhost = vhost };

    vhost->device = device;
    vhost->type = type;
    vhost->queues = queues;
    vhost->reservation = device->pci.device.board->reservation;
    vhost->listener = (struct guest_listener){
        .prepare = memory_prepare,
        .commit = memory_commit,
        .leave = memory_leave,
        .unlogged = device_name(&device->pci.device),
        .opaque = vhost,
    };
    if (!make_eventfds(vhost, error))
        return false;
    if (type->set_memory) {
        if (!guest_memory_listen(device->memory, &vhost->listener, error))
            return false;
        vhost->listens = true;
        if (!set_kernel_memory(vhost, NULL, error))
            return false;
    }
    virtio_device_call(device, watch_on_io, &watching);
    return watching.good || error_set(error, "the host has no memory to watch the device's eventfds");
}

static void unwatch_on_io(void *opaque)
{
    struct virtio_vhost *vhost = opaque;

    virtio_vhost_take_back(vhost);
    vhost->ready = false;
    watch_remove(vhost->error_watch);
    for (unsigned i = 0; i < vhost->queues; i++)
        watch_remove(vhost->pins[i].watch);
}

void virtio_vhost_detach(struct virtio_vhost *vhost)
{
    if (!vhost->pins)
        return;
    if (vhost->listens)
        guest_memory_unlisten(vhost->device->memory, &vhost->listener);
    virtio_device_call(vhost->device, unwatch_on_io, vhost);
    for (unsigned i = 0; i < vhost->queues; i++)
        if (vhost->pins[i].fd >= 0)
            close(vhost->pins[i].fd);
    if (vhost->error >= 0)
        close(vhost->error);
    free(vhost->pins);
    vhost->pins = NULL;
}
