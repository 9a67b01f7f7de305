/* SPDX-License-Identifier: BSD-2-Clause */
#include "block/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

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

void block_unlock(struct block_node *node)
{
    struct flock all = range(F_UNLCK, USED, ALL_BYTES);

    if (!node->locked)
        return;
    node->locked = false;
    RESULT_DOES_NOT_MATTER(fcntl(node->fd, F_OFD_SETLK, &all), "closing the file gives them back, too");
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

    if (node->locking == BLOCK_LOCKING_OFF || node->locked || node->fd < 0)
        return true;
    for (size_t i = 0; i < COUNT_OF(permissions); i++)
        if ((used & permissions[i].bit && !take(node->fd, USED + permissions[i].number)) ||
            (unshared & permissions[i].bit && !take(node->fd, UNSHARED + permissions[i].number))) {
            const int failure = errno;

            node->locked = true;
            block_unlock(node);
            /* Only a write lock is in the way, which QEMU never takes. */
            return failure == EAGAIN || failure == EACCES ? collides(node, "", permissions[i].name, error)
                                                          : without(node, failure, error);
        }
    node->locked = true;
    for (size_t i = 0; i < COUNT_OF(permissions); i++) {
        bool good = true;

        if (used & permissions[i].bit && is_taken(node->fd, UNSHARED + permissions[i].number))
            good = collides(node, "", permissions[i].name, error);
        else if (unshared & permissions[i].bit && is_taken(node->fd, USED + permissions[i].number))
            good = collides(node, "shared ", permissions[i].name, error);
        if (!good) {
            block_unlock(node);
            return false;
        }
    }
    return true;
}
