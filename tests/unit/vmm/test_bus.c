/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The bus: who answers where, one access in its parts, ranges that come, move and go while others access
 * them.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "../unit.h"

#include "bus/bus.h"

static struct bus bus;

/* The host has no memory. */
static bool no_memory;

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size)
{
    return no_memory ? NULL : __real_calloc(count, size);
}

static int set_up(void **state)
{
    (void)state;
    bus_init(&bus);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    bus_destroy(&bus);
    return 0;
}

static uint32_t in(uint16_t port, unsigned width)
{
    uint32_t value = 0;

    bus_access(&bus, BUS_PORTS, port, false, width, (uint8_t *)&value);
    return value;
}

static void out(uint16_t port, unsigned width, uint32_t value)
{
    bus_access(&bus, BUS_PORTS, port, true, width, (uint8_t *)&value);
}

static void where_no_device_is_reads_float(void **state)
{
    uint8_t byte = 0;

    (void)state;
    assert_int_equal(in(0x123, 1), 0xff);
    assert_int_equal(in(0x123, 2), 0xffff);
    assert_int_equal(in(0xffff, 4), 0xffffffff);
    out(0x123, 4, 5);
    assert_false(bus_access(&bus, BUS_MEMORY, UINT64_MAX, false, 1, &byte));
    assert_int_equal(byte, 0xff);
}

static unsigned accesses;

/* A device that reads as the offset and width of the access. */
static uint64_t told(void *device, uint64_t offset, unsigned width)
{
    (void)device;
    accesses++;
    return 0xabcd0000 | width << 8 | offset;
}

static void taken(void *device, uint64_t offset, unsigned width, uint64_t value)
{
    *(uint64_t *)device = (uint64_t)width << 56 | offset << 48 | value;
}

static struct bus_range range_at(enum bus_space space, uint64_t first, uint64_t count, unsigned width_max,
                                 void *device)
{
    return (struct bus_range){ space, first, count, width_max, told, taken, device, NULL, "test" };
}

static void an_access_comes_in_aligned_parts_each_to_its_device(void **state)
{
    uint64_t last = 0;
    struct bus_range first = range_at(BUS_PORTS, 0x200, 2, 2, &last);
    struct bus_range second = range_at(BUS_PORTS, 0x203, 1, 1, &last);
    struct error error;

    (void)state;
    assert_true(bus_add(&bus, &first, &error));
    assert_true(bus_add(&bus, &second, &error));
    accesses = 0;
    assert_int_equal(in(0x1fe, 4), 0x0200ffff); /* begins below: two words */
    assert_int_equal(in(0x1ff, 2), 0x00ff);     /* two bytes */
    assert_int_equal(accesses, 2);
    assert_int_equal(in(0x200, 4),
                     0xffff0200); /* wider than the device; 0x202 is nobody's word, 0x203 within */
    assert_int_equal(in(0x201, 4), 0xffffff01); /* bytes 0x201, word 0x202, byte 0x204 */
    assert_int_equal(in(0x203, 1), 0x00);
    out(0x1fe, 4, 0x12345678);
    assert_int_equal(last, 0x0200000000001234);
    last = 0;
    out(0x202, 2, 0xffff); /* one aligned access is one device's: not 0x203's */
    assert_int_equal(last, 0);
    out(0xfffe, 4, 0); /* round the end of the ports */
}

static void only_aligned_words(void *device, uint64_t offset, unsigned width, uint64_t value)
{
    (void)device, (void)value;
    accesses++;
    assert_int_equal(width & (width - 1), 0);
    assert_int_equal(offset % width, 0);
}

/* KVM cuts an instruction's access at a page's end: any number of bytes comes, at any address. */
static void no_device_gets_a_width_that_is_none(void **state)
{
    uint8_t bytes[8] = { 0 };
    struct error error;

    (void)state;
    for (unsigned most = 1; most <= 8; most *= 2) {
        struct bus_range range = range_at(BUS_MEMORY, 0x10000 * most, 16, most, NULL);

        range.write = only_aligned_words;
        assert_true(bus_add(&bus, &range, &error));
        for (unsigned width = 1; width <= 8; width++)
            for (unsigned at = 0; at < 8; at++) {
                accesses = 0;
                bus_access(&bus, BUS_MEMORY, range.first + at, true, width, bytes);
                assert_true(accesses >= (width + most - 1) / most);
            }
    }
}

