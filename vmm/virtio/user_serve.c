/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the back end of a device of vhost-user has while it serves: the queues' rings, and the connection
 * until it is lost. Functions that end in _on_io, and those of the sections that say so, are on the I/O
 * thread.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/message.h"
#include "chardev/chardev.h"
#include "device/board.h"
#include "memory/backend.h"
#include "virtio/chain.h"
#include "virtio/user.h"

/* ---- a back end that is lost, on the I/O thread ---- */

void virtio_user_unwatch(struct virtio_user *user)
{
    watch_remove(user->socket_watch);
    watch_remove(user->requests_watch);
    user->socket_watch = user->requests_watch = NULL;
}

static void be_away(struct virtio_user *user)
{
    const bool knows = (user->back_end.protocol & VHOST_USER_PROTOCOL_INFLIGHT) || user->type->ordered;

    for (unsigned i = 0; i < user->given && !knows; i++)
        user->unsure |= virtio_user_in_progress(virtio_device_queue(user->device, i));
    user->given = 0;
    user->away = true;
    virtio_vhost_take_back(&user->vhost);
    warning("%s: the back end of chardev '%s' is gone: %s; requests of this %s wait until it is back",
            user->device->name, user->id, user->back_end.why.text, user->type->noun);
    virtio_user_await(user);
}

static void lose(struct virtio_user *user)
{
    struct virtio_device *device = user->device;
    /* Who plugs it hears of it. */
    const bool told = !user->requests_watch || atomic_load(&user->hung_up);

    if (user->lost || user->away)
        return;
    virtio_user_unwatch(user);
    if (user->type->gone && !told)
        user->type->gone(device);
    if (user->reconnects && !told) {
        be_away(user);
        return;
    }
    user->lost = true;
    atomic_store(&user->most, UINT_MAX);
    virtio_vhost_take_back(&user->vhost);
    if (!told)
        warning(
            "%s: the back end of chardev '%s' is lost: %s; requests of this %s stay unanswered until it is "
            "removed (device_del), and added again with a back end",
            device->name, user->id, user->back_end.why.text, user->type->noun);
    if (user->type->gone)
        return;
    device->told = true;
    if (device->running)
        virtio_queue_break(virtio_device_queue(device, 0), "its back end is lost");
}

bool virtio_user_still_there(struct virtio_user *user)
{
    if (user->back_end.broken)
        lose(user);
    return !user->lost && !user->away;
}

/* It says nothing unasked. */
static void on_socket(void *opaque, uint32_t events)
{
    struct virtio_user *user = opaque;

    vhost_user_break(&user->back_end, "%s",
                     events & (EPOLLHUP | EPOLLERR | EPOLLRDHUP)
                         ? "it has closed the connection"
                         : "it has sent something that nobody asked for");
    lose(user);
}

/* ---- its own requests ---- */

static void on_request(void *opaque, uint32_t events)
{
    struct virtio_user *user = opaque;

    (void)events;
    if (vhost_user_take_request(&user->back_end) == VHOST_USER_CONFIG_CHANGED && user->type->config_changed)
        user->type->config_changed(user->device);
    virtio_user_still_there(user);
}

/* ---- rings, on the I/O thread ---- */

static void stop(struct virtio_device *device, unsigned queues, uint16_t *next)
{
    struct virtio_user *user = device->user;
    bool good = !user->back_end.broken;

    for (unsigned i = 0; i < queues && good; i++)
        good = vhost_user_ring_take(&user->back_end, i, &next[i]);
    if (good)
        virtio_user_drain(user, queues, next);
    if (!user->back_end.broken)
        user->given = 0;
    for (unsigned i = 0; i < queues && user->back_end.broken; i++)
        RESULT_DOES_NOT_MATTER(!virtio_user_ended(virtio_device_queue(device, i), &next[i]),
                               "the queue breaks then");
}

/* The features of rings that it has are those that it offers. */
static bool give_rings(struct virtio_user *user, unsigned queues, const struct vhost_ring *rings)
{
    const uint64_t known = user->type->features | VHOST_RING_FEATURES;
    bool good = vhost_user_set_features(&user->back_end, user->device->accepted & known) &&
                virtio_user_pass_inflight(user, queues, rings);

    user->given = queues; /* the first one is served before the last one is given */
    for (unsigned i = 0; i < queues && good; i++) {
        struct vhost_ring ring = rings[i];

        /* What has ended is what the driver sees: a back end that is gone said nothing else. */
        if (user->reconnects)
            RESULT_DOES_NOT_MATTER(!virtio_user_ended(virtio_device_queue(user->device, i), &ring.next),
                                   "the queue breaks then");
        good = vhost_user_ring_give(&user->back_end, i, &ring);
    }
    return good && vhost_user_driver_ready(&user->back_end);
}

