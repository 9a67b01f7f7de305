/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A device's queues at work: doorbells, what breaks, how they start. Functions that end in _on_io run on its
 * I/O thread.
 */
#include "virtio/run.h"

#include <sys/epoll.h>
#include <unistd.h>

#include "base/message.h"
#include "device/device.h"
#include "virtio/halt.h"

#define STARVED_MS 100
#define TURNS 16u

/* ---- a queue ---- */

static void handle(struct virtio_queue_link *link);

static void try_again(void *opaque)
{
    handle(opaque);
}

/* Until there is nothing left that no doorbell will announce. A driver that is as quick as the device is left
 * to the next round of the event loop, so that others get their turn. */
static void serve(struct virtio_device *device, struct virtio_queue *queue)
{
    bool emptied = true, more = true;

    for (unsigned turn = 0; turn < TURNS && emptied && more; turn++) {
        virtio_queue_silence(queue);
        emptied = device->type->handle(device, queue) && !queue->starved;
        more = virtio_queue_listen(queue);
    }
    if (emptied && more)
        virtio_device_kick(device, queue->index);
}

static void handle(struct virtio_queue_link *link)
{
    struct virtio_device *device = link->device;

    if (link->elsewhere || !device->running || device->halting || atomic_load(&device->needs_reset) ||
        !link->queue.running || !pci_may_master(&device->pci))
        return;
    serve(device, &link->queue);
    if (link->queue.starved)
        timer_start(io_thread_loop(device->io), &link->starved, STARVED_MS, try_again, link);
}

static void on_bell(void *opaque, uint32_t events)
{
    struct virtio_queue_link *link = opaque;
    uint64_t rings;

    (void)events;
    if (read(link->bell, &rings, sizeof rings) == (ssize_t)sizeof rings)
        handle(link);
}

void virtio_device_kick(struct virtio_device *device, unsigned queue)
{
    const uint64_t one = 1;

    /* Fails only when it was written 2^64 - 2 times and not read: then it rings already. */
    RESULT_DOES_NOT_MATTER(write(device->queues[queue].bell, &one, sizeof one) < 0, "it rings already");
}

void virtio_device_handle(struct virtio_device *device, unsigned queue)
{
    handle(&device->queues[queue]);
}

static void on_broken(void *opaque, const char *why)
{
    struct virtio_queue_link *link = opaque;
    struct virtio_device *device = link->device;

    atomic_store(&device->needs_reset, true);
    if (device->type->broken)
        device->type->broken(device);
    if (!device->told)
        warning("%s: queue %u: %s; the device does nothing until the guest resets it", device->name,
                link->queue.index, why);
    device->told = true; /* a guest that resets it may do this for ever */
    if (atomic_fetch_or(&device->status, VIRTIO_STATUS_NEEDS_RESET) & VIRTIO_STATUS_DRIVER_OK)
        virtio_interrupt_config(device);
}

static void on_interrupt(void *opaque, struct virtio_queue *queue)
{
    struct virtio_queue_link *link = opaque;

    virtio_interrupt_queue(link->device, queue->index);
}

void virtio_queue_hand_over(struct virtio_queue_link *link)
{
    timer_cancel(&link->starved);
    link->elsewhere = true;
    RESULT_DOES_NOT_MATTER(!watch_change(link->watch, 0), "to put it to sleep always works");
}

void virtio_queue_take_back(struct virtio_queue_link *link, uint16_t next)
{
    struct virtio_queue *queue = &link->queue;

    link->elsewhere = false;
    queue->next_available = queue->next_used = queue->published = next;
    if (!watch_change(link->watch, EPOLLIN))
        virtio_queue_break(queue, "the host has no memory to watch its doorbell");
    virtio_device_kick(link->device, queue->index);
}

static void on_ended(void *opaque)
{
    struct virtio_queue_link *link = opaque;
    struct virtio_device *device = link->device;

    if (device->halting)
        loop_post(io_thread_loop(device->io), &device->settle);
}

/* ---- starting ---- */

