/* SPDX-License-Identifier: BSD-2-Clause */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fault.h"
#include "machine/snapshot.h"
#include "memory/backend_memory.h"
#include "memory/guest_blocks.h"

/* Regions begin at a multiple of it, in the file too, so that a file system can share and a kernel map them
 * in large pages. */
#define PLACE_ALIGN (UINT64_C(2) << 20)
/* So many bytes are read at a time. */
#define PIECE (UINT32_C(2) << 20)

/* ---- the list ---- */

static void add_part(void *opaque, const struct guest_part *part)
{
    struct saved_memory *memory = opaque;

    if (memory->count < SAVED_REGIONS_MAX)
        memory->region[memory->count].part = *part;
    memory->count++;
}

static int compare(const void *one, const void *other)
{
    const uint64_t a = ((const struct saved_region *)one)->part.address;
    const uint64_t b = ((const struct saved_region *)other)->part.address;

    return (a > b) - (a < b);
}

bool saved_memory_list(struct saved_memory *memory, struct guest_memory *map, const struct backends *backends,
                       struct error *error)
{
    struct guest_listener listener = { .commit = add_part, .opaque = memory };

    *memory = (struct saved_memory){ .map = map, .backends = backends };
    if (!guest_memory_listen(map, &listener, error))
        return false;
    guest_memory_unlisten(map, &listener);
    if (memory->count > SAVED_REGIONS_MAX)
        return error_set(error, "the machine has %u regions of memory; at most %u can be saved",
                         memory->count, (unsigned)SAVED_REGIONS_MAX);
    qsort(memory->region, memory->count, sizeof *memory->region, compare);
    return true;
}

void saved_memory_place(struct saved_memory *memory, uint64_t stream_length)
{
    uint64_t at = stream_length;

    for (unsigned i = 0; i < memory->count; i++) {
        at = (at + PLACE_ALIGN - 1) & ~(PLACE_ALIGN - 1);
        memory->region[i].offset = at;
        at += memory->region[i].part.size;
    }
    memory->end = at;
}

static bool lease_region(struct saved_memory *memory, unsigned index)
{
    const enum guest_holder holder = guest_memory_holder(memory->map, "snapshot");
    struct saved_region *region = &memory->region[index];
    const struct guest_part *part = &region->part;

    return part->blocks ? guest_memory_lease_region(memory->map, holder, part->address, &region->lease)
                        : guest_memory_lease(memory->map, holder, LEASE_READ, part->address, part->size,
                                             &region->lease);
}

bool saved_memory_lease(struct saved_memory *memory, struct error *error)
{
    memory->leased = true;
    guest_memory_hold(memory->map);
    for (unsigned i = 0; i < memory->count; i++) {
        const struct saved_region *region = &memory->region[i];

        if (!lease_region(memory, i)) {
            memory->count = i;
            saved_memory_return(memory);
            return error_set(error, "the memory at 0x%" PRIx64 " is being removed", region->part.address);
        }
    }
    return true;
}

void saved_memory_return(struct saved_memory *memory)
{
    if (!memory->leased)
        return;
    for (unsigned i = 0; i < memory->count; i++)
        lease_return(memory->map, &memory->region[i].lease);
    guest_memory_let_go(memory->map);
    memory->leased = false;
}

bool saved_memory_again(struct saved_memory *memory, struct error *error)
{
    saved_memory_return(memory);
    return saved_memory_list(memory, memory->map, memory->backends, error) &&
           saved_memory_lease(memory, error);
}

/* ---- as sections ---- */

static void open_section(struct stream_writer *writer, unsigned index)
{
    char name[STREAM_NAME_MAX + 1];

    snprintf(name, sizeof name, "memory %u", index);
    stream_open(writer, name);
}

bool saved_memory_describe(const struct saved_memory *memory, struct stream_writer *writer,
                           struct error *error)
{
    for (unsigned i = 0; i < memory->count; i++) {
        const struct saved_region *region = &memory->region[i];

        open_section(writer, i);
        stream_number(writer, "address", region->part.address);
        stream_number(writer, "size", region->part.size);
        stream_number(writer, "read-only", region->part.read_only);
        stream_number(writer, "offset", region->offset);
        if (!stream_close(writer, error))
            return false;
    }
    return true;
}

/* ---- reading ---- */

static bool same(const char *section, const char *item, uint64_t saved, uint64_t here, struct error *error)
{
    return saved == here ||
           error_set(error, "%s: '%s' is 0x%" PRIx64 " in the saved state, and 0x%" PRIx64 " in this machine",
                     section, item, saved, here);
}

static bool find_region(const struct saved_region *region, unsigned index, const struct hotram_saved *stream,
                        struct stream_part *part, struct error *error)
{
    uint64_t address, size, read_only;
    char name[STREAM_NAME_MAX + 1];

    snprintf(name, sizeof name, "memory %u", index);
    return stream_find(stream, name, part, error) &&
           stream_get(part, "address", UINT64_MAX, &address, error) &&
           same(name, "address", address, region->part.address, error) &&
           stream_get(part, "size", UINT64_MAX, &size, error) &&
           same(name, "size", size, region->part.size, error) &&
           stream_get(part, "read-only", 1, &read_only, error) &&
           same(name, "read-only", read_only, region->part.read_only, error);
}

