/* SPDX-License-Identifier: BSD-2-Clause */
#include "plan_bank.h"

#define MIB UINT64_C(0x100000)
#define GIB UINT64_C(0x40000000)
#define UNIT (2 * MIB)
#define BASE (4 * GIB)
#define SLOTS 8u
#define LATER UINT64_MAX /* in a list of sizes: a gap of a unit, which no DIMM fills */

static struct plan_bank fixture;
static struct hotram_plan_request request;

/* A bank of some slots and units, in a region with as many units more as given; DIMMs of these units in a
 * row, ended by 0; the request as most tests want it. */
static void make(uint32_t slots, uint64_t capacity, uint64_t spare, const uint64_t *units)
{
    const struct hotram_bank_config config = {
        .base = BASE,
        .size = (capacity + spare) * UNIT,
        .capacity = capacity * UNIT,
        .granularity = UNIT,
        .slots = slots,
    };
    uint64_t addr = BASE;

    plan_bank_make(&fixture, &config);
    for (; *units; units++) {
        if (*units != LATER)
            assert_true(plan_bank_add(&fixture, addr, *units * UNIT, 0, HOTRAM_DIMM_PLUGGED));
        addr += *units == LATER ? UNIT : *units * UNIT;
    }
    request = (struct hotram_plan_request){ .bank = &fixture.bank, .align = UNIT };
}

#define DIMMS(...) ((const uint64_t[]){ __VA_ARGS__, 0 })

static enum hotram_status plan_to(uint64_t units)
{
    request.target = units * UNIT;
    return plan_bank_plan(&fixture, request);
}

/* The plan in words: "+4 at 0" plugs four units at the region's start, "-3" removes slot 3's DIMM. */
static void assert_steps(const char *expected)
{
    char text[256] = "";
    size_t length = 0;

    for (uint32_t i = 0; i < fixture.plan.count; i++) {
        const struct hotram_plan_step *step = &fixture.plan.steps[i];

        length += (size_t)snprintf(text + length, sizeof text - length,
                                   step->action == HOTRAM_PLAN_PLUG ? "%s+%llu at %llu" : "%s-%llu",
                                   i ? ", " : "",
                                   step->action == HOTRAM_PLAN_PLUG ? (unsigned long long)(step->size / UNIT)
                                                                    : (unsigned long long)step->slot,
                                   (unsigned long long)((step->addr - BASE) / UNIT));
    }
    assert_string_equal(text, expected);
    plan_bank_take(&fixture, &request);
}

static void assert_sizes(uint64_t reached, uint64_t below, uint64_t above)
{
    assert_int_equal(fixture.plan.reached, reached * UNIT);
    assert_int_equal(fixture.plan.below, below == HOTRAM_PLAN_NONE ? below : below * UNIT);
    assert_int_equal(fixture.plan.above, above == HOTRAM_PLAN_NONE ? above : above * UNIT);
}

/* No steps, nothing reached but what is there. */
static void assert_no_way(uint64_t below, uint64_t above)
{
    assert_int_equal(fixture.plan.count, 0);
    assert_sizes(plan_bank_size(&fixture, &request) / UNIT, below, above);
}

/* ---- Growing ---- */

static void a_first_growth_doubles_from_the_unit_on(void **state)
{
    (void)state;
    make(8, 64, 64, DIMMS(0));
    assert_int_equal(plan_to(13), HOTRAM_OK);
    assert_steps("+1 at 0, +2 at 1, +4 at 3, +6 at 7");
    assert_sizes(13, 13, 13);
}

static void a_coarser_unit_is_taken_when_half_of_the_slots_are_too_few(void **state)
{
    (void)state;
    make(4, 64, 64, DIMMS(0));
    assert_int_equal(plan_to(13), HOTRAM_OK);
    assert_steps("+8 at 0, +5 at 8");
    make(2, 64, 64, DIMMS(0));
    assert_int_equal(plan_to(13), HOTRAM_OK);
    assert_steps("+13 at 0");
}

