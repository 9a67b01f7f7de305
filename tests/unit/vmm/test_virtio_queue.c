/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Split virtqueues: requests and their leases, doorbells and interrupts, memory that leaves, and whatever a
 * hostile guest may write into its rings.
 */
#include <stdlib.h>
#include <string.h>

#include "../unit.h"

#include "ring_model.h"

#define SIZE 8u
#define TABLE RING_A
#define AVAILABLE (RING_A + 0x100)
#define USED (RING_A + 0x200)
#define BUFFER (RING_A + 0x1000)
#define INDIRECT (RING_A + 0x4000)

static struct ring_world world;
static struct virtio_queue *const queue = &world.queue;
static bool short_of_memory;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);

void *__wrap_malloc(size_t size)
{
    return short_of_memory ? NULL : __real_malloc(size);
}

static void start(bool event_index)
{
    const struct virtio_queue_layout layout = { SIZE, TABLE, AVAILABLE, USED };
    struct error error;

    assert_true(virtio_queue_start(queue, &layout, true, event_index, sizeof(struct virtio_request), &error));
}

static int set_up(void **state)
{
    (void)state;
    ring_world_make(&world);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    virtio_queue_stop(queue);
    ring_world_end(&world);
    return 0;
}

static bool is_held(unsigned region)
{
    char names[100];

    return world.region[region] &&
           guest_memory_holders(world.map, world.region[region], names, sizeof names) > 0;
}

/* Broken once, for this reason, with nothing held but the rings. */
static void assert_broken(const char *why)
{
    assert_null(virtio_queue_pop(queue));
    assert_string_equal(world.why, why);
    assert_int_equal(world.breaks, 1);
    assert_null(virtio_queue_pop(queue));
    assert_int_equal(world.breaks, 1);
    assert_int_equal(queue->in_flight, 0);
    assert_false(is_held(1));
}

/* ---- requests ---- */

static void a_request_has_its_bytes_and_ends_in_the_used_ring(void **state)
{
    struct virtio_request *request;
    char bytes[8] = "";

    (void)state;
    start(false);
    assert_null(virtio_queue_pop(queue));
    memcpy(ring_at(&world, BUFFER), "question", 8);
    ring_descriptor(&world, TABLE, 5, BUFFER, 8, 1, 2);
    ring_descriptor(&world, TABLE, 2, BUFFER + 0x100, 3, 3, 7);
    ring_descriptor(&world, TABLE, 7, BUFFER + 0x200, 100, 2, 0);
    ring_offer(&world, 5);
    request = virtio_queue_pop(queue);
    assert_non_null(request);
    assert_int_equal(request->out_bytes, 8);
    assert_int_equal(request->in_bytes, 103);
    assert_int_equal(virtio_request_read(request, 3, bytes, 8), 5);
    assert_memory_equal(bytes, "stion", 5);
    assert_int_equal(virtio_request_write(request, 1, "answer", 6), 6);
    assert_null(virtio_queue_pop(queue));
    virtio_queue_push(request, 7);
    assert_memory_equal(ring_at(&world, BUFFER + 0x100), "\0an", 3);
    assert_memory_equal(ring_at(&world, BUFFER + 0x200), "swer\0", 5);
    assert_int_equal(ring_read16(&world, USED + 2), 1);
    assert_int_equal(ring_read32(&world, USED + 4), 5);
    assert_int_equal(ring_read32(&world, USED + 8), 7);
    assert_int_equal(world.interrupts, 1);
    assert_int_equal(queue->in_flight, 0);
}

static void a_buffer_may_lie_across_regions(void **state)
{
    struct virtio_request *request;

    (void)state;
    start(false);
    ring_descriptor(&world, TABLE, 0, RING_B - 16, 48, 2, 0);
    ring_offer(&world, 0);
    request = virtio_queue_pop(queue);
    assert_non_null(request);
    assert_int_equal(request->in_count, 2);
    assert_int_equal(request->in[0].iov_len, 16);
    assert_ptr_equal(request->in[1].iov_base, world.memory[1]);
    assert_int_equal(request->in[1].iov_len, 32);
    assert_true(is_held(1));
    virtio_queue_push(request, 48);
    assert_false(is_held(1));
}

