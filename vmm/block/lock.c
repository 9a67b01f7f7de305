/* SPDX-License-Identifier: BSD-2-Clause */
#include "block/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/count_of.h"
#include "base/message.h"

#define USED 100
#define UNSHARED 200
#define ALL_BYTES (UNSHARED + 64 - USED)

/* QEMU's permissions, as bits. */
#define PERMISSION_READ 1u /* consistent data */
#define PERMISSION_WRITE 2u
#define PERMISSION_RESIZE 8u

static const struct {
    unsigned bit, number;
    const char *name; /* QEMU's */
} permissions[] = {
    { PERMISSION_READ, 0, "consistent read" },
    { PERMISSION_WRITE, 1, "write" },
    { PERMISSION_RESIZE, 3, "resize" },
};

static struct flock range(short type, off_t start, off_t length)
{
    return (struct flock){ .l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = length };
}

static bool take(int fd, off_t byte)
{
    struct flock lock = range(F_RDLCK, byte, 1);

    return fcntl(fd, F_OFD_SETLK, &lock) == 0;
}

/* Whether somebody else has a lock on the byte. */
static bool is_taken(int fd, off_t byte)
{
    struct flock lock = range(F_WRLCK, byte, 1);

    return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

/* The file's description that gets the locks: one of their own. A ring of io_uring keeps the node's
 * (IORING_REGISTER_FILES), and after a program was killed the kernel frees its rings late, so that the image
 * would still be locked when the next program starts. Without /proc, or without the right to read the image,
 * the node's has to do. */
static int describe_again(int fd)
{
    char path[32];
    int own;

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    own = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    return own < 0 ? fd : own;
}

void block_unlock(struct block_node *node)
{
    struct flock all = range(F_UNLCK, USED, ALL_BYTES);

    if (node->lock_fd < 0)
        return;
    RESULT_DOES_NOT_MATTER(fcntl(node->lock_fd, F_OFD_SETLK, &all), "closing the file gives them back, too");
    if (node->lock_fd != node->fd)
        close(node->lock_fd);
    node->lock_fd = -1;
}

/* The file system has none. */
static bool without(const struct block_node *node, int failure, struct error *error)
{
    if (node->locking == BLOCK_LOCKING_ON)
        return error_set(error, "'%s' cannot be locked: %s; locking=off goes without", node->filename,
                         strerror(failure));
    warning(
        "'%s' is not locked, so other programs do not see that it is in use: %s; locking=off says that this "
        "is meant",
        node->filename, strerror(failure));
    return true;
}

static bool collides(const struct block_node *node, const char *shared, const char *name, struct error *error)
{
    return error_set(error,
                     "Failed to get %s\"%s\" lock: another program uses the image '%s' (fuser names it), or "
                     "another node of this guest; it is free when that has ended",
                     shared, name, node->filename);
}

bool block_lock(struct block_node *node, bool write, bool share, struct error *error)
{
    const unsigned used = PERMISSION_READ | (write ? PERMISSION_WRITE | PERMISSION_RESIZE : 0);
    const unsigned unshared = share ? 0 : PERMISSION_WRITE;

    if (node->locking == BLOCK_LOCKING_OFF || node->lock_fd >= 0 || node->fd < 0)
        return true;
    node->lock_fd = describe_again(node->fd);
    for (size_t i = 0; i < COUNT_OF(permissions); i++)
        if ((used & permissions[i].bit && !take(node->lock_fd, USED + permissions[i].number)) ||
            (unshared & permissions[i].bit && !take(node->lock_fd, UNSHARED + permissions[i].number))) {
            const int failure = errno;

            block_unlock(node);
            /* Only a write lock is in the way, which QEMU never takes. */
            return failure == EAGAIN || failure == EACCES ? collides(node, "", permissions[i].name, error)
                                                          : without(node, failure, error);
        }
    for (size_t i = 0; i < COUNT_OF(permissions); i++) {
        bool good = true;

        if (used & permissions[i].bit && is_taken(node->lock_fd, UNSHARED + permissions[i].number))
            good = collides(node, "", permissions[i].name, error);
        else if (unshared & permissions[i].bit && is_taken(node->lock_fd, USED + permissions[i].number))
            good = collides(node, "shared ", permissions[i].name, error);
        if (!good) {
            block_unlock(node);
            return false;
        }
    }
    return true;
}
