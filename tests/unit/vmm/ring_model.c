/* SPDX-License-Identifier: BSD-2-Clause */
#include "ring_model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kvm/vm.h"

static const struct {
    uint64_t first, size;
    bool read_only;
} regions[RING_REGIONS] = {
    { RING_A, RING_A_SIZE, false },
    { RING_B, RING_B_SIZE, false },
    { RING_ROM, RING_ROM_SIZE, true },
};

/* ---- the world ---- */

static void on_broken(void *opaque, const char *why)
{
    struct ring_world *world = opaque;

    world->breaks++;
    snprintf(world->why, sizeof world->why, "%s", why);
}

static void on_interrupt(void *opaque, struct virtio_queue *queue)
{
    struct ring_world *world = opaque;

    world->interrupts += queue == &world->queue;
}

void ring_world_make(struct ring_world *world)
{
    const struct virtio_queue_owner owner = { on_broken, on_interrupt, NULL, world };
    struct error error;

    memset(world, 0, sizeof *world);
    world->loop = loop_create();
    if (!world->loop || !vm_create_without_kvm(&world->vm, world->loop, &error))
        abort();
    world->map = guest_memory_create(&world->vm, world->loop, 8);
    if (!world->map)
        abort();
    for (unsigned i = 0; i < RING_REGIONS; i++) {
        struct guest_part part = {
            .address = regions[i].first, .size = regions[i].size, .fd = -1, .read_only = regions[i].read_only
        };

        part.memory = world->memory[i] = calloc(1, part.size);
        world->region[i] = part.memory ? guest_memory_add_part(world->map, &part, &error) : NULL;
        if (!world->region[i])
            abort();
    }
    virtio_queue_init(&world->queue, 3, world->map, guest_memory_holder(world->map, "disk0"), &owner);
}

static void on_gone(void *opaque)
{
    struct ring_world *world = opaque;

    world->gone++;
}

void ring_world_remove(struct ring_world *world, unsigned region)
{
    struct region_gone gone = { .gone = on_gone, .opaque = world };
    struct guest_region *removed = world->region[region];

    world->region[region] = NULL;
    guest_memory_remove(world->map, removed, gone);
}

void ring_world_end(struct ring_world *world)
{
    for (unsigned i = 0; i < RING_REGIONS; i++)
        if (world->region[i])
            ring_world_remove(world, i);
    while (world->gone < RING_REGIONS)
        loop_once(world->loop, -1);
    guest_memory_destroy(world->map);
    vm_destroy(&world->vm);
    loop_destroy(world->loop);
    for (unsigned i = 0; i < RING_REGIONS; i++)
        free(world->memory[i]);
}

/* ---- the driver ---- */

/* The region of an address that may be used so; -1: none. */
static int find(const struct ring_world *world, uint64_t address, bool write)
{
    for (int i = 0; i < (int)RING_REGIONS; i++)
        if (world->region[i] && address >= regions[i].first && address - regions[i].first < regions[i].size &&
            !(write && regions[i].read_only))
            return i;
    return -1;
}

void *ring_at(const struct ring_world *world, uint64_t address)
{
    const int i = find(world, address, false);

    return i < 0 ? NULL : world->memory[i] + (address - regions[i].first);
}

static void put(struct ring_world *world, uint64_t address, uint64_t value, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++) {
        uint8_t *at = ring_at(world, address + i);

        if (at)
            *at = (uint8_t)(value >> 8 * i);
    }
}

static uint64_t get(const struct ring_world *world, uint64_t address, unsigned bytes)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < bytes; i++) {
        const uint8_t *at = ring_at(world, address + i);

        value |= (uint64_t)(at ? *at : 0) << 8 * i;
    }
    return value;
}

void ring_write16(struct ring_world *world, uint64_t address, uint16_t value)
{
    put(world, address, value, 2);
}

uint16_t ring_read16(const struct ring_world *world, uint64_t address)
{
    return (uint16_t)get(world, address, 2);
}

uint32_t ring_read32(const struct ring_world *world, uint64_t address)
{
    return (uint32_t)get(world, address, 4);
}

void ring_descriptor(struct ring_world *world, uint64_t table, unsigned index, uint64_t address,
                     uint32_t length, unsigned flags, unsigned next)
{
    const uint64_t at = table + 16 * (uint64_t)index;

    put(world, at, address, 8);
    put(world, at + 8, length, 4);
    put(world, at + 12, flags, 2);
    put(world, at + 14, next, 2);
}

void ring_offer(struct ring_world *world, unsigned head)
{
    const struct virtio_queue_layout *layout = &world->queue.layout;
    const uint16_t index = ring_read16(world, layout->available + 2);

    put(world, layout->available + 4 + 2 * (uint64_t)(index % layout->size), head, 2);
    put(world, layout->available + 2, index + 1u, 2);
}

