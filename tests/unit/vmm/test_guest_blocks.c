/* SPDX-License-Identifier: BSD-2-Clause */
/* Blocks of virtio-mem: against a model of one byte for each, leases beside an unplug, requests. */
#include <pthread.h>
#include <stdlib.h>

#include "../unit.h"

#include "hotplug/mem_request.h"
#include "memory/guest_blocks.h"

#define BLOCK UINT64_C(4096)
#define COUNT 200u /* three words and a part of one */
#define ADDR UINT64_C(0x100000000)

static uint8_t *const memory = (uint8_t *)UINT64_C(0x7000000000); /* nobody looks at it */

static struct guest_blocks *create(void)
{
    struct guest_blocks *blocks = guest_blocks_create(memory, COUNT * BLOCK, BLOCK);

    assert_non_null(blocks);
    assert_int_equal(blocks->count, COUNT);
    return blocks;
}

static uint32_t any(uint32_t limit)
{
    return (uint32_t)rand() % limit;
}

static void check(const struct guest_blocks *blocks, const bool model[COUNT])
{
    for (uint32_t first = 0; first < COUNT; first += 1 + any(40)) {
        const uint32_t count = any(COUNT - first + 1);
        uint32_t expected = 0;

        for (uint32_t i = first; i < first + count; i++)
            expected += model[i];
        assert_int_equal(guest_blocks_plugged(blocks, first, count), expected);
        assert_int_equal(guest_blocks_size(blocks, memory + first * BLOCK, count * BLOCK), expected * BLOCK);
    }
}

/* What the runs from here on have, and nothing else. */
static void check_runs(const struct guest_blocks *blocks, const bool model[COUNT])
{
    const uint32_t base = any(COUNT), end = base + any(COUNT - base + 1);
    bool found[COUNT] = { false };

    for (uint32_t first = base, count; (count = guest_blocks_run(blocks, &first, end)) > 0; first += count) {
        assert_true(first >= base && count <= end - first);
        assert_true(first == base || !model[first - 1]);
        assert_true(first + count == end || !model[first + count]);
        memset(found + first, true, count);
    }
    assert_memory_equal(found + base, model + base, end - base);
}

/* The same in bytes, from the middle of a block, too. */
static void check_bytes(const struct guest_blocks *blocks, const bool model[COUNT])
{
    const uint32_t base = any(COUNT), count = any(COUNT - base + 1);
    const uint64_t from = any((uint32_t)(count * BLOCK) + 1);
    uint64_t at = from, length = guest_blocks_bytes(blocks, memory + base * BLOCK, count * BLOCK, &at);
    uint64_t expected = from, end;

    while (expected < count * BLOCK && !model[base + expected / BLOCK])
        expected = (expected / BLOCK + 1) * BLOCK;
    for (end = expected; end < count * BLOCK && model[base + end / BLOCK];)
        end = (end / BLOCK + 1) * BLOCK;
    assert_int_equal(length, end - expected);
    if (length > 0)
        assert_int_equal(at, expected);
}

static void test_any_blocks(void **state)
{
    struct guest_blocks *blocks = create();
    bool model[COUNT] = { false };

    (void)state;
    srand(1);
    for (unsigned round = 0; round < 3000; round++) {
        const uint32_t first = any(COUNT), count = any(COUNT - first + 1);
        const bool plug = any(2);

        if (plug)
            guest_blocks_plug(blocks, first, count);
        else
            assert_true(guest_blocks_unplug(blocks, first, count));
        memset(model + first, plug, count);
        check(blocks, model);
        check_runs(blocks, model);
        check_bytes(blocks, model);
    }
    guest_blocks_clear(blocks);
    memset(model, false, sizeof model);
    check(blocks, model);
    guest_blocks_destroy(blocks);
    guest_blocks_destroy(NULL);
}

