/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-mem devices in a stream of saved states, numbered by rising address: which there are, which is
 * compared; their sizes, and one bit for each block, which are restored before memory, since they decide
 * where memory is; operations. The registers and the queue of each are a virtio device's (virtio/saved.h).
 *
 * A migration has the first two twice: in what the target compares, and with all other state. Nothing is
 * plugged or unplugged in between (guest_memory_hold()).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "hotplug/mem.h"
#include "hotplug/saved_operations.h"

/* Bytes of bits in a section. */
#define PART 32768u
/* At most so much of a device besides bits, and of a section of bits. */
#define SIZES_LENGTH 1024u
#define PART_LENGTH 128u

static unsigned count_devices(const struct hotplug *hotplug)
{
    unsigned count = 0;

    for (uint32_t range = 0; range < HOTRAM_RANGES_MAX; range++)
        count += hotplug->mem[range] != NULL;
    return count;
}

/* How many devices have lower addresses. */
static unsigned number_of(const struct hotplug *hotplug, const struct mem_device *mem)
{
    unsigned number = 0;

    for (uint32_t range = 0; range < HOTRAM_RANGES_MAX; range++)
        number += hotplug->mem[range] && hotplug->mem[range]->sizes.addr < mem->sizes.addr;
    return number;
}

/* NULL: there are fewer. */
static struct mem_device *find(const struct hotplug *hotplug, unsigned number)
{
    for (uint32_t range = 0; range < HOTRAM_RANGES_MAX; range++)
        if (hotplug->mem[range] && number_of(hotplug, hotplug->mem[range]) == number)
            return hotplug->mem[range];
    return NULL;
}

static size_t bytes_of(const struct mem_device *mem)
{
    return ((size_t)mem->backend->blocks->count + 7) / 8;
}

/* ---- which devices there are: the target must have the same ---- */

static void describe(const struct hotplug *hotplug, struct stream_writer *writer)
{
    const struct mem_device *mem;
    char name[STREAM_NAME_MAX + 1];

    stream_open(writer, "virtio-mem");
    stream_number(writer, "devices", count_devices(hotplug));
    for (unsigned i = 0; (mem = find(hotplug, i)) != NULL; i++) {
        const char *id = mem->virtio.pci.device.id;

        stream_text(writer, saved_name(name, "device", i, "id"), id ? id : "");
        saved_put(writer, "device", i, "address", mem->sizes.addr);
        saved_put(writer, "device", i, "size", mem->sizes.region);
        saved_put(writer, "device", i, "node", mem->values.node);
        saved_put(writer, "device", i, "block size", mem->block_size);
    }
}

bool mem_same(const struct hotplug *hotplug, const struct hotram_saved *stream, struct stream_writer *scratch,
              struct error *error)
{
    const unsigned count = count_devices(hotplug);
    struct stream_part section;

    if (!stream_find(stream, "virtio-mem", &section, NULL))
        return count == 0 || error_set(error,
                                       "there are %u virtio-mem devices in this machine, and none in the "
                                       "saved state",
                                       count);
    describe(hotplug, scratch);
    return stream_matches(scratch, stream, error);
}

/* ---- sizes and blocks ---- */

static const char *part_name(char name[STREAM_NAME_MAX + 1], unsigned device, unsigned part)
{
    snprintf(name, STREAM_NAME_MAX + 1, "virtio-mem %u blocks %u", device, part);
    return name;
}

static bool save_blocks(const struct mem_device *mem, unsigned number, struct stream_writer *writer,
                        struct error *error)
{
    const struct guest_blocks *blocks = mem->backend->blocks;
    uint8_t bytes[PART] = { 0 };
    char name[STREAM_NAME_MAX + 1];

    for (size_t at = 0, length; at < bytes_of(mem); at += length) {
        length = bytes_of(mem) - at < PART ? bytes_of(mem) - at : PART;
        for (size_t i = 0; i < length; i++)
            bytes[i] = (uint8_t)(atomic_load(&blocks->plugged[(at + i) / 8]) >> (at + i) % 8 * 8);
        stream_open(writer, part_name(name, number, (unsigned)(at / PART)));
        stream_bytes(writer, "plugged", bytes, length);
        if (!stream_close(writer, error))
            return false;
    }
    return true;
}

static bool save_one(const struct mem_device *mem, unsigned number, struct stream_writer *writer,
                     struct error *error)
{
    char name[STREAM_NAME_MAX + 1];