static void start_queue(struct virtio_queue_link *link)
{
    struct virtio_device *device = link->device;
    struct error error;

    if (!virtio_queue_start(
            &link->queue, &link->registers.layout, virtio_device_has(device, VIRTIO_F_INDIRECT_DESC),
            virtio_device_has(device, VIRTIO_F_EVENT_IDX), device->type->request_size, &error)) {
        virtio_queue_break(&link->queue, "%s", error.text);
        return;
    }
    link->watch = watch_add(io_thread_loop(device->io), link->bell, EPOLLIN, on_bell, link);
    if (!link->watch)
        virtio_queue_break(&link->queue, "the host has no memory to watch its doorbell");
}

void virtio_run_handle_all(struct virtio_device *device)
{
    for (unsigned i = 0; i < device->queue_count; i++)
        handle(&device->queues[i]);
}

static void start_on_io(void *opaque)
{
    struct virtio_device *device = opaque;

    for (unsigned i = 0; i < device->queue_count; i++)
        if (device->queues[i].registers.enabled)
            start_queue(&device->queues[i]);
    if (!pci_may_master(&device->pci))
        virtio_queue_break(&device->queues[0].queue,
                           "the driver has not allowed the device to reach memory (bus master)");
    device->running = true;
    device->halting = device->paused;
    if (device->type->started)
        device->type->started(device);
    virtio_run_handle_all(device); /* doorbells before this moment rang for nobody */
}

void virtio_device_start(struct virtio_device *device)
{
    io_thread_call(device->io, start_on_io, device);
}

/* ---- from a saved state ---- */

struct continuing {
    struct virtio_device *device;
    const void *state;
};

/* The device is paused; what the driver has made available is handled when the guest runs. A device that
 * needs a reset runs, too, without queues. */
static void continue_on_io(void *opaque)
{
    const struct continuing *what = opaque;
    struct virtio_device *device = what->device;
    const uint8_t status = atomic_load(&device->status);
    const bool broken = status & VIRTIO_STATUS_NEEDS_RESET;

    device->running = status & VIRTIO_STATUS_DRIVER_OK;
    device->halting = device->paused;
    atomic_store(&device->needs_reset, broken);
    for (unsigned i = 0; device->running && !broken && i < device->queue_count; i++) {
        struct virtio_queue_link *link = &device->queues[i];

        if (!link->registers.enabled)
            continue;
        start_queue(link);
        link->queue.next_available = link->queue.next_used = link->queue.published = link->resumes_at;
    }
    if (device->running && device->type->started)
        device->type->started(device);
    if (device->type->continued)
        device->type->continued(device, what->state);
}

void virtio_device_continue(struct virtio_device *device, const void *state)
{
    io_thread_call(device->io, continue_on_io, &(struct continuing){ device, state });
}

/* ---- memory that leaves ---- */

static void on_leave(void *opaque, const struct guest_part *part)
{
    struct virtio_device *device = opaque;

    (void)part; /* the queues look what is gone */
    loop_post(io_thread_loop(device->io), &device->memory_left);
}

static void memory_left_on_io(void *opaque)
{
    struct virtio_device *device = opaque;

    for (unsigned i = 0; i < device->queue_count; i++)
        virtio_queue_check_rings(&device->queues[i].queue);
}

static void vector_changed_on_io(void *opaque)
{
    struct virtio_device *device = opaque;

    device->type->vector_changed(device);
}

/* ---- life ---- */

void virtio_run_init(struct virtio_device *device)
{
    virtio_halt_init(device);
    device->memory_left = (struct work){ .run = memory_left_on_io, .opaque = device };
    device->vector_changed = (struct work){ .run = vector_changed_on_io, .opaque = device };
    device->listener = (struct guest_listener){ .leave = on_leave, .opaque = device };
}

void virtio_run_init_queue(struct virtio_queue_link *link, unsigned index, enum guest_holder holder)
{
    const struct virtio_queue_owner owner = { on_broken, on_interrupt, on_ended, link };

    virtio_queue_init(&link->queue, index, link->device->memory, holder, &owner);
}

static void nothing(void *opaque)
{
    (void)opaque;
}

void virtio_run_end(struct virtio_device *device)
{
    io_thread_call(device->io, nothing, device);
    loop_cancel(device->pci.device.board->loop, &device->drained);
}
