/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest memory of a device of vhost-user: its back end maps each range before the guest hears of it, and
 * unmaps it before it goes. The main thread waits for that, as long as vhost/user.h says.
 */
#include <inttypes.h>

#include "virtio/user.h"

struct change {
    struct virtio_user *user;
    struct vhost_user_region region;
    struct error *error;
    bool good;
};

static struct vhost_user_region region_of(const struct guest_part *part)
{
    return (struct vhost_user_region){ part->address, part->size, part->memory, part->fd, part->offset };
}

/* A table that is replaced unmaps what is there: nobody uses it then. */
static bool is_table(const struct virtio_user *user)
{
    return !(user->back_end.protocol & VHOST_USER_PROTOCOL_MEM_SLOTS);
}

static bool has_no_descriptor(const struct virtio_user *user, uint64_t address, struct error *error)
{
    return error_set(
        error,
        "guest memory at 0x%" PRIx64
        " has no descriptor by which the back end of chardev '%s' could map it; RAM "
        "has one if a vhost-user device is on hotram's command line, or by -object "
        "memory-backend-memfd,id=ram,size=SIZE -machine memory-backend=ram; a DIMM if its object is a "
        "memory-backend-memfd, or a memory-backend-file with share=on",
        address, user->id);
}

static void add_on_io(void *opaque)
{
    struct change *change = opaque;
    struct virtio_user *user = change->user;

    change->good = true;
    if (user->lost)
        return;
    if (change->region.fd < 0) {
        change->good = has_no_descriptor(user, change->region.address, change->error);
        return;
    }
    if (is_table(user))
        virtio_vhost_take_back(&user->vhost);
    change->good = vhost_user_memory_add(&user->back_end, &change->region, change->error);
    if (virtio_user_still_there(user) && is_table(user) && user->device->running && !user->device->halting)
        virtio_user_begin(user);
}

static void remove_on_io(void *opaque)
{
    struct change *change = opaque;
    struct virtio_user *user = change->user;

    if (user->lost)
        return;
    if (is_table(user))
        virtio_vhost_take_back(&user->vhost);
    vhost_user_memory_remove(&user->back_end, &change->region);
    if (virtio_user_still_there(user) && is_table(user) && user->device->running && !user->device->halting)
        virtio_user_begin(user);
}

/* The guest's rings and buffers are never in memory that it cannot write. */
static bool is_for_it(const struct guest_part *part)
{
    return !part->read_only;
}

static bool memory_prepare(void *opaque, const struct guest_part *part, struct error *error)
{
    struct virtio_user *user = opaque;
    struct change change = { .user = user, .region = region_of(part), .error = error };

    if (!is_for_it(part))
        return true;
    virtio_device_call(user->device, add_on_io, &change);
    return change.good ||
           error_prefix(error, "device '%s' (%s): ", user->device->name, user->device->pci.device.type->name);
}

static void memory_leave(void *opaque, const struct guest_part *part)
{
    struct virtio_user *user = opaque;
    struct change change = { .user = user, .region = region_of(part) };

    if (is_for_it(part))
        virtio_device_call(user->device, remove_on_io, &change);
}

bool virtio_user_listen(struct virtio_user *user, struct error *error)
{
    user->listener = (struct guest_listener){
        .prepare = memory_prepare, .undo = memory_leave, .leave = memory_leave, .opaque = user
    };
    user->listens = guest_memory_listen(user->device->memory, &user->listener, error);
    return user->listens;
}
