/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the back end of a vhost-user-blk has while it serves: the queues' rings, and the connection until it
 * is lost. Functions that end in _on_io, and those of the sections that say so, are on
 * the I/O thread.
 */
#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "base/message.h"
#include "device/board.h"
#include "virtio/chain.h"
#include "virtio/user_blk.h"

/* ---- a back end that is lost, on the I/O thread ---- */

/* Once, and for good. */
static void lose(struct user_blk *blk)
{
    struct virtio_device *device = &blk->virtio;
    const bool told = !blk->requests_watch; /* who plugs it hears of it */

    if (blk->lost)
        return;
    blk->lost = true;
    watch_remove(blk->socket_watch);
    watch_remove(blk->requests_watch);
    blk->socket_watch = blk->requests_watch = NULL;
    virtio_vhost_take_back(&blk->vhost);
    if (!told)
        warning(
            "%s: the back end of chardev '%s' is lost: %s; requests of this disk stay unanswered until it is "
            "removed (device_del), and added again with a back end",
            device->name, blk->values.chardev, blk->user.why.text);
    device->told = true;
    if (device->running)
        virtio_queue_break(virtio_device_queue(device, 0), "its back end is lost");
}

bool user_blk_still_there(struct user_blk *blk)
{
    if (blk->user.broken)
        lose(blk);
    return !blk->lost;
}

/* It says nothing unasked. */
static void on_socket(void *opaque, uint32_t events)
{
    struct user_blk *blk = opaque;

    vhost_user_break(&blk->user, "%s",
                     events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP)
                         ? "it has closed the connection"
                         : "it has sent something that nobody asked for");
    lose(blk);
}

/* ---- configuration space ---- */

static void config_changed(void *opaque)
{
    struct user_blk *blk = opaque;
    const uint64_t capacity = atomic_load(&blk->capacity);

    if (memcmp(blk->virtio.config + USER_BLK_CONFIG_CAPACITY, &capacity, sizeof capacity) != 0)
        virtio_device_config_set(&blk->virtio, USER_BLK_CONFIG_CAPACITY, &capacity, sizeof capacity);
}

static void on_request(void *opaque, uint32_t events)
{
    struct user_blk *blk = opaque;
    uint8_t config[USER_BLK_CONFIG_SIZE];
    uint64_t capacity;

    (void)events;
    if (vhost_user_take_request(&blk->user) == VHOST_USER_CONFIG_CHANGED &&
        vhost_user_config_get(&blk->user, config, sizeof config)) {
        memcpy(&capacity, config + USER_BLK_CONFIG_CAPACITY, sizeof capacity);
        atomic_store(&blk->capacity, capacity);
        loop_post(blk->virtio.pci.device.board->loop, &blk->changed);
    }
    user_blk_still_there(blk);
}

static void write_cache_on_io(void *opaque)
{
    struct user_blk *blk = opaque;

    if (!blk->lost)
        vhost_user_config_set(&blk->user, BLK_CONFIG_WRITE_BACK, blk->virtio.config + BLK_CONFIG_WRITE_BACK,
                              1);
    user_blk_still_there(blk);
}

/* Before the driver's next request. */
void user_blk_config_written(struct virtio_device *device, unsigned offset, unsigned width)
{
    if (device->config_writable[BLK_CONFIG_WRITE_BACK] && offset <= BLK_CONFIG_WRITE_BACK &&
        offset + width > BLK_CONFIG_WRITE_BACK)
        virtio_device_call(device, write_cache_on_io, device);
}

/* ---- rings, on the I/O thread ---- */

struct progress {
    const struct virtio_queue *queue;
    uint16_t used;
};

static void read_progress(void *opaque)
{
    struct progress *progress = opaque;
    const struct used_ring *used = progress->queue->used.memory;

    progress->used = atomic_load_explicit(&used->index, memory_order_acquire);
}

/* A ring that was taken back at `next`: whether all that the back end took from it has ended. It may say so
 * before it has; and where the ring's memory cannot be read, nothing can be waited for. */
static bool has_ended(struct virtio_queue *queue, uint16_t next)
{
    struct progress progress = { .queue = queue, .used = next };

    return !queue->used.region || !guest_memory_try(queue->memory, read_progress, &progress) ||
           progress.used == next;
}

static void drain(struct user_blk *blk, unsigned queues, const uint16_t *next)
{
    static const struct timespec pause = { .tv_nsec = 200000 };
    const uint64_t deadline = loop_now() + VHOST_USER_DRAIN_MS;

    for (unsigned i = 0; i < queues && !blk->user.broken; i++)
        while (!has_ended(virtio_device_queue(&blk->virtio, i), next[i])) {
            if (loop_now() >= deadline) {
                vhost_user_break(&blk->user, "it has not ended all requests of queue %u within %u seconds", i,
                                 VHOST_USER_DRAIN_MS / 1000);
                break;
            }
            nanosleep(&pause, NULL);
        }
}

static void stop(struct virtio_device *device, unsigned queues, uint16_t *next)
{
    struct user_blk *blk = user_blk_of(device);
    bool good = !blk->user.broken;

    for (unsigned i = 0; i < queues && good; i++)
        good = vhost_user_ring_take(&blk->user, i, &next[i]);
    if (good)
        drain(blk, queues, next);
}

