/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Leases from several threads while regions come and go, against a model; lookups among many regions; who
 * holds a region that leaves.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "../unit.h"

#include "base/epoch.h"
#include "base/loop.h"
#include "kvm/vm.h"
#include "memory/guest_blocks.h"
#include "memory/guest_memory.h"

#define BASE UINT64_C(0x100000000)
#define PIECE UINT64_C(4096)
#define REGIONS 256u
#define THREADS 3u
#define ROUNDS 20000u
#define WAITED 100u /* removals that found a lease, at least */

static struct loop *loop;
static struct guest_memory *map;
static uint8_t memory[REGIONS * PIECE];

/* KVM, as far as the map uses it. */
bool vm_set_kvm_slot(const struct vm *vm, unsigned kvm_slot, uint64_t guest_address, uint64_t size,
                     void *host, unsigned flags, struct error *error)
{
    (void)flags;
    (void)vm, (void)kvm_slot, (void)guest_address, (void)size, (void)host, (void)error;
    return true;
}

static int set_up(void **state)
{
    (void)state;
    loop = loop_create();
    map = guest_memory_create(NULL, loop, REGIONS);
    return loop && map ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    guest_memory_destroy(map);
    loop_destroy(loop);
    return 0;
}

static void count_gone(void *opaque)
{
    ++*(unsigned *)opaque;
}

static void no_stay(void *opaque, const char *why)
{
    (void)opaque;
    fail_msg("%s", why);
}

/* ---- lookups ---- */

struct piece {
    uint64_t first;
    uint64_t size;
    struct guest_region *region; /* NULL: none */
};

/* Regions of all sizes, from one byte to a quarter of a PiB, some with gaps between. */
static void lay_out(struct piece *piece, struct unit_random *random)
{
    uint64_t at = unit_random_below(random, 3);

    for (unsigned i = 0; i < REGIONS; i++) {
        piece[i] = (struct piece){ at, 1 + (unit_random_next(random) >> (63 - i % 48)), NULL };
        at += piece[i].size + (i % 3 ? 0 : unit_random_below(random, 1 << 20));
    }
}

static void compare_at(const struct piece *piece, uint64_t address)
{
    const struct piece *in = NULL;
    struct lease lease;

    for (unsigned i = 0; i < REGIONS; i++)
        if (piece[i].region && address >= piece[i].first && address - piece[i].first < piece[i].size)
            in = &piece[i];
    assert_int_equal(guest_memory_lease_some(map, GUEST_HOLDER_PROGRAM, LEASE_READ, address, 8, &lease),
                     in != NULL);
    if (!in)
        return;
    assert_ptr_equal(lease.region, in->region);
    assert_ptr_equal((uint8_t *)lease.memory, memory + (address - in->first));
    assert_int_equal(lease.length, in->first + in->size - address < 8 ? in->first + in->size - address : 8);
    lease_return(map, &lease);
}

static void compare(const struct piece *piece)
{
    for (unsigned i = 0; i < REGIONS; i++) {
        compare_at(piece, piece[i].first - 1);
        compare_at(piece, piece[i].first);
        compare_at(piece, piece[i].first + piece[i].size / 2);
        compare_at(piece, piece[i].first + piece[i].size - 1);
        compare_at(piece, piece[i].first + piece[i].size);
    }
    compare_at(piece, UINT64_MAX);
}

static void an_address_is_found_among_many_regions(void **state)
{
    struct unit_random random = unit_random_start("lookups");
    struct piece piece[REGIONS];
    unsigned gone = 0, removed = 0;

    (void)state;
    lay_out(piece, &random);
    compare(piece);
    for (unsigned round = 0; round < 2000; round++) {
        struct piece *one = &piece[unit_random_below(&random, REGIONS)];

        if (one->region) {
            guest_memory_remove(map, one->region, (struct region_gone){ count_gone, no_stay, &gone });
            one->region = NULL;
            assert_int_equal(gone, ++removed);
        } else {
            one->region = guest_memory_add(map, one->first, one->size, memory, NULL);
            assert_non_null(one->region);
        }
        if (round % 50 == 0)
            compare(piece);
    }
    for (unsigned i = 0; i < REGIONS; i++)
        if (!piece[i].region)
            piece[i].region = guest_memory_add(map, piece[i].first, piece[i].size, memory, NULL);
    compare(piece);
}