    snprintf(name, sizeof name, "virtio-mem %u", number);
    stream_open(writer, name);
    stream_number(writer, "requested", mem->sizes.requested);
    stream_number(writer, "usable", mem->sizes.usable);
    stream_number(writer, "plugged", mem->sizes.plugged);
    return stream_close(writer, error) && save_blocks(mem, number, writer, error);
}

bool mem_save(struct hotplug *hotplug, struct stream_writer *writer, struct error *error)
{
    const struct mem_device *mem;

    if (count_devices(hotplug) == 0)
        return true;
    describe(hotplug, writer);
    if (!stream_close(writer, error))
        return false;
    for (unsigned i = 0; (mem = find(hotplug, i)) != NULL; i++)
        if (!save_one(mem, i, writer, error))
            return false;
    return true;
}

size_t hotplug_blocks_length(const struct hotplug *hotplug)
{
    const struct mem_device *mem;
    size_t length = 0;

    for (unsigned i = 0; (mem = find(hotplug, i)) != NULL; i++)
        length += SIZES_LENGTH + bytes_of(mem) + (bytes_of(mem) / PART + 1) * PART_LENGTH;
    return length;
}

/* ---- restoring ---- */

struct saved_blocks {
    struct mem_sizes sizes;
    uint64_t *plugged; /* a bit each */
};

static bool read_blocks(const struct mem_device *mem, unsigned number, const struct hotram_saved *stream,
                        struct saved_blocks *saved, struct error *error)
{
    uint8_t bytes[PART];
    char name[STREAM_NAME_MAX + 1];
    struct stream_part part;

    for (size_t at = 0, length; at < bytes_of(mem); at += length) {
        length = bytes_of(mem) - at < PART ? bytes_of(mem) - at : PART;
        if (!stream_find(stream, part_name(name, number, (unsigned)(at / PART)), &part, error) ||
            !stream_get_bytes(&part, "plugged", bytes, length, error))
            return false;
        for (size_t i = 0; i < length; i++)
            saved->plugged[(at + i) / 8] |= (uint64_t)bytes[i] << (at + i) % 8 * 8;
    }
    return true;
}

static bool read_one(const struct mem_device *mem, unsigned number, const struct hotram_saved *stream,
                     struct saved_blocks *saved, struct error *error)
{
    const uint64_t most = mem->sizes.region;
    char name[STREAM_NAME_MAX + 1];
    struct stream_part part;

    snprintf(name, sizeof name, "virtio-mem %u", number);
    return stream_find(stream, name, &part, error) &&
           stream_get(&part, "requested", most, &saved->sizes.requested, error) &&
           stream_get(&part, "usable", most, &saved->sizes.usable, error) &&
           stream_get(&part, "plugged", most, &saved->sizes.plugged, error) &&
           read_blocks(mem, number, stream, saved, error);
}

/* As requests of the host and of the driver let them become. */
static bool check_sizes(const struct mem_device *mem, const struct mem_sizes *sizes, struct error *error)
{
    const uint64_t least = mem_usable_size(sizes->requested, mem->sizes.region, mem->block_size);

    if (!mem_check_requested(mem, sizes->requested, error))
        return false;
    return (sizes->usable >= least && sizes->usable % mem->block_size == 0) ||
           error_set(error,
                     "0x%" PRIx64 " bytes are usable; it has to be a multiple of 0x%" PRIx64
                     ", and 0x%" PRIx64 " with what is requested, or more",
                     sizes->usable, mem->block_size, least);
}

static bool check_blocks(const struct mem_device *mem, const struct saved_blocks *saved, struct error *error)
{
    const uint64_t usable = saved->sizes.usable / mem->block_size;
    uint64_t plugged = 0;

    for (uint64_t block = 0; block < bytes_of(mem) * 8; block++) {
        if (!bit_is_set(saved->plugged, block))
            continue;
        if (block >= usable)
            return error_set(error, "block %" PRIu64 " is plugged; %" PRIu64 " blocks are usable", block,
                             usable);
        plugged += mem->block_size;
    }
    return plugged == saved->sizes.plugged ||
           error_set(error, "0x%" PRIx64 " bytes are plugged, and blocks of 0x%" PRIx64, saved->sizes.plugged,
                     plugged);
}

/* What a migration has plugged before stays the same. */
static bool plug(struct mem_device *mem, const struct saved_blocks *saved, struct error *error)
{
    const struct guest_blocks *blocks = mem->backend->blocks;

    if (mem->sizes.plugged == 0 && saved->sizes.plugged > 0) {
        if (!mem_memory_restore(mem, saved->plugged, error))
            return false;
        mem->changed(mem);
        return true;
    }
    for (uint32_t word = 0; word <= blocks->count / 64; word++)
        if (atomic_load(&blocks->plugged[word]) != saved->plugged[word])
            return error_set(error, "other blocks are plugged than at the beginning of the migration");
    return true;
}