/* The table of docs/libhotram.md, in units. */
static void first_growths_are_as_documented(void **state)
{
    (void)state;
    make(1, 32768, 0, DIMMS(0));
    assert_int_equal(plan_to(1536), HOTRAM_OK);
    assert_steps("+1536 at 0");
    make(4, 32768, 0, DIMMS(0));
    assert_int_equal(plan_to(1536), HOTRAM_OK);
    assert_steps("+512 at 0, +1024 at 512");
    make(8, 32768, 0, DIMMS(0));
    assert_int_equal(plan_to(1536), HOTRAM_OK);
    assert_steps("+128 at 0, +256 at 128, +512 at 384, +640 at 896");
    make(16, 32768, 0, DIMMS(0));
    assert_int_equal(plan_to(1536), HOTRAM_OK);
    assert_steps(
        "+8 at 0, +16 at 8, +32 at 24, +64 at 56, +128 at 120, +256 at 248, +512 at 504, +520 at 1016");
    make(32, 32768, 0, DIMMS(0));
    assert_int_equal(plan_to(8192), HOTRAM_OK);
    assert_steps(
        "+1 at 0, +2 at 1, +4 at 3, +8 at 7, +16 at 15, +32 at 31, +64 at 63, +128 at 127, +256 at 255, "
        "+512 at 511, +1024 at 1023, +2048 at 2047, +4096 at 4095, +1 at 8191");
}

static void a_later_growth_goes_on_where_removals_reach(void **state)
{
    (void)state;
    make(16, 64, 64, DIMMS(1, 2, 4));
    assert_int_equal(plan_to(7 + 20), HOTRAM_OK);
    assert_steps("+8 at 7, +12 at 15");
    /* The DIMM of 20 adds nothing to the reach of 3 until the gap is filled. */
    make(16, 64, 64, DIMMS(1, 2, 20));
    assert_int_equal(plan_to(23 + 30), HOTRAM_OK);
    assert_steps("+4 at 23, +8 at 27, +16 at 35, +2 at 51");
}

static void reach_goes_by_size_not_by_address(void **state)
{
    (void)state;
    make(16, 64, 64, DIMMS(4, 2, 1));
    assert_int_equal(plan_to(7 + 20), HOTRAM_OK);
    assert_steps("+8 at 7, +12 at 15");
}

static void what_the_plan_removes_is_not_in_reach(void **state)
{
    (void)state;
    make(SLOTS, 64, 64, DIMMS(3, 3, 3));
    request.align = 4 * UNIT;
    assert_int_equal(plan_to(12), HOTRAM_OK);
    assert_steps("+4 at 12, +8 at 16, -2, -1, -0");
}

static void what_cannot_be_removed_is_not_in_reach(void **state)
{
    const bool fixed[16] = { true, true, true };

    (void)state;
    make(16, 64, 64, DIMMS(1, 2, 4));
    request.fixed = fixed;
    assert_int_equal(plan_to(7 + 3), HOTRAM_OK);
    assert_steps("+1 at 7, +2 at 8");
}

static void holes_are_filled_from_the_lowest(void **state)
{
    (void)state;
    make(16, 64, 0, DIMMS(1, LATER, 2, LATER, LATER, 4));
    assert_int_equal(plan_to(7 + 3), HOTRAM_OK);
    assert_steps("+3 at 10");
    make(16, 11, 0, DIMMS(1, LATER, 2, LATER, LATER, 4));
    assert_int_equal(plan_to(7 + 3), HOTRAM_OK);
    assert_steps("+2 at 4, +1 at 1");
}

static void the_last_slot_stays_empty(void **state)
{
    (void)state;
    make(4, 64, 64, DIMMS(1, 2, 4));
    assert_int_equal(plan_to(10), HOTRAM_OK);
    assert_steps("+4 at 7, -0"); /* one unit too much, then removed */
    assert_sizes(10, 10, 10);
}

static void the_last_slot_fills_the_capacity(void **state)
{
    (void)state;
    make(4, 10, 64, DIMMS(1, 2, 4));
    assert_int_equal(plan_to(10), HOTRAM_OK);
    assert_steps("+3 at 7");
}