/* ---- threads ---- */

/* A place where a region comes and goes. `users` is the model: who has a lease counts itself in after taking
 * it and out before giving it back. */
static struct place {
    struct guest_region *region; /* main thread; NULL: none, or it leaves */
    bool leaving;
    _Atomic unsigned users;
} place[REGIONS];
static unsigned leaving, gone_places;
static _Atomic bool stop;
static _Atomic uint64_t leased;

/* A lease that one thread hands to another. */
static struct mailbox {
    pthread_mutex_t lock;
    struct lease lease;
    bool full;
} mailbox = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void place_gone(void *opaque)
{
    struct place *it = opaque;

    assert_true(it->leaving);
    assert_int_equal(atomic_load(&it->users), 0);
    memset(memory + (it - place) * PIECE, 0xdd, PIECE); /* a race with whoever still reads it */
    it->leaving = false;
    leaving--;
    gone_places++;
}

static struct place *place_of(const struct lease *lease)
{
    return &place[((uint8_t *)lease->memory - memory) / PIECE];
}

static void give_back(struct lease *lease)
{
    atomic_fetch_sub(&place_of(lease)->users, 1);
    lease_return(map, lease);
}

/* Swap with the mailbox, so that what comes back was another thread's; false: it was empty. */
static bool hand_over(struct lease *lease)
{
    struct lease mine = *lease;
    bool full;

    pthread_mutex_lock(&mailbox.lock);
    full = mailbox.full;
    *lease = mailbox.lease;
    mailbox.lease = mine;
    mailbox.full = true;
    pthread_mutex_unlock(&mailbox.lock);
    return full;
}

static void empty_mailbox(void)
{
    pthread_mutex_lock(&mailbox.lock);
    if (mailbox.full)
        give_back(&mailbox.lease);
    mailbox.full = false;
    pthread_mutex_unlock(&mailbox.lock);
}

/* What a device does: some leases at a time, of memory that never is what a region becomes that is gone. */
static void *use(void *opaque)
{
    struct unit_random random = { .state = 77 + (uintptr_t)opaque };
    const enum guest_holder holder = (enum guest_holder)(uintptr_t)opaque;

    while (!atomic_load(&stop)) {
        struct lease lease[4];
        unsigned count = 0;

        for (unsigned i = 0; i < 4; i++) {
            uint64_t at = unit_random_below(&random, REGIONS * PIECE - 8);

            if (!guest_memory_lease_some(map, holder, LEASE_READ, BASE + at, 8, &lease[count]))
                continue;
            atomic_fetch_add(&place_of(&lease[count])->users, 1);
            count++;
        }
        if (unit_random_below(&random, 8) == 0)
            sched_yield();
        for (unsigned i = 0; i < count; i++) {
            if (*(uint8_t *)lease[i].memory != 0x11)
                abort(); /* cmocka's checks are the main thread's */
            if (unit_random_below(&random, 4) > 0 || hand_over(&lease[i]))
                give_back(&lease[i]);
        }
        atomic_fetch_add(&leased, count);
    }
    return NULL;
}