static void eight_bytes_reach_a_device_that_takes_them(void **state)
{
    uint64_t last = 0, value = UINT64_C(0x0011223344556677) & 0xffffffffffff;
    struct bus_range wide = range_at(BUS_MEMORY, 0x1000, 16, 8, &last);
    struct bus_range narrow = range_at(BUS_MEMORY, 0x1010, 16, 4, &last);
    struct error error;

    (void)state;
    assert_true(bus_add(&bus, &wide, &error) && bus_add(&bus, &narrow, &error));
    assert_true(bus_access(&bus, BUS_MEMORY, 0x1008, true, 8, (uint8_t *)&value));
    assert_int_equal(last, UINT64_C(0x0808223344556677));
    accesses = 0;
    assert_true(bus_access(&bus, BUS_MEMORY, 0x1008, false, 8, (uint8_t *)&value));
    assert_int_equal(value, 0xabcd0808);
    assert_true(bus_access(&bus, BUS_MEMORY, 0x1010, false, 8, (uint8_t *)&value)); /* in two */
    assert_int_equal(value, UINT64_C(0xabcd0404abcd0400));
    assert_int_equal(accesses, 3);
}

static void ranges_that_have_no_place_are_refused(void **state)
{
    static const struct {
        enum bus_space space;
        uint64_t first, count;
        const char *words;
    } cases[] = {
        { BUS_MEMORY, 0xfff, 2, "test: 0xfff-0x1000 collides with 0x1000-0x10ff (test)" },
        { BUS_MEMORY, 0x10ff, 1, "test: 0x10ff-0x10ff collides with 0x1000-0x10ff (test)" },
        { BUS_MEMORY, 0, UINT64_MAX, "test: 0x0-0xfffffffffffffffe collides with" },
        { BUS_MEMORY, 0x2000, 0, "test: 0 bytes at 0x2000 do not fit" },
        { BUS_MEMORY, UINT64_MAX, 2, "test: 2 bytes at 0xffffffffffffffff do not fit" },
        { BUS_PORTS, 0xfff0, 17, "test: 17 bytes at 0xfff0 do not fit below 0xffff" },
    };
    struct bus_range there = range_at(BUS_MEMORY, 0x1000, 0x100, 4, NULL);
    struct error error;

    (void)state;
    assert_true(bus_add(&bus, &there, &error));
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct bus_range range = range_at(cases[i].space, cases[i].first, cases[i].count, 1, NULL);

        assert_false(bus_add(&bus, &range, &error));
        if (strncmp(error.text, cases[i].words, strlen(cases[i].words)) != 0)
            fail_msg("%zu: %s", i, error.text);
    }
    bus_add_at_start(&bus, &there);
    assert_false(bus_check(&bus, &error));
    assert_non_null(strstr(error.text, "collides"));
    there = range_at(BUS_MEMORY, 0xf00, 0x100, 4, NULL);
    assert_true(bus_add(&bus, &there, &error)); /* right below */
    there = range_at(BUS_MEMORY, UINT64_MAX, 1, 4, NULL);
    assert_true(bus_add(&bus, &there, &error)); /* the last byte */
    assert_false(bus_move(&bus, BUS_MEMORY, UINT64_MAX, 0x1080, &error));
    assert_true(bus_move(&bus, BUS_MEMORY, 0x1000, 0x1001, &error)); /* over itself */
}

static void without_memory_nothing_comes_or_moves_but_all_can_go(void **state)
{
    struct bus_range first = range_at(BUS_MEMORY, 0x1000, 0x100, 1, NULL);
    struct bus_range second = range_at(BUS_MEMORY, 0x2000, 0x100, 1, NULL);
    struct error error;
    uint8_t byte;

    (void)state;
    assert_true(bus_add(&bus, &first, &error));
    assert_true(bus_add(&bus, &second, &error));
    no_memory = true;
    assert_false(bus_move(&bus, BUS_MEMORY, 0x1000, 0x3000, &error));
    assert_true(bus_access(&bus, BUS_MEMORY, 0x1000, false, 1, &byte));
    bus_remove(&bus, BUS_MEMORY, 0x1000);
    assert_false(bus_access(&bus, BUS_MEMORY, 0x1000, false, 1, &byte));
    assert_true(bus_access(&bus, BUS_MEMORY, 0x2000, false, 1, &byte));
    first.first = 0x3000;
    assert_false(bus_add(&bus, &first, &error));
    no_memory = false;
    second.first = 0x1080; /* where the first was */
    assert_true(bus_add(&bus, &second, &error));
    assert_true(bus_access(&bus, BUS_MEMORY, 0x1080, false, 1, &byte));
}

/* ---- random changes beside a model ---- */

#define CELLS 64u /* of 16 addresses */

