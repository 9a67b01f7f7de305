/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The map of guest memory: leases keep a region, and the last one lets it go.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/fault.h"
#include "base/loop.h"
#include "kvm/vm.h"
#include "memory/guest_memory.h"

#define BASE UINT64_C(0x100000000)
#define SIZE UINT64_C(0x200000)

static struct loop *loop;
static struct guest_memory *map;
static uint8_t memory[SIZE];
static unsigned kvm_slots_set;
static unsigned kvm_slots_deleted;
static bool refuse;
static unsigned kvm_slot_flags;
static unsigned gone_count;
static unsigned stays_count;

/* KVM, as far as the map uses it. */
bool vm_set_kvm_slot(const struct vm *vm, unsigned kvm_slot, uint64_t guest_address, uint64_t size,
                     void *host, unsigned flags, struct error *error)
{
    (void)vm;
    (void)kvm_slot;
    (void)guest_address;
    (void)host;
    if (refuse)
        return error_set(error, "refused");
    kvm_slot_flags = flags;
    kvm_slots_set += size > 0;
    kvm_slots_deleted += size == 0;
    return true;
}

static void gone(void *opaque)
{
    assert_ptr_equal(opaque, &map);
    gone_count++;
}

static void stays(void *opaque, const char *why)
{
    assert_ptr_equal(opaque, &map);
    assert_string_equal(why, "refused");
    stays_count++;
}

static const struct region_gone when_gone = { gone, stays, &map };

static int set_up(void **state)
{
    (void)state;
    kvm_slots_set = kvm_slots_deleted = gone_count = stays_count = 0;
    refuse = false;
    loop = loop_create();
    map = guest_memory_create(NULL, loop, 2);
    return loop && map ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    guest_memory_destroy(map);
    loop_destroy(loop);
    return 0;
}

static void a_region_without_leases_goes_at_once(void **state)
{
    struct guest_region *region = guest_memory_add(map, BASE, SIZE, memory, NULL);

    (void)state;
    assert_non_null(region);
    assert_int_equal(kvm_slots_set, 1);
    guest_memory_remove(map, region, when_gone);
    assert_int_equal(gone_count, 1);
    assert_int_equal(kvm_slots_deleted, 1);
}

static void a_lease_keeps_the_region_and_no_new_one_is_given(void **state)
{
    struct guest_region *region = guest_memory_add(map, BASE, SIZE, memory, NULL);
    struct lease first;
    struct lease second;
    struct lease late;

    (void)state;
    assert_true(guest_memory_lease(map, GUEST_HOLDER_PROGRAM, LEASE_WRITE, BASE, 16, &first));
    assert_true(guest_memory_lease(map, GUEST_HOLDER_PROGRAM, LEASE_WRITE, BASE + SIZE - 1, 1, &second));
    guest_memory_remove(map, region, when_gone);
    assert_int_equal(kvm_slots_deleted, 0);
    assert_false(guest_memory_lease(map, GUEST_HOLDER_PROGRAM, LEASE_WRITE, BASE, 16, &late));
    memset(first.memory, 1, 16); /* still there */
    lease_return(map, &first);
    loop_once(loop, 0);
    assert_int_equal(gone_count, 0);
    lease_return(map, &second);
    assert_int_equal(gone_count, 0); /* on the main thread, from its loop */
    loop_once(loop, 0);
    assert_int_equal(gone_count, 1);
    assert_int_equal(kvm_slots_deleted, 1);
}

/* The loop's end, in tear_down(), asserts that nothing is left in it. */
static void an_end_comes_before_a_region_is_gone(void **state)
{
    struct guest_region *region = guest_memory_add(map, BASE, SIZE, memory, NULL);
    struct lease lease;

    (void)state;
    assert_true(guest_memory_lease(map, GUEST_HOLDER_PROGRAM, LEASE_WRITE, BASE, 16, &lease));
    guest_memory_remove(map, region, when_gone);
    lease_return(map, &lease);
    assert_int_equal(gone_count, 0);
}