static void come_or_go(struct place *it)
{
    const unsigned i = (unsigned)(it - place);
    struct lease lease;

    if (it->region) {
        struct guest_region *region = it->region;

        it->region = NULL;
        it->leaving = true;
        leaving++;
        guest_memory_remove(map, region, (struct region_gone){ place_gone, no_stay, it });
        assert_false(guest_memory_lease(map, GUEST_HOLDER_PROGRAM, LEASE_READ, BASE + i * PIECE, 1, &lease));
    } else if (!it->leaving) {
        memset(memory + i * PIECE, 0x11, PIECE);
        it->region = guest_memory_add(map, BASE + i * PIECE, PIECE, memory + i * PIECE, NULL);
        assert_non_null(it->region);
        assert_true(guest_memory_lease(map, GUEST_HOLDER_PROGRAM, LEASE_READ, BASE + i * PIECE, 1, &lease));
        lease_return(map, &lease);
    }
}

static void regions_come_and_go_under_leases_of_many_threads(void **state)
{
    struct unit_random random = unit_random_start("leases");
    pthread_t thread[THREADS];
    unsigned removals = 0, waited = 0;

    (void)state;
    atomic_store(&stop, false);
    for (unsigned i = 0; i < REGIONS; i += 2)
        come_or_go(&place[i]);
    for (uintptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, use, (void *)(GUEST_HOLDERS_FIXED - THREADS + i)),
                         0);
    for (unsigned round = 0; round < ROUNDS || waited < WAITED; round++) {
        /* Few places most of the time: they come and go while they are used. */
        struct place *it = &place[unit_random_below(&random, round % 4 ? 8 : REGIONS)];

        removals += it->region != NULL;
        come_or_go(it);
        waited += it->leaving;
        if (round % 16 == 0)
            loop_once(loop, 0);
        if (round % 64 == 0)
            sched_yield();
        assert_true(leaving + gone_places == removals);
    }
    atomic_store(&stop, true);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(thread[i], NULL), 0);
    empty_mailbox();
    /* Now all have to go that leave: an end that was lost would keep one for ever. */
    while (leaving > 0)
        loop_once(loop, -1);
    for (unsigned i = 0; i < REGIONS; i++)
        if (place[i].region) {
            removals++;
            come_or_go(&place[i]);
        }
    assert_int_equal(leaving, 0);
    assert_int_equal(gone_places, removals);
    printf("# %u removals, %u of which had to wait, under %llu leases\n", removals, waited,
           (unsigned long long)atomic_load(&leased));
}

/* ---- one after the other ---- */

static void a_removal_waits_for_who_may_have_found_the_region(void **state)
{
    struct guest_region *region = guest_memory_add(map, BASE, PIECE, memory, NULL);
    struct lease lease;
    unsigned gone = 0;

    (void)state;
    epoch_enter();
    guest_memory_remove(map, region, (struct region_gone){ count_gone, no_stay, &gone });
    assert_false(guest_memory_lease(map, GUEST_HOLDER_PROGRAM, LEASE_READ, BASE, 1, &lease));
    loop_once(loop, -1); /* the timer, in vain */
    assert_int_equal(gone, 0);
    epoch_leave();
    loop_once(loop, -1);
    assert_int_equal(gone, 1);
}

static void those_who_hold_a_region_are_named(void **state)
{
    struct guest_region *region = guest_memory_add(map, BASE, PIECE, memory, NULL);
    const enum guest_holder vda = guest_memory_holder(map, "vda"), net = guest_memory_holder(map, "net0");
    struct lease first, second, third;
    char names[40], brief[6];
    unsigned gone = 0;

    (void)state;
    assert_int_not_equal(vda, net);
    assert_int_equal(guest_memory_holder(map, "vda"), vda);
    assert_int_equal(guest_memory_holders(map, region, names, sizeof names), 0);
    assert_string_equal(names, "");
    assert_true(guest_memory_lease(map, vda, LEASE_WRITE, BASE, 1, &first));
    assert_true(guest_memory_lease(map, vda, LEASE_READ, BASE, 1, &second));
    assert_true(guest_memory_lease(map, net, LEASE_READ, BASE, 1, &third));
    guest_memory_remove(map, region, (struct region_gone){ count_gone, no_stay, &gone });
    assert_int_equal(guest_memory_holders(map, region, names, sizeof names), 2);
    assert_string_equal(names, "vda, net0");
    assert_int_equal(guest_memory_holders(map, region, brief, sizeof brief), 2);
    assert_string_equal(brief, "vda, ");
    lease_return(map, &first);
    assert_int_equal(guest_memory_holders(map, region, names, sizeof names), 2);
    lease_return(map, &second);
    assert_int_equal(guest_memory_holders(map, region, names, sizeof names), 1);
    assert_string_equal(names, "net0");
    lease_return(map, &third);
    loop_once(loop, 0);
    assert_int_equal(gone, 1);
}

