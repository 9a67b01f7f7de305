/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest memory of a device of vhost-user: its back end maps each range before the guest hears of it, and
 * unmaps it before it goes. The main thread waits for that, as long as vhost/user.h says, and for several
 * devices at once.
 */
#include <inttypes.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "device/device.h"
#include "virtio/user.h"

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

/* The list of what it maps, also while it is away. */
static bool note(struct virtio_user *user, const struct vhost_user_region *region, struct error *error)
{
    struct vhost_user_region *regions = reallocarray(user->regions, user->region_count + 1, sizeof *regions);

    if (!regions)
        return error_set(error, "out of memory");
    user->regions = regions;
    regions[user->region_count++] = *region;
    return true;
}

static void forget(struct virtio_user *user, uint64_t address)
{
    unsigned i = 0;

    while (i < user->region_count && user->regions[i].address != address)
        i++;
    if (i < user->region_count)
        user->regions[i] = user->regions[--user->region_count];
}

static void begin_again(struct virtio_user *user)
{
    if (virtio_user_still_there(user) && is_table(user) && user->device->running && !user->device->halting)
        virtio_user_begin(user);
}

/* One that comes back has to take all that is there. */
static bool add(struct virtio_user *user, const struct vhost_user_region *region, struct error *error)
{
    bool good;

    if (region->fd < 0)
        return has_no_descriptor(user, region->address, error);
    if (user->region_count >= user->back_end.slots_max)
        return vhost_user_memory_full(&user->back_end, error);
    if (!note(user, region, error))
        return false;
    if (user->away)
        return true;
    if (is_table(user))
        virtio_vhost_take_back(&user->vhost);
    good = vhost_user_memory_add(&user->back_end, region, error);
    if (!good)
        forget(user, region->address);
    begin_again(user);
    return good;
}

static void add_on_io(void *opaque)
{
    struct virtio_user *user = opaque;
    struct virtio_user_change *change = &user->change;

    change->good = user->lost || add(user, &change->region, &change->error);
}

static void remove_on_io(void *opaque)
{
    struct virtio_user *user = opaque;

    if (user->lost)
        return;
    forget(user, user->change.region.address);
    if (user->away)
        return;
    if (is_table(user))
        virtio_vhost_take_back(&user->vhost);
    vhost_user_memory_remove(&user->back_end, &user->change.region);
    begin_again(user);
}

bool virtio_user_map_again(struct virtio_user *user)
{
    struct error error;

    for (unsigned i = 0; i < user->region_count; i++)
        if (!vhost_user_memory_add(&user->back_end, &user->regions[i], &error))
            return vhost_user_break(&user->back_end, "%s", error.text);
    return true;
}

/* The guest's rings and buffers are never in memory that it cannot write. */
static bool is_for_it(const struct guest_part *part)
{
    return !part->read_only;
}

static void begin_change(struct virtio_user *user, const struct guest_part *part, void (*run)(void *opaque))
{
    user->change = (struct virtio_user_change){ .region = region_of(part) };
    io_thread_begin(user->device->io, &user->call, run, user);
}

static void memory_begin(void *opaque, const struct guest_part *part)
{
    if (is_for_it(part))
        begin_change(opaque, part, add_on_io);
}

static bool memory_prepare(void *opaque, const struct guest_part *part, struct error *error)
{
    struct virtio_user *user = opaque;
    const struct virtio_device *device = user->device;

    if (!is_for_it(part))
        return true;
    io_thread_finish(&user->call);
    if (user->change.good) {
        user->mapped++;
        return true;
    }
    *error = user->change.error;
    return error_prefix(error, "device '%s' (%s): ", device->name, device->pci.device.type->name);
}

static void memory_begin_leave(void *opaque, const struct guest_part *part)
{
    if (is_for_it(part))
        begin_change(opaque, part, remove_on_io);
}

static void memory_leave(void *opaque, const struct guest_part *part)
{
    struct virtio_user *user = opaque;

    if (is_for_it(part)) {
        io_thread_finish(&user->call);
        user->mapped--;
    }
}

static unsigned memory_room(void *opaque, struct error *why)
{
    const struct virtio_user *user = opaque;
    const struct virtio_device *device = user->device;
    const unsigned most = atomic_load(&user->most);

    if (most == UINT_MAX)
        return UINT_MAX;
    error_set(why, "the back end of device '%s' (%s) maps at most %u ranges of guest memory", device->name,
              device->pci.device.type->name, most);
    return user->mapped < most ? most - user->mapped : 0;
}

static void memory_undo(void *opaque, const struct guest_part *part)
{
    memory_begin_leave(opaque, part);
    memory_leave(opaque, part);
}

/* Whether a device provides memory that a program which maps guest memory must not reach. */
static bool check_withheld(const struct board *board, struct error *error)
{
    for (const struct device *device = board->devices; device; device = device->next)
        if (device->type->virtio && device->type->virtio->withholds_memory)
            return error_set(
                error,
                "the back end maps guest memory, and would reach blocks of device '%s' (%s) that are not plugged; use a device without a back end in another program, or a pc-dimm instead of '%s'",
                device_name(device), device->type->name, device_name(device));
    return true;
}

bool virtio_user_listen(struct virtio_user *user, struct error *error)
{
    if (!check_withheld(user->device->pci.device.board, error))
        return false;
    user->listener = (struct guest_listener){ .begin = memory_begin,
                                              .prepare = memory_prepare,
                                              .undo = memory_undo,
                                              .begin_leave = memory_begin_leave,
                                              .leave = memory_leave,
                                              .room = memory_room,
                                              .unlogged = device_name(&user->device->pci.device),
                                              .opaque = user };
    user->listens = guest_memory_listen(user->device->memory, &user->listener, error);
    user->device->maps_memory = user->listens;
    return user->listens;
}