/* ---- the judge ---- */

/* All of a range is memory that may be used so. `one`: of one region. */
static bool reaches(const struct ring_world *world, uint64_t address, uint64_t length, bool write, bool one)
{
    const int first = find(world, address, write);

    if (length > UINT64_MAX - address)
        return false;
    for (uint64_t i = 0; i < length; i++) {
        const int region = find(world, address + i, write);

        if (region < 0 || (one && region != first))
            return false;
    }
    return true;
}

/* The chain from `head` in a table, or false: it is wrong. */
static bool chain(const struct ring_world *world, uint64_t table, uint32_t entries, unsigned head,
                  bool may_indirect, struct ring_judgement *judgement)
{
    const unsigned before = judgement->count;

    for (unsigned at = head;;) {
        const uint64_t place = table + 16 * (uint64_t)at;
        const uint64_t address = get(world, place, 8);
        const uint32_t length = (uint32_t)get(world, place + 8, 4);
        const unsigned flags = (unsigned)get(world, place + 12, 2);

        if (at >= entries || judgement->count - before == entries)
            return false;
        if (flags & 4)
            return may_indirect && !(flags & 1) && length > 0 && length % 16 == 0 && length / 16 <= 1024 &&
                   reaches(world, address, length, false, true) &&
                   chain(world, address, length / 16, 0, false, judgement);
        if (judgement->count == VIRTIO_DESCRIPTORS_MAX)
            return false;
        judgement->buffer[judgement->count++] = (struct ring_buffer){ address, length, flags & 2 };
        if (!(flags & 1))
            return true;
        at = (unsigned)get(world, place + 14, 2);
        if (at >= entries)
            return false;
    }
}

static bool buffers_are_good(const struct ring_world *world, const struct ring_judgement *judgement)
{
    bool writing = false;

    for (unsigned i = 0; i < judgement->count; i++) {
        const struct ring_buffer *buffer = &judgement->buffer[i];

        /* The limit saves the judge from counting through 4 GiB: no memory here is as large. */
        if (buffer->length == 0 || buffer->length > 0x100000 || (writing && !buffer->write) ||
            !reaches(world, buffer->address, buffer->length, buffer->write, false))
            return false;
        writing = buffer->write;
    }
    return true;
}

void ring_judge(const struct ring_world *world, struct ring_judgement *judgement)
{
    const struct virtio_queue *queue = &world->queue;
    const struct virtio_queue_layout *layout = &queue->layout;
    const uint16_t waiting = (uint16_t)(ring_read16(world, layout->available + 2) - queue->next_available);

    judgement->count = 0;
    judgement->verdict = RING_EMPTY;
    if (!queue->running || queue->broken || waiting == 0)
        return;
    judgement->verdict = RING_BROKEN;
    if (waiting > layout->size)
        return;
    judgement->head = ring_read16(world, layout->available + 4 +
                                             2 * (uint64_t)(queue->next_available % layout->size));
    if (chain(world, layout->descriptors, layout->size, judgement->head, queue->indirect, judgement) &&
        queue->in_flight < layout->size && buffers_are_good(world, judgement))
        judgement->verdict = RING_REQUEST;
}

/* The next byte of a request's pieces. */
static const uint8_t *next_byte(const struct iovec **piece, const struct iovec *end, size_t *offset)
{
    const uint8_t *at;

    if (*piece == end)
        return NULL;
    at = (const uint8_t *)(*piece)->iov_base + *offset;
    if (++*offset == (*piece)->iov_len) {
        ++*piece;
        *offset = 0;
    }
    return at;
}

bool ring_matches(const struct ring_world *world, const struct ring_judgement *judgement,
                  const struct virtio_request *request)
{
    const struct iovec *out = request->out, *in = request->in;
    const struct iovec *const out_end = out + request->out_count, *const in_end = in + request->in_count;
    uint64_t out_bytes = 0, in_bytes = 0;
    size_t out_offset = 0, in_offset = 0;

    for (unsigned i = 0; i < judgement->count; i++) {
        const struct ring_buffer *buffer = &judgement->buffer[i];

        for (uint64_t byte = 0; byte < buffer->length; byte++) {
            const uint8_t *at = buffer->write ? next_byte(&in, in_end, &in_offset)
                                              : next_byte(&out, out_end, &out_offset);

            if (!at || at != ring_at(world, buffer->address + byte))
                return false;
        }
        *(buffer->write ? &in_bytes : &out_bytes) += buffer->length;
    }
    return out == out_end && in == in_end && request->head == judgement->head &&
           request->out_bytes == out_bytes && request->in_bytes == in_bytes;
}