static void requests_end_in_any_order_and_come_again(void **state)
{
    struct virtio_request *request[SIZE];

    (void)state;
    start(false);
    for (unsigned round = 0; round < 20000; round++) {
        for (unsigned i = 0; i < SIZE; i++) {
            ring_descriptor(&world, TABLE, i, BUFFER + 16 * i, 16, 2, 0);
            ring_offer(&world, i);
        }
        for (unsigned i = 0; i < SIZE; i++) {
            request[i] = virtio_queue_pop(queue);
            assert_non_null(request[i]);
        }
        for (unsigned i = 0; i < SIZE; i++)
            virtio_queue_push(request[i * 3 % SIZE], i);
        assert_int_equal(ring_read16(&world, USED + 2), (uint16_t)(SIZE * (round + 1)));
        for (unsigned i = 0; i < SIZE; i++)
            assert_int_equal(ring_read32(&world, USED + 4 + 8 * i), i * 3 % SIZE);
    }
}

/* `count` descriptors of an indirect table, alternately in the two regions. */
static void offer_indirect(unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        ring_descriptor(&world, INDIRECT, i, (i % 2 ? RING_B : BUFFER) + i, 1, 2 | (i + 1 < count), i + 1);
    ring_descriptor(&world, TABLE, 0, INDIRECT, 16 * count, 4, 0);
    ring_offer(&world, 0);
}

static void a_request_may_have_many_buffers(void **state)
{
    struct ring_judgement judgement;

    (void)state;
    start(false);
    for (unsigned count = 1; count <= VIRTIO_DESCRIPTORS_MAX; count = count < 20 ? count + 1 : count * 2) {
        struct virtio_request *request;

        offer_indirect(count);
        ring_judge(&world, &judgement);
        request = virtio_queue_pop(queue);
        assert_non_null(request);
        assert_int_equal(request->in_count, count);
        assert_true(ring_matches(&world, &judgement, request));
        virtio_queue_push(request, count);
        assert_false(is_held(1));
    }
}

static void a_request_that_is_put_back_comes_again(void **state)
{
    struct virtio_request *first, *second;

    (void)state;
    start(false);
    for (unsigned i = 0; i < 2; i++) {
        ring_descriptor(&world, TABLE, i, RING_B + 16 * i, 16, 2, 0);
        ring_offer(&world, i);
    }
    first = virtio_queue_pop(queue);
    second = virtio_queue_pop(queue);
    virtio_queue_unpop(second);
    virtio_queue_unpop(first);
    assert_false(is_held(1));
    first = virtio_queue_pop(queue);
    assert_int_equal(first->head, 0);
    virtio_queue_push(first, 0);
    assert_int_equal(ring_read16(&world, USED + 2), 1);
}

static void a_host_without_memory_leaves_a_request_where_it_is(void **state)
{
    struct virtio_request *request;

    (void)state;
    start(false);
    offer_indirect(40);
    short_of_memory = true;
    assert_null(virtio_queue_pop(queue));
    short_of_memory = false;
    assert_true(queue->starved);
    assert_int_equal(world.breaks, 0);
    assert_false(is_held(1));
    request = virtio_queue_pop(queue);
    assert_non_null(request);
    assert_false(queue->starved);
    virtio_queue_push(request, 0);
}

/* ---- doorbells and interrupts ---- */

static void push_one(void)
{
    struct virtio_request *request;

    ring_descriptor(&world, TABLE, 0, BUFFER, 16, 2, 0);
    ring_offer(&world, 0);
    request = virtio_queue_pop(queue);
    assert_non_null(request);
    virtio_queue_push(request, 0);
}

static void interrupts_and_doorbells_follow_the_flags(void **state)
{
    (void)state;
    start(false);
    ring_write16(&world, AVAILABLE, 1);
    push_one();
    assert_int_equal(world.interrupts, 0);
    ring_write16(&world, AVAILABLE, 0);
    push_one();
    assert_int_equal(world.interrupts, 1);
    virtio_queue_silence(queue);
    assert_int_equal(ring_read16(&world, USED), 1);
    assert_false(virtio_queue_listen(queue));
    assert_int_equal(ring_read16(&world, USED), 0);
    ring_offer(&world, 0);
    assert_true(virtio_queue_listen(queue));
}