static void the_last_slot_is_used_when_nothing_else_is_left(void **state)
{
    (void)state;
    make(4, 11, 64, DIMMS(2, 2, 4)); /* 2 more would be beyond the capacity */
    assert_int_equal(plan_to(10), HOTRAM_OK);
    assert_steps("+2 at 8");
}

static void without_a_slot_something_goes_first(void **state)
{
    (void)state;
    make(3, 64, 64, DIMMS(2, 1, 4));
    assert_int_equal(plan_to(10), HOTRAM_OK);
    assert_steps("-1, +4 at 7");
    assert_int_equal(fixture.lowest, 6 * UNIT);
}

static void without_a_hole_something_goes_first(void **state)
{
    (void)state;
    make(4, 9, 0, DIMMS(2, LATER, 3, LATER, 2)); /* no two holes: one slot */
    assert_int_equal(plan_to(9), HOTRAM_OK);
    assert_steps("-2, +3 at 6, +1 at 2");
}

static void the_capacity_is_an_end(void **state)
{
    (void)state;
    make(4, 10, 64, DIMMS(1, 2));
    assert_true(plan_bank_add(&fixture, PLAN_BANK_ANYWHERE, 2 * UNIT, 0, HOTRAM_DIMM_RESERVED));
    assert_int_equal(plan_to(9), HOTRAM_E_CAPACITY);
    assert_no_way(8, HOTRAM_PLAN_NONE);
    request.at_most = true; /* of no meaning when growing */
    assert_int_equal(plan_to(9), HOTRAM_E_CAPACITY);
    request.target = UINT64_MAX;
    assert_int_equal(plan_bank_plan(&fixture, request), HOTRAM_E_CAPACITY);
    assert_no_way(8, HOTRAM_PLAN_NONE);
    assert_int_equal(plan_to(8), HOTRAM_OK);
}

static void slots_and_holes_are_ends(void **state)
{
    const bool fixed[SLOTS] = { true, true, true };

    (void)state;
    make(3, 64, 64, DIMMS(1, 2, 4));
    request.fixed = fixed;
    assert_int_equal(plan_to(8), HOTRAM_E_NO_SLOT);
    assert_no_way(7, HOTRAM_PLAN_NONE);
    make(4, 9, 0, DIMMS(2, LATER, 3, LATER, 2)); /* a hole of one unit for the one slot */
    request.fixed = fixed;
    assert_int_equal(plan_to(9), HOTRAM_E_NO_SLOT);
    assert_no_way(8, HOTRAM_PLAN_NONE);
    make(4, 9, 0, DIMMS(2, LATER, 3, LATER, 2));
    request.fixed = fixed;
    fixture.bank.config.capacity += UNIT;
    assert_int_equal(plan_to(10), HOTRAM_E_NO_SPACE);
    assert_no_way(8, HOTRAM_PLAN_NONE);
    make(1, 9, 0, DIMMS(9)); /* neither */
    request.fixed = fixed;
    fixture.bank.config.capacity += UNIT;
    assert_int_equal(plan_to(10), HOTRAM_E_NO_SLOT);
    assert_no_way(9, HOTRAM_PLAN_NONE);
}

/* DIMMs that are not aligned may be in the way, or may be what makes a size. */
static void odd_dimms_stay_where_that_helps(void **state)
{
    (void)state;
    make(2, 7, 0, DIMMS(2, LATER, LATER, 3));
    request.align = 4 * UNIT;
    assert_int_equal(plan_to(6), HOTRAM_E_NO_SPACE);
    assert_no_way(5, 7);
    assert_int_equal(plan_to(7), HOTRAM_OK); /* with neither of them there would be room for 4 */
    assert_steps("-0, +4 at 0");
}

