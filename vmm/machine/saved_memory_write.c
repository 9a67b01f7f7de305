/* SPDX-License-Identifier: BSD-2-Clause */
/* A snapshot's memory is written to its file, without pages of zeros. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/fault.h"
#include "machine/snapshot.h"
#include "memory/write_protect.h"

/* Zero or not is decided for so many bytes, the smallest page size of both architectures; and so many bytes
 * are handled at a time. */
#define GRAIN WRITE_PROTECT_GRAIN
#define PIECE (UINT32_C(2) << 20)
#define GRAINS (PIECE / GRAIN)

/* Which grains of a piece are not zero; the host may be unable to provide them. */
struct scan {
    const uint8_t *bytes;
    size_t size;
    const uint64_t *present; /* bits of the grains that have a page, from `first` on; NULL: all */
    uint64_t first;
    bool used[GRAINS];
};

static bool is_present(const struct scan *scan, size_t index)
{
    return !scan->present || bit_is_set(scan->present, scan->first + index);
}

static void scan_piece(void *opaque)
{
    struct scan *scan = opaque;

    for (size_t at = 0; at < scan->size; at += GRAIN) {
        const size_t size = scan->size - at < GRAIN ? scan->size - at : GRAIN;
        const uint8_t *grain = scan->bytes + at;

        /* All bytes equal the next one, and the first is zero. */
        scan->used[at / GRAIN] = is_present(scan, at / GRAIN) &&
                                 (grain[0] != 0 || memcmp(grain, grain + 1, size - 1) != 0);
    }
}

bool saved_bytes_write(int fd, const uint8_t *bytes, size_t size, uint64_t offset, struct error *error)
{
    while (size > 0) {
        const ssize_t written = pwrite(fd, bytes, size, (off_t)offset);

        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0)
            return error_set(error, "%s", written < 0 ? strerror(errno) : "no space");
        bytes += written;
        size -= (size_t)written;
        offset += (uint64_t)written;
    }
    return true;
}

/* Runs of grains that are not zero. */
static bool write_piece(int fd, const struct scan *scan, uint64_t offset, struct error *error)
{
    const size_t count = (scan->size + GRAIN - 1) / GRAIN;

    for (size_t at = 0, end; at < count; at = end) {
        size_t size;

        for (end = at + 1; end < count && scan->used[end] == scan->used[at]; end++)
            continue;
        size = (end * GRAIN < scan->size ? end * GRAIN : scan->size) - at * GRAIN;
        if (scan->used[at] &&
            !saved_bytes_write(fd, scan->bytes + at * GRAIN, size, offset + at * GRAIN, error))
            return false;
    }
    return true;
}

bool saved_region_write(const struct saved_region *region, uint64_t from, uint64_t size,
                        const uint64_t *present, int fd, const atomic_bool *stop, struct error *error)
{
    const uint64_t end = from + size;
    void *address;

    for (uint64_t at = from; at < end; at += PIECE) {
        struct scan scan = {
            .bytes = (const uint8_t *)region->part.memory + at,
            .size = end - at < PIECE ? (size_t)(end - at) : PIECE,
            .present = present,
            .first = at / GRAIN,
        };

        if (atomic_load(stop))
            return error_set(error, "the program ends");
        if (!fault_guard(scan_piece, &scan, &address))
            return error_set(error, "the host cannot provide the guest's memory at 0x%" PRIx64,
                             region->part.address + at);
        if (!write_piece(fd, &scan, region->offset + at, error))
            return false;
    }
    return true;
}

bool saved_memory_extend(const struct saved_memory *memory, int fd, struct error *error)
{
    return ftruncate(fd, (off_t)memory->end) == 0 || error_set(error, "%s", strerror(errno));
}

/* Blocks that are not plugged are holes of the file. */
static bool write_region(const struct saved_region *region, int fd, const atomic_bool *stop,
                         struct error *error)
{
    for (uint64_t at = 0, size; (size = guest_part_next(&region->part, &at)) > 0; at += size)
        if (!saved_region_write(region, at, size, NULL, fd, stop, error))
            return false;
    return true;
}

bool saved_memory_write(const struct saved_memory *memory, int fd, const atomic_bool *stop,
                        struct error *error)
{
    if (!saved_memory_extend(memory, fd, error))
        return false;
    for (unsigned i = 0; i < memory->count; i++)
        if (!write_region(&memory->region[i], fd, stop, error))
            return false;
    return true;
}
