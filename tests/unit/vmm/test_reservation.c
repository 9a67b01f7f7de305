/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The reservation of the hotplug region: backends move into it and out of it with all that they are, nothing
 * but reserved addresses is left where one was, and guest memory is few ranges.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>
#include <json-c/json.h>

#include "base/loop.h"
#include "kvm/vm.h"
#include "memory/backend.h"
#include "memory/backend_memory.h"
#include "memory/reservation.h"

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)
#define FIRST (UINT64_C(5) << 30)
#define SIZE (UINT64_C(256) << 30) /* the thread sanitizer has no addresses for 2 TiB */
#define BLOCK (2 * MIB)
#define PLACES 12u
#define STEPS 3000u

static struct reservation region;
static struct backends *backends;
static struct loop *loop;

bool vm_set_kvm_slot(const struct vm *vm, unsigned kvm_slot, uint64_t guest_address, uint64_t size,
                     void *host, unsigned flags, struct error *error)
{
    (void)vm, (void)kvm_slot, (void)guest_address, (void)size, (void)host, (void)flags, (void)error;
    return true;
}

static int set_up(void **state)
{
    (void)state;
    loop = loop_create();
    backends = backends_create(loop, &(struct backend_defaults){ .dump = true, .threads = 1 });
    reservation_make(&region, FIRST, SIZE);
    return loop && backends && region.memory ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    backends_destroy(backends);
    reservation_release(&region);
    loop_destroy(loop);
    return 0;
}

static struct backend *make(const char *type, const char *id, uint64_t size)
{
    struct json_object *object = json_object_new_object();
    struct backend *backend;
    struct error error;

    json_object_object_add(object, "qom-type", json_object_new_string(type));
    json_object_object_add(object, "id", json_object_new_string(id));
    json_object_object_add(object, "size", json_object_new_uint64(size));
    backend = backend_add(backends, (struct props){ .object = object }, &error);
    json_object_put(object);
    if (!backend)
        fail_msg("%s", error.text);
    return backend;
}

/* The addresses [memory, memory + size) have all something in them, and how much of that is reserved only. */
static uint64_t reserved(const void *memory, uint64_t size)
{
    const uintptr_t from = (uintptr_t)memory, to = from + size;
    FILE *file = fopen("/proc/self/maps", "re");
    uint64_t mapped = 0, none = 0;
    unsigned long start, end;
    char protection[8];
    char line[512];

    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        assert_int_equal(sscanf(line, "%lx-%lx %7s", &start, &end, protection), 3);
        if (end <= from || start >= to)
            continue;
        start = start < from ? from : start;
        end = end > to ? to : end;
        mapped += end - start;
        none += strcmp(protection, "---p") == 0 ? end - start : 0;
    }
    fclose(file);
    assert_int_equal(mapped, size);
    return none;
}

static void the_addresses_are_aligned_as_the_guests(void **state)
{
    (void)state;
    assert_int_equal(((uintptr_t)region.memory - FIRST) % GIB, 0);
    assert_int_equal(reserved(region.memory, SIZE), SIZE);
}

static void a_move_keeps_what_is_there(void **state)
{
    struct backend *backend = make("memory-backend-ram", "m", BLOCK);
    uint8_t *outside = backend->memory;
    uint8_t *target = region.memory + GIB;
    struct error error;

    (void)state;
    memset(outside, 0x5a, BLOCK);
    assert_true(backend_place(backend, &region, FIRST + GIB, &error));
    assert_ptr_equal(backend->memory, target);
    assert_int_equal(target[0], 0x5a);
    assert_int_equal(target[BLOCK - 1], 0x5a);
    assert_int_equal(reserved(region.memory, SIZE), SIZE - BLOCK);
    backend_displace(backend);
    assert_true(backend->memory != target && !backend->placed);
    assert_int_equal(((uint8_t *)backend->memory)[BLOCK - 1], 0x5a);
    assert_int_equal(reserved(region.memory, SIZE), SIZE);
}

