/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which DIMMs a booting guest finds in its memory map (dimm-at-boot=e820): none that is not whole memory
 * blocks of what they are with this very map.
 */
#include "../unit.h"

#include "base/config.h"
#include "hotplug/hotplug.h"
#include "machine/dimms_at_boot.h"

#define MIB (UINT64_C(1) << 20)
#define GIB (UINT64_C(1) << 30)
#define COUNT_MAX 24

/* ---- Instead of hotplug/: DIMMs by rising address ---- */

static struct dimm_info dimms[COUNT_MAX];
static uint32_t count;
static uint64_t told; /* the block */

bool hotplug_next(struct hotplug *hotplug, uint32_t *slot, struct dimm_info *info)
{
    (void)hotplug;
    *slot = *slot == HOTRAM_SLOT_ANY ? 0 : *slot + 1;
    if (*slot >= count)
        return false;
    *info = dimms[*slot];
    return true;
}

void hotplug_region(const struct hotplug *hotplug, uint64_t *base, uint64_t *size)
{
    (void)hotplug;
    *base = 4 * GIB;
    *size = 1024 * GIB;
}

void hotplug_set_block(struct hotplug *hotplug, uint64_t block)
{
    (void)hotplug;
    told = block;
}

static void plug(uint64_t addr, uint64_t size)
{
    dimms[count] = (struct dimm_info){ .addr = addr, .size = size, .slot = count };
    count++;
}

static struct config config = { .dimms.in_e820 = true };
static struct dimms_at_boot list;

static void boot_with_room(uint64_t ram_end, const struct map_room *room)
{
    config.numa.nodes = 1;
    dimms_at_boot_list(&config, NULL, HOTRAM_BLOCK_X86_64, ram_end, room, &list);
}

static void boot(uint64_t ram_end)
{
    boot_with_room(ram_end, NULL);
}

static uint64_t listed_end(uint64_t ram_end)
{
    const struct memory_entry *last = list.map_count > 0 ? &list.map[list.map_count - 1] : NULL;

    return last ? last->address + last->size : ram_end;
}

static void only(uint64_t addr, uint64_t size)
{
    assert_int_equal(list.map_count, 1);
    assert_int_equal(list.map[0].address, addr);
    assert_int_equal(list.map[0].size, size);
}

/* ---- Tests ---- */

static void halves_of_a_block_are_not_in_it(void **state)
{
    (void)state;
    count = 0;
    plug(4 * GIB, 64 * MIB);
    plug(4 * GIB + 64 * MIB, 64 * MIB);
    boot(512 * MIB);
    assert_int_equal(list.map_count, 0);
    assert_int_equal(told, 128 * MIB);
    assert_int_equal(list.srat_count, 3); /* both, and the gap above */
}

static void nor_is_a_block_and_a_half_or_a_whole_one_at_a_half(void **state)
{
    (void)state;
    count = 0;
    plug(4 * GIB, 192 * MIB);
    plug(4 * GIB + 192 * MIB, 128 * MIB);
    plug(5 * GIB, 128 * MIB);
    boot(512 * MIB);
    only(5 * GIB, 128 * MIB);
}

static void the_highest_dimm_rules_the_block(void **state)
{
    (void)state;
    count = 0;
    plug(4 * GIB, 2 * GIB);
    plug(62 * GIB, 4 * GIB);
    boot(3 * GIB);
    assert_int_equal(list.map_count, 2);
    assert_int_equal(told, 2 * GIB);
}

/* 1 GiB up to 64 GiB would make blocks of 2 GiB, of which none of these is one. */
static void a_dimm_stays_out_whose_block_would_exclude_others(void **state)
{
    (void)state;
    count = 0;
    plug(4 * GIB, 1 * GIB);
    plug(5 * GIB, 1 * GIB);
    plug(63 * GIB, 1 * GIB);
    boot(3 * GIB);
    assert_int_equal(list.map_count, 2);
    assert_int_equal(listed_end(3 * GIB), 6 * GIB);
    assert_int_equal(told, 128 * MIB);
}

static void without_e820_the_block_is_that_of_the_ram(void **state)
{
    (void)state;
    count = 0;
    plug(80 * GIB, 2 * GIB);
    config.dimms.in_e820 = false;
    boot(65 * GIB);
    config.dimms.in_e820 = true;
    assert_int_equal(list.map_count, 0);
    assert_int_equal(list.srat_count, 1);
    assert_int_equal(told, 1 * GIB);
}