static void sizes_between_multiples_cannot_be_grown_to(void **state)
{
    (void)state;
    make(SLOTS, 64, 64, DIMMS(4, 8));
    request.align = 4 * UNIT;
    assert_int_equal(plan_to(18), HOTRAM_E_SIZE);
    assert_no_way(16, 20);
    make(SLOTS, 64, 64, DIMMS(3, 8)); /* as odd as the DIMM of 3 */
    request.align = 4 * UNIT;
    assert_int_equal(plan_to(19), HOTRAM_OK);
    assert_steps("+4 at 12, +4 at 16");
    make(SLOTS, 64, 64, DIMMS(3, 8)); /* rid of it */
    request.align = 4 * UNIT;
    assert_int_equal(plan_to(20), HOTRAM_OK);
    assert_steps("+4 at 12, +8 at 16, -0");
}

static void addresses_and_sizes_are_aligned(void **state)
{
    (void)state;
    make(SLOTS, 64, 64, DIMMS(1, LATER, LATER, LATER, LATER, 1));
    request.align = 4 * UNIT;
    assert_int_equal(plan_to(2 + 8), HOTRAM_OK);
    assert_steps("+4 at 8, +4 at 12");
}

/* ---- Shrinking ---- */

static void the_fewest_removals_are_chosen(void **state)
{
    (void)state;
    make(SLOTS, 64, 64, DIMMS(1, 2, 3, 4));
    assert_int_equal(plan_to(10 - 4), HOTRAM_OK);
    assert_steps("-3");
    make(SLOTS, 64, 64, DIMMS(1, 2, 3, 4));
    assert_int_equal(plan_to(10 - 8), HOTRAM_OK);
    assert_steps("-3, -2, -0"); /* of two choices with three */
}

static void among_equals_the_highest_addresses_go(void **state)
{
    (void)state;
    make(SLOTS, 64, 64, DIMMS(2, 2, 4, 2, 2));
    assert_int_equal(plan_to(12 - 2), HOTRAM_OK);
    assert_steps("-4");
    make(SLOTS, 64, 64, DIMMS(2, 4, 2, 4, 2));
    assert_int_equal(plan_to(14 - 6), HOTRAM_OK);
    assert_steps("-4, -3");
}

static void what_no_removal_makes_is_plugged_first(void **state)
{
    (void)state;
    make(SLOTS, 64, 64, DIMMS(8, 4));
    assert_int_equal(plan_to(12 - 3), HOTRAM_OK);
    assert_steps("+1 at 12, -1");
    assert_int_equal(fixture.lowest, 9 * UNIT);
}

static void never_below_the_target(void **state)
{
    (void)state;
    make(2, 64, 64, DIMMS(8, 4));
    assert_int_equal(plan_to(5), HOTRAM_OK);
    assert_steps("-1");
    assert_sizes(8, 4, 8);
    assert_int_equal(plan_to(8), HOTRAM_OK);
    assert_steps("");
    make(2, 64, 64, DIMMS(8, 4));
    assert_int_equal(plan_to(9), HOTRAM_OK);
    assert_steps("");
    assert_sizes(12, 8, 12);
}

static void below_the_target_when_asked_for(void **state)
{
    (void)state;
    make(2, 64, 64, DIMMS(8, 4));
    request.at_most = true;
    assert_int_equal(plan_to(5), HOTRAM_OK);
    assert_steps("-0");
    assert_sizes(4, 4, 8);
    make(2, 64, 64, DIMMS(8, 4));
    request.at_most = true;
    assert_int_equal(plan_to(3), HOTRAM_OK);
    assert_steps("-1, -0");
    assert_sizes(0, 0, 4);
}

static void what_is_fixed_stays(void **state)
{
    bool fixed[SLOTS] = { [1] = true };

    (void)state;
    make(SLOTS, 7, 0, DIMMS(1, 4, 2)); /* no capacity to plug first */
    request.fixed = fixed;
    assert_int_equal(plan_to(3), HOTRAM_OK);
    assert_steps("-2, -0");
    assert_sizes(4, HOTRAM_PLAN_NONE, 4);
    request.at_most = true;
    assert_int_equal(plan_to(3), HOTRAM_E_STATE);
    assert_no_way(HOTRAM_PLAN_NONE, 4);
}

