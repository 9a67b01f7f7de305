/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An empty qcow2 image, version 3 (QEMU's docs/interop/qcow2.rst): header, table of refcounts, one block of
 * refcounts, and the L1 table, each in clusters of its own. Which image is below is not in it: the daemon's
 * command line names that.
 */
#include "block/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/message.h"
#include "block/image_format.h"
#include "block/lock.h"
#include "block/node_state.h"
#include "block/request.h"
#include "host/file.h"

#define CLUSTER_BITS 16u
#define CLUSTER (UINT64_C(1) << CLUSTER_BITS)
#define L1_COVERS (CLUSTER / 8 * CLUSTER) /* by one entry: a table of clusters */
#define L1_ENTRIES_MAX (UINT64_C(32) << 20 >> 3)
#define FIXED_CLUSTERS 3u /* in front of the L1 table */

/* Offsets in a header (numbers are big-endian). */
#define AT_VERSION 4u
#define AT_CLUSTER_BITS 20u
#define AT_SIZE 24u
#define AT_L1_SIZE 36u
#define AT_L1_TABLE 40u
#define AT_REFCOUNT_TABLE 48u
#define AT_REFCOUNT_CLUSTERS 56u
#define AT_REFCOUNT_ORDER 96u
#define AT_HEADER_LENGTH 100u
#define HEADER_LENGTH 104u

static void put(uint8_t *at, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        at[i] = (uint8_t)(value >> (8 * (bytes - 1 - i)));
}

static uint64_t get(const uint8_t *at, unsigned bytes)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < bytes; i++)
        value = value << 8 | at[i];
    return value;
}

/* ---- the image below ---- */

static bool check_guess(const struct overlay_base *base, const uint8_t *head, size_t length,
                        struct error *error)
{
    const char *format = image_format(head, length);

    if (!base->format_unsaid)
        return true;
    if (format)
        return error_set(
            error,
            "'%s' begins as a %s image does, and its format was not given; format=%s or, if it is "
            "raw nevertheless, format=raw says so",
            base->path, format, format);
    warning("the format of '%s' was not specified and is taken to be raw; format=raw removes this warning",
            base->path);
    return true;
}

static bool check_kind(const struct overlay_base *base, int fd, struct error *error)
{
    struct stat file;

    if (fstat(fd, &file) < 0)
        return error_set(error, "Could not read '%s': %s", base->path, strerror(errno));
    return S_ISREG(file.st_mode) || S_ISBLK(file.st_mode) ||
           error_set(error, "an image is a regular file or a disk, and '%s' is neither", base->path);
}

static bool read_size(const struct overlay_base *base, int fd, uint64_t *size, struct error *error)
{
    uint8_t head[IMAGE_FORMAT_BYTES];
    const ssize_t length = pread(fd, head, sizeof head, 0);
    const off_t end = length < 0 ? -1 : lseek(fd, 0, SEEK_END);

    if (end < 0)
        return error_set(error, "Could not read '%s': %s", base->path, strerror(errno));
    if (!check_guess(base, head, (size_t)length, error))
        return false;
    *size = (uint64_t)end;
    if (strcmp(base->format, "qcow2") == 0) {
        const char *format = image_format(head, (size_t)length);

        if (!format || strcmp(format, "qcow2") != 0 || length < (ssize_t)HEADER_LENGTH)
            return error_set(error, "'%s' is no qcow2 image", base->path);
        *size = get(head + AT_SIZE, 8);
    }
    if (*size % BLOCK_SECTOR != 0)
        return error_set(error,
                         "the size of '%s', %" PRIu64 " bytes, is not a multiple of %u; `truncate -s %" PRIu64
                         " %s` makes it one",
                         base->path, *size, BLOCK_SECTOR, (*size / BLOCK_SECTOR + 1) * BLOCK_SECTOR,
                         base->path);
    return true;
}

/* As for a disk that is only read: the daemon would share the image with writers. */
static bool lock(const struct overlay_base *base, int fd, int *locked, struct error *error)
{
    struct block_node node = { .filename = (char *)(uintptr_t)base->path, .fd = fd, .lock_fd = -1 };

    if (!block_lock(&node, false, false, error))
        return false;
    *locked = node.lock_fd;
    return true;
}

