/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How the connection of a device of vhost-user begins, at once or while nobody waits (coming.c), and how it
 * ends. Functions that end in _on_io are on the I/O thread, the others on the main thread.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "chardev/chardev.h"
#include "device/board.h"
#include "memory/backend.h"
#include "virtio/user.h"

bool virtio_user_connect(struct virtio_user *user, struct virtio_device *device,
                         const struct virtio_user_type *type, const char *id, const char *property,
                         struct board *board, struct error *error)
{
    int fd;

    *user = (struct virtio_user){ .device = device, .type = type, .id = id };
    user->back_end.fd = user->back_end.requests = user->back_end.their_end = user->inflight.fd = -1;
    device->user = user;
    user->chardev = board->chardevs ? chardev_find(board->chardevs, id) : NULL;
    if (!user->chardev)
        return error_set(error,
                         "Property '%s' can't find value '%.80s'; add it with -chardev "
                         "socket,id=ID,path=PATH, or chardev-add",
                         property, id);
    if (!type->again && chardev_reconnects(user->chardev)) {
        user->chardev = NULL;
        return error_set(
            error,
            "chardev '%s': reconnect= is not possible for a %s, whose state is the back end's and "
            "ends with it; leave it out",
            id, type->noun);
    }
    fd = chardev_take_connection(user->chardev, error);
    if (fd < 0) {
        user->chardev = NULL;
        return false;
    }
    return vhost_user_open(&user->back_end, fd, error) || error_prefix(error, "chardev '%s': ", id);
}

bool virtio_user_ask(struct virtio_user *user, struct error *error)
{
    if (!vhost_user_begin(&user->back_end, user->type->protocol, error))
        return error_prefix(error, "chardev '%s': ", user->id);
    return !user->type->ask || user->type->ask(user->device, error);
}

bool virtio_user_limit_rings(const struct virtio_user *user, struct virtio_values *values,
                             struct error *error)
{
    const uint64_t features = user->back_end.features;

    values->indirect &= (features & VIRTIO_F_INDIRECT_DESC) != 0;
    values->event_index &= (features & VIRTIO_F_EVENT_IDX) != 0;
    return (features & VIRTIO_F_VERSION_1) ||
           error_set(error, "chardev '%s': the back end is older than virtio 1.0, which hotram requires",
                     user->id);
}

static void watch_on_io(void *opaque)
{
    struct virtio_user *user = opaque;

    user->watch_failure = virtio_user_watch(user) ? 0 : errno;
    if (user->requests_watch && user->device->running && !user->device->halting)
        virtio_user_begin(user); /* its driver may be there already */
}

static bool is_watched(struct virtio_user *user, struct error *error)
{
    if (user->watch_failure)
        return error_set(error, "the host cannot watch the connection to the back end: %s",
                         strerror(user->watch_failure));
    backends_share(user->device->pci.device.board->backends);
    return true;
}

/* What of memory is there already is asked for at once, or, while the device is joining, on the I/O thread.
 */
static bool attach(struct virtio_user *user, struct error *error)
{
    virtio_user_again_init(user);
    return virtio_vhost_attach(&user->vhost, &virtio_user_vhost_type, user->device, user->queues, error) &&
           virtio_user_listen(user, error);
}

bool virtio_user_serve(struct virtio_user *user, struct error *error)
{
    if (user->joined_before)
        return true;
    if (!attach(user, error))
        return false;
    virtio_device_call(user->device, watch_on_io, user);
    return is_watched(user, error);
}

bool virtio_user_plugged(struct virtio_device *device, struct error *error)
{
    return virtio_user_serve(device->user, error);
}

/* After all ranges have been asked for. */
static void join_on_io(void *opaque)
{
    struct virtio_user *user = opaque;

    if (!user->back_end.broken && !atomic_load(&user->hung_up))
        watch_on_io(user);
    loop_post(user->device->pci.device.board->loop, &user->watched);
}

/* Main thread: after what the ranges have posted. */
static void on_watched(void *opaque)
{
    struct virtio_user *user = opaque;
    struct error error;

    user->joining = false;
    user->joined_before = !user->refused && is_watched(user, &error);
    user->joined(user->joined_opaque, user->joined_before ? NULL : user->refused ? &user->refusal : &error);
}

bool virtio_user_join(struct virtio_user *user, void (*joined)(void *opaque, const struct error *why),
                      void *opaque, struct error *error)
{
    user->joined = joined;
    user->joined_opaque = opaque;
    user->watch = (struct work){ .run = join_on_io, .opaque = user };
    user->watched = (struct work){ .run = on_watched, .opaque = user };
    user->joining = true;
    if (!attach(user, error))
        return false;
    loop_post(io_thread_loop(user->device->io), &user->watch);
    return true;
}

void virtio_user_hang_up(struct virtio_user *user, int line)
{
    atomic_store(&user->hung_up, true);
    RESULT_DOES_NOT_MATTER(shutdown(line, SHUT_RDWR) < 0, "the back end has gone already");
}

static void unwatch_on_io(void *opaque)
{
    struct virtio_user *user = opaque;

    virtio_vhost_take_back(&user->vhost);
    user->lost = true; /* nobody is told */
    virtio_user_unwatch(user);
}

void virtio_user_release(struct virtio_user *user)
{
    const struct board *board = user->device ? user->device->pci.device.board : NULL;

    if (!user->device)
        return;
    virtio_user_unlisten(user);
    if (user->chardev && (!board || board->chardevs))
        chardev_free_connection(user->chardev);
    user->chardev = NULL;
    virtio_device_call(user->device, unwatch_on_io, user); /* after `arrived`, and changes of memory */
    if (board) {
        loop_cancel(board->loop, &user->went);
        loop_cancel(board->loop, &user->watched);
    }
    virtio_vhost_detach(&user->vhost);
    vhost_user_close(&user->back_end);
    vhost_user_inflight_free(&user->inflight);
    virtio_user_free_memory(user);
}
