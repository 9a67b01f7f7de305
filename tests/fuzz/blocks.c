/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A hostile driver of a virtio-mem device: requests of any bytes, in any order, while the requested size
 * changes, devices lease memory, and the machine is reset. The answers and the bitmap are the model's.
 *
 * Blocks have 64 bytes where the model's arithmetic is tried byte by byte, up to 16 GiB for large addresses.
 */
#include "input.h"

#include "blocks_model.h"
#include "hotplug/mem_request.h"
#include "memory/guest_blocks.h"

#define LEASES 16u

struct lease {
    uint64_t offset, length;
};

struct fixture {
    struct guest_blocks *blocks;
    struct mem_sizes sizes;
    uint64_t block;
    struct model model;
    struct lease lease[LEASES];
    unsigned leases;
};

static uint8_t *const memory = (uint8_t *)UINT64_C(0x7000000000); /* nobody looks at it */

static void check(const struct fixture *fixture, struct input *input)
{
    const uint32_t first = input_u16(input) % fixture->blocks->count;
    const uint32_t count = input_u16(input) % (fixture->blocks->count - first + 1);
    uint32_t expected = 0;

    for (uint32_t i = first; i < first + count; i++)
        expected += fixture->model.plugged[i];
    CHECK(guest_blocks_plugged(fixture->blocks, first, count) == expected);
    CHECK(guest_blocks_size(fixture->blocks, memory + first * fixture->block, count * fixture->block) ==
          expected * fixture->block);
    CHECK(fixture->sizes.plugged == model_plugged(&fixture->model));
    CHECK(fixture->sizes.usable == fixture->model.usable && fixture->sizes.usable <= fixture->sizes.region);
    CHECK(fixture->sizes.requested == fixture->model.requested);
}

/* What hotplug/virtio_mem.c and mem_memory.c do with an accepted change. */
static void carry_out(struct fixture *fixture, struct mem_verdict *verdict)
{
    struct mem_sizes *sizes = &fixture->sizes;
    const uint32_t before = guest_blocks_plugged(fixture->blocks, verdict->first, verdict->count);

    CHECK(verdict->first <= fixture->blocks->count &&
          verdict->count <= fixture->blocks->count - verdict->first);
    if (verdict->type == MEM_PLUG) {
        guest_blocks_plug(fixture->blocks, verdict->first, verdict->count);
        sizes->plugged += verdict->count * fixture->block;
    } else if (guest_blocks_unplug(fixture->blocks, verdict->first, verdict->count)) {
        sizes->plugged -= before * fixture->block;
    } else {
        verdict->response = MEM_BUSY;
    }
    if (verdict->type == MEM_UNPLUG_ALL && verdict->response == MEM_ACK)
        sizes->usable = mem_usable_size(sizes->requested, sizes->region, fixture->block);
}

/* Mostly a request of this device, with a few bytes changed. */
static void write_request(struct fixture *fixture, struct input *input, uint8_t bytes[MEM_REQUEST_SIZE])
{
    const uint8_t how = input_u8(input);
    uint64_t addr = fixture->sizes.addr + input_u16(input) % (fixture->blocks->count + 2) * fixture->block;
    uint16_t count = how & 0x80 ? input_u16(input) : input_u8(input) % 8;

    if ((how & 0x60) == 0x60)
        addr = input_number(input);
    else if ((how & 0x60) == 0x40)
        addr += input_u8(input) - 128u;
    memset(bytes, how & 0x10 ? 0xff : 0, MEM_REQUEST_SIZE);
    bytes[0] = how & 0x08 ? input_u8(input) : how % 4;
    bytes[1] = how == 0x77 ? input_u8(input) : 0;
    for (unsigned i = 0; i < 8; i++)
        bytes[8 + i] = (uint8_t)(addr >> 8 * i);
    bytes[16] = (uint8_t)count;
    bytes[17] = (uint8_t)(count >> 8);
}

