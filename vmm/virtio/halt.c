/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a device is halted: halt.h says for whom. Functions that end in _on_io run on its I/O thread.
 */
#include "virtio/halt.h"

#include <time.h>

#include "base/loop.h"
#include "device/device.h"
#include "virtio/run.h"

#define RESET_MS 50

/* ---- stops ---- */

static bool is_at_host(const struct virtio_device *device)
{
    unsigned in_flight = 0;

    for (unsigned i = 0; i < device->queue_count; i++)
        in_flight += device->queues[i].queue.in_flight;
    return in_flight > device->held;
}

static void stop_queues(struct virtio_device *device)
{
    if (device->running && device->type->reset)
        device->type->reset(device);
    for (unsigned i = 0; i < device->queue_count; i++) {
        struct virtio_queue_link *link = &device->queues[i];

        watch_remove(link->watch);
        link->watch = NULL;
        timer_cancel(&link->starved);
        virtio_queue_stop(&link->queue);
    }
    device->running = device->stopping = false;
    atomic_store(&device->needs_reset, false);
}

/* Here every halt ends, whatever it is for. Not from within a queue's functions: it may stop the queue. */
static void settle_on_io(void *opaque)
{
    struct virtio_device *device = opaque;
    const bool was_busy = atomic_load(&device->busy);
    const bool busy = device->halting && is_at_host(device);

    if (device->stopping && !busy)
        stop_queues(device);
    atomic_store(&device->busy, busy);
    if (was_busy && !busy)
        loop_post(device->pci.device.board->loop, &device->drained);
}

static void begin_halt(struct virtio_device *device)
{
    const bool handles = device->running && !device->halting;

    device->halting = true;
    if (handles && device->type->halted)
        device->type->halted(device);
}

static void stop_on_io(void *opaque)
{
    struct virtio_device *device = opaque;

    begin_halt(device);
    device->stopping = true;
    settle_on_io(device);
}

void virtio_device_stop(struct virtio_device *device)
{
    io_thread_call(device->io, stop_on_io, device);
}

static void request_stop(struct virtio_device *device)
{
    atomic_fetch_add(&device->asked, 1);
    loop_post(io_thread_loop(device->io), &device->carry_out);
}

void virtio_device_begin_stop(struct virtio_device *device)
{
    if (!device->owns_thread) {
        virtio_device_stop(device);
        return;
    }
    atomic_store(&device->asked_stop, true);
    request_stop(device);
}

bool virtio_device_busy(const struct virtio_device *device)
{
    return atomic_load(&device->asked) > 0 || atomic_load(&device->busy);
}

void virtio_device_end_reset(struct virtio_device *device)
{
    if (device->resetting && !virtio_device_busy(device))
        virtio_transport_reset(device);
}

static void wait_a_moment(struct virtio_device *device)
{
    const uint64_t deadline = loop_now() + RESET_MS;
    const struct timespec until = { .tv_sec = (time_t)(deadline / 1000),
                                    .tv_nsec = (long)(deadline % 1000) * 1000000 };

    pthread_mutex_lock(&device->asking);
    while (atomic_load(&device->asked) > 0 &&
           pthread_cond_timedwait(&device->carried_out, &device->asking, &until) == 0)
        ;
    pthread_mutex_unlock(&device->asking);
}

void virtio_device_begin_reset(struct virtio_device *device)
{
    device->resetting = true;
    /* Firmware resets what nobody has started. */
    if (atomic_load(&device->status) & VIRTIO_STATUS_DRIVER_OK) {
        virtio_device_begin_stop(device);
        wait_a_moment(device);
    } else {
        virtio_device_stop(device);
    }
    virtio_device_end_reset(device);
}

/* On the main thread, after the last request of a device that halts. */
static void drained(void *opaque)
{
    struct virtio_device *device = opaque;

    pthread_mutex_lock(&device->lock);
    virtio_device_end_reset(device);
    pthread_mutex_unlock(&device->lock);
    board_drained(device->pci.device.board);
}

/* ---- the guest stands still ---- */

static void resume_on_io(void *opaque)
{
    struct virtio_device *device = opaque;

    device->paused = false;
    if (!device->running || device->stopping)
        return;
    device->halting = false;
    settle_on_io(device);
    if (device->type->resumed)
        device->type->resumed(device);
    virtio_run_handle_all(device);
}

static void pause_on_io(void *opaque)
{
    struct virtio_device *device = opaque;

    begin_halt(device);
    device->paused = true;
    settle_on_io(device);
}

void virtio_device_run(struct device *device, bool run)
{
    struct virtio_device *virtio = (void *)device;

    if (virtio->stands_still == !run)
        return;
    virtio->stands_still = !run;
    atomic_store(&virtio->asked_pause, !run);
    if (virtio->owns_thread)
        request_stop(virtio);
    else
        io_thread_call(virtio->io, run ? resume_on_io : pause_on_io, virtio);
}

/* All that was asked by now; what is asked meanwhile posts it again. */
static void carry_out_on_io(void *opaque)
{
    struct virtio_device *device = opaque;
    const unsigned asked = atomic_load(&device->asked);
    const bool pause = atomic_load(&device->asked_pause);

    if (atomic_exchange(&device->asked_stop, false))
        stop_on_io(device);
    if (pause != device->paused)
        pause ? pause_on_io(device) : resume_on_io(device);
    pthread_mutex_lock(&device->asking);
    atomic_fetch_sub(&device->asked, asked);
    pthread_cond_broadcast(&device->carried_out);
    pthread_mutex_unlock(&device->asking);
    loop_post(device->pci.device.board->loop, &device->drained);
}

/* ---- life ---- */

void virtio_halt_init(struct virtio_device *device)
{
    pthread_condattr_t monotonic;

    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC); /* loop_now()'s */
    pthread_mutex_init(&device->asking, NULL);
    pthread_cond_init(&device->carried_out, &monotonic);
    pthread_condattr_destroy(&monotonic);
    device->settle = (struct work){ .run = settle_on_io, .opaque = device };
    device->drained = (struct work){ .run = drained, .opaque = device };
    device->carry_out = (struct work){ .run = carry_out_on_io, .opaque = device };
}

void virtio_halt_end(struct virtio_device *device)
{
    pthread_cond_destroy(&device->carried_out);
    pthread_mutex_destroy(&device->asking);
}