static void a_kvm_slot_that_kvm_keeps_keeps_its_region(void **state)
{
    struct guest_region *region = guest_memory_add(map, BASE, SIZE, memory, NULL);
    struct lease lease;

    (void)state;
    refuse = true;
    guest_memory_remove(map, region, when_gone);
    assert_int_equal(stays_count, 1);
    assert_int_equal(gone_count, 0);
    assert_false(guest_memory_lease(map, GUEST_HOLDER_PROGRAM, LEASE_WRITE, BASE, 16, &lease));
    guest_memory_retry(map);
    assert_int_equal(stays_count, 1); /* told once */
    assert_int_equal(gone_count, 0);
    refuse = false;
    guest_memory_retry(map);
    assert_int_equal(gone_count, 1);
    assert_int_equal(kvm_slots_deleted, 1);
    guest_memory_retry(map);
    assert_int_equal(gone_count, 1);
}

static void kvm_slots_that_kvm_keeps_are_tried_again(void **state)
{
    struct guest_region *first = guest_memory_add(map, BASE, SIZE, memory, NULL);
    struct guest_region *second = guest_memory_add(map, BASE + SIZE, SIZE, memory, NULL);

    (void)state;
    refuse = true;
    guest_memory_remove(map, first, when_gone);
    guest_memory_remove(map, second, when_gone);
    assert_int_equal(stays_count, 2);
    refuse = false;
    /* Both numbers are taken until this very call frees them. */
    assert_non_null(guest_memory_add(map, BASE, SIZE, memory, NULL));
    assert_int_equal(gone_count, 2);
    refuse = true;
    first = guest_memory_add(map, BASE + SIZE, SIZE, memory, NULL);
    assert_null(first);
}

static void a_kvm_slot_that_kvm_keeps_goes_by_itself(void **state)
{
    struct guest_region *region = guest_memory_add(map, BASE, SIZE, memory, NULL);

    (void)state;
    refuse = true;
    guest_memory_remove(map, region, when_gone);
    loop_once(loop, -1); /* the timer, in vain */
    assert_int_equal(gone_count, 0);
    refuse = false;
    loop_once(loop, -1);
    assert_int_equal(gone_count, 1);
}

static void leases_lie_inside_one_region(void **state)
{
    struct lease lease;

    (void)state;
    assert_non_null(guest_memory_add(map, BASE, SIZE / 2, memory, NULL));
    assert_non_null(guest_memory_add(map, BASE + SIZE / 2, SIZE / 2, memory + SIZE / 2, NULL));
    assert_false(guest_memory_lease(map, GUEST_HOLDER_PROGRAM, LEASE_WRITE, BASE - 1, 1, &lease));
    assert_false(guest_memory_lease(map, GUEST_HOLDER_PROGRAM, LEASE_WRITE, BASE - 1, 2, &lease));
    assert_false(guest_memory_lease(map, GUEST_HOLDER_PROGRAM, LEASE_WRITE, BASE + SIZE, 1, &lease));
    assert_false(guest_memory_lease(map, GUEST_HOLDER_PROGRAM, LEASE_WRITE, BASE + SIZE - 1, 2, &lease));
    assert_false(guest_memory_lease(map, GUEST_HOLDER_PROGRAM, LEASE_WRITE, BASE + SIZE / 2 - 1, 2,
                                    &lease)); /* neighbours are two */
    assert_false(guest_memory_lease(map, GUEST_HOLDER_PROGRAM, LEASE_WRITE, BASE, UINT64_MAX, &lease));
    assert_false(guest_memory_lease(map, GUEST_HOLDER_PROGRAM, LEASE_WRITE, UINT64_MAX, 2, &lease));
    assert_true(guest_memory_lease(map, GUEST_HOLDER_PROGRAM, LEASE_WRITE, BASE, SIZE / 2, &lease));
    assert_ptr_equal(lease.memory, memory);
    lease_return(map, &lease);
    assert_true(guest_memory_lease(map, GUEST_HOLDER_PROGRAM, LEASE_WRITE, BASE + SIZE / 2 + 5, 1, &lease));
    assert_ptr_equal(lease.memory, memory + SIZE / 2 + 5);
    lease_return(map, &lease);
}

static void write_copies_or_fails_whole(void **state)
{
    (void)state;
    assert_non_null(guest_memory_add(map, BASE, SIZE, memory, NULL));
    memset(memory, 0, sizeof memory);
    assert_true(guest_memory_write(map, BASE + 8, "four", 4));
    assert_memory_equal(memory + 8, "four", 4);
    assert_false(guest_memory_write(map, BASE + SIZE - 2, "four", 4));
    assert_int_equal(memory[SIZE - 2], 0);
}