static void what_is_being_ejected_is_not_in_it(void **state)
{
    (void)state;
    count = 0;
    plug(4 * GIB, 128 * MIB);
    plug(5 * GIB, 128 * MIB);
    dimms[1].state = HOTRAM_DIMM_EJECTING;
    boot(512 * MIB);
    only(4 * GIB, 128 * MIB);
}

/* The map that is cut ends lower than that of all DIMMs, and so its block is another one. */
static void a_map_that_is_cut_rules_the_block_by_its_own_end(void **state)
{
    const struct map_room two = { .entries = 2 };

    (void)state;
    /* With the last one blocks are of 1 GiB, and all are whole; without it the second would make them 2 GiB.
     */
    count = 0;
    plug(64 * GIB, 1 * GIB);
    plug(66 * GIB, 2 * GIB);
    plug(70 * GIB, 1 * GIB);
    boot(3 * GIB);
    assert_int_equal(list.map_count, 3);
    boot_with_room(3 * GIB, &two);
    only(64 * GIB, 1 * GIB);
    assert_int_equal(told, 1 * GIB);
}

static void neighbours_share_an_entry(void **state)
{
    const struct map_room one = { .entries = 1, .ram_end = 5 * GIB };

    (void)state;
    count = 0;
    plug(5 * GIB, 1 * GIB); /* with RAM */
    plug(7 * GIB, 1 * GIB);
    plug(8 * GIB, 1 * GIB);
    boot_with_room(5 * GIB, &one);
    assert_int_equal(list.map_count, 3);
    plug(10 * GIB, 1 * GIB);
    boot_with_room(5 * GIB, &one);
    assert_int_equal(list.map_count, 3);
}

/* Entries of the map, as a loader writes them that lists neighbours as one. */
static unsigned entries(const struct map_room *room)
{
    uint64_t end = room->ram_end;
    unsigned result = 0;

    for (unsigned i = 0; i < list.map_count; i++) {
        result += list.map[i].address != end;
        end = list.map[i].address + list.map[i].size;
    }
    return result;
}

/* Whatever is plugged: the block is the map's, every DIMM in the map is whole blocks, and the map has room.
 */
static void any_dimms_at_all(void **state)
{
    struct unit_random random = unit_random_start("DIMMs at boot");

    (void)state;
    for (unsigned round = 0; round < 20000; round++) {
        struct map_room room = { .entries = (unsigned)unit_random_below(&random, COUNT_MAX) };
        const uint64_t ram_end = unit_random_below(&random, 560) * 128 * MIB + 512 * MIB;
        const uint64_t unit = UINT64_C(1) << (21 + unit_random_below(&random, 11));
        uint64_t at = (ram_end + GIB - 1) / GIB * GIB;

        for (count = 0; count < 1 + round % COUNT_MAX;) {
            uint64_t size = (1 + unit_random_below(&random, 40)) * unit;

            at += unit_random_below(&random, 3) * unit;
            plug(at, size);
            at += size;
        }
        room.ram_end = unit_random_below(&random, 2) * ram_end;
        boot_with_room(ram_end, round % 2 ? &room : NULL);
        if (round % 2)
            assert_true(entries(&room) <= room.entries);
        assert_int_equal(told, hotram_block_size(HOTRAM_BLOCK_X86_64, listed_end(ram_end)));
        for (unsigned i = 0; i < list.map_count; i++) {
            assert_int_equal(list.map[i].address % told, 0);
            assert_int_equal(list.map[i].size % told, 0);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(halves_of_a_block_are_not_in_it),
        cmocka_unit_test(nor_is_a_block_and_a_half_or_a_whole_one_at_a_half),
        cmocka_unit_test(the_highest_dimm_rules_the_block),
        cmocka_unit_test(a_dimm_stays_out_whose_block_would_exclude_others),
        cmocka_unit_test(without_e820_the_block_is_that_of_the_ram),
        cmocka_unit_test(what_is_being_ejected_is_not_in_it),
        cmocka_unit_test(a_map_that_is_cut_rules_the_block_by_its_own_end),
        cmocka_unit_test(neighbours_share_an_entry),
        cmocka_unit_test(any_dimms_at_all),
    };

    return cmocka_run_group_tests_name("dimms-at-boot", tests, NULL, NULL);
}
