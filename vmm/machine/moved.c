/* SPDX-License-Identifier: BSD-2-Clause */
#include "machine/moved.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/fault.h"

/* So much is inspected at a time; the smallest page has 4 KiB. */
#define PIECE WIRE_PAGES_MAX
#define PAGES_MAX (PIECE / 4096u)

static void count_total(struct moved *moved)
{
    moved->total = 0;
    for (unsigned i = 0; i < moved->memory.count; i++)
        for (uint64_t at = 0, size; (size = guest_part_next(&moved->memory.region[i].part, &at)) > 0;
             at += size)
            moved->total += size;
}

struct moved *moved_create(struct guest_memory *map, const struct backends *backends, struct error *error)
{
    struct moved *moved = calloc(1, sizeof *moved);

    if (!moved) {
        error_set(error, "out of memory");
        return NULL;
    }
    moved->page = (uint64_t)sysconf(_SC_PAGESIZE);
    moved->room = malloc(PIECE);
    if ((moved->room || error_set(error, "out of memory")) &&
        saved_memory_list(&moved->memory, map, backends, error) &&
        saved_memory_lease(&moved->memory, error)) {
        count_total(moved);
        return moved;
    }
    moved_free(moved);
    return NULL;
}

bool moved_again(struct moved *moved, struct error *error)
{
    if (!saved_memory_again(&moved->memory, error))
        return false;
    count_total(moved);
    return true;
}

void moved_free(struct moved *moved)
{
    if (!moved)
        return;
    if (moved->logging)
        guest_memory_log_stop(moved->memory.map);
    saved_memory_return(&moved->memory);
    for (unsigned i = 0; i < SAVED_REGIONS_MAX; i++)
        free(moved->dirty[i]);
    free(moved->written);
    free(moved->room);
    free(moved);
}

/* ---- what is to be sent ---- */

static uint64_t pages_of(const struct moved *moved, unsigned index)
{
    return (moved->memory.region[index].part.size + moved->page - 1) / moved->page;
}

static bool is_dirty(const struct moved *moved, unsigned index, uint64_t page)
{
    return bit_is_set(moved->dirty[index], page);
}

/* Pages of blocks that are not plugged are never sent: what is there is the host's page of zeros. */
static void drop_absent(const struct moved *moved, unsigned index, uint64_t *pages)
{
    const struct guest_part *part = &moved->memory.region[index].part;
    uint64_t end = 0;

    if (!part->blocks)
        return;
    for (uint64_t at = 0, size = 1; size > 0; at = end) {
        size = guest_part_next(part, &at);
        bits_clear(pages, end / moved->page, (size > 0 ? at : part->size) / moved->page);
        end = at + size;
    }
}

bool moved_begin(struct moved *moved, struct error *error)
{
    size_t most = 1;

    for (unsigned i = 0; i < moved->memory.count; i++) {
        const size_t words = guest_memory_log_words(moved->memory.region[i].lease.region);

        moved->dirty[i] = malloc(words * sizeof(uint64_t));
        if (!moved->dirty[i])
            return error_set(error, "out of memory");
        memset(moved->dirty[i], 0xff, words * sizeof(uint64_t));
        drop_absent(moved, i, moved->dirty[i]);
        most = words > most ? words : most;
    }
    moved->written = malloc(most * sizeof(uint64_t));
    if (!moved->written)
        return error_set(error, "out of memory");
    if (!guest_memory_log_start(moved->memory.map, error))
        return false;
    moved->logging = true;
    atomic_store(&moved->left, moved->total);
    return true;
}

bool moved_take_log(struct moved *moved, struct error *error)
{
    uint64_t pages = 0;

    for (unsigned i = 0; i < moved->memory.count; i++) {
        struct guest_region *region = moved->memory.region[i].lease.region;

        if (!guest_memory_log_take(moved->memory.map, region, moved->written, error))
            return false;
        drop_absent(moved, i, moved->written);
        for (size_t word = 0; word < guest_memory_log_words(region); word++) {
            moved->dirty[i][word] |= moved->written[word];
            pages += (uint64_t)__builtin_popcountll(moved->dirty[i][word]);
        }
    }
    atomic_store(&moved->left, pages * moved->page);
    return true;
}

/* ---- sending ---- */

enum content { CLEAN, ZERO, USED };

/* The pages of a piece; the host may be unable to provide them. */
struct scan {
    const struct moved *moved;
    unsigned index;
    uint64_t first; /* page */
    unsigned count;
    enum content content[PAGES_MAX];
};

static uint64_t size_of(const struct scan *scan, unsigned from, unsigned to)
{
    const uint64_t size = scan->moved->memory.region[scan->index].part.size, page = scan->moved->page;
    const uint64_t start = (scan->first + from) * page, end = (scan->first + to) * page;

    return (end < size ? end : size) - start;
}

static const uint8_t *bytes_of(const struct scan *scan, unsigned page)
{
    return (const uint8_t *)scan->moved->memory.region[scan->index].part.memory +
           (scan->first + page) * scan->moved->page;
}

static bool is_zero(const uint8_t *bytes, uint64_t size)
{
    /* All bytes equal the next one, and the first is zero. */
    return bytes[0] == 0 && memcmp(bytes, bytes + 1, size - 1) == 0;
}

static void scan_piece(void *opaque)
{
    struct scan *scan = opaque;

    for (unsigned i = 0; i < scan->count; i++)
        if (is_dirty(scan->moved, scan->index, scan->first + i))
            scan->content[i] = is_zero(bytes_of(scan, i), size_of(scan, i, i + 1)) ? ZERO : USED;
}