static void *faulted;
static unsigned faults;

static void fault(void *opaque, void *address)
{
    assert_ptr_equal(opaque, &map);
    faulted = address;
    faults++;
}

/* A file that became shorter: what is left of it can be used, the rest fails each access, every time. */
static void memory_that_is_gone_fails_an_access(void **state)
{
    int fd = memfd_create("test", MFD_CLOEXEC);
    uint8_t *shared;
    struct guest_region *region;
    uint8_t byte = 1;

    (void)state;
    assert_int_equal(ftruncate(fd, (off_t)SIZE), 0);
    shared = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    assert_ptr_not_equal(shared, MAP_FAILED);
    fault_init(); /* cmocka's own handler takes over again after the test */
    faults = 0;
    guest_memory_on_fault(map, fault, &map);
    region = guest_memory_add(map, BASE, SIZE, shared, NULL);
    assert_non_null(region);
    assert_int_equal(guest_memory_access(map, BASE + SIZE - 1, &byte, 1, true), GUEST_ACCESS_OK);
    assert_int_equal(ftruncate(fd, 4096), 0);
    for (unsigned i = 1; i <= 3; i++) {
        assert_int_equal(guest_memory_access(map, BASE + 8192, &byte, 1, i % 2), GUEST_ACCESS_FAULT);
        assert_int_equal(faults, 2 * i - 1);
        assert_ptr_equal(faulted, shared + 8192);
        assert_int_equal(guest_memory_fill(map, BASE + 4000, 7, 200), GUEST_ACCESS_FAULT);
        assert_int_equal(faults, 2 * i);
        assert_int_equal(guest_memory_access(map, BASE + 4095, &byte, 1, false), GUEST_ACCESS_OK);
    }
    assert_int_equal(guest_memory_access(map, BASE + SIZE, &byte, 1, false), GUEST_ACCESS_NONE);
    assert_int_equal(faults, 6);
    /* No lease is left behind: the region goes at once. */
    guest_memory_remove(map, region, when_gone);
    assert_int_equal(gone_count, 1);
    assert_int_equal(munmap(shared, SIZE), 0);
    close(fd);
}

static void what_spans_regions_is_leased_and_written_in_pieces(void **state)
{
    struct lease lease;
    char bytes[4];

    (void)state;
    /* The host's halves are the other way round than the guest's. */
    assert_non_null(guest_memory_add(map, BASE, SIZE / 2, memory + SIZE / 2, NULL));
    assert_non_null(guest_memory_add(map, BASE + SIZE / 2, SIZE / 2, memory, NULL));
    memset(memory, 0, sizeof memory);
    assert_true(
        guest_memory_lease_some(map, GUEST_HOLDER_PROGRAM, LEASE_WRITE, BASE + SIZE / 2 - 2, 100, &lease));
    assert_int_equal(lease.length, 2);
    lease_return(map, &lease);
    assert_true(
        guest_memory_lease_some(map, GUEST_HOLDER_PROGRAM, LEASE_WRITE, BASE + SIZE / 2, 100, &lease));
    assert_int_equal(lease.length, 100);
    lease_return(map, &lease);
    assert_false(guest_memory_lease_some(map, GUEST_HOLDER_PROGRAM, LEASE_WRITE, BASE + SIZE, 1, &lease));
    assert_true(guest_memory_write(map, BASE + SIZE / 2 - 2, "four", 4));
    assert_memory_equal(memory + SIZE - 2, "fo", 2);
    assert_memory_equal(memory, "ur", 2);
    assert_int_equal(guest_memory_access(map, BASE + SIZE / 2 - 2, bytes, 4, false), GUEST_ACCESS_OK);
    assert_memory_equal(bytes, "four", 4);
    assert_int_equal(guest_memory_fill(map, BASE + SIZE / 2 - 1, 'x', 2), GUEST_ACCESS_OK);
    assert_memory_equal(memory + SIZE - 2, "fx", 2);
    assert_memory_equal(memory, "xr", 2);
}

static void kvm_slots_are_limited_and_come_back(void **state)
{
    struct guest_region *region = guest_memory_add(map, BASE, SIZE, memory, NULL);
    struct error error;

    (void)state;
    assert_non_null(guest_memory_add(map, BASE + SIZE, SIZE, memory, NULL));
    assert_null(guest_memory_add(map, BASE + 2 * SIZE, SIZE, memory, &error));
    assert_non_null(strstr(error.text, "2"));
    guest_memory_remove(map, region, when_gone);
    assert_non_null(guest_memory_add(map, BASE, SIZE, memory, &error));
}