static void test_a_lease_ends_where_nothing_is_plugged(void **state)
{
    struct guest_blocks *blocks = create();

    (void)state;
    guest_blocks_plug(blocks, 63, 3);
    assert_int_equal(guest_blocks_lease(blocks, memory + 62 * BLOCK, BLOCK + 1), 0);
    assert_int_equal(guest_blocks_lease(blocks, memory + 66 * BLOCK, 1), 0);
    assert_int_equal(guest_blocks_lease(blocks, memory + 63 * BLOCK + 7, 10 * BLOCK), 3 * BLOCK - 7);
    assert_int_equal(guest_blocks_lease(blocks, memory + 64 * BLOCK - 1, 2), 2);
    guest_blocks_return(blocks, memory + 63 * BLOCK + 7, 3 * BLOCK - 7);
    assert_false(guest_blocks_unplug(blocks, 64, 2));
    assert_false(guest_blocks_unplug(blocks, 0, COUNT)); /* of which most were not plugged, and are not now */
    assert_int_equal(guest_blocks_plugged(blocks, 0, COUNT), 3);
    assert_int_equal(guest_blocks_plugged(blocks, 63, 3), 3);
    assert_true(guest_blocks_unplug(blocks, 65, 1));
    guest_blocks_return(blocks, memory + 64 * BLOCK - 1, 2);
    for (uint32_t block = 0; block < COUNT; block++)
        assert_int_equal(blocks->leases[block], 0);
    assert_true(guest_blocks_unplug(blocks, 63, 2));
    guest_blocks_destroy(blocks);
}

/* ---- leases on other threads ---- */

struct shared {
    struct guest_blocks *blocks;
    atomic_bool given[COUNT]; /* to the host: nobody may have a lease on it */
    atomic_bool stop;
    atomic_uint wrong, taken;
};

static void *lease_and_look(void *opaque)
{
    struct shared *shared = opaque;
    unsigned seed = 7;

    while (!atomic_load(&shared->stop)) {
        const uint32_t block = (uint32_t)rand_r(&seed) % COUNT;
        const uint64_t length = guest_blocks_lease(shared->blocks, memory + block * BLOCK, 3 * BLOCK);

        for (uint64_t at = 0; at < length; at += BLOCK)
            if (block + at / BLOCK < COUNT && atomic_load(&shared->given[block + at / BLOCK]))
                atomic_fetch_add(&shared->wrong, 1);
        if (length > 0) {
            atomic_fetch_add(&shared->taken, 1);
            guest_blocks_return(shared->blocks, memory + block * BLOCK, length);
        }
    }
    return NULL;
}

/* Whoever has a lease keeps the block from the host. */
static void test_leases_beside_unplugs(void **state)
{
    static struct shared shared;
    pthread_t threads[2];
    unsigned unplugged = 0;

    (void)state;
    shared.blocks = guest_blocks_create(memory, (COUNT + 2) * BLOCK, BLOCK); /* two that are never plugged */
    guest_blocks_plug(shared.blocks, 0, COUNT);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, lease_and_look, &shared), 0);
    while (unplugged < 20000 || atomic_load(&shared.taken) < 1000) {
        const uint32_t first = any(COUNT - 4);

        if (!guest_blocks_unplug(shared.blocks, first, 4))
            continue;
        unplugged++;
        for (uint32_t i = first; i < first + 4; i++)
            atomic_store(&shared.given[i], true);
        for (uint32_t i = first; i < first + 4; i++)
            atomic_store(&shared.given[i], false);
        guest_blocks_plug(shared.blocks, first, 4);
    }
    atomic_store(&shared.stop, true);
    for (unsigned i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(shared.wrong, 0);
    guest_blocks_destroy(shared.blocks);
}

/* ---- requests ---- */

static void test_bytes(void **state)
{
    static const uint8_t bytes[MEM_REQUEST_SIZE] = { 1,    2,    0xee, 0xee, 0xee, 0xee, 0xee, 0xee,
                                                     8,    7,    6,    5,    4,    3,    2,    1,
                                                     0x34, 0x12, 0xee, 0xee, 0xee, 0xee, 0xee, 0xee };
    static const uint8_t answer[MEM_RESPONSE_SIZE] = { MEM_ACK, 0, 0, 0, 0, 0, 0, 0, MEM_MIXED, 0 };
    const struct mem_verdict verdict = { .response = MEM_ACK, .state = MEM_MIXED };
    struct mem_request request;
    uint8_t written[MEM_RESPONSE_SIZE];

    (void)state;
    mem_request_read(bytes, &request);
    assert_int_equal(request.type, 0x201);
    assert_int_equal(request.addr, UINT64_C(0x0102030405060708));
    assert_int_equal(request.count, 0x1234);
    mem_response_write(&verdict, written);
    assert_memory_equal(written, answer, sizeof answer);
}

