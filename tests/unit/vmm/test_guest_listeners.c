/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who listens to the map of guest memory: what is called, in which order, and what is undone.
 */
#include "../unit.h"

#include <limits.h>
#include <stdio.h>

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

static bool heard_prepare(void *opaque, const struct guest_part *part, struct guest_offer *offer,
                          struct error *error)
{
    (void)offer;
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

static void heard_undo(void *opaque, const struct guest_part *part, struct guest_offer *offer)
{
    (void)offer;
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

static struct guest_offer *held;

static bool slow_prepare(void *opaque, const struct guest_part *part, struct guest_offer *offer,
                         struct error *error)
{
    held = offer;
    if (offer)
        guest_offer_hold(offer);
    return heard_prepare(opaque, part, offer, error);
}

static void slow_undo(void *opaque, const struct guest_part *part, struct guest_offer *offer)
{
    if (offer)
        guest_offer_hold(offer);
    heard_undo(opaque, part, offer);
}

/* One that answers later. */
static struct guest_listener slow(const char *name)
{
    struct guest_listener made = listener(name);

    made.prepare = slow_prepare;
    made.undo = slow_undo;
    return made;
}

/* The end of an offer. */
static struct guest_region *offered;
static char result[100]; /* "": none yet */

static void offer_ended(void *opaque, const struct error *error)
{
    assert_ptr_equal(opaque, &offered);
    assert_string_equal(result, "");
    snprintf(result, sizeof result, "%.80s", error ? error->text : "good");
    assert_int_equal(offered != NULL, !error);
}

static enum outcome offer_part(uint64_t address, struct error *error)
{
    static const struct completion completion = { .ended = offer_ended, .opaque = &offered };
    const struct guest_part part = { .address = address, .size = SIZE, .memory = memory, .fd = -1 };

    result[0] = '\0';
    held = NULL;
    return guest_memory_offer_part(map, &part, &completion, &offered, error);
}

static void answer(const char *why)
{
    struct error error;

    if (why)
        error_set(&error, "%s", why);
    guest_offer_answer(held, why ? &error : NULL);
    loop_once(loop, 0);
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

static void all_are_asked_before_one_is_waited_for(void **state)
{
    struct guest_listener a = slow("a"), b = listener("b"), c = slow("c"), d = slow("d");
    struct error error;
    struct lease lease;

    (void)state;
    calls[0] = refuses = '\0';
    assert_true(guest_memory_listen(map, &a, NULL) && guest_memory_listen(map, &b, NULL) &&
                guest_memory_listen(map, &c, NULL));
    assert_int_equal(offer_part(BASE, &error), OUTCOME_LATER);
    expect_calls("ap0 bp0 cp0 ");
    assert_int_equal(kvm_slots_set, 0);
    assert_false(guest_memory_lease(map, GUEST_HOLDER_PROGRAM, LEASE_READ, BASE, 1, &lease));
    assert_int_equal(guest_memory_size(map), 0);
    answer(NULL);
    expect_calls("");
    /* Who comes meanwhile is asked, too, and who goes is not. */
    assert_true(guest_memory_listen(map, &d, NULL));
    guest_memory_unlisten(map, &b);
    expect_calls("");
    answer(NULL);
    expect_calls("dp0 ");
    assert_string_equal(result, "");
    answer(NULL);
    expect_calls("ac0 cc0 dc0 ");
    assert_string_equal(result, "good");
    assert_int_equal(kvm_slots_set, 1);
    guest_memory_remove(map, offered, when_gone);
    expect_calls("dl0 cl0 al0 ");
    assert_int_equal(gone_count, 1);
}

static void undo_follows_the_last_answer(void **state)
{
    struct guest_listener a = slow("a"), b = listener("b"), c = slow("c");
    struct error error;

    (void)state;
    calls[0] = refuses = '\0';
    assert_true(guest_memory_listen(map, &a, NULL) && guest_memory_listen(map, &b, NULL) &&
                guest_memory_listen(map, &c, NULL));
    assert_int_equal(offer_part(BASE, &error), OUTCOME_LATER);
    answer("a cannot");
    expect_calls("ap0 bp0 cp0 ");
    answer("nor can c");
    expect_calls("cu0 bu0 au0 ");
    assert_string_equal(result, "");
    answer(NULL);
    assert_string_equal(result, "");
    answer(NULL);
    assert_string_equal(result, "a cannot");
    assert_int_equal(kvm_slots_set, 0);

    refuses = 'b'; /* at once, while a still thinks */
    assert_int_equal(offer_part(BASE, &error), OUTCOME_LATER);
    expect_calls("ap0 bp0 ");
    answer(NULL);
    expect_calls("au0 ");
    answer(NULL);
    assert_string_equal(result, "b refuses");

    refuses = '\0';
    refuse = true; /* KVM does */
    assert_int_equal(offer_part(BASE, &error), OUTCOME_LATER);
    answer(NULL);
    answer(NULL);
    expect_calls("ap0 bp0 cp0 cu0 bu0 au0 ");
    answer(NULL);
    answer(NULL);
    assert_string_equal(result, "refused");
    refuse = false;

    assert_int_equal(offer_part(BASE, &error), OUTCOME_LATER);
    error_set(&error, "nobody wants it");
    guest_memory_withdraw(map, BASE + SIZE, &error);
    guest_memory_withdraw(map, BASE, &error);
    answer(NULL);
    answer(NULL);
    expect_calls("ap0 bp0 cp0 cu0 bu0 au0 ");
    answer(NULL);
    answer(NULL);
    assert_string_equal(result, "nobody wants it");
    assert_int_equal(kvm_slots_set, 0);
}

static void an_offer_that_nobody_holds_ends_at_once(void **state)
{
    struct guest_listener b = listener("b"), c = slow("c");
    struct error error;

    (void)state;
    calls[0] = refuses = '\0';
    assert_true(guest_memory_listen(map, &b, NULL));
    assert_int_equal(offer_part(BASE, &error), OUTCOME_DONE);
    expect_calls("bp0 bc0 ");
    refuses = 'b';
    assert_int_equal(offer_part(BASE + SIZE, &error), OUTCOME_FAILED);
    assert_string_equal(error.text, "b refuses");
    assert_null(offered);
    expect_calls("bp1 ");
    /* Without an offer nobody answers later. */
    refuses = '\0';
    assert_true(guest_memory_listen(map, &c, NULL));
    expect_calls("cp0 cc0 ");
    assert_non_null(guest_memory_add(map, BASE + SIZE, SIZE, memory, &error));
    expect_calls("bp1 cp1 bc1 cc1 ");
    /* There are two KVM slots. */
    assert_int_equal(offer_part(BASE + 2 * SIZE, &error), OUTCOME_FAILED);
    expect_calls("");
}

static void an_offer_ends_with_the_map(void **state)
{
    struct guest_listener a = slow("a");
    struct error error;

    (void)state;
    calls[0] = refuses = '\0';
    assert_true(guest_memory_listen(map, &a, NULL));
    assert_int_equal(offer_part(BASE, &error), OUTCOME_LATER);
    assert_int_equal(offer_part(BASE + SIZE, &error), OUTCOME_LATER);
    guest_offer_answer(held, NULL); /* and nobody looks */
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

static bool refuse_second(void *opaque, const struct guest_part *part, struct guest_offer *offer,
                          struct error *error)
{
    (void)offer;
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
        cmocka_unit_test_setup_teardown(all_are_asked_before_one_is_waited_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(undo_follows_the_last_answer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_offer_that_nobody_holds_ends_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_offer_ends_with_the_map, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_smallest_room_counts, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_begins_to_listen_hears_of_what_is_there, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("guest_listeners", tests, NULL, NULL);
}