static void another_choice_is_made_when_the_first_is_refused(void **state)
{
    bool fixed[SLOTS] = { false };

    (void)state;
    make(4, 12, 0, DIMMS(4, 2, 2, 4));
    request.fixed = fixed;
    assert_int_equal(plan_to(8), HOTRAM_OK);
    assert_int_equal(fixture.plan.steps[0].slot, 3);
    fixed[3] = true;
    assert_int_equal(plan_to(8), HOTRAM_OK);
    assert_int_equal(fixture.plan.steps[0].slot, 0);
    fixed[0] = true;
    assert_int_equal(plan_to(8), HOTRAM_OK);
    assert_steps("-2, -1");
}

/* ---- What counts ---- */

static void states_and_nodes_count_as_they_should(void **state)
{
    (void)state;
    make(SLOTS, 64, 64, DIMMS(4));
    assert_true(plan_bank_add(&fixture, PLAN_BANK_ANYWHERE, 8 * UNIT, 0, HOTRAM_DIMM_REMOVAL_REQUESTED));
    assert_true(plan_bank_add(&fixture, PLAN_BANK_ANYWHERE, UNIT, 0, HOTRAM_DIMM_RESERVED));
    assert_true(plan_bank_add(&fixture, PLAN_BANK_ANYWHERE, UNIT, 0, HOTRAM_DIMM_EJECTING));
    assert_true(plan_bank_add(&fixture, PLAN_BANK_ANYWHERE, 16 * UNIT, 1, HOTRAM_DIMM_PLUGGED));
    request.node_given = true;
    assert_int_equal(plan_to(0), HOTRAM_OK);
    assert_steps("-1, -0");
    request.node = 1;
    assert_int_equal(plan_to(16 + 1), HOTRAM_OK);
    assert_steps("+1 at 0");
    request.node_given = false;
    assert_int_equal(plan_to(17), HOTRAM_OK);
    assert_steps("");
    assert_sizes(17, 17, 17);
    request.node_given = true;
    request.node = 7; /* no DIMM has it */
    assert_int_equal(plan_to(0), HOTRAM_OK);
    assert_sizes(0, 0, 0);
}

static void odd_sizes_are_theirs(void **state)
{
    (void)state;
    make(SLOTS, 64, 64, DIMMS(3, 3, 4));
    request.align = 4 * UNIT;
    assert_int_equal(plan_to(7), HOTRAM_OK);
    assert_steps("-1");
    make(2, 64, 64, DIMMS(3, 4));
    request.align = 4 * UNIT;
    assert_int_equal(plan_to(5), HOTRAM_OK);
    assert_steps("");
    assert_sizes(7, 4, 7);
    request.at_most = true;
    assert_int_equal(plan_to(5), HOTRAM_OK);
    assert_steps("-0");
    assert_sizes(4, 4, 7);
}

/* ---- Bad input ---- */

