/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest memory of a vhost-user-blk: its back end maps each range before the guest hears of it, and unmaps it
 * before it goes. The main thread waits for that, as long as vhost/user.h says.
 */
#include <inttypes.h>

#include "virtio/user_blk.h"

struct change {
    struct user_blk *blk;
    struct vhost_user_region region;
    struct error *error;
    bool good;
};

static struct vhost_user_region region_of(const struct guest_part *part)
{
    return (struct vhost_user_region){ part->address, part->size, part->memory, part->fd, part->offset };
}

/* A table that is replaced unmaps what is there: nobody uses it then. */
static bool is_table(const struct user_blk *blk)
{
    return !(blk->user.protocol & VHOST_USER_PROTOCOL_MEM_SLOTS);
}

static bool has_no_descriptor(const struct user_blk *blk, uint64_t address, struct error *error)
{
    return error_set(
        error,
        "guest memory at 0x%" PRIx64
        " has no descriptor by which the back end of chardev '%s' could map it; RAM "
        "has one if a vhost-user device is on hotram's command line, or by -object "
        "memory-backend-memfd,id=ram,size=SIZE -machine memory-backend=ram; a DIMM if its object is a "
        "memory-backend-memfd, or a memory-backend-file with share=on",
        address, blk->values.chardev);
}

static void add_on_io(void *opaque)
{
    struct change *change = opaque;
    struct user_blk *blk = change->blk;

    change->good = true;
    if (blk->lost)
        return;
    if (change->region.fd < 0) {
        change->good = has_no_descriptor(blk, change->region.address, change->error);
        return;
    }
    if (is_table(blk))
        virtio_vhost_take_back(&blk->vhost);
    change->good = vhost_user_memory_add(&blk->user, &change->region, change->error);
    if (user_blk_still_there(blk) && is_table(blk) && blk->virtio.running && !blk->virtio.halting)
        user_blk_begin(blk);
}

static void remove_on_io(void *opaque)
{
    struct change *change = opaque;
    struct user_blk *blk = change->blk;

    if (blk->lost)
        return;
    if (is_table(blk))
        virtio_vhost_take_back(&blk->vhost);
    vhost_user_memory_remove(&blk->user, &change->region);
    if (user_blk_still_there(blk) && is_table(blk) && blk->virtio.running && !blk->virtio.halting)
        user_blk_begin(blk);
}

/* A disk's data is never in memory that the guest cannot write. */
static bool is_for_it(const struct guest_part *part)
{
    return !part->read_only;
}

static bool memory_prepare(void *opaque, const struct guest_part *part, struct error *error)
{
    struct user_blk *blk = opaque;
    struct change change = { .blk = blk, .region = region_of(part), .error = error };

    if (!is_for_it(part))
        return true;
    virtio_device_call(&blk->virtio, add_on_io, &change);
    return change.good ||
           error_prefix(error, "device '%s' (%s): ", blk->virtio.name, blk->virtio.pci.device.type->name);
}

static void memory_leave(void *opaque, const struct guest_part *part)
{
    struct user_blk *blk = opaque;
    struct change change = { .blk = blk, .region = region_of(part) };

    if (is_for_it(part))
        virtio_device_call(&blk->virtio, remove_on_io, &change);
}

bool user_blk_listen(struct user_blk *blk, struct error *error)
{
    blk->listener = (struct guest_listener){
        .prepare = memory_prepare, .undo = memory_leave, .leave = memory_leave, .opaque = blk
    };
    blk->listens = guest_memory_listen(blk->virtio.memory, &blk->listener, error);
    return blk->listens;
}