/* The features of rings that it has are those that it offers. */
static bool give_rings(struct user_blk *blk, unsigned queues, const struct vhost_ring *rings)
{
    bool good = vhost_user_set_features(&blk->user, blk->virtio.accepted &
                                                        (USER_BLK_FEATURES | BLK_F_MQ | VHOST_RING_FEATURES));

    for (unsigned i = 0; i < queues && good; i++)
        good = vhost_user_ring_give(&blk->user, i, &rings[i]);
    return good;
}

static bool start(struct virtio_device *device, unsigned queues, const struct vhost_ring *rings,
                  struct error *error)
{
    struct user_blk *blk = user_blk_of(device);
    const uint64_t one = 1;

    if (!give_rings(blk, queues, rings))
        return error_set(error, "its back end: %s", blk->user.why.text);
    for (unsigned i = 0; i < queues; i++) {
        virtio_device_kick(device, i); /* what was made available before */
        if (rings[i].next > 0)         /* what has ended while nobody had the interrupt */
            RESULT_DOES_NOT_MATTER(write(rings[i].call, &one, sizeof one) < 0, "it is signalled already");
    }
    return true;
}

/* If that fails the back end is lost, which is said once. */
static bool set_call(struct virtio_device *device, unsigned queue, int call)
{
    RESULT_DOES_NOT_MATTER(!vhost_user_ring_call(&user_blk_of(device)->user, queue, call), "it is lost then");
    return true;
}

static void gave_up(struct virtio_device *device, const char *why)
{
    struct user_blk *blk = user_blk_of(device);

    if (user_blk_still_there(blk) && device->running)
        virtio_queue_break(virtio_device_queue(device, 0), "%s", why);
}

static const struct virtio_vhost_type vhost_type = {
    .name = "vhost-user",
    .server = "the back end",
    .instead = "",
    .start = start,
    .stop = stop,
    .set_call = set_call,
    .gave_up = gave_up,
};

/* Firmware uses the first queue alone. */
void user_blk_begin(struct user_blk *blk)
{
    unsigned queues = 0;

    if (blk->lost && blk->virtio.running)
        virtio_queue_break(virtio_device_queue(&blk->virtio, 0), "its back end is lost");
    if (blk->lost)
        return;
    while (queues < blk->virtio.queue_count && virtio_device_queue(&blk->virtio, queues)->running)
        queues++;
    if (queues > 0)
        virtio_vhost_start_if_possible(&blk->vhost, queues);
    user_blk_still_there(blk);
}

void user_blk_started(struct virtio_device *device)
{
    struct user_blk *blk = user_blk_of(device);

    virtio_vhost_restart(&blk->vhost);
    device->told |= blk->lost;
    if (!device->halting || blk->lost)
        user_blk_begin(blk);
}

void user_blk_resumed(struct virtio_device *device)
{
    user_blk_begin(user_blk_of(device));
}

void user_blk_take_back(struct virtio_device *device)
{
    struct user_blk *blk = user_blk_of(device);

    virtio_vhost_take_back(&blk->vhost);
    user_blk_still_there(blk);
}

void user_blk_vector_changed(struct virtio_device *device)
{
    struct user_blk *blk = user_blk_of(device);

    if (!blk->lost)
        virtio_vhost_vector_changed(&blk->vhost);
    user_blk_still_there(blk);
}

/* ---- life ---- */

struct watching {
    struct user_blk *blk;
    int failure;
};

static void watch_on_io(void *opaque)
{
    struct watching *watching = opaque;
    struct user_blk *blk = watching->blk;
    struct loop *loop = io_thread_loop(blk->virtio.io);

    blk->socket_watch = watch_add(loop, blk->user.fd, EPOLLIN | EPOLLRDHUP, on_socket, blk);
    if (blk->socket_watch)
        blk->requests_watch = watch_add(loop, blk->user.requests, EPOLLIN, on_request, blk);
    watching->failure = blk->requests_watch ? 0 : errno;
    if (blk->requests_watch && blk->virtio.running && !blk->virtio.halting)
        user_blk_begin(blk); /* its driver may be there already */
}

bool user_blk_serve(struct user_blk *blk, struct error *error)
{
    struct virtio_device *device = &blk->virtio;
    struct watching watching = { .blk = blk };

    blk->changed = (struct work){ .run = config_changed, .opaque = blk };
    if (!user_blk_listen(blk, error))
        return false;
    if (!virtio_vhost_attach(&blk->vhost, &vhost_type, device, device->queue_count, error))
        return false;
    virtio_device_call(device, watch_on_io, &watching);
    return !watching.failure || error_set(error, "the host cannot watch the connection to the back end: %s",
                                          strerror(watching.failure));
}

static void unwatch_on_io(void *opaque)
{
    struct user_blk *blk = opaque;

    virtio_vhost_take_back(&blk->vhost);
    blk->lost = true; /* nobody is told */
    watch_remove(blk->socket_watch);
    watch_remove(blk->requests_watch);
    blk->socket_watch = blk->requests_watch = NULL;
}

void user_blk_leave(struct user_blk *blk)
{
    struct board *board = blk->virtio.pci.device.board;

    if (blk->listens)
        guest_memory_unlisten(blk->virtio.memory, &blk->listener);
    virtio_device_call(&blk->virtio, unwatch_on_io, blk);
    virtio_vhost_detach(&blk->vhost);
    if (board) /* it was on a bus */
        loop_cancel(board->loop, &blk->changed);
}