/* What RLIMIT_AS limits, now. */
static uint64_t addresses(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    unsigned long pages;

    assert_non_null(file);
    assert_int_equal(fscanf(file, "%lu", &pages), 1);
    fclose(file);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static void a_move_back_without_room_gives_the_memory_back(void **state)
{
    struct backend *backend = make("memory-backend-ram", "m", BLOCK);
    uint8_t *target = region.memory + GIB;
    struct rlimit before;

    (void)state;
    assert_true(backend_place(backend, &region, FIRST + GIB, NULL));
    memset(target, 0x5a, BLOCK);
    assert_int_equal(getrlimit(RLIMIT_AS, &before), 0);
    assert_int_equal(setrlimit(RLIMIT_AS, &(struct rlimit){ addresses() + MIB, before.rlim_max }), 0);
    backend_displace(backend);
    assert_int_equal(setrlimit(RLIMIT_AS, &before), 0);
    assert_null(backend->memory);
    assert_int_equal(reserved(region.memory, SIZE), SIZE);
    assert_true(backend_map(backend, NULL));
    assert_int_equal(*(uint8_t *)backend->memory, 0);
}

/* The kernel may unmap the target before it looks at what is to come there; or fail in the middle, as here.
 */
static void a_move_that_fails_leaves_the_addresses_reserved(void **state)
{
    uint8_t *target = region.memory + GIB;
    uint8_t *nothing = mmap(NULL, BLOCK, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    (void)state;
    assert_true(nothing != MAP_FAILED && munmap(nothing, BLOCK) == 0);
    for (unsigned i = 0; i < 2; i++) {
        assert_null(reservation_admit(&region, nothing, BLOCK, FIRST + GIB));
        assert_int_equal(errno, EFAULT);
        assert_int_equal(reserved(region.memory, SIZE), SIZE);
        assert_int_equal(munmap(target, BLOCK), 0);
    }
    assert_null(reservation_admit(&region, nothing, BLOCK, FIRST + GIB));
}

static void without_addresses_memory_stays_where_it_is(void **state)
{
    struct backend *backend = make("memory-backend-ram", "m", BLOCK);
    void *before = backend->memory;
    struct reservation other;

    (void)state;
    reservation_make(&other, FIRST, 0);
    assert_null(other.memory);
    reservation_make(&other, FIRST, UINT64_MAX - 1);
    assert_null(other.memory);
    reservation_make(&other, FIRST, UINT64_C(1) << 62);
    assert_null(other.memory);
    assert_true(backend_place(backend, &other, FIRST, NULL));
    assert_ptr_equal(backend->memory, before);
    backend_displace(backend);
    assert_ptr_equal(backend->memory, before);
    reservation_release(&other);
}

/* ---- ranges ---- */

static void memory_is_few_ranges(void **state)
{
    static uint8_t low[BLOCK], high[BLOCK];
    struct guest_memory *map = guest_memory_create(NULL, loop, 8);
    struct backend *first = make("memory-backend-ram", "m", BLOCK);
    struct backend *second = make("memory-backend-memfd", "n", BLOCK);
    struct guest_span spans[4];

    (void)state;
    assert_non_null(map);
    assert_non_null(guest_memory_add(map, FIRST + SIZE, BLOCK, high, NULL));
    assert_non_null(guest_memory_add(map, 0, BLOCK, low, NULL));
    assert_int_equal(guest_memory_spans(map, &(struct reservation){ 0 }, spans, 4), 2);
    for (unsigned i = 0; i < 2; i++) {
        struct backend *backend = i == 0 ? first : second;
        const uint64_t address = FIRST + (i + 1) * GIB;
        struct guest_part part;

        assert_true(backend_place(backend, &region, address, NULL));
        part = backend_part(backend, 0, BLOCK, address);
        assert_non_null(guest_memory_add_part(map, &part, NULL));
    }
    assert_int_equal(guest_memory_spans(map, &region, spans, 4), 3);
    assert_true(spans[0].address == 0 && spans[0].size == BLOCK && spans[0].memory == low);
    assert_true(spans[1].address == FIRST && spans[1].size == SIZE && spans[1].memory == region.memory);
    assert_true(spans[2].address == FIRST + SIZE && spans[2].memory == high);
    /* As far as there is room: the lowest. */
    memset(spans, 0xff, sizeof spans);
    assert_int_equal(guest_memory_spans(map, &region, spans, 2), 3);
    assert_true(spans[0].address == 0 && spans[1].address == FIRST);
    assert_int_equal(spans[2].address, UINT64_MAX);
    assert_int_equal(guest_memory_spans(map, &region, NULL, 0), 3);
    guest_memory_destroy(map);
}

/* ---- plugs and unplugs, at random ---- */

static void ended(void *opaque)
{
    *(bool *)opaque = true;
}

/* As an unplug does. */
static void give_back(struct backend *backend)
{
    bool done = false;

    backend_release_begin(backend, true, ended, &done);
    while (!done)
        loop_once(loop, -1);
    assert_null(backend->memory);
}

static void check(struct backend *const *at, const unsigned *mark)
{
    uint64_t used = 0;

    for (unsigned place = 0; place < PLACES; place++) {
        const uint8_t *memory = region.memory + place * BLOCK;

        if (!at[place])
            continue;
        assert_ptr_equal(at[place]->memory, memory);
        assert_int_equal(memory[0], mark[place]);
        assert_int_equal(memory[BLOCK - 1], mark[place]);
        used += BLOCK;
    }
    assert_int_equal(reserved(region.memory, SIZE), SIZE - used);
}

static void at_random(void **state)
{
    static const char *const types[] = { "memory-backend-ram", "memory-backend-memfd" };
    const char *text = getenv("HOTRAM_SEED");
    unsigned seed = text ? (unsigned)strtoul(text, NULL, 0) : 20261128;
    struct backend *all[PLACES];
    struct backend *at[PLACES] = { NULL };
    unsigned mark[PLACES] = { 0 };

    (void)state;
    for (unsigned i = 0; i < PLACES; i++) {
        char id[16];

        snprintf(id, sizeof id, "m%u", i);
        all[i] = make(types[i % 2], id, BLOCK);
    }
    for (unsigned step = 0; step < STEPS; step++) {
        const unsigned place = (unsigned)rand_r(&seed) % PLACES;
        struct backend *backend = all[(unsigned)rand_r(&seed) % PLACES];

        if (at[place] && rand_r(&seed) % 3 == 0) { /* it was refused after all */
            backend_displace(at[place]);
            assert_int_equal(*(uint8_t *)at[place]->memory, mark[place]);
            at[place] = NULL;
        } else if (at[place]) {
            give_back(at[place]);
            at[place] = NULL;
        } else if (!backend->placed) {
            const bool fresh = !backend->memory;

            assert_true(backend_map(backend, NULL));
            if (fresh && backend->kind == BACKEND_RAM)
                assert_int_equal(*(uint8_t *)backend->memory, 0);
            mark[place] = step & 0xff;
            memset(backend->memory, (int)mark[place], BLOCK);
            assert_true(backend_place(backend, &region, FIRST + place * BLOCK, NULL));
            at[place] = backend;
        }
        if (step % 16 == 0)
            check(at, mark);
    }
    check(at, mark);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_addresses_are_aligned_as_the_guests, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_move_keeps_what_is_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_move_that_fails_leaves_the_addresses_reserved, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_move_back_without_room_gives_the_memory_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_addresses_memory_stays_where_it_is, set_up, tear_down),
        cmocka_unit_test_setup_teardown(memory_is_few_ranges, set_up, tear_down),
        cmocka_unit_test_setup_teardown(at_random, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
