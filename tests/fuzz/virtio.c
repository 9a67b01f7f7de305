/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The virtio devices in the hands of a hostile driver: any access to their registers, rings and requests of
 * any kind, resets and pauses at any moment, memory that leaves, and the move of the device's saved state
 * into another device. A model says what the driver reads (virtio_model.h), before a move and after it. Of a
 * saved state that was changed nothing is believed. A guest's fault is told once, and is its own: after a
 * reset each device serves a driver that behaves.
 */
#include "virtio_world.h"

#define STEPS_MAX 300u

/* The request of each. */
static const struct kind kinds[] = {
    { "virtio-rng-pci", 0, 0, { 0 }, { { 64, true } }, 64 },
    { "virtio-blk-pci", 0, 0, { [8] = 1 }, { { 16, false }, { 512, true }, { 1, true } }, 513 },
    { "virtio-net-pci", 0, 1, { 0 }, { { 12 + 64, false } }, 0 },
    { "virtio-balloon-pci", 0, 0, { PAGE >> 12 }, { { 4, false } }, 0 },
    { "virtio-serial-pci", 2, 3, { 0xff, 0xff, 0xff, 0xff, [6] = 1 }, { { 8, false } }, 0 },
};

/* Mostly in memory, often at an edge of it. */
static uint64_t any_address(struct input *input)
{
    static const uint64_t edges[] = { A, B, B + SIZE, ROM, ROM + SIZE, UINT64_MAX, UINT64_C(1) << 32 };
    const uint8_t kind = input_u8(input);

    if (kind == 0xff)
        return input_number(input);
    if (kind & 0x80)
        return edges[kind % COUNT_OF(edges)] + input_u8(input) - 128u;
    return A + (uint64_t)kind * 0x400 + input_u8(input);
}

/* ---- what a driver does ---- */

static void select_queue(unsigned queue)
{
    put_register(0x16, 2, queue);
}

static void enable_queue(unsigned queue)
{
    const uint64_t parts[3] = { RING(queue), RING(queue) + AVAILABLE, RING(queue) + USED };

    select_queue(queue);
    put_register(0x18, 2, QUEUE_SIZE);
    for (unsigned i = 0; i < 3; i++) {
        put_register(0x20 + 8 * i, 4, (uint32_t)parts[i]);
        put_register(0x24 + 8 * i, 4, 0);
    }
    put_register(0x1c, 2, 1);
}

static void take_features(uint64_t features)
{
    put_register(0x14, 1, 3);
    for (unsigned half = 0; half < 2; half++) {
        put_register(0x08, 4, half);
        put_register(0x0c, 4, (uint32_t)(features >> 32 * half));
    }
    put_register(0x14, 1, 3 | STATUS_FEATURES_OK);
}

/* As Linux does it, with features of the input's choice. */
static void begin(struct input *input)
{
    const uint64_t refused = input_bool(input) ? input_u32(input) : 0;

    put_register(0x14, 1, 0);
    take_features(world.model.offered & ~refused);
    for (unsigned i = 0; i < world.model.queues; i++)
        if (input_below(input, 8) > 0)
            enable_queue(i);
    put_register(0x14, 1, 3 | STATUS_FEATURES_OK | STATUS_DRIVER_OK);
}

static void check_registers(void)
{
    for (unsigned offset = 0; offset < 0x40; offset += offset >= 0x10 && offset < 0x20 ? 2 : 4)
        check_register(offset, offset >= 0x10 && offset < 0x20 ? 2 : 4);
    check_register(0x14, 1);
}

static void any_register(struct input *input)
{
    const unsigned width = 1u << input_below(input, 3), offset = input_below(input, 0x40) & ~(width - 1);

    put_register(offset, width, input_bool(input) ? input_below(input, 16) : (uint32_t)input_number(input));
    check_registers();
}

static void any_config(struct input *input)
{
    const unsigned width = 1u << input_below(input, 3), offset = input_u8(input) & ~(width - 1);

    if (input_bool(input))
        put(CONFIG + offset, width, (uint32_t)input_number(input));
    else
        get(CONFIG + offset, width);
}

static void any_descriptor(struct input *input)
{
    const uint8_t how = input_u8(input);
    const uint64_t table = how & 1 ? TABLE : RING(how >> 1 & 3);
    uint64_t address = any_address(input);
    uint32_t length = input_u8(input);

    if (how & 0x80) {
        address = TABLE;
        length *= 16;
    } else if (how & 0x40) {
        length = input_u32(input);
    }
    descriptor(table, input_below(input, 20), address, length, input_u8(input) % 8, input_below(input, 20));
}

