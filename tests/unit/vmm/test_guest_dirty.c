/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The dirty log of guest memory: the program's writes and KVM's, here the test's.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <unistd.h>

#include "../unit.h"

#include "base/loop.h"
#include "kvm/vm.h"
#include "memory/guest_memory.h"

#define BASE UINT64_C(0x100000000)
#define PAGES 100u
#define SLOTS 4u
#define WORDS 2u

static struct loop *loop;
static struct guest_memory *map;
static uint64_t page, size; /* bytes */
static uint8_t *memory;
static unsigned kvm_slot_flags[SLOTS];
static uint64_t kvm_log[SLOTS][WORDS];
static bool refuse_log, refuse_kvm_slot;
static unsigned refuse_after; /* so many KVM slots */

/* KVM, as far as the map uses it. */
bool vm_set_kvm_slot(const struct vm *vm, unsigned kvm_slot, uint64_t guest_address, uint64_t length,
                     void *host, unsigned flags, struct error *error)
{
    (void)vm, (void)guest_address, (void)host;
    if (refuse_kvm_slot && refuse_after-- == 0)
        return error_set(error, "no KVM slot");
    kvm_slot_flags[kvm_slot] = length > 0 ? flags : 0;
    return true;
}

bool vm_get_dirty_log(const struct vm *vm, unsigned kvm_slot, uint64_t *pages, struct error *error)
{
    (void)vm;
    assert_true(kvm_slot_flags[kvm_slot] & VM_KVM_SLOT_LOG); /* or KVM says ENOENT */
    if (refuse_log)
        return error_set(error, "no log");
    memcpy(pages, kvm_log[kvm_slot], sizeof kvm_log[kvm_slot]);
    memset(kvm_log[kvm_slot], 0, sizeof kvm_log[kvm_slot]);
    return true;
}

static int set_up(void **state)
{
    (void)state;
    page = (uint64_t)sysconf(_SC_PAGESIZE);
    size = PAGES * page;
    memory = calloc(1, size);
    memset(kvm_slot_flags, 0, sizeof kvm_slot_flags);
    memset(kvm_log, 0, sizeof kvm_log);
    refuse_log = refuse_kvm_slot = false;
    loop = loop_create();
    map = guest_memory_create(NULL, loop, SLOTS);
    return memory && loop && map ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    guest_memory_destroy(map);
    loop_destroy(loop);
    free(memory);
    return 0;
}

static struct guest_region *add(unsigned index)
{
    struct guest_region *region = guest_memory_add(map, BASE + index * size, size, memory, NULL);

    assert_non_null(region);
    assert_int_equal(guest_memory_log_words(region), WORDS);
    return region;
}

static void expect(struct guest_region *region, uint64_t first, uint64_t second)
{
    uint64_t pages[WORDS] = { UINT64_MAX, UINT64_MAX };
    struct error error;

    assert_true(guest_memory_log_take(map, region, pages, &error));
    assert_true(pages[0] == first);
    assert_true(pages[1] == second);
}

static void gone(void *opaque)
{
    *(bool *)opaque = true;
}

static void writes_of_program_and_guest_are_in_one_log(void **state)
{
    struct guest_region *region = add(0);
    struct lease lease;

    (void)state;
    assert_int_equal(kvm_slot_flags[0], 0);
    assert_true(guest_memory_log_start(map, NULL));
    assert_int_equal(kvm_slot_flags[0], VM_KVM_SLOT_LOG);
    expect(region, 0, 0);
    /* The last byte of page 0 to the first of page 2; the last page; KVM's. */
    assert_true(
        guest_memory_lease(map, GUEST_HOLDER_PROGRAM, LEASE_WRITE, BASE + page - 1, page + 2, &lease));
    expect(region, 0, 0); /* when it is returned */
    lease_return(map, &lease);
    assert_true(guest_memory_write(map, BASE + size - 1, "x", 1));
    assert_int_equal(guest_memory_fill(map, BASE + 64 * page, 1, page), GUEST_ACCESS_OK);
    kvm_log[0][0] = 0x80;
    expect(region, 0x87, UINT64_C(1) << (PAGES - 1 - 64) | 1);
    expect(region, 0, 0);
}

static void reads_are_not_logged(void **state)
{
    struct guest_region *region = add(0);
    struct lease lease;
    uint8_t byte;

    (void)state;
    assert_true(guest_memory_log_start(map, NULL));
    assert_true(guest_memory_lease(map, GUEST_HOLDER_PROGRAM, LEASE_READ, BASE, size, &lease));
    lease_return(map, &lease);
    assert_int_equal(guest_memory_access(map, BASE, &byte, 1, false), GUEST_ACCESS_OK);
    expect(region, 0, 0);
}

static void what_kvm_keeps_back_is_not_lost(void **state)
{
    struct guest_region *region = add(0);
    uint64_t pages[WORDS];
    struct error error;

    (void)state;
    assert_true(guest_memory_log_start(map, NULL));
    assert_true(guest_memory_write(map, BASE, "x", 1));
    kvm_log[0][1] = 2;
    refuse_log = true;
    assert_false(guest_memory_log_take(map, region, pages, &error));
    assert_string_equal(error.text, "no log");
    refuse_log = false;
    expect(region, 1, 2);
}