static bool restore_one(struct mem_device *mem, unsigned number, const struct hotram_saved *stream,
                        struct error *error)
{
    struct saved_blocks saved = { .plugged = calloc(mem->backend->blocks->count / 64 + 1,
                                                    sizeof *saved.plugged) };
    bool good = saved.plugged || error_set(error, "out of memory");

    good = good && read_one(mem, number, stream, &saved, error) &&
           ((check_sizes(mem, &saved.sizes, error) && check_blocks(mem, &saved, error) &&
             plug(mem, &saved, error)) ||
            error_prefix(error, "saved state of device '%.200s': ", mem->virtio.name));
    free(saved.plugged);
    if (!good)
        return false;
    mem->sizes.requested = saved.sizes.requested;
    mem->sizes.usable = saved.sizes.usable;
    mem_show_sizes(mem);
    return true;
}

bool hotplug_restore_blocks(struct hotplug *hotplug, const struct hotram_saved *stream, struct error *error)
{
    struct mem_device *mem;

    for (unsigned i = 0; (mem = find(hotplug, i)) != NULL; i++)
        if (!restore_one(mem, i, stream, error))
            return false;
    return true;
}

/* ---- operations ---- */

enum { ACTED = 1, MOVES = 2 };

static uint32_t number_of_subject(const struct operation *operation)
{
    const struct hotplug *hotplug = operation->subject.owner;

    return number_of(hotplug, hotplug->mem[operation->subject.blocks.range]);
}

static struct operation *make_operation(void *opaque, uint32_t number, enum operation_kind kind,
                                        struct error *error)
{
    struct hotplug *hotplug = opaque;
    struct mem_device *mem = find(hotplug, number);

    (void)kind;
    if (mem && !hotplug->mem_operation[mem->range])
        return mem_operation_new(mem, mem->sizes.requested, error);
    error_set(error, "virtio-mem device %" PRIu32 " %s", number, mem ? "has one already" : "does not exist");
    return NULL;
}

static struct saved_operations operations_of(struct hotplug *hotplug)
{
    return (struct saved_operations){
        .operations = &hotplug->operations,
        .type = &blocks_subject,
        .owner = hotplug,
        .slots = HOTRAM_RANGES_MAX,
        .kinds = 1u << OPERATION_RESIZE,
        .slot = number_of_subject,
        .make = make_operation,
    };
}

static struct operation *in_progress(const struct hotplug *hotplug, const struct mem_device *mem)
{
    struct operation *operation = hotplug->mem_operation[mem->range];

    return operation && operation->result == OPERATION_IN_PROGRESS ? operation : NULL;
}

bool mem_save_operations(struct hotplug *hotplug, struct stream_writer *writer, struct error *error)
{
    const struct saved_operations saved = operations_of(hotplug);
    const struct mem_device *mem;

    if (count_devices(hotplug) == 0)
        return true;
    stream_open(writer, "virtio-mem operations");
    for (unsigned i = 0; (mem = find(hotplug, i)) != NULL; i++) {
        const struct operation *operation = in_progress(hotplug, mem);

        if (operation)
            saved_put(writer, "device", i, "seen",
                      (operation->subject.blocks.acted ? ACTED : 0u) |
                          (operation->subject.blocks.moves ? MOVES : 0u));
    }
    saved_operations_put(&saved, writer);
    return stream_close(writer, error);
}

bool mem_restore_operations(struct hotplug *hotplug, const struct hotram_saved *stream, struct error *error)
{
    const struct saved_operations saved = operations_of(hotplug);
    struct stream_part part;
    struct mem_device *mem;
    uint64_t seen;

    if (count_devices(hotplug) == 0)
        return true;
    if (!stream_find(stream, "virtio-mem operations", &part, error) ||
        !saved_operations_get(&saved, &part, error))
        return false;
    for (unsigned i = 0; (mem = find(hotplug, i)) != NULL; i++) {
        struct operation *operation = in_progress(hotplug, mem);

        if (!operation)
            continue;
        if (!saved_get(&part, "device", i, "seen", ACTED | MOVES, &seen, error))
            return false;
        operation->subject.blocks.acted = seen & ACTED;
        operation->subject.blocks.moves = seen & MOVES;
    }
    return true;
}