static void interrupts_and_doorbells_follow_the_event_index(void **state)
{
    (void)state;
    start(true);
    ring_write16(&world, AVAILABLE + 4 + 2 * SIZE, 2); /* used_event: when the third is used */
    push_one();
    push_one();
    assert_int_equal(world.interrupts, 0);
    push_one();
    assert_int_equal(world.interrupts, 1);
    push_one();
    assert_int_equal(world.interrupts, 1);
    assert_int_equal(ring_read16(&world, USED), 0);
    virtio_queue_silence(queue);
    assert_int_equal(ring_read16(&world, USED + 4 + 8 * SIZE), 0);
    assert_false(virtio_queue_listen(queue));
    assert_int_equal(ring_read16(&world, USED + 4 + 8 * SIZE), 4); /* avail_event */
    assert_int_equal(ring_read16(&world, USED), 0);
}

static void requests_that_are_published_together_interrupt_once(void **state)
{
    struct virtio_request *request[3];

    (void)state;
    start(false);
    for (unsigned i = 0; i < 3; i++) {
        ring_descriptor(&world, TABLE, i, BUFFER, 16, 2, 0);
        ring_offer(&world, i);
        request[i] = virtio_queue_pop(queue);
    }
    for (unsigned i = 0; i < 3; i++)
        virtio_queue_fill(request[i], 1);
    assert_int_equal(ring_read16(&world, USED + 2), 0);
    virtio_queue_flush(queue);
    virtio_queue_flush(queue);
    assert_int_equal(ring_read16(&world, USED + 2), 3);
    assert_int_equal(world.interrupts, 1);
}

/* ---- memory that leaves ---- */

static void memory_waits_for_the_requests_in_it_and_no_others(void **state)
{
    struct virtio_request *inside, *outside;
    char names[40];

    (void)state;
    start(false);
    ring_descriptor(&world, TABLE, 0, RING_B, 16, 2, 0);
    ring_descriptor(&world, TABLE, 1, BUFFER, 16, 2, 0);
    ring_offer(&world, 0);
    ring_offer(&world, 1);
    inside = virtio_queue_pop(queue);
    outside = virtio_queue_pop(queue);
    guest_memory_holders(world.map, world.region[1], names, sizeof names);
    assert_string_equal(names, "disk0");
    ring_world_remove(&world, 1);
    virtio_queue_check_rings(queue);
    loop_once(world.loop, 0);
    assert_int_equal(world.gone, 0);
    virtio_queue_push(inside, 16);
    loop_once(world.loop, 0);
    assert_int_equal(world.gone, 1);
    assert_int_equal(world.breaks, 0);
    virtio_queue_push(outside, 16);
    ring_offer(&world, 0);
    assert_broken("a buffer of 16 bytes at 0x9000, which is no memory at 0x9000");
}

static void a_queue_lets_go_of_rings_in_memory_that_leaves(void **state)
{
    const struct virtio_queue_layout layout = { SIZE, TABLE, AVAILABLE, RING_B };
    struct virtio_request *request;
    struct error error;

    (void)state;
    assert_true(virtio_queue_start(queue, &layout, true, false, sizeof *request, &error));
    ring_descriptor(&world, TABLE, 0, BUFFER, 16, 2, 0);
    ring_offer(&world, 0);
    request = virtio_queue_pop(queue);
    virtio_queue_check_rings(queue);
    assert_int_equal(world.breaks, 0);
    ring_world_remove(&world, 1);
    assert_int_equal(world.gone, 0);
    virtio_queue_check_rings(queue);
    loop_once(world.loop, 0);
    assert_int_equal(world.gone, 1);
    assert_string_equal(world.why, "the guest has removed the memory that its rings are in");
    assert_int_equal(world.breaks, 1);
    virtio_queue_check_rings(queue);
    virtio_queue_push(request, 16); /* the driver does not see it any more */
    assert_int_equal(world.breaks, 1);
    assert_int_equal(world.interrupts, 0);
}

static void rings_that_are_no_memory_do_not_start(void **state)
{
    static const struct virtio_queue_layout layouts[] = {
        { SIZE, 0x900000, AVAILABLE, USED },
        { SIZE, TABLE, RING_ROM + RING_ROM_SIZE - 4, USED },
        { SIZE, TABLE, AVAILABLE, RING_ROM },
        { SIZE, RING_B - 16, AVAILABLE, USED },
        { SIZE, UINT64_MAX - 15, AVAILABLE, USED },
        { 0, TABLE, AVAILABLE, USED },
        { 3, TABLE, AVAILABLE, USED },
        { 2048, TABLE, AVAILABLE, USED },
        { SIZE, TABLE + 8, AVAILABLE, USED },
        { SIZE, TABLE, AVAILABLE + 1, USED },
        { SIZE, TABLE, AVAILABLE, USED + 2 },
    };

    (void)state;
    for (unsigned i = 0; i < sizeof layouts / sizeof layouts[0]; i++) {
        struct error error;

        assert_false(
            virtio_queue_start(queue, &layouts[i], true, true, sizeof(struct virtio_request), &error));
        assert_false(is_held(0) || is_held(1) || is_held(2));
    }
}