/* Those of a request. The input leaves some out, and changes others. */
static void put_parts(const struct kind *kind, unsigned queue, unsigned head, struct input *input)
{
    unsigned count = 0, first, last;

    while (count < PARTS && kind->parts[count].length > 0)
        count++;
    first = input && input_below(input, 8) == 0 ? count - 1 : 0;
    last = input && input_below(input, 4) == 0 ? first : count - 1;
    for (unsigned i = first; i <= last; i++) {
        const struct part *part = &kind->parts[i];
        const unsigned change = input ? input_u8(input) : 0, at = head + i - first;

        descriptor(RING(queue), at, BUFFER + 0x400 * (uint64_t)i, part->length + change % 4,
                   (uint16_t)((part->write != change > 0xf0 ? 2 : 0) | (i < last ? 1 : 0)),
                   (uint16_t)(at + 1));
    }
}

/* A request as the device knows it, or nearly so. */
static void near_request(struct input *input)
{
    const struct kind *kind = world.kind;
    const unsigned queue = input_below(input, 4), head = input_below(input, QUEUE_SIZE - PARTS);

    store(BUFFER, kind->bytes, sizeof kind->bytes);
    for (unsigned i = input_below(input, 4); i > 0; i--)
        store(BUFFER + input_below(input, 64), (uint8_t[]){ input_u8(input) }, 1);
    put_parts(kind, queue, head, input);
    offer(queue, (uint16_t)head);
    put(NOTIFY + 4 * queue, 2, queue);
}

static void step(struct input *input)
{
    switch (input_below(input, 16)) {
    case 0:
        begin(input);
        break;
    case 1:
    case 2:
        any_register(input);
        break;
    case 3:
        any_config(input);
        break;
    case 4:
    case 5:
        any_descriptor(input);
        break;
    case 6:
        offer(input_below(input, 4), input_below(input, 20));
        break;
    case 7:
        put(NOTIFY + input_below(input, 16), 2, input_u8(input));
        break;
    case 8:
    case 9:
    case 10:
        near_request(input);
        break;
    case 11:
        store(any_address(input), (uint8_t[]){ input_u8(input), input_u8(input) }, 2);
        break;
    case 12:
        run(world.stands_still);
        break;
    case 13:
        if (input_bool(input))
            put_config_space(0x04, 2, input_bool(input) ? 6 : 2);
        else
            get(ISR, 1);
        break;
    case 14:
        if (input_below(input, 4) == 0 && world.region[1])
            remove_region(1);
        else if (input_below(input, 4) == 0)
            reset_machine();
        break;
    default:
        if (input_below(input, 8) == 0)
            move(input, input_below(input, 4));
        settle();
    }
    CHECK(warnings <= 1);
}

/* ---- a driver that behaves ---- */

static void serve(void)
{
    const struct kind *kind = world.kind;
    const uint64_t used = RING(kind->queue) + USED;

    reset_machine();
    check_register(0x14, 1);
    memset(world.memory[0], 0, SIZE);
    memset(world.memory[0] + (PAGE - A), 0xaa, SIZE - (PAGE - A));
    take_features(kind->features | VIRTIO_F_VERSION_1);
    CHECK(get(0x14, 1) & STATUS_FEATURES_OK);
    enable_queue(kind->queue);
    put_register(0x14, 1, 3 | STATUS_FEATURES_OK | STATUS_DRIVER_OK);
    memset(world.memory[0] + (BUFFER - A), 0xaa, 0x1000);
    store(BUFFER, kind->bytes, sizeof kind->bytes);
    put_parts(kind, kind->queue, 1, NULL);
    offer(kind->queue, 1);
    put(NOTIFY + 4 * kind->queue, 2, kind->queue);
    while (load(used + 2, 2) == 0) /* the fuzzer's own limit ends it */
        settle();
    CHECK(load(used + 2, 2) == 1 && load(used + 4, 4) == 1 && load(used + 8, 4) == kind->written);
    if (strcmp(kind->driver, "virtio-blk-pci") == 0)
        CHECK(load(BUFFER + 0x400, 8) == 0 && load(BUFFER + 0x400 + 504, 8) == 0 &&
              load(BUFFER + 0x800, 1) == 0);
    if (strcmp(kind->driver, "virtio-balloon-pci") == 0)
        CHECK(load(PAGE, 8) == 0 && load(PAGE + 0xff8, 8) == 0);
    check_register(0x14, 1);
    CHECK(warnings == 0 && !(get(0x14, 1) & STATUS_NEEDS_RESET));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = { data, size };

    world_create(&kinds[input_below(&input, COUNT_OF(kinds))]);
    for (unsigned i = 0; i < STEPS_MAX && input.left > 0; i++)
        step(&input);
    serve();
    world_destroy();
    return 0;
}
