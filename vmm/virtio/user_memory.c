/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest memory of a device of vhost-user: its back end maps each range before the guest hears of it, and
 * unmaps it before it goes. Several devices do so at once, each on its I/O thread, which alone waits for its
 * back end, as long as vhost/user.h says:
 *
 *     main thread: prepare ......... answer, commit ............ leave ................ gone
 *     I/O thread:         ADD_MEM_REG                                 REM_MEM_REG
 *     lease:                                   taken ............................ returned
 *
 * The offer of the range is held until ADD_MEM_REG is acknowledged (guest_memory.h); the lease, until
 * REM_MEM_REG is, keeps the range, and names the device as the one that is waited for. The main thread waits
 * only where there is no offer: for memory that is there when a device of the command line is plugged, or
 * DIMMs of the command line. For a device of device_add (virtio_user_join()) memory that is there is leased
 * at once, and what goes before its ADD_MEM_REG has been answered is removed next.
 */
#include <inttypes.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/message.h"
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
static bool add_region(struct virtio_user *user, const struct vhost_user_region *region, struct error *error)
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
    if (!add_region(user, region, error))
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

/* A range of guest memory, from the time at which the back end is to map it until it no longer does. It is
 * the main thread's, and what is marked so the I/O thread's between posting `io` and its end. */
struct virtio_user_part {
    struct virtio_user *user;
    struct vhost_user_region region; /* fixed */
    struct guest_offer *offer;       /* held until `io` has ended; or NULL */
    bool adding;                     /* what `io` does: add it, or remove it */
    bool posted;                     /* `io` has not ended */
    bool leaving;                    /* it goes, which follows the end of `io` */
    bool good;                       /* I/O thread: it is mapped */
    struct error error;              /* I/O thread: or why not */
    struct lease lease;              /* I/O thread; from commit on */
    struct work io, ended;           /* posted to the I/O thread, and by it to the main thread */
    struct virtio_user_part *next;
};

/* The queue whose rings are in what goes does not work any more, of which the back end learns first. */
static void revoke_rings(struct virtio_device *device)
{
    for (unsigned i = 0; i < device->queue_count; i++)
        virtio_queue_check_rings(virtio_device_queue(device, i));
}

static void remove_range(struct virtio_user *user, const struct vhost_user_region *region)
{
    if (user->lost)
        return;
    forget(user, region->address);
    if (user->away)
        return;
    revoke_rings(user->device);
    if (!virtio_user_still_there(user))
        return;
    if (is_table(user))
        virtio_vhost_take_back(&user->vhost);
    vhost_user_memory_remove(&user->back_end, region);
    begin_again(user);
}

static void change_on_io(void *opaque)
{
    struct virtio_user_part *part = opaque;
    struct virtio_user *user = part->user;

    if (part->adding)
        part->good = user->lost || add(user, &part->region, &part->error) ||
                     error_prefix(&part->error, "device '%s' (%s): ", user->device->name,
                                  user->device->pci.device.type->name);
    else if (part->good)
        remove_range(user, &part->region);
    if (!part->adding && part->lease.region)
        lease_return(user->device->memory, &part->lease);
}

/* ---- on the main thread ---- */

static void change_and_tell(void *opaque)
{
    struct virtio_user_part *part = opaque;

    change_on_io(part);
    loop_post(part->user->device->pci.device.board->loop, &part->ended);
}

static void part_free(struct virtio_user_part *part)
{
    struct virtio_user_part **link = &part->user->parts;

    while (*link != part)
        link = &(*link)->next;
    *link = part->next;
    free(part);
}

static struct virtio_user_part *part_at(struct virtio_user *user, uint64_t address)
{
    struct virtio_user_part *part = user->parts;

    while (part->region.address != address || (!part->adding && part->posted))
        part = part->next;
    return part;
}

static void post(struct virtio_user_part *part, bool adding)
{
    part->adding = adding;
    part->posted = true;
    loop_post(io_thread_loop(part->user->device->io), &part->io);
}

/* Of memory that was there before a device that is joining. */
static void note_refusal(struct virtio_user *user, const struct error *why)
{
    if (!user->joining || user->refused)
        return;
    user->refused = true;
    user->refusal = *why;
}