static void holders_without_a_number_share_one(void **state)
{
    static char name[GUEST_HOLDERS_MAX][8];

    (void)state;
    for (unsigned i = GUEST_HOLDERS_FIXED; i < GUEST_HOLDERS_MAX; i++) {
        snprintf(name[i], sizeof name[i], "dev%u", i);
        assert_int_equal(guest_memory_holder(map, name[i]), i);
    }
    assert_int_equal(guest_memory_holder(map, "late"), GUEST_HOLDER_OTHERS);
    assert_int_equal(guest_memory_holder(map, "dev7"), 7);
}

/* Of a region with blocks: whatever is plugged stays as free to go as it was, but the region stays. */
static void a_region_is_leased_whatever_is_plugged(void **state)
{
    struct guest_blocks *blocks = guest_blocks_create(memory, 4 * PIECE, PIECE);
    struct guest_part part = {
        .address = BASE, .size = 4 * PIECE, .memory = memory, .fd = -1, .blocks = blocks
    };
    struct guest_region *region;
    struct error error;
    struct lease lease, other;
    unsigned gone = 0;
    uint64_t at = 0;

    (void)state;
    assert_non_null(blocks);
    region = guest_memory_add_part(map, &part, &error);
    assert_non_null(region);
    assert_int_equal(guest_part_next(&part, &at), 0);
    guest_blocks_plug(blocks, 2, 1);
    assert_int_equal(guest_part_next(&part, &at), PIECE);
    assert_int_equal(at, 2 * PIECE);
    assert_false(guest_memory_lease_region(map, GUEST_HOLDER_PROGRAM, BASE - 1, &lease));
    assert_true(guest_memory_lease_region(map, GUEST_HOLDER_PROGRAM, BASE, &lease));
    assert_ptr_equal(lease.region, region);
    assert_int_equal(lease.length, 0);
    assert_false(guest_memory_lease(map, GUEST_HOLDER_PROGRAM, LEASE_READ, BASE, PIECE, &other));
    assert_true(guest_blocks_unplug(blocks, 2, 1));
    guest_memory_remove(map, region, (struct region_gone){ count_gone, no_stay, &gone });
    loop_once(loop, 0);
    assert_int_equal(gone, 0);
    lease_return(map, &lease);
    loop_once(loop, 0);
    assert_int_equal(gone, 1);
    guest_blocks_destroy(blocks);
}

static void memory_is_held_several_times(void **state)
{
    (void)state;
    assert_false(guest_memory_is_held(map));
    guest_memory_hold(map);
    guest_memory_hold(map);
    guest_memory_let_go(map);
    assert_true(guest_memory_is_held(map));
    guest_memory_let_go(map);
    assert_false(guest_memory_is_held(map));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_address_is_found_among_many_regions, set_up, tear_down),
        cmocka_unit_test_setup_teardown(regions_come_and_go_under_leases_of_many_threads, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_removal_waits_for_who_may_have_found_the_region, set_up, tear_down),
        cmocka_unit_test_setup_teardown(those_who_hold_a_region_are_named, set_up, tear_down),
        cmocka_unit_test_setup_teardown(holders_without_a_number_share_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_region_is_leased_whatever_is_plugged, set_up, tear_down),
        cmocka_unit_test_setup_teardown(memory_is_held_several_times, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("guest_leases", tests, NULL, NULL);
}
