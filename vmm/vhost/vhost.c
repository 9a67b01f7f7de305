/* SPDX-License-Identifier: BSD-2-Clause */
#include "vhost/vhost.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/vhost.h>
#include <string.h>
#include <sys/ioctl.h>

static bool is_missing(int failure)
{
    return failure == ENOENT || failure == ENODEV || failure == ENXIO;
}

static bool is_forbidden(int failure)
{
    return failure == EACCES || failure == EPERM;
}

int vhost_open(const struct vhost_kind *kind, struct error *error)
{
    const int fd = open(kind->path, O_RDWR | O_CLOEXEC);
    const int failure = errno;

    if (fd >= 0)
        return fd;
    error_set(
        error, "%s: cannot open '%s': %s; %s%s%s%s", kind->wanted, kind->path, strerror(failure),
        is_missing(failure) ? "load the kernel's module (modprobe "
        : is_forbidden(failure)
            ? "add the user to the device's group, usually kvm (adduser USER kvm), and log in again, or "
              "pass an open one (vhostfd=NAME)"
            : "try again",
        is_missing(failure) ? kind->module : "", is_missing(failure) ? ")" : "", kind->instead);
    return -1;
}

bool vhost_features(int fd, uint64_t *features)
{
    return ioctl(fd, VHOST_GET_FEATURES, features) == 0;
}

bool vhost_own(int fd)
{
    return ioctl(fd, VHOST_SET_OWNER) == 0;
}

bool vhost_set_memory(int fd, const struct vhost_span *spans, unsigned count, struct error *error)
{
    /* Ends with an array of no size: the bytes are what it has room for. */
    union {
        struct vhost_memory table;
        uint8_t bytes[sizeof(struct vhost_memory) + VHOST_SPANS_MAX * sizeof(struct vhost_memory_region)];
    } memory = { .table = { .nregions = count } };

    if (count > VHOST_SPANS_MAX)
        return error_set(error, "the kernel's vhost takes %u ranges of guest memory; these would be %u",
                         VHOST_SPANS_MAX, count);
    for (unsigned i = 0; i < count; i++)
        memory.table.regions[i] =
            (struct vhost_memory_region){ .guest_phys_addr = spans[i].address,
                                          .memory_size = spans[i].size,
                                          .userspace_addr = (uint64_t)(uintptr_t)spans[i].memory };
    return ioctl(fd, VHOST_SET_MEM_TABLE, &memory) == 0 ||
           error_set(error, "VHOST_SET_MEM_TABLE: %s", strerror(errno));
}

bool vhost_set_features(int fd, uint64_t features)
{
    return ioctl(fd, VHOST_SET_FEATURES, &features) == 0;
}

static bool set_file(int fd, unsigned long request, unsigned index, int file)
{
    struct vhost_vring_file what = { .index = index, .fd = file };

    return ioctl(fd, request, &what) == 0;
}

bool vhost_ring_give(int fd, unsigned index, const struct vhost_ring *ring)
{
    struct vhost_vring_state size = { .index = index, .num = ring->size };
    struct vhost_vring_state base = { .index = index, .num = ring->next };
    struct vhost_vring_addr address = { .index = index,
                                        .desc_user_addr = (uint64_t)(uintptr_t)ring->descriptors,
                                        .avail_user_addr = (uint64_t)(uintptr_t)ring->available,
                                        .used_user_addr = (uint64_t)(uintptr_t)ring->used };

    return ioctl(fd, VHOST_SET_VRING_NUM, &size) == 0 && ioctl(fd, VHOST_SET_VRING_BASE, &base) == 0 &&
           ioctl(fd, VHOST_SET_VRING_ADDR, &address) == 0 &&
           set_file(fd, VHOST_SET_VRING_ERR, index, ring->error) &&
           set_file(fd, VHOST_SET_VRING_CALL, index, ring->call) &&
           set_file(fd, VHOST_SET_VRING_KICK, index, ring->kick);
}

void vhost_ring_take(int fd, unsigned index, uint16_t *next)
{
    struct vhost_vring_state base = { .index = index, .num = *next };

    RESULT_DOES_NOT_MATTER(!set_file(fd, VHOST_SET_VRING_KICK, index, VHOST_FILE_UNBIND),
                           "the kernel has no reason to refuse it");
    if (ioctl(fd, VHOST_GET_VRING_BASE, &base) == 0)
        *next = (uint16_t)base.num;
}

bool vhost_ring_call(int fd, unsigned index, int call)
{
    return set_file(fd, VHOST_SET_VRING_CALL, index, call);
}
