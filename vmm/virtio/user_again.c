/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A back end of vhost-user that is gone and comes back, for a chardev with reconnect=. Everything is on the
 * I/O thread, unless a comment says otherwise.
 */
#include <errno.h>
#include <string.h>

#include "base/message.h"
#include "chardev/chardev.h"
#include "device/board.h"
#include "virtio/user.h"

bool virtio_user_pass_inflight(struct virtio_user *user, unsigned queues, const struct vhost_ring *rings)
{
    unsigned size = 0;

    if (!user->reconnects || user->type->ordered || !(user->back_end.protocol & VHOST_USER_PROTOCOL_INFLIGHT))
        return true;
    for (unsigned i = 0; i < queues; i++)
        size = rings[i].size > size ? rings[i].size : size;
    return (user->inflight.fd >= 0 ||
            vhost_user_inflight_make(&user->back_end, queues, size, &user->inflight)) &&
           vhost_user_inflight_pass(&user->back_end, &user->inflight);
}

/* ---- waiting ---- */

/* Main thread. */
static void connected(void *opaque, int fd)
{
    struct virtio_user *user = opaque;
    struct error error;

    if (vhost_user_open(&user->arriving, fd, &error)) {
        loop_post(io_thread_loop(user->device->io), &user->arrived);
        return;
    }
    warning("%s: %s", user->device->name, error.text);
    chardev_await_connection(user->chardev, connected, user);
}

/* Main thread. */
static void on_went(void *opaque)
{
    struct virtio_user *user = opaque;

    chardev_await_connection(user->chardev, connected, user);
}

void virtio_user_await(struct virtio_user *user)
{
    vhost_user_close(&user->back_end);
    loop_post(user->device->pci.device.board->loop, &user->went);
}

/* ---- coming back ---- */

static bool suits(struct virtio_user *user)
{
    struct vhost_user *back_end = &user->back_end;

    if ((back_end->features & user->needs) != user->needs)
        return vhost_user_break(
            back_end, "it lacks features that the driver may use: it has 0x%llx of 0x%llx",
            (unsigned long long)(back_end->features & user->needs), (unsigned long long)user->needs);
    return back_end->rings * user->type->group >= user->vhost.queues ||
           vhost_user_break(back_end, "it serves %u queues, and the device has %u",
                            back_end->rings * user->type->group, user->vhost.queues);
}

static bool come_back(struct virtio_user *user)
{
    struct error error;

    user->back_end = user->arriving;
    if (!vhost_user_begin(&user->back_end, user->type->protocol, &error)) {
        vhost_user_break(&user->back_end, "%s", error.text);
        return false;
    }
    if (!suits(user) || !virtio_user_map_again(user))
        return false;
    return virtio_user_watch(user) ||
           vhost_user_break(&user->back_end, "the host cannot watch it: %s", strerror(errno));
}

static void on_arrived(void *opaque)
{
    struct virtio_user *user = opaque;
    struct virtio_device *device = user->device;

    if (!come_back(user)) {
        if (!user->failing)
            warning("%s: the back end of chardev '%s' cannot come back: %s; hotram tries again", device->name,
                    user->id, user->back_end.why.text);
        user->failing = true;
        virtio_user_await(user);
        return;
    }
    user->away = user->failing = false;
    atomic_store(&user->most, user->back_end.slots_max);
    message("%s: the back end of chardev '%s' is back", device->name, user->id);
    virtio_vhost_restart(&user->vhost);
    if (user->type->came_back)
        user->type->came_back(device);
    if (virtio_user_still_there(user) && device->running && !device->halting)
        virtio_user_begin(user);
}

void virtio_user_again_init(struct virtio_user *user)
{
    user->went = (struct work){ .run = on_went, .opaque = user };
    user->arrived = (struct work){ .run = on_arrived, .opaque = user };
    user->reconnects = user->type->again && chardev_reconnects(user->chardev);
    user->needs = user->back_end.features & user->device->offered;
    atomic_store(&user->most, user->back_end.slots_max);
}