static bool send_run(struct moved *moved, const struct scan *scan, unsigned from, unsigned to,
                     struct wire *wire, struct error *error)
{
    const struct wire_message message = {
        .kind = scan->content[from] == ZERO ? WIRE_ZEROS : WIRE_PAGES,
        .length = (uint32_t)size_of(scan, from, to),
        .address = moved->memory.region[scan->index].part.address + (scan->first + from) * moved->page,
    };

    if (!wire_send(wire, message, bytes_of(scan, from), error))
        return false;
    atomic_fetch_add(scan->content[from] == ZERO ? &moved->zeros : &moved->normal, to - from);
    atomic_fetch_sub(&moved->left, message.length);
    return true;
}

static void set_clean(struct moved *moved, unsigned index, uint64_t page)
{
    bits_clear(moved->dirty[index], page, page + 1);
}

/* Runs of pages of one kind. */
static bool send_piece(struct moved *moved, struct scan *scan, struct wire *wire, struct error *error)
{
    void *address;

    if (!fault_guard(scan_piece, scan, &address))
        return error_set(error, "the host cannot provide the guest's memory at 0x%" PRIx64,
                         moved->memory.region[scan->index].part.address + scan->first * moved->page);
    for (unsigned at = 0, end; at < scan->count; at = end) {
        for (end = at + 1; end < scan->count && scan->content[end] == scan->content[at]; end++)
            continue;
        if (scan->content[at] != CLEAN && !send_run(moved, scan, at, end, wire, error))
            return false;
    }
    for (unsigned i = 0; i < scan->count; i++)
        set_clean(moved, scan->index, scan->first + i);
    return true;
}

static bool any_dirty(const struct scan *scan)
{
    bool any = false;

    for (unsigned i = 0; !any && i < scan->count; i++)
        any = is_dirty(scan->moved, scan->index, scan->first + i);
    return any;
}

bool moved_send(struct moved *moved, struct wire *wire, struct error *error)
{
    const unsigned pages_at_once = (unsigned)(PIECE / moved->page);

    for (unsigned i = 0; i < moved->memory.count; i++) {
        const uint64_t pages = pages_of(moved, i);

        for (uint64_t page = 0; page < pages; page += pages_at_once) {
            const uint64_t left = pages - page;
            struct scan scan = { .moved = moved,
                                 .index = i,
                                 .first = page,
                                 .count = left < pages_at_once ? (unsigned)left : pages_at_once };

            if (any_dirty(&scan) && !send_piece(moved, &scan, wire, error))
                return false;
        }
    }
    return true;
}

/* ---- receiving ---- */

/* Blocks that are not plugged cannot be written. */
static const struct saved_region *find_region(const struct moved *moved, uint64_t address, uint64_t length)
{
    for (unsigned i = 0; i < moved->memory.count; i++) {
        const struct guest_part *part = &moved->memory.region[i].part;

        if (address >= part->address && guest_part_has(part, address - part->address, length))
            return &moved->memory.region[i];
    }
    return NULL;
}

struct arrival {
    uint8_t *memory;
    const uint8_t *bytes; /* NULL: zeros */
    uint64_t size, page;
    bool read_only, differs;
};

/* Zeros that are there already are not touched: new memory stays without pages. */
static void arrive(void *opaque)
{
    struct arrival *arrival = opaque;

    for (uint64_t at = 0; at < arrival->size; at += arrival->page) {
        const uint64_t left = arrival->size - at, size = left < arrival->page ? left : arrival->page;
        uint8_t *memory = arrival->memory + at;

        if (arrival->bytes ? memcmp(memory, arrival->bytes + at, size) == 0 : is_zero(memory, size))
            continue;
        arrival->differs = true;
        if (!arrival->read_only && arrival->bytes)
            memcpy(memory, arrival->bytes + at, size);
        else if (!arrival->read_only)
            memset(memory, 0, size);
    }
}

static bool store(const struct moved *moved, const struct saved_region *region, uint64_t address,
                  const uint8_t *bytes, uint64_t size, struct error *error)
{
    struct arrival arrival = {
        .memory = (uint8_t *)region->part.memory + (address - region->part.address),
        .bytes = bytes,
        .size = size,
        .page = moved->page,
        .read_only = region->part.read_only,
    };
    void *fault;

    if (!fault_guard(arrive, &arrival, &fault))
        return error_set(error, "the host cannot provide the guest's memory at 0x%" PRIx64, address);
    return !arrival.differs || !arrival.read_only ||
           error_set(error,
                     "the firmware at 0x%" PRIx64
                     " is not the one of the source; start the target with the same image",
                     address);
}

bool moved_receive(struct moved *moved, struct wire *wire, const struct wire_message *message,
                   struct error *error)
{
    const struct saved_region *region = find_region(moved, message->address, message->length);
    const bool zeros = message->kind == WIRE_ZEROS;
    const uint64_t address = message->address;

    if (!region || message->length == 0)
        return error_set(error, "there is no memory for %" PRIu32 " bytes at 0x%" PRIx64, message->length,
                         message->address);
    if (!zeros && !region->part.read_only) /* with the fewest copies; what the host lacks is EFAULT */
        return wire_read(wire, (uint8_t *)region->part.memory + (address - region->part.address),
                         message->length, error);
    if (!zeros && !wire_read(wire, moved->room, message->length, error))
        return false;
    if (!store(moved, region, address, zeros ? NULL : moved->room, message->length, error))
        return false;
    if (zeros)
        atomic_fetch_add(&moved->zeros, message->length / moved->page);
    return true;
}
