/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Images that are files, and disks of the host.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "block/image_format.h"
#include "block/node_state.h"
#include "block/request.h"
#include "host/file.h"
#include "host/passed.h"

static bool lacks_rights(int failure)
{
    return failure == EACCES || failure == EPERM || failure == EROFS;
}

/* One that is asked for writing, and that this user may read. */
static bool can_be_read(const struct block_node *node)
{
    int fd = node->read_only ? -1 : passed_open(node->filename, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0);

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

/* A way out, or "". */
static const char *advice(const struct block_node *node, int failure)
{
    if (failure == ENOENT && !node->read_only && !passed_is_set(node->filename))
        return "; `truncate -s 10G FILE` makes an empty image";
    if (lacks_rights(failure) && can_be_read(node))
        return "; read-only=on opens it for reading alone";
    if (failure == EACCES && !passed_is_set(node->filename))
        return node->read_only
                   ? "; give the user who starts hotram the right to read it (chown, chmod)"
                   : "; give the user who starts hotram the rights to read and write it (chown, chmod)";
    return "";
}

static bool cannot_open(const struct block_node *node, int failure, struct error *error)
{
    const char *why = passed_why(node->filename, failure);

    if (failure == EINVAL && node->direct)
        return error_set(
            error,
            "Could not open '%s': its file system does not know O_DIRECT; cache.direct=off reads and "
            "writes by the host's page cache",
            node->filename);
    return error_set(error, "Could not open '%s': %s%s", node->filename, why ? why : file_why(failure),
                     advice(node, failure));
}

static bool check_kind(const struct block_node *node, mode_t mode, bool device, struct error *error)
{
    if (device ? S_ISBLK(mode) : S_ISREG(mode))
        return true;
    if (S_ISBLK(mode))
        return error_set(error,
                         "'file' driver requires '%s' to be a regular file; driver host_device is for disks",
                         node->filename);
    if (device && S_ISREG(mode))
        return error_set(error,
                         "'host_device' driver requires '%s' to be a block device; driver file is for files",
                         node->filename);
    return error_set(error, "'%s' driver requires '%s' to be a %s", node->driver->name, node->filename,
                     device ? "block device" : "regular file");
}

/* As far as its rights go. With O_NONBLOCK, so that nothing is waited for; it does not stay, since io_uring
 * would then give EAGAIN where a read has to wait. */
static bool open_image(struct block_node *node, bool device, struct error *error)
{
    const int flags = O_CLOEXEC | O_NONBLOCK | O_NOCTTY | (node->direct ? O_DIRECT : 0);
    struct stat file;
    int now;

    if (!passed_is_set(node->filename)) {
        if (stat(node->filename, &file) < 0)
            return cannot_open(node, errno, error);
        if (!check_kind(node, file.st_mode, device, error))
            return false;
    }
    node->writable = !node->read_only;
    node->fd = passed_open(node->filename, flags | (node->writable ? O_RDWR : O_RDONLY), 0);
    if (node->fd < 0 && node->writable && node->auto_read_only && lacks_rights(errno)) {
        node->writable = false;
        node->fd = passed_open(node->filename, flags | O_RDONLY, 0);
    }
    if (node->fd < 0)
        return cannot_open(node, errno, error);
    /* It may be another file by now. */
    if (fstat(node->fd, &file) < 0 || !check_kind(node, file.st_mode, device, error))
        return false;
    now = fcntl(node->fd, F_GETFL);
    if (now < 0 || fcntl(node->fd, F_SETFL, now & ~O_NONBLOCK) < 0)
        return error_set(error, "'%s': %s", node->filename, strerror(errno));
    return true;
}

/* The smallest piece that can be read by O_DIRECT. */
static bool probe_alignment(struct block_node *node, struct error *error)
{
    void *buffer;

    node->block = BLOCK_SECTOR;
    if (!node->direct)
        return true;
    if (posix_memalign(&buffer, BLOCK_ALIGNED, BLOCK_ALIGNED) != 0)
        return error_set(error, "out of memory");
    while (node->block < BLOCK_ALIGNED && pread(node->fd, buffer, node->block, 0) < 0 && errno == EINVAL)
        node->block *= 2;
    free(buffer);
    return true;
}

static bool check_size(struct block_node *node, struct error *error)
{
    const off_t size = lseek(node->fd, 0, SEEK_END);
    uint64_t whole;

    if (size < 0)
        return error_set(error, "the size of '%s': %s", node->filename, strerror(errno));
    whole = ((uint64_t)size + node->block - 1) / node->block * node->block;
    if ((uint64_t)size != whole)
        return error_set(error,
                         "the size of '%s', %" PRIu64 " bytes, is not a multiple of %u; `truncate -s %" PRIu64
                         " %s` makes it one",
                         node->filename, (uint64_t)size, node->block, whole, node->filename);
    atomic_store(&node->size, (uint64_t)size);
    return true;
}

static bool open_any(struct block_node *node, bool device, struct error *error)
{
    return open_image(node, device, error) && probe_alignment(node, error) && check_size(node, error);
}

bool block_file_open(struct block_node *node, struct error *error)
{
    return open_any(node, false, error);
}

bool block_device_open(struct block_node *node, struct error *error)
{
    return open_any(node, true, error);
}

/* In a buffer for O_DIRECT, which the image may have been opened with. */
bool block_node_guess(const struct block_node *node, const char **format, struct error *error)
{
    const struct block_node *image = block_node_bottom(node);
    void *head;
    ssize_t got;

    if (posix_memalign(&head, BLOCK_ALIGNED, BLOCK_ALIGNED) != 0)
        return error_set(error, "out of memory");
    got = pread(image->fd, head, BLOCK_ALIGNED, 0);
    if (got >= 0)
        *format = image_format(head, (size_t)got);
    else
        error_set(error, "Could not read '%s': %s", image->filename, strerror(errno));
    free(head);
    return got >= 0;
}

bool block_file_resize(struct block_node *node, uint64_t size, struct error *error)
{
    if (size > INT64_MAX || ftruncate(node->fd, (off_t)size) < 0)
        return error_set(error, "Failed to resize '%s' to %" PRIu64 " bytes: %s", node->filename, size,
                         strerror(size > INT64_MAX ? EFBIG : errno));
    atomic_store(&node->size, size);
    return true;
}

/* The host has made it larger; hotram can only look. */
bool block_device_resize(struct block_node *node, uint64_t size, struct error *error)
{
    const off_t there = lseek(node->fd, 0, SEEK_END);

    if (there < 0)
        return error_set(error, "the size of '%s': %s", node->filename, strerror(errno));
    if ((uint64_t)there != size)
        return error_set(error,
                         "'%s' is a disk of the host with %" PRIu64
                         " bytes, which hotram cannot make %" PRIu64
                         "; when the host has changed it, give its size",
                         node->filename, (uint64_t)there, size);
    atomic_store(&node->size, size);
    return true;
}