static void test_usable_sizes(void **state)
{
    const uint64_t mib = 1 << 20;

    (void)state;
    assert_int_equal(mem_usable_size(0, 1024 * mib, 2 * mib), 0);
    assert_int_equal(mem_usable_size(2 * mib, 1024 * mib, 2 * mib), 258 * mib);
    assert_int_equal(mem_usable_size(768 * mib, 1024 * mib, 2 * mib), 1024 * mib);
    assert_int_equal(mem_usable_size(1024 * mib, 1024 * mib, 2 * mib), 1024 * mib);
    assert_int_equal(mem_usable_size(1024 * mib, 8192 * mib, 1024 * mib), 2048 * mib);
}

/* What the standard says, block by block. */
static enum mem_response expect(const struct mem_request *request, const struct mem_sizes *sizes,
                                const bool model[COUNT], uint16_t *of_state)
{
    uint32_t plugged = 0, first;

    *of_state = 0;
    if (request->type == MEM_UNPLUG_ALL)
        return MEM_ACK;
    if (request->type > MEM_STATE || request->count == 0 || request->addr % BLOCK != 0 ||
        request->addr < ADDR)
        return MEM_ERROR;
    for (uint32_t i = 0; i < request->count; i++)
        if ((request->addr - ADDR) / BLOCK + i >= sizes->usable / BLOCK)
            return MEM_ERROR;
    first = (uint32_t)((request->addr - ADDR) / BLOCK);
    for (uint32_t i = 0; i < request->count; i++)
        plugged += model[first + i];
    if (request->type == MEM_STATE) {
        *of_state = plugged == 0 ? MEM_UNPLUGGED : plugged == request->count ? MEM_PLUGGED : MEM_MIXED;
        return MEM_ACK;
    }
    if (request->type == MEM_UNPLUG)
        return plugged == request->count ? MEM_ACK : MEM_ERROR;
    if (sizes->plugged + request->count * BLOCK > sizes->requested)
        return MEM_NACK;
    return plugged == 0 ? MEM_ACK : MEM_ERROR;
}

static uint64_t any_address(void)
{
    switch (any(8)) {
    case 0:
        return UINT64_MAX - any(3) * BLOCK - BLOCK + 1;
    case 1:
        return any(2) ? 0 : ADDR - BLOCK;
    case 2:
        return ADDR + any(COUNT) * BLOCK + any(BLOCK);
    default:
        return ADDR + any(COUNT + 2) * BLOCK;
    }
}

static void test_any_requests(void **state)
{
    struct mem_sizes sizes = { .addr = ADDR, .region = COUNT * BLOCK };
    struct guest_blocks *blocks = create();
    bool model[COUNT] = { false };
    unsigned seen[4] = { 0 };

    (void)state;
    srand(2);
    for (unsigned round = 0; round < 200000; round++) {
        const struct mem_request request = {
            .type = (uint16_t)(any(50) == 0   ? any(65536)
                               : any(80) == 0 ? MEM_UNPLUG_ALL
                               : any(3) == 2  ? MEM_STATE
                                              : any(2)),
            .addr = any_address(),
            .count = (uint16_t)(any(20) == 0 ? any(65536) : any(6)),
        };
        struct mem_verdict verdict;
        uint16_t of_state;

        if (any(30) == 0) /* while the host asks for other sizes */
            sizes.requested = any(COUNT + 1) * BLOCK;
        if (any(30) == 0)
            sizes.usable = any(COUNT + 1) * BLOCK;
        mem_request_judge(&request, &sizes, blocks, &verdict);
        assert_int_equal(verdict.response, expect(&request, &sizes, model, &of_state));
        assert_int_equal(verdict.state, of_state);
        assert_int_equal(verdict.type, request.type);
        seen[verdict.response]++;
        if (verdict.response != MEM_ACK || request.type == MEM_STATE)
            continue;
        assert_true(verdict.count <= COUNT && verdict.first <= COUNT - verdict.count);
        if (request.type == MEM_PLUG)
            guest_blocks_plug(blocks, verdict.first, verdict.count);
        else
            assert_true(guest_blocks_unplug(blocks, verdict.first, verdict.count));
        memset(model + verdict.first, request.type == MEM_PLUG, verdict.count);
        sizes.plugged = guest_blocks_plugged(blocks, 0, COUNT) * BLOCK;
    }
    assert_true(seen[MEM_ACK] > 1000 && seen[MEM_NACK] > 1000 && seen[MEM_ERROR] > 1000);
    guest_blocks_destroy(blocks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_blocks),
        cmocka_unit_test(test_a_lease_ends_where_nothing_is_plugged),
        cmocka_unit_test(test_leases_beside_unplugs),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_usable_sizes),
        cmocka_unit_test(test_any_requests),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