static bool start(struct virtio_device *device, unsigned queues, struct vhost_ring *rings,
                  struct error *error)
{
    struct virtio_user *user = device->user;
    const uint64_t one = 1;

    if (!give_rings(user, queues, rings)) {
        for (unsigned i = 0; i < queues; i++)
            RESULT_DOES_NOT_MATTER(!virtio_user_ended(virtio_device_queue(device, i), &rings[i].next),
                                   "the queue breaks then");
        return error_set(error, "its back end: %s", user->back_end.why.text);
    }
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
    RESULT_DOES_NOT_MATTER(!vhost_user_ring_call(&device->user->back_end, queue, call), "it is lost then");
    return true;
}

static void gave_up(struct virtio_device *device, const char *why)
{
    struct virtio_user *user = device->user;

    if (virtio_user_still_there(user) && device->running)
        virtio_queue_break(virtio_device_queue(device, 0), "%s", why);
}

const struct virtio_vhost_type virtio_user_vhost_type = {
    .name = "vhost-user",
    .server = "the back end",
    .instead = "",
    .start = start,
    .stop = stop,
    .set_call = set_call,
    .gave_up = gave_up,
};

/* Firmware uses the first queue alone. */
void virtio_user_begin(struct virtio_user *user)
{
    unsigned queues = 0;

    if (user->lost && user->device->running && !user->type->gone)
        virtio_queue_break(virtio_device_queue(user->device, 0), "its back end is lost");
    if (user->unsure && user->device->running && !user->away)
        virtio_queue_break(virtio_device_queue(user->device, 0),
                           "requests were in progress when its back end went, and the back end does not know "
                           "them: it lacks INFLIGHT_SHMFD");
    if (user->lost || user->away || user->unsure ||
        (user->type->may_serve && !user->type->may_serve(user->device)))
        return;
    while (queues < user->queues && virtio_device_queue(user->device, queues)->running)
        queues++;
    queues -= queues % user->type->group;
    if (queues > 0)
        virtio_vhost_start_if_possible(&user->vhost, queues);
    virtio_user_still_there(user);
}

void virtio_user_started(struct virtio_device *device)
{
    struct virtio_user *user = device->user;

    virtio_vhost_restart(&user->vhost);
    vhost_user_inflight_free(&user->inflight);
    user->unsure = false;
    device->told |= user->lost;
    if (!device->halting || user->lost)
        virtio_user_begin(user);
}

void virtio_user_reset(struct virtio_device *device)
{
    if (virtio_user_still_there(device->user))
        vhost_user_reset(&device->user->back_end);
    virtio_user_still_there(device->user);
}

void virtio_user_resumed(struct virtio_device *device)
{
    virtio_user_begin(device->user);
}

void virtio_user_take_back(struct virtio_device *device)
{
    struct virtio_user *user = device->user;

    virtio_vhost_take_back(&user->vhost);
    virtio_user_still_there(user);
}

bool virtio_user_can_save(struct virtio_device *device, struct error *error)
{
    const struct virtio_user *user = device->user;

    return !user || (!user->lost && !user->away && !user->unsure) ||
           error_set(
               error,
               "device '%.200s': the back end of chardev '%.80s' is gone; start it again, or remove the "
               "device",
               device->name, user->id);
}

void virtio_user_vector_changed(struct virtio_device *device)
{
    struct virtio_user *user = device->user;

    if (!user->lost && !user->away)
        virtio_vhost_vector_changed(&user->vhost);
    virtio_user_still_there(user);
}

bool virtio_user_handle(struct virtio_device *device, struct virtio_queue *queue)
{
    (void)device, (void)queue;
    return false;
}

/* ---- the connection ---- */

bool virtio_user_watch(struct virtio_user *user)
{
    struct loop *loop = io_thread_loop(user->device->io);

    user->socket_watch = watch_add(loop, user->back_end.fd, EPOLLIN | EPOLLRDHUP, on_socket, user);
    if (user->socket_watch)
        user->requests_watch = watch_add(loop, user->back_end.requests, EPOLLIN, on_request, user);
    if (user->requests_watch)
        return true;
    virtio_user_unwatch(user);
    return false;
}
