/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who listens to the map of guest memory: what is called, in which order, and what is undone.
 */
#include "../unit.h"

#include <limits.h>

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
static unsigned gone_count;

/* KVM, as far as the map uses it. */
bool vm_set_kvm_slot(const struct vm *vm, unsigned kvm_slot, uint64_t guest_address, uint64_t size,
                     void *host, unsigned flags, struct error *error)
{
    (void)vm, (void)kvm_slot, (void)guest_address, (void)host, (void)flags;
    if (refuse)
        return error_set(error, "refused");
    kvm_slots_set += size > 0;
    kvm_slots_deleted += size == 0;
    return true;
}

static void gone(void *opaque)
{
    (void)opaque;
    gone_count++;
}

static const struct region_gone when_gone = { .gone = gone };

static int set_up(void **state)
{
    (void)state;
    kvm_slots_set = kvm_slots_deleted = gone_count = 0;
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

/* What was called, in order: the listener's letter, the step's, the number of the region. */
static char calls[100];
static unsigned kvm_slots_at_prepare;
static char refuses; /* the listener that does */

static void note(const char *name, char step, const struct guest_part *part)
{
    const char call[] = { *name, step, (char)('0' + (part->address - BASE) / SIZE), ' ', '\0' };

    assert_true(strlen(calls) + sizeof call <= sizeof calls);
    strcat(calls, call);
}

static bool heard_prepare(void *opaque, const struct guest_part *part, struct error *error)
{
    note(opaque, 'p', part);
    kvm_slots_at_prepare = kvm_slots_set;
    return refuses != *(const char *)opaque || error_set(error, "%s refuses", (const char *)opaque);
}

static void heard_commit(void *opaque, const struct guest_part *part)
{
    struct lease lease;

    note(opaque, 'c', part);
    assert_true(guest_memory_lease(map, GUEST_HOLDER_PROGRAM, LEASE_READ, part->address, 1, &lease));
    lease_return(map, &lease);
}

static void heard_undo(void *opaque, const struct guest_part *part)
{
    note(opaque, 'u', part);
}

static void heard_leave(void *opaque, const struct guest_part *part)
{
    struct lease lease;

    note(opaque, 'l', part);
    assert_false(guest_memory_lease(map, GUEST_HOLDER_PROGRAM, LEASE_READ, part->address, 1, &lease));
    assert_int_equal(kvm_slots_deleted, 0); /* not before all have let go */
}

static struct guest_listener listener(const char *name)
{
    return (struct guest_listener){ .prepare = heard_prepare,
                                    .commit = heard_commit,
                                    .undo = heard_undo,
                                    .leave = heard_leave,
                                    .opaque = (void *)name };
}

static void heard_begin(void *opaque, const struct guest_part *part)
{
    note(opaque, 'b', part);
}

static void heard_begin_leave(void *opaque, const struct guest_part *part)
{
    note(opaque, 'B', part);
}

/* One that waits for others. */
static struct guest_listener slow(const char *name)
{
    struct guest_listener made = listener(name);

    made.begin = heard_begin;
    made.begin_leave = heard_begin_leave;
    return made;
}

static void expect_calls(const char *expected)
{
    assert_string_equal(calls, expected);
    calls[0] = '\0';
}

static void listeners_hear_of_each_region_in_order(void **state)
{
    struct guest_listener a = listener("a"), b = listener("b"), silent = { 0 };
    struct guest_region *region;

    (void)state;
    calls[0] = refuses = '\0';
    assert_true(guest_memory_listen(map, &a, NULL));
    assert_true(guest_memory_listen(map, &silent, NULL));
    assert_true(guest_memory_listen(map, &b, NULL));
    expect_calls("");
    region = guest_memory_add(map, BASE, SIZE, memory, NULL);
    expect_calls("ap0 bp0 ac0 bc0 ");
    assert_int_equal(kvm_slots_at_prepare, 0); /* before the guest can reach it */
    assert_int_equal(kvm_slots_set, 1);
    guest_memory_remove(map, region, when_gone);
    expect_calls("bl0 al0 ");
    assert_int_equal(gone_count, 1);
    guest_memory_unlisten(map, &silent);
    guest_memory_unlisten(map, &a);
    assert_non_null(guest_memory_add(map, BASE, SIZE, memory, NULL));
    expect_calls("bp0 bc0 ");
    guest_memory_unlisten(map, &b);
    assert_non_null(guest_memory_add(map, BASE + SIZE, SIZE, memory, NULL));
    expect_calls("");
}

static void what_a_listener_refuses_is_undone(void **state)
{
    struct guest_listener a = listener("a"), b = listener("b"), c = listener("c");
    struct lease lease;
    struct error error;

    (void)state;
    calls[0] = refuses = '\0';
    assert_true(guest_memory_listen(map, &a, NULL) && guest_memory_listen(map, &b, NULL) &&
                guest_memory_listen(map, &c, NULL));
    refuses = 'c';
    assert_null(guest_memory_add(map, BASE, SIZE, memory, &error));
    assert_string_equal(error.text, "c refuses");
    expect_calls("ap0 bp0 cp0 bu0 au0 ");
    assert_int_equal(kvm_slots_set, 0);
    assert_false(guest_memory_lease(map, GUEST_HOLDER_PROGRAM, LEASE_READ, BASE, 1, &lease));
    refuses = '\0';
    refuse = true; /* KVM does */
    assert_null(guest_memory_add(map, BASE, SIZE, memory, &error));
    assert_string_equal(error.text, "refused");
    expect_calls("ap0 bp0 cp0 cu0 bu0 au0 ");
    refuse = false;
    assert_non_null(guest_memory_add(map, BASE, SIZE, memory, &error));
    expect_calls("ap0 bp0 cp0 ac0 bc0 cc0 ");
}

static void what_takes_long_is_begun_before_it_is_waited_for(void **state)
{
    struct guest_listener a = slow("a"), b = listener("b"), c = slow("c");
    struct guest_region *region;
    struct error error;

    (void)state;
    calls[0] = refuses = '\0';
    assert_true(guest_memory_listen(map, &a, NULL) && guest_memory_listen(map, &b, NULL) &&
                guest_memory_listen(map, &c, NULL));
    region = guest_memory_add(map, BASE, SIZE, memory, &error);
    expect_calls("ab0 cb0 ap0 bp0 cp0 ac0 bc0 cc0 ");
    guest_memory_remove(map, region, when_gone);
    expect_calls("cB0 aB0 cl0 bl0 al0 ");
    kvm_slots_deleted = 0;
    /* What was begun is waited for, and undone, whoever refuses. */
    refuses = 'a';
    assert_null(guest_memory_add(map, BASE, SIZE, memory, &error));
    assert_string_equal(error.text, "a refuses");
    expect_calls("ab0 cb0 ap0 cp0 cu0 ");
    refuses = 'b';
    assert_null(guest_memory_add(map, BASE, SIZE, memory, &error));
    expect_calls("ab0 cb0 ap0 bp0 cp0 cu0 au0 ");
    refuses = 'c';
    assert_null(guest_memory_add(map, BASE, SIZE, memory, &error));
    expect_calls("ab0 cb0 ap0 bp0 cp0 bu0 au0 ");
    guest_memory_unlisten(map, &c);
    refuses = '\0';
    assert_non_null(guest_memory_add(map, BASE, SIZE, memory, &error));
    expect_calls("ab0 ap0 bp0 ac0 bc0 ");
    assert_true(guest_memory_listen(map, &c, NULL));
    expect_calls("cb0 cp0 cc0 ");
}

static unsigned room_of(void *opaque, struct error *why)
{
    error_set(why, "%s has a limit", (const char *)opaque);
    return *(const char *)opaque == 'b' ? 2 : 5;
}

static void the_smallest_room_counts(void **state)
{
    struct guest_listener a = listener("a"), b = listener("b"), c = listener("c");
    struct error why;

    (void)state;
    a.room = b.room = room_of;
    calls[0] = refuses = '\0';
    assert_true(guest_memory_listen(map, &c, NULL));
    assert_true(guest_memory_room(map, &why) == UINT_MAX);
    assert_true(guest_memory_listen(map, &a, NULL) && guest_memory_listen(map, &b, NULL));
    assert_int_equal(guest_memory_room(map, &why), 2);
    assert_string_equal(why.text, "b has a limit");
    guest_memory_unlisten(map, &b);
    assert_int_equal(guest_memory_room(map, &why), 5);
}

static bool refuse_second(void *opaque, const struct guest_part *part, struct error *error)
{
    note(opaque, 'p', part);
    return strlen(calls) <= 4 || error_set(error, "one is enough");
}

static void who_begins_to_listen_hears_of_what_is_there(void **state)
{
    struct guest_listener a = listener("a"), b = listener("b");
    struct guest_region *region;
    struct error error;
    struct lease lease;

    (void)state;
    calls[0] = refuses = '\0';
    region = guest_memory_add(map, BASE, SIZE, memory, NULL);
    assert_non_null(guest_memory_add(map, BASE + SIZE, SIZE, memory, NULL));
    b.prepare = refuse_second;
    assert_false(guest_memory_listen(map, &b, &error));
    assert_string_equal(error.text, "one is enough");
    expect_calls("bp1 bp0 bu1 ");
    assert_true(guest_memory_listen(map, &a, NULL));
    expect_calls("ap1 ap0 ac1 ac0 ");
    /* What leaves is not there. */
    assert_true(guest_memory_lease(map, GUEST_HOLDER_PROGRAM, LEASE_READ, BASE, 1, &lease));
    guest_memory_remove(map, region, when_gone);
    expect_calls("al0 ");
    b.prepare = heard_prepare;
    assert_true(guest_memory_listen(map, &b, NULL));
    expect_calls("bp1 bc1 ");
    lease_return(map, &lease);
    loop_once(loop, 0);
    assert_int_equal(gone_count, 1);
    expect_calls("");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(listeners_hear_of_each_region_in_order, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_a_listener_refuses_is_undone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_takes_long_is_begun_before_it_is_waited_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_smallest_room_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_begins_to_listen_hears_of_what_is_there, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("guest_listeners", tests, NULL, NULL);
}