static void bad_requests_are_refused(void **state)
{
    uint64_t scratch[4096];
    struct hotram_bank bank;
    struct hotram_dimm slots[SLOTS];
    enum {
        NOTHING,
        NO_BANK,
        ALIGN_0,
        ALIGN_3,
        ALIGN_FINE,
        NO_SLOTS,
        SLOTS_0,
        SLOTS_MANY,
        GRANULARITY,
        REGION,
        REGION_WRAPS,
        USED,
        FULL,
        STATE,
        LIST_END,
        LIST_LOOP,
        LIST_WILD,
        FIRST_WILD,
        ORDER,
        EMPTY_LISTED,
        OUTSIDE,
        BEYOND,
        SIZE_0,
        KINDS
    };

    (void)state;
    for (int kind = NOTHING; kind < KINDS; kind++) {
        struct hotram_plan_request bad;

        make(SLOTS, 64, 64, DIMMS(1, 2, 4));
        memcpy(slots, fixture.slots, sizeof slots);
        bank = fixture.bank;
        bank.slots = slots;
        bad = request;
        bad.bank = kind == NO_BANK ? NULL : &bank;
        bad.align = kind == ALIGN_0 ? 0 : kind == ALIGN_3 ? 3 * UNIT : kind == ALIGN_FINE ? UNIT / 2 : UNIT;
        bank.slots = kind == NO_SLOTS ? NULL : slots;
        bank.config.slots = kind == SLOTS_0 ? 0 : kind == SLOTS_MANY ? HOTRAM_SLOTS_MAX + 1 : SLOTS;
        bank.config.granularity = kind == GRANULARITY ? 0 : UNIT;
        bank.config.size = kind == REGION         ? 0
                           : kind == REGION_WRAPS ? UINT64_MAX
                           : kind == BEYOND       ? UNIT
                                                  : 128 * UNIT;
        bank.used += kind == USED ? UNIT : 0;
        bank.used -= kind == SIZE_0 ? 4 * UNIT : 0;
        bank.config.capacity = kind == FULL ? 6 * UNIT : 64 * UNIT;
        slots[0].state = kind == STATE ? 5 : kind == EMPTY_LISTED ? HOTRAM_DIMM_EMPTY : slots[0].state;
        slots[1].next = kind == LIST_END    ? 0xffff
                        : kind == LIST_LOOP ? 0
                        : kind == LIST_WILD ? 300
                                            : slots[1].next;
        bank.first = kind == FIRST_WILD ? 300 : bank.first;
        slots[1].addr += kind == ORDER ? 4 * UNIT : 0;
        slots[0].addr = kind == OUTSIDE ? BASE - UNIT : slots[0].addr;
        slots[2].size = kind == SIZE_0 ? 0 : slots[2].size;

        assert_int_equal(hotram_plan_scratch(&bad) != 0, kind == NOTHING);
        fixture.plan.count = 9;
        fixture.plan.reached = fixture.plan.below = 9;
        assert_int_equal(hotram_plan(&bad, scratch, sizeof scratch, &fixture.plan),
                         kind == NOTHING ? HOTRAM_OK : HOTRAM_E_ARGUMENT);
        if (kind != NOTHING) {
            assert_int_equal(fixture.plan.count, 0);
            assert_int_equal(fixture.plan.reached, 0);
            assert_int_equal(fixture.plan.below, HOTRAM_PLAN_NONE);
            assert_int_equal(fixture.plan.above, HOTRAM_PLAN_NONE);
        }
    }
}

static void bad_pointers_and_scratch_are_refused(void **state)
{
    static uint64_t scratch[4096];
    size_t length;

    (void)state;
    make(SLOTS, 64, 64, DIMMS(1, 2, 4));
    request.target = 5 * UNIT;
    length = hotram_plan_scratch(&request);
    assert_between(length, 1, sizeof scratch);
    assert_int_equal(hotram_plan_scratch(NULL), 0);
    assert_int_equal(hotram_plan(NULL, scratch, length, &fixture.plan), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_plan(&request, NULL, length, &fixture.plan), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_plan(&request, scratch, length, NULL), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_plan(&request, (char *)scratch + 1, length, &fixture.plan), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_plan(&request, scratch, length - 1, &fixture.plan), HOTRAM_E_BUFFER);
    assert_int_equal(hotram_plan(&request, scratch, 0, &fixture.plan), HOTRAM_E_BUFFER);
    assert_int_equal(fixture.plan.count, 0);
    assert_int_equal(hotram_plan(&request, scratch, length, &fixture.plan), HOTRAM_OK);
    assert_steps("-1");
}

/* ---- Large numbers ---- */

static void banks_at_the_end_of_the_address_space_are_planned(void **state)
{
    const struct hotram_bank_config config = {
        .base = 1,
        .size = UINT64_MAX - 1,
        .capacity = UINT64_MAX,
        .granularity = 1,
        .slots = 4,
    };

    (void)state;
    plan_bank_make(&fixture, &config);
    request = (struct hotram_plan_request){ .align = 1, .target = UINT64_MAX };
    assert_int_equal(plan_bank_plan(&fixture, request), HOTRAM_E_NO_SPACE);
    assert_int_equal(fixture.plan.below, UINT64_MAX - 1);
    assert_int_equal(fixture.plan.above, HOTRAM_PLAN_NONE);
    request.target--;
    assert_int_equal(plan_bank_plan(&fixture, request), HOTRAM_OK);
    plan_bank_take(&fixture, &request);
    request.align = UINT64_C(1) << 63;
    assert_int_equal(plan_bank_plan(&fixture, request), HOTRAM_OK);
    assert_int_equal(fixture.plan.count, 0);
}