static bool open_base(const struct overlay_base *base, uint64_t *size, int *locked, struct error *error)
{
    bool good;
    int fd;

    if (strcmp(base->format, "raw") != 0 && strcmp(base->format, "qcow2") != 0)
        return error_set(
            error,
            "snapshot=on is for raw and qcow2 images; `qemu-img create -f qcow2 -b %s -F %s OVERLAY` "
            "makes an overlay, for -drive file=OVERLAY,format=qcow2",
            base->path, base->format);
    fd = open(base->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return error_set(error, "Could not open '%s': %s", base->path, file_why(errno));
    good = check_kind(base, fd, error) && read_size(base, fd, size, error) && lock(base, fd, locked, error);
    if (fd != *locked)
        close(fd);
    return good;
}

/* ---- its own ---- */

static const char *folder(void)
{
    const char *given = getenv("TMPDIR");

    return given && *given ? given : "/var/tmp";
}

/* Where the file system has no files without a name, one has it for a moment. */
static int make_file(struct error *error)
{
    const char *in = folder();
    int fd = open(in, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    char path[4096];

    if (fd >= 0)
        return fd;
    errno = ENAMETOOLONG;
    if ((size_t)snprintf(path, sizeof path, "%s/hotram-XXXXXX", in) < sizeof path)
        fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0)
        error_set(
            error,
            "no file for what the guest writes can be made in '%.200s': %s; $TMPDIR names another folder", in,
            strerror(errno));
    else
        RESULT_DOES_NOT_MATTER(unlink(path) < 0, "then somebody else has removed it");
    return fd;
}

static bool write_image(int fd, uint64_t size)
{
    const uint64_t entries = (size + L1_COVERS - 1) / L1_COVERS;
    const uint64_t clusters = FIXED_CLUSTERS + (8 * entries + CLUSTER - 1) / CLUSTER;
    uint8_t header[HEADER_LENGTH] = { 'Q', 'F', 'I', 0xfb }, table[8], counts[2 * 1024] = { 0 };

    put(header + AT_VERSION, 3, 4);
    put(header + AT_CLUSTER_BITS, CLUSTER_BITS, 4);
    put(header + AT_SIZE, size, 8);
    put(header + AT_L1_SIZE, entries, 4);
    put(header + AT_L1_TABLE, FIXED_CLUSTERS * CLUSTER, 8);
    put(header + AT_REFCOUNT_TABLE, CLUSTER, 8);
    put(header + AT_REFCOUNT_CLUSTERS, 1, 4);
    put(header + AT_REFCOUNT_ORDER, 4, 4);
    put(header + AT_HEADER_LENGTH, HEADER_LENGTH, 4);
    put(table, 2 * CLUSTER, 8);
    for (uint64_t i = 0; i < clusters; i++) /* 515 at most */
        put(counts + 2 * i, 1, 2);
    return ftruncate(fd, (off_t)(clusters * CLUSTER)) == 0 &&
           pwrite(fd, header, sizeof header, 0) == (ssize_t)sizeof header &&
           pwrite(fd, table, sizeof table, (off_t)CLUSTER) == (ssize_t)sizeof table &&
           pwrite(fd, counts, sizeof counts, 2 * (off_t)CLUSTER) == (ssize_t)sizeof counts;
}

/* -1 and an error. */
static int make_image(uint64_t size, struct error *error)
{
    const char *in = folder();
    const int fd = make_file(error);

    if (fd < 0 || write_image(fd, size))
        return fd;
    error_set(error, "what the guest writes cannot be kept in '%.200s': %s; $TMPDIR names another folder", in,
              strerror(errno));
    close(fd);
    return -1;
}

bool overlay_create(const struct overlay_base *base, struct overlay *overlay, struct error *error)
{
    uint64_t size = 0;

    *overlay = (struct overlay){ -1, -1 };
    if (!open_base(base, &size, &overlay->lock, error))
        return false;
    if (size <= L1_ENTRIES_MAX * L1_COVERS)
        overlay->file = make_image(size, error);
    else
        error_set(error, "'%s' has %" PRIu64 " bytes; with snapshot=on the limit is %" PRIu64, base->path,
                  size, L1_ENTRIES_MAX * L1_COVERS);
    if (overlay->file >= 0)
        return true;
    if (overlay->lock >= 0)
        close(overlay->lock);
    return false;
}