static void regions_come_and_go_while_there_is_a_log(void **state)
{
    const struct guest_part rom = {
        .address = BASE + 3 * size, .size = size, .memory = memory, .fd = -1, .read_only = true
    };
    struct guest_region *first = add(0), *late, *fixed;
    struct lease lease, early;
    bool went = false;

    (void)state;
    assert_true(guest_memory_lease(map, GUEST_HOLDER_PROGRAM, LEASE_WRITE, BASE, 1, &early));
    assert_true(guest_memory_log_start(map, NULL));
    late = add(1);
    assert_int_equal(kvm_slot_flags[1], VM_KVM_SLOT_LOG);
    assert_true(guest_memory_lease(map, GUEST_HOLDER_PROGRAM, LEASE_WRITE, BASE + size, 1, &lease));
    fixed = guest_memory_add_part(map, &rom, NULL);
    assert_int_equal(kvm_slot_flags[2], VM_KVM_SLOT_READ_ONLY);
    expect(fixed, 0, 0);
    lease_return(map, &early); /* from before the log */
    expect(first, 1, 0);
    guest_memory_remove(map, late, (struct region_gone){ .gone = gone, .opaque = &went });
    lease_return(map, &lease); /* into the log of a region that leaves */
    loop_once(loop, 0);
    assert_true(went);
    assert_true(guest_memory_lease(map, GUEST_HOLDER_PROGRAM, LEASE_WRITE, BASE, 1, &lease));
    guest_memory_log_stop(map);
    assert_int_equal(kvm_slot_flags[0], 0);
    assert_int_equal(kvm_slot_flags[2], VM_KVM_SLOT_READ_ONLY);
    lease_return(map, &lease); /* there is no log any more */
    assert_true(guest_memory_log_start(map, NULL));
    expect(first, 0, 0);
}

static void a_log_that_kvm_refuses_is_none(void **state)
{
    struct guest_region *region = add(0);
    struct error error;

    (void)state;
    add(1);
    refuse_kvm_slot = true;
    refuse_after = 1;
    assert_false(guest_memory_log_start(map, &error));
    assert_string_equal(error.text, "no KVM slot");
    refuse_kvm_slot = false;
    assert_true(guest_memory_log_start(map, &error)); /* it was not on */
    assert_int_equal(kvm_slot_flags[0], VM_KVM_SLOT_LOG);
    assert_int_equal(kvm_slot_flags[1], VM_KVM_SLOT_LOG);
    expect(region, 0, 0);
}

/* ---- threads ---- */

static _Atomic bool stop;
static _Atomic uint64_t done[PAGES]; /* how often a page was written; raised before it is */

static void *write_pages(void *opaque)
{
    struct unit_random random = { .state = 99 };

    while (!atomic_load(&stop)) {
        const unsigned i = unit_random_below(&random, PAGES);
        struct lease lease;

        if (!guest_memory_lease(map, GUEST_HOLDER_PROGRAM, LEASE_WRITE, BASE + i * page, 8, &lease))
            abort();
        atomic_store((_Atomic uint64_t *)lease.memory, atomic_fetch_add(&done[i], 1) + 1);
        lease_return(map, &lease);
    }
    return opaque;
}

/* Copy the pages that were written since the last time. */
static void copy_written(struct guest_region *region, uint64_t *copied)
{
    uint64_t pages[WORDS];
    struct error error;

    assert_true(guest_memory_log_take(map, region, pages, &error));
    for (unsigned i = 0; i < PAGES; i++)
        if (pages[i / 64] >> i % 64 & 1)
            copied[i] = atomic_load((_Atomic uint64_t *)(memory + i * page));
}

/* What migration does, with a log that begins and ends while a device writes: the copy is whole in the end.
 */
static void a_copy_by_the_log_is_whole(void **state)
{
    struct guest_region *region = add(0);
    uint64_t copied[PAGES];
    struct error error;
    pthread_t thread;

    (void)state;
    for (unsigned turn = 0; turn < 50; turn++) {
        atomic_store(&stop, false);
        assert_int_equal(pthread_create(&thread, NULL, write_pages, NULL), 0);
        assert_true(guest_memory_log_start(map, &error));
        for (unsigned i = 0; i < PAGES; i++)
            copied[i] = atomic_load((_Atomic uint64_t *)(memory + i * page));
        for (unsigned round = 0; round < 20; round++)
            copy_written(region, copied);
        atomic_store(&stop, true);
        assert_int_equal(pthread_join(thread, NULL), 0);
        copy_written(region, copied);
        for (unsigned i = 0; i < PAGES; i++)
            assert_true(copied[i] == atomic_load((_Atomic uint64_t *)(memory + i * page)));
        guest_memory_log_stop(map);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(writes_of_program_and_guest_are_in_one_log, set_up, tear_down),
        cmocka_unit_test_setup_teardown(reads_are_not_logged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_kvm_keeps_back_is_not_lost, set_up, tear_down),
        cmocka_unit_test_setup_teardown(regions_come_and_go_while_there_is_a_log, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_log_that_kvm_refuses_is_none, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_copy_by_the_log_is_whole, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("guest_dirty", tests, NULL, NULL);
}