/* Sums that fine over so much would take gigabytes: the DIMM of a page stays. */
static void the_finest_sizes_are_fixed_when_sums_are_too_many(void **state)
{
    const struct hotram_bank_config config = {
        .base = 0,
        .size = GIB << 20,
        .capacity = GIB << 20,
        .granularity = 4096,
        .slots = 16,
    };

    (void)state;
    plan_bank_make(&fixture, &config);
    request = (struct hotram_plan_request){ .align = 4096, .target = 0 };
    assert_true(plan_bank_add(&fixture, PLAN_BANK_ANYWHERE, 4096, 0, HOTRAM_DIMM_PLUGGED));
    assert_true(plan_bank_add(&fixture, PLAN_BANK_ANYWHERE, GIB << 15, 0, HOTRAM_DIMM_PLUGGED));
    assert_true(plan_bank_add(&fixture, PLAN_BANK_ANYWHERE, GIB << 14, 0, HOTRAM_DIMM_PLUGGED));
    assert_int_equal(plan_bank_plan(&fixture, request), HOTRAM_OK);
    plan_bank_take(&fixture, &request);
    assert_int_equal(fixture.plan.reached, 4096);
    assert_int_equal(fixture.plan.below, HOTRAM_PLAN_NONE);
    assert_int_equal(plan_bank_plan(&fixture, request), HOTRAM_OK); /* now they are few */
    plan_bank_take(&fixture, &request);
    assert_int_equal(fixture.plan.reached, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_first_growth_doubles_from_the_unit_on),
        cmocka_unit_test(a_coarser_unit_is_taken_when_half_of_the_slots_are_too_few),
        cmocka_unit_test(first_growths_are_as_documented),
        cmocka_unit_test(a_later_growth_goes_on_where_removals_reach),
        cmocka_unit_test(reach_goes_by_size_not_by_address),
        cmocka_unit_test(what_the_plan_removes_is_not_in_reach),
        cmocka_unit_test(what_cannot_be_removed_is_not_in_reach),
        cmocka_unit_test(holes_are_filled_from_the_lowest),
        cmocka_unit_test(the_last_slot_stays_empty),
        cmocka_unit_test(the_last_slot_fills_the_capacity),
        cmocka_unit_test(the_last_slot_is_used_when_nothing_else_is_left),
        cmocka_unit_test(without_a_slot_something_goes_first),
        cmocka_unit_test(without_a_hole_something_goes_first),
        cmocka_unit_test(the_capacity_is_an_end),
        cmocka_unit_test(slots_and_holes_are_ends),
        cmocka_unit_test(odd_dimms_stay_where_that_helps),
        cmocka_unit_test(sizes_between_multiples_cannot_be_grown_to),
        cmocka_unit_test(addresses_and_sizes_are_aligned),
        cmocka_unit_test(the_fewest_removals_are_chosen),
        cmocka_unit_test(among_equals_the_highest_addresses_go),
        cmocka_unit_test(what_no_removal_makes_is_plugged_first),
        cmocka_unit_test(never_below_the_target),
        cmocka_unit_test(below_the_target_when_asked_for),
        cmocka_unit_test(what_is_fixed_stays),
        cmocka_unit_test(another_choice_is_made_when_the_first_is_refused),
        cmocka_unit_test(states_and_nodes_count_as_they_should),
        cmocka_unit_test(odd_sizes_are_theirs),
        cmocka_unit_test(bad_requests_are_refused),
        cmocka_unit_test(bad_pointers_and_scratch_are_refused),
        cmocka_unit_test(banks_at_the_end_of_the_address_space_are_planned),
        cmocka_unit_test(the_finest_sizes_are_fixed_when_sums_are_too_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