static void what_kvm_refuses_leaves_nothing(void **state)
{
    struct error error;
    struct lease lease;

    (void)state;
    refuse = true;
    assert_null(guest_memory_add(map, BASE, SIZE, memory, &error));
    assert_string_equal(error.text, "refused");
    assert_false(guest_memory_lease(map, GUEST_HOLDER_PROGRAM, LEASE_WRITE, BASE, 1, &lease));
    refuse = false;
    assert_non_null(guest_memory_add(map, BASE, SIZE, memory, NULL));
    assert_non_null(guest_memory_add(map, BASE + SIZE, SIZE, memory, NULL));
}

static void a_read_only_part_is_read_only(void **state)
{
    const struct guest_part rom = {
        .address = BASE, .size = SIZE / 2, .memory = memory, .fd = -1, .read_only = true
    };
    struct guest_region *region;
    struct lease lease;
    char bytes[4] = "rom";

    (void)state;
    memset(memory, 'r', sizeof memory);
    region = guest_memory_add_part(map, &rom, NULL);
    assert_non_null(region);
    assert_int_equal(kvm_slot_flags, VM_KVM_SLOT_READ_ONLY);
    assert_non_null(guest_memory_add(map, BASE + SIZE / 2, SIZE / 2, memory + SIZE / 2, NULL));
    assert_int_equal(kvm_slot_flags, 0);
    assert_false(guest_memory_lease(map, GUEST_HOLDER_PROGRAM, LEASE_WRITE, BASE, 1, &lease));
    assert_true(guest_memory_lease(map, GUEST_HOLDER_PROGRAM, LEASE_READ, BASE, 1, &lease));
    lease_return(map, &lease);
    assert_false(guest_memory_write(map, BASE, bytes, 4));
    assert_int_equal(guest_memory_fill(map, BASE, 0, 4), GUEST_ACCESS_NONE);
    /* Neither where only the end of the range is read-only. */
    guest_memory_remove(map, region, when_gone);
    assert_int_equal(kvm_slot_flags, 0);
    assert_int_equal(gone_count, 1);
    region = guest_memory_add_part(
        map,
        &(struct guest_part){
            .address = BASE + SIZE, .size = 4096, .memory = memory, .fd = -1, .read_only = true },
        NULL);
    assert_non_null(region);
    assert_false(guest_memory_write(map, BASE + SIZE - 2, bytes, 4));
    assert_int_equal(memory[SIZE - 2], 'r');
    assert_int_equal(guest_memory_access(map, BASE + SIZE - 2, bytes, 4, false), GUEST_ACCESS_OK);
    assert_memory_equal(bytes, "rrrr", 4);
}

static void a_region_knows_its_file(void **state)
{
    const struct guest_part part = {
        .address = BASE, .size = SIZE, .memory = memory, .fd = 7, .offset = 4096
    };
    const struct guest_part *known;

    (void)state;
    known = guest_region_part(guest_memory_add_part(map, &part, NULL));
    assert_int_equal(known->fd, 7);
    assert_int_equal(known->offset, 4096);
    assert_int_equal(known->address, BASE);
    known = guest_region_part(guest_memory_add(map, BASE + SIZE, SIZE, memory, NULL));
    assert_int_equal(known->fd, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_region_without_leases_goes_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_kvm_slot_that_kvm_keeps_keeps_its_region, set_up, tear_down),
        cmocka_unit_test_setup_teardown(kvm_slots_that_kvm_keeps_are_tried_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_kvm_slot_that_kvm_keeps_goes_by_itself, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_lease_keeps_the_region_and_no_new_one_is_given, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_end_comes_before_a_region_is_gone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(leases_lie_inside_one_region, set_up, tear_down),
        cmocka_unit_test_setup_teardown(write_copies_or_fails_whole, set_up, tear_down),
        cmocka_unit_test_setup_teardown(memory_that_is_gone_fails_an_access, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_spans_regions_is_leased_and_written_in_pieces, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(kvm_slots_are_limited_and_come_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_kvm_refuses_leaves_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_read_only_part_is_read_only, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_region_knows_its_file, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("guest_memory", tests, NULL, NULL);
}