static void random_changes_are_as_a_model_says(void **state)
{
    struct unit_random random = unit_random_start("bus");
    uint64_t owner[CELLS] = { 0 }, made[CELLS]; /* per cell: number of the range, 0 for none */
    uint64_t number = 0;
    struct error error;

    (void)state;
    for (unsigned round = 0; round < 20000; round++) {
        unsigned at = unit_random_below(&random, CELLS), length = 1 + unit_random_below(&random, 6);
        unsigned probe = unit_random_below(&random, CELLS);
        bool free = at + length <= CELLS;
        uint8_t byte;

        for (unsigned i = at; free && i < at + length; i++)
            free = owner[i] == 0;
        if (unit_random_below(&random, 2) && at + length <= CELLS) {
            struct bus_range range = range_at(BUS_MEMORY, at * 16u, length * 16u, 1, NULL);

            assert_int_equal(bus_add(&bus, &range, &error), free);
            number += free;
            for (unsigned i = at; free && i < at + length; i++)
                owner[i] = number, made[i] = at;
        } else if (owner[at] != 0) {
            unsigned first = (unsigned)made[at];
            uint64_t gone = owner[at];

            no_memory = unit_random_below(&random, 2);
            bus_remove(&bus, BUS_MEMORY, first * 16u);
            no_memory = false;
            for (unsigned i = 0; i < CELLS; i++)
                owner[i] = owner[i] == gone ? 0 : owner[i];
        }
        assert_int_equal(bus_access(&bus, BUS_MEMORY, probe * 16u + 5, false, 1, &byte), owner[probe] != 0);
        assert_int_equal(byte, owner[probe] ? (uint8_t)((probe - made[probe]) * 16u + 5) : 0xff);
    }
}

/* ---- accesses while ranges change ---- */

struct mortal {
    pthread_mutex_t lock;
    atomic_bool dead;
    unsigned count; /* under lock */
};

static atomic_uint reads_of_the_dead, hits;
static atomic_bool over;

static uint64_t read_mortal(void *device, uint64_t offset, unsigned width)
{
    struct mortal *mortal = device;

    (void)offset, (void)width;
    if (atomic_load(&mortal->dead))
        atomic_fetch_add(&reads_of_the_dead, 1);
    mortal->count++;
    return 7;
}

static void *access_all(void *opaque)
{
    uint8_t byte;

    (void)opaque;
    while (!atomic_load(&over))
        for (uint64_t at = 0x1000; at < 0x1400; at += 0x100) {
            bool met = bus_access(&bus, BUS_MEMORY, at, false, 1, &byte);

            if (byte != (met ? 7 : 0xff))
                atomic_fetch_add(&reads_of_the_dead, 1);
            atomic_fetch_add(&hits, met);
        }
    return NULL;
}

static void a_removed_device_is_not_accessed_any_more(void **state)
{
    pthread_t thread[3];
    struct error error;
    unsigned rounds = 0;

    (void)state;
    for (unsigned i = 0; i < COUNT_OF(thread); i++)
        assert_int_equal(pthread_create(&thread[i], NULL, access_all, NULL), 0);
    while (rounds < 2000 || atomic_load(&hits) < 1000) {
        struct mortal *mortal = calloc(1, sizeof *mortal);
        struct bus_range range = { .space = BUS_MEMORY,
                                   .first = 0x1000,
                                   .count = 1,
                                   .width_max = 1,
                                   .read = read_mortal,
                                   .device = mortal,
                                   .lock = &mortal->lock,
                                   .name = "mortal" };

        pthread_mutex_init(&mortal->lock, NULL);
        assert_true(bus_add(&bus, &range, &error));
        for (uint64_t at = 0x1000; at < 0x1300; at += 0x100)
            assert_true(bus_move(&bus, BUS_MEMORY, at, at + 0x100, &error));
        bus_remove(&bus, BUS_MEMORY, 0x1300);
        bus_wait();
        atomic_store(&mortal->dead, true);
        pthread_mutex_destroy(&mortal->lock);
        free(mortal);
        rounds++;
    }
    atomic_store(&over, true);
    for (unsigned i = 0; i < COUNT_OF(thread); i++)
        assert_int_equal(pthread_join(thread[i], NULL), 0);
    assert_int_equal(atomic_load(&reads_of_the_dead), 0);
}

#define WITH_SET_UP(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SET_UP(where_no_device_is_reads_float),
        WITH_SET_UP(an_access_comes_in_aligned_parts_each_to_its_device),
        WITH_SET_UP(no_device_gets_a_width_that_is_none),
        WITH_SET_UP(eight_bytes_reach_a_device_that_takes_them),
        WITH_SET_UP(ranges_that_have_no_place_are_refused),
        WITH_SET_UP(without_memory_nothing_comes_or_moves_but_all_can_go),
        WITH_SET_UP(random_changes_are_as_a_model_says),
        WITH_SET_UP(a_removed_device_is_not_accessed_any_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