/* ---- a hostile guest ---- */

struct crime {
    uint64_t address;
    uint32_t length;
    unsigned flags, next;
    const char *why;
};

static void whatever_is_wrong_breaks_the_queue_once(void **state)
{
    static const struct crime crimes[] = {
        { BUFFER, 0, 0, 0, "a buffer of no bytes" },
        { BUFFER, 16, 1, 8, "descriptor 8, of 8" },
        { BUFFER, 16, 1, 0, "a chain of descriptors that is a loop" },
        { 0x500000, 16, 0, 0, "a buffer of 16 bytes at 0x500000, which is no memory at 0x500000" },
        { RING_B + RING_B_SIZE - 8, 16, 0, 0,
          "a buffer of 16 bytes at 0xcff8, which is no memory at 0xd000" },
        { UINT64_MAX - 7, 16, 0, 0, "a buffer of 16 bytes at 0xfffffffffffffff8, beyond all addresses" },
        { BUFFER, 0xffffffff, 2, 0, "a buffer of 4294967295 bytes at 0x2000, which is no memory at 0xd000" },
        { RING_ROM, 16, 2, 0, "a buffer of 16 bytes at 0x20000, which is no memory at 0x20000" },
        { BUFFER, 16, 3, 1, "a buffer to be read behind one to be written" },
        { INDIRECT, 24, 4, 0, "an indirect table of 24 bytes, not a multiple of 16" },
        { INDIRECT, 0, 4, 0, "an indirect table of 0 bytes, not a multiple of 16" },
        { INDIRECT, 16400, 4, 0, "an indirect table of 1025 descriptors, more than 1024" },
        { INDIRECT, 16, 5, 1, "an indirect descriptor that has a next one" },
        { RING_B - 16, 32, 4, 0,
          "an indirect table of 32 bytes at 0x8ff0, which is not in one piece of memory" },
        { INDIRECT + 0x100, 16, 4, 0, "an indirect descriptor, in an indirect table or without the feature" },
        { INDIRECT, 16, 4, 0, "descriptor 1, of 1" },
    };

    (void)state;
    for (unsigned i = 0; i < sizeof crimes / sizeof crimes[0]; i++) {
        const struct crime *crime = &crimes[i];

        start(false);
        ring_write16(&world, AVAILABLE + 2, 0);
        ring_descriptor(&world, TABLE, 0, crime->address, crime->length, crime->flags, crime->next);
        ring_descriptor(&world, TABLE, 1, BUFFER, 16, 0, 0);
        ring_descriptor(&world, INDIRECT, 0, BUFFER, 16, 1, 1);
        ring_descriptor(&world, INDIRECT + 0x100, 0, INDIRECT, 16, 4, 0);
        ring_offer(&world, 0);
        world.breaks = 0;
        assert_broken(crime->why);
        virtio_queue_stop(queue);
    }
}

static void heads_and_indices_are_checked(void **state)
{
    (void)state;
    start(false);
    ring_offer(&world, 8);
    assert_broken("descriptor 8, of 8");
    virtio_queue_stop(queue);
    world.breaks = 0;
    start(false);
    ring_write16(&world, AVAILABLE + 2, SIZE + 1);
    assert_broken("9 available entries, of 8");
}

static void more_requests_than_entries_are_refused(void **state)
{
    struct virtio_request *request[SIZE];

    (void)state;
    start(false);
    ring_descriptor(&world, TABLE, 0, BUFFER, 16, 2, 0);
    for (unsigned i = 0; i < SIZE; i++) {
        ring_offer(&world, 0);
        request[i] = virtio_queue_pop(queue);
        assert_non_null(request[i]);
    }
    ring_offer(&world, 0);
    assert_null(virtio_queue_pop(queue));
    assert_string_equal(world.why, "more than 8 requests at a time");
    for (unsigned i = 0; i < SIZE; i++)
        virtio_queue_push(request[i], 0);
    assert_int_equal(world.interrupts, 0);
}