bool saved_memory_same(struct saved_memory *memory, const struct hotram_saved *stream, struct error *error)
{
    char name[STREAM_NAME_MAX + 1];
    struct stream_part part;

    for (unsigned i = 0; i < memory->count; i++)
        if (!find_region(&memory->region[i], i, stream, &part, error))
            return false;
    snprintf(name, sizeof name, "memory %u", memory->count);
    return !stream_find(stream, name, &part, NULL) ||
           error_set(error, "the saved state has more than %u regions of memory, and this machine has %u",
                     memory->count, memory->count);
}

/* The place of a region in the file, once it is certain that it is the same region. */
static bool find_place(struct saved_region *region, unsigned index, const struct hotram_saved *stream,
                       uint64_t file_size, struct error *error)
{
    const uint64_t size = region->part.size;
    struct stream_part part;

    if (!find_region(region, index, stream, &part, error) ||
        !stream_get(&part, "offset", INT64_MAX, &region->offset, error))
        return false;
    if (region->offset % PLACE_ALIGN != 0)
        return error_set(error, "%s: its offset in the file, 0x%" PRIx64 ", is not a multiple of 2 MiB",
                         part.name, region->offset);
    return (region->offset <= file_size && size <= file_size - region->offset) ||
           error_set(error,
                     "%s: the file has %" PRIu64 " bytes, and the memory is to end at byte %" PRIu64 " of it",
                     part.name, file_size, region->offset + size);
}

const struct backend *saved_region_backend(const struct saved_memory *memory,
                                           const struct saved_region *region)
{
    const uint8_t *at = region->part.memory;
    const struct backend *backend = NULL;

    while ((backend = backend_next(memory->backends, backend)) != NULL) {
        const uint8_t *start = backend->memory;

        if (start && at >= start && (uint64_t)(at - start) < backend->size)
            break;
    }
    return backend;
}

/* The guest's pages are the file's until it writes to them. */
static bool map_part(const struct saved_memory *memory, const struct saved_region *region, uint64_t from,
                     uint64_t size, int fd)
{
    const struct backend *backend = saved_region_backend(memory, region);

    return backend && !region->part.read_only && region->part.fd < 0 &&
           !(region->part.blocks && region->part.blocks->allocated) &&
           backend_overlay(backend, (uint8_t *)region->part.memory + from, size, fd, region->offset + from);
}

struct copy {
    uint8_t *memory;
    const uint8_t *bytes;
    size_t size;
    bool read_only, differs;
};

/* What is equal already is not touched: new memory stays without pages where the file has none. */
static void copy_piece(void *opaque)
{
    struct copy *copy = opaque;

    copy->differs = memcmp(copy->memory, copy->bytes, copy->size) != 0;
    if (copy->differs && !copy->read_only)
        memcpy(copy->memory, copy->bytes, copy->size);
}

static bool read_all(int fd, uint8_t *bytes, size_t size, uint64_t offset, struct error *error)
{
    while (size > 0) {
        const ssize_t got = pread(fd, bytes, size, (off_t)offset);

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return error_set(error, "byte %" PRIu64 " of the file: %s", offset,
                             got < 0 ? strerror(errno) : "the file ends");
        bytes += got;
        size -= (size_t)got;
        offset += (uint64_t)got;
    }
    return true;
}

/* [from, end) of a region. */
static bool read_part(const struct saved_region *region, uint64_t from, uint64_t end, int fd, uint8_t *room,
                      struct error *error)
{
    void *address;

    for (uint64_t at = from; at < end; at += PIECE) {
        const uint64_t left = end - at;
        struct copy copy = {
            .memory = (uint8_t *)region->part.memory + at,
            .bytes = room,
            .size = left < PIECE ? (size_t)left : PIECE,
            .read_only = region->part.read_only,
        };

        if (!read_all(fd, room, copy.size, region->offset + at, error))
            return false;
        if (!fault_guard(copy_piece, &copy, &address))
            return error_set(error, "the host cannot provide the guest's memory at 0x%" PRIx64,
                             region->part.address + at);
        if (copy.differs && region->part.read_only)
            return error_set(error,
                             "the firmware at 0x%" PRIx64
                             " is not the one in the saved state; start with the "
                             "same image",
                             region->part.address + at);
    }
    return true;
}

static bool load_region(const struct saved_memory *memory, const struct saved_region *region, int fd,
                        uint8_t *room, struct error *error)
{
    for (uint64_t at = 0, size; (size = guest_part_next(&region->part, &at)) > 0; at += size)
        if (!map_part(memory, region, at, size, fd) && !read_part(region, at, at + size, fd, room, error))
            return false;
    return true;
}

static bool load(struct saved_memory *memory, int fd, struct error *error)
{
    uint8_t *room = malloc(PIECE);
    bool loaded = room || error_set(error, "out of memory");

    for (unsigned i = 0; loaded && i < memory->count; i++)
        loaded = load_region(memory, &memory->region[i], fd, room, error);
    free(room);
    return loaded;
}

bool saved_memory_read(struct saved_memory *memory, const struct hotram_saved *stream, int fd, uint64_t size,
                       struct error *error)
{
    for (unsigned i = 0; i < memory->count; i++)
        if (!find_place(&memory->region[i], i, stream, size, error))
            return false;
    return saved_memory_same(memory, stream, error) && load(memory, fd, error);
}