static void request(struct fixture *fixture, struct input *input)
{
    uint8_t bytes[MEM_REQUEST_SIZE], answer[MEM_RESPONSE_SIZE];
    struct model_answer expected;
    struct mem_request parsed;
    struct mem_verdict verdict;

    write_request(fixture, input, bytes);
    mem_request_read(bytes, &parsed);
    mem_request_judge(&parsed, &fixture->sizes, fixture->blocks, &verdict);
    if (verdict.response == MEM_ACK && verdict.type != MEM_STATE)
        carry_out(fixture, &verdict);
    expected = model_request(&fixture->model, bytes);
    mem_response_write(&verdict, answer);
    for (unsigned i = 0; i < sizeof answer; i++)
        CHECK(answer[i] == (i == 0 ? expected.response : i == 8 ? expected.state : 0));
}

/* As mem_size_request(). */
static void resize(struct fixture *fixture, struct input *input)
{
    const uint64_t requested = input_u16(input) % (fixture->blocks->count + 1) * fixture->block;
    const uint64_t usable = mem_usable_size(requested, fixture->sizes.region, fixture->block);

    fixture->sizes.requested = requested;
    if (usable > fixture->sizes.usable)
        fixture->sizes.usable = usable;
    model_resize(&fixture->model, requested);
}

static void reset(struct fixture *fixture)
{
    guest_blocks_clear(fixture->blocks);
    fixture->sizes.plugged = 0;
    fixture->sizes.usable = mem_usable_size(fixture->sizes.requested, fixture->sizes.region, fixture->block);
    model_reset(&fixture->model);
}

static void lease(struct fixture *fixture, struct input *input)
{
    const uint64_t offset = input_u16(input) % fixture->blocks->count * fixture->block +
                            input_u8(input) % fixture->block;
    const uint64_t most = fixture->sizes.region - offset;
    const uint64_t length = 1 + input_u16(input) % 2048;
    struct lease *lease = &fixture->lease[fixture->leases];
    uint64_t leased;

    if (fixture->leases == LEASES)
        return;
    leased = guest_blocks_lease(fixture->blocks, memory + offset, length < most ? length : most);
    CHECK(leased == model_lease(&fixture->model, offset, length < most ? length : most));
    if (leased == 0)
        return;
    *lease = (struct lease){ offset, leased };
    fixture->leases++;
}

static void give_back(struct fixture *fixture, unsigned which)
{
    const struct lease lease = fixture->lease[which];

    guest_blocks_return(fixture->blocks, memory + lease.offset, lease.length);
    model_return(&fixture->model, lease.offset, lease.length);
    fixture->lease[which] = fixture->lease[--fixture->leases];
}

static void operate(struct fixture *fixture, struct input *input)
{
    const unsigned which = input_below(input, 16);

    if (which < 9)
        request(fixture, input);
    else if (which < 11)
        resize(fixture, input);
    else if (which < 13)
        lease(fixture, input);
    else if (which < 15 && fixture->leases > 0)
        give_back(fixture, input_below(input, fixture->leases));
    else if (which == 15)
        reset(fixture);
}

static void make(struct fixture *fixture, struct input *input)
{
    static const unsigned shifts[] = { 6, 12, 20, 21, 27, 30, 34 };
    static const uint64_t addrs[] = { 0, UINT64_C(1) << 34, UINT64_C(1) << 52, UINT64_C(0xffffe00000000000) };
    const uint64_t count = 1 + input_u16(input) % MODEL_BLOCKS_MAX;

    memset(fixture, 0, sizeof *fixture);
    fixture->block = UINT64_C(1) << shifts[input_below(input, COUNT_OF(shifts))];
    fixture->sizes.addr = addrs[input_below(input, COUNT_OF(addrs))];
    fixture->sizes.region = count * fixture->block;
    fixture->blocks = guest_blocks_create(memory, fixture->sizes.region, fixture->block);
    CHECK(fixture->blocks && fixture->blocks->count == count);
    fixture->model = (struct model){ .addr = fixture->sizes.addr, .block = fixture->block, .count = count };
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = { data, size };
    static struct fixture fixture;

    make(&fixture, &input);
    while (input.left > 0) {
        operate(&fixture, &input);
        check(&fixture, &input);
    }
    while (fixture.leases > 0)
        give_back(&fixture, 0);
    for (uint32_t i = 0; i < fixture.blocks->count; i++)
        CHECK(fixture.blocks->leases[i] == 0);
    guest_blocks_destroy(fixture.blocks);
    return 0;
}