static void a_queue_without_the_feature_knows_no_indirect_tables(void **state)
{
    const struct virtio_queue_layout layout = { SIZE, TABLE, AVAILABLE, USED };
    struct error error;

    (void)state;
    assert_true(virtio_queue_start(queue, &layout, false, false, sizeof(struct virtio_request), &error));
    offer_indirect(1);
    assert_broken("an indirect descriptor, in an indirect table or without the feature");
}

static uint64_t random_address(struct unit_random *random)
{
    static const uint64_t edges[] = {
        RING_A, RING_B, RING_B + RING_B_SIZE, RING_ROM, RING_ROM + RING_ROM_SIZE, INDIRECT
    };

    return edges[unit_random_below(random, 6)] + unit_random_below(random, 64) - 16;
}

static void random_descriptor(struct unit_random *random, uint64_t table, unsigned index, unsigned entries)
{
    const unsigned kind = (unsigned)unit_random_below(random, 16);
    unsigned flags = (unsigned)unit_random_below(random, 4);
    uint32_t length = (uint32_t)unit_random_below(random, 40);
    uint64_t address = kind ? BUFFER + unit_random_below(random, 0x7000) : random_address(random);

    if (kind == 1)
        flags = (unsigned)unit_random_below(random, 8);
    if (kind > 12) {
        address = INDIRECT;
        length = 16 * (uint32_t)unit_random_below(random, 6);
        flags = 4;
    }
    ring_descriptor(&world, table, index, address, length, flags,
                    (unsigned)unit_random_below(random, entries + 1u));
}

static void random_rings_are_judged_as_the_model_judges(void **state)
{
    static unsigned verdicts[3];
    struct unit_random random = unit_random_start("rings");
    struct ring_judgement judgement;
    struct virtio_request *request[SIZE];
    unsigned count = 0;

    (void)state;
    for (unsigned round = 0; round < 30000; round++) {
        if (!queue->running) {
            start(round % 2);
            ring_write16(&world, AVAILABLE + 2, 0);
            world.breaks = 0;
        }
        for (unsigned i = 0; i < SIZE; i++)
            random_descriptor(&random, TABLE, i, SIZE);
        for (unsigned i = 0; i < 6; i++)
            random_descriptor(&random, INDIRECT, i, 6);
        ring_offer(&world, (unsigned)unit_random_below(&random, SIZE + (round % 100 == 0)));
        ring_judge(&world, &judgement);
        verdicts[judgement.verdict]++;
        request[count] = virtio_queue_pop(queue);
        assert_int_equal(request[count] != NULL, judgement.verdict == RING_REQUEST);
        assert_int_equal(queue->broken, judgement.verdict == RING_BROKEN);
        assert_true(!request[count] || ring_matches(&world, &judgement, request[count]));
        count += request[count] != NULL;
        while (count > 0 && (queue->broken || count == SIZE || unit_random_below(&random, 2)))
            virtio_queue_push(request[--count], 0);
        if (queue->broken) {
            assert_int_equal(world.breaks, 1);
            virtio_queue_stop(queue);
            assert_false(is_held(0) || is_held(1) || is_held(2));
        }
    }
    while (count > 0)
        virtio_queue_push(request[--count], 0);
    assert_true(verdicts[RING_REQUEST] > 1000 && verdicts[RING_BROKEN] > 1000);
}

int main(void)
{
#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_request_has_its_bytes_and_ends_in_the_used_ring),
        TEST(a_buffer_may_lie_across_regions),
        TEST(requests_end_in_any_order_and_come_again),
        TEST(a_request_may_have_many_buffers),
        TEST(a_request_that_is_put_back_comes_again),
        TEST(a_host_without_memory_leaves_a_request_where_it_is),
        TEST(interrupts_and_doorbells_follow_the_flags),
        TEST(interrupts_and_doorbells_follow_the_event_index),
        TEST(requests_that_are_published_together_interrupt_once),
        TEST(memory_waits_for_the_requests_in_it_and_no_others),
        TEST(a_queue_lets_go_of_rings_in_memory_that_leaves),
        TEST(rings_that_are_no_memory_do_not_start),
        TEST(whatever_is_wrong_breaks_the_queue_once),
        TEST(heads_and_indices_are_checked),
        TEST(more_requests_than_entries_are_refused),
        TEST(a_queue_without_the_feature_knows_no_indirect_tables),
        TEST(random_rings_are_judged_as_the_model_judges),
    };

    return cmocka_run_group_tests_name("virtio_queue", tests, NULL, NULL);
}