static void on_ended(void *opaque)
{
    struct virtio_user_part *part = opaque;
    struct guest_offer *offer = part->offer;
    const bool refused = part->adding && !part->good;

    part->posted = false;
    part->offer = NULL;
    if (offer)
        guest_offer_answer(offer, refused ? &part->error : NULL);
    else if (refused)
        note_refusal(part->user, &part->error);
    if (!part->adding)
        part_free(part);
    else if (part->leaving)
        post(part, false);
}

/* Without an offer, it is done on return, except while the device is joining. */
static void change(struct virtio_user_part *part, bool adding, struct guest_offer *offer)
{
    part->offer = offer;
    if (offer)
        guest_offer_hold(offer);
    if (offer || part->user->joining) {
        post(part, adding);
    } else {
        part->adding = adding;
        virtio_device_call(part->user->device, change_on_io, part);
    }
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

static bool memory_prepare(void *opaque, const struct guest_part *what, struct guest_offer *offer,
                           struct error *error)
{
    struct virtio_user *user = opaque;
    const bool posted = offer || user->joining; /* and `good` is the I/O thread's */
    struct virtio_user_part *part;

    if (!is_for_it(what))
        return true;
    part = calloc(1, sizeof *part);
    if (!part)
        return error_set(error, "out of memory");
    *part = (struct virtio_user_part){ .user = user,
                                       .region = region_of(what),
                                       .io = { .run = change_and_tell, .opaque = part },
                                       .ended = { .run = on_ended, .opaque = part },
                                       .next = user->parts };
    user->parts = part;
    user->mapped++;
    change(part, true, offer);
    if (posted || part->good)
        return true;
    *error = part->error;
    user->mapped--;
    part_free(part);
    return false;
}

static void memory_commit(void *opaque, const struct guest_part *what)
{
    struct virtio_user *user = opaque;
    struct virtio_device *device = user->device;
    struct virtio_user_part *part = is_for_it(what) ? part_at(user, what->address) : NULL;

    if (part && !guest_memory_lease(device->memory, guest_memory_holder(device->memory, device->name),
                                    LEASE_WRITE, what->address, what->size, &part->lease))
        warning("%s: guest memory at 0x%" PRIx64 " could not be leased", device->name, what->address);
}

static void memory_undo(void *opaque, const struct guest_part *what, struct guest_offer *offer)
{
    struct virtio_user *user = opaque;
    struct virtio_user_part *part = is_for_it(what) ? part_at(user, what->address) : NULL;

    if (!part)
        return;
    user->mapped--;
    if (part->posted) { /* while the device is joining */
        part->leaving = true;
        return;
    }
    change(part, false, offer);
    if (!part->posted)
        part_free(part);
}

static void memory_leave(void *opaque, const struct guest_part *what)
{
    struct virtio_user *user = opaque;
    struct virtio_user_part *part = is_for_it(what) ? part_at(user, what->address) : NULL;

    if (!part)
        return;
    user->mapped--;
    if (part->posted)
        part->leaving = true;
    else
        post(part, false);
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
    user->listener = (struct guest_listener){ .prepare = memory_prepare,
                                              .commit = memory_commit,
                                              .undo = memory_undo,
                                              .leave = memory_leave,
                                              .room = memory_room,
                                              .unlogged = user->device->name,
                                              .opaque = user };
    user->listens = guest_memory_listen(user->device->memory, &user->listener, error);
    user->device->maps_memory = user->listens;
    return user->listens;
}

void virtio_user_unlisten(struct virtio_user *user)
{
    if (user->listens)
        guest_memory_unlisten(user->device->memory, &user->listener);
    user->listens = false;
}

/* What is waited for ends as if the back end had agreed: it is in nobody's way any more. */
void virtio_user_free_memory(struct virtio_user *user)
{
    while (user->parts) {
        struct virtio_user_part *part = user->parts;

        if (part->posted)
            loop_cancel(user->device->pci.device.board->loop, &part->ended);
        if (part->offer)
            guest_offer_answer(part->offer, NULL);
        if (part->lease.region)
            lease_return(user->device->memory, &part->lease);
        user->parts = part->next;
        free(part);
    }
    free(user->regions);
    user->regions = NULL;
}
