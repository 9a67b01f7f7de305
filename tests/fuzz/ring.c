/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A virtqueue of a hostile driver: descriptors, rings and indices of any kind, requests that end in any
 * order, memory that leaves. Each pop comes to what the model (tests/unit/vmm/ring_model.h) says, a queue
 * breaks once, and in the end nothing is held.
 */
#include "input.h"

#include "../unit/vmm/ring_model.h"

#define REQUESTS 64u

struct fixture {
    struct ring_world world;
    struct ring_judgement judgement;
    struct virtio_request *request[REQUESTS];
    unsigned count;
    uint64_t tables[3]; /* where descriptors are written: the queue's, and those of indirect ones */
};

/* Mostly in memory, often at an edge of it. */
static uint64_t any_address(struct input *input)
{
    static const uint64_t edges[] = { RING_A,   RING_A + 0x4000,          RING_B,    RING_B + RING_B_SIZE,
                                      RING_ROM, RING_ROM + RING_ROM_SIZE, UINT64_MAX };
    const uint8_t kind = input_u8(input);

    if (kind == 0xff)
        return input_number(input);
    if (kind & 0x80)
        return edges[kind % COUNT_OF(edges)] + input_u8(input) - 128u;
    return RING_A + (uint64_t)kind * 0x100 + input_u8(input);
}

static void descriptor(struct fixture *fixture, struct input *input)
{
    const uint8_t how = input_u8(input);
    const uint64_t table = fixture->tables[how % COUNT_OF(fixture->tables)];
    uint64_t address = any_address(input);
    uint32_t length = input_u8(input);

    if (how & 0x80) { /* a table */
        address = fixture->tables[1 + (how >> 3 & 1)];
        length *= 16;
    } else if (how & 0x40) {
        length = input_u32(input);
    }
    ring_descriptor(&fixture->world, table, input_u8(input) % 40, address, length, input_u8(input) % 8,
                    input_u8(input) % 40);
}

static void pop(struct fixture *fixture)
{
    struct virtio_queue *queue = &fixture->world.queue;
    const bool broken = queue->broken;
    struct virtio_request *request;

    if (fixture->count == REQUESTS)
        return;
    ring_judge(&fixture->world, &fixture->judgement);
    request = virtio_queue_pop(queue);
    CHECK(!queue->starved);
    CHECK((request != NULL) == (fixture->judgement.verdict == RING_REQUEST));
    CHECK(broken || queue->broken == (fixture->judgement.verdict == RING_BROKEN));
    if (!request)
        return;
    CHECK(ring_matches(&fixture->world, &fixture->judgement, request));
    fixture->request[fixture->count++] = request;
}

/* A request ends, and the driver sees which, unless the queue has broken. */
static void push(struct fixture *fixture, struct input *input)
{
    struct virtio_queue *queue = &fixture->world.queue;
    const uint64_t used = queue->layout.used;
    const bool broken = queue->broken;
    struct virtio_request *request;
    unsigned which;
    uint32_t written;
    uint16_t head;

    if (fixture->count == 0)
        return;
    which = input_u8(input) % fixture->count;
    request = fixture->request[which];
    fixture->request[which] = fixture->request[--fixture->count];
    written = (uint32_t)(input_u8(input) % (request->in_bytes + 1));
    head = request->head;
    virtio_queue_push(request, written);
    if (broken)
        return;
    CHECK(ring_read16(&fixture->world, used + 2) == queue->next_used);
    CHECK(ring_read32(&fixture->world,
                      used + 4 + 8 * (uint64_t)((queue->next_used - 1u) % queue->layout.size)) == head);
}

static void operate(struct fixture *fixture, struct input *input)
{
    struct ring_world *world = &fixture->world;
    struct virtio_queue *queue = &world->queue;

    switch (input_below(input, 12)) {
    case 0:
        ring_write16(world, any_address(input), input_u16(input));
        break;
    case 1:
        ring_write16(world, queue->layout.available + 2, input_u16(input));
        break;
    case 2:
        ring_write16(world, queue->layout.available, input_u8(input));
        break;
    case 3:
    case 4:
    case 5:
        descriptor(fixture, input);
        break;
    case 6:
        ring_offer(world, input_u8(input) % 40);
        break;
    case 7:
    case 8:
        pop(fixture);
        break;
    case 9:
        push(fixture, input);
        break;
    case 10:
        if (input_bool(input))
            virtio_queue_silence(queue);
        else
            (void)!virtio_queue_listen(queue);
        break;
    default:
        if (fixture->count == 0 || !input_bool(input)) {
            const unsigned region = input_below(input, RING_REGIONS);

            if (world->region[region])
                ring_world_remove(world, region);
            virtio_queue_check_rings(queue);
        }
    }
    CHECK(world->breaks == queue->broken);
}

static bool start(struct fixture *fixture, struct input *input)
{
    struct virtio_queue_layout layout = { .size = (uint16_t)(1u << input_below(input, 6)) };
    const uint8_t how = input_u8(input);
    struct error error;

    layout.descriptors = how & 1 ? any_address(input) : RING_A;
    layout.available = how & 2 ? any_address(input) : RING_A + 0x400;
    layout.used = how & 4 ? any_address(input) : how & 8 ? RING_B : RING_A + 0x600;
    fixture->tables[0] = layout.descriptors;
    fixture->tables[1] = RING_A + 0x4000;
    fixture->tables[2] = RING_B + 0x1000;
    return virtio_queue_start(&fixture->world.queue, &layout, how & 16, how & 32,
                              sizeof(struct virtio_request), &error);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fixture fixture;
    struct input input = { data, size };

    fixture.count = 0;
    ring_world_make(&fixture.world);
    if (start(&fixture, &input))
        while (input.left > 0)
            operate(&fixture, &input);
    while (fixture.count > 0)
        virtio_queue_push(fixture.request[--fixture.count], 0);
    virtio_queue_stop(&fixture.world.queue);
    ring_world_end(&fixture.world);
    return 0;
}
