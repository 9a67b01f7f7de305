/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hotram_bank_reserve() from any bank with any request: the checks in the header's order, first fit, the
 * largest hole. And hotram_bank_init(): the first bank for which the invariant holds.
 *
 * proof: sources core/dimm.c tests/proof/bank.c
 * proof: options --conversion-check --unsigned-overflow-check --unwind 5
 */
#include "bank.h"

static struct hotram_dimm_request request;
static struct hotram_dimm_result result;

static bool overlaps_slot(uint32_t slot, uint64_t addr, uint64_t size)
{
    return overlap(slots[slot].addr, slots[slot].size, addr, size);
}

/* Whether a range is in the region and free. */
static bool is_free(uint64_t addr, uint64_t size)
{
    if (!is_inside(&world.bank.config, addr, size))
        return false;
    for (uint32_t i = 0; i < SLOTS; i++) {
        if (overlaps_slot(i, addr, size))
            return false;
    }
    return true;
}

/* The slot, or the range if that is requested. */
static uint32_t first_empty(void)
{
    const uint32_t count = world.bank.config.slots;

    for (uint32_t i = 0; i < SLOTS; i++) {
        if ((i >= count) == request.range && world.before.slots[i].state == HOTRAM_DIMM_EMPTY)
            return i;
    }
    return HOTRAM_SLOT_ANY;
}

static void arbitrary_request(void)
{
    request = (struct hotram_dimm_request){
        .slot = nondet_uint32(),
        .addr = nondet_uint64(),
        .size = nondet_uint64(),
        .align = nondet_uint64(),
        .node = nondet_uint32(),
        .slot_given = nondet_bool(),
        .addr_given = nondet_bool(),
        .range = nondet_bool(),
    };
    result = (struct hotram_dimm_result){
        .slot = nondet_uint32(),
        .addr = nondet_uint64(),
        .largest = nondet_uint64(),
    };
}

/* What is refused before an address is looked at. */
static enum hotram_status expected_first(void)
{
    if (!is_power_of_two(request.align) || (request.range && request.slot_given))
        return HOTRAM_E_ARGUMENT;
    if (request.size == 0 || (request.size & (world.bank.config.granularity - 1)) != 0)
        return HOTRAM_E_SIZE;
    if (!request.slot_given)
        return first_empty() == HOTRAM_SLOT_ANY ? HOTRAM_E_NO_SLOT : HOTRAM_OK;
    if (request.slot >= world.bank.config.slots)
        return HOTRAM_E_SLOT_RANGE;
    return world.before.slots[request.slot].state == HOTRAM_DIMM_EMPTY ? HOTRAM_OK : HOTRAM_E_SLOT_TAKEN;
}

/* Then, for an address that was given. */
static enum hotram_status expected_given(void)
{
    enum hotram_status status = expected_first();
    bool taken = false;

    if (status != HOTRAM_OK)
        return status;
    if ((request.addr & (request.align - 1)) != 0)
        return HOTRAM_E_ALIGN;
    if (!is_inside(&world.bank.config, request.addr, request.size))
        return HOTRAM_E_REGION;
    for (uint32_t i = 0; i < SLOTS; i++)
        taken = taken ||
                overlap(world.before.slots[i].addr, world.before.slots[i].size, request.addr, request.size);
    if (taken)
        return HOTRAM_E_OVERLAP;
    return request.size > world.bank.config.capacity - world.before.bank.used ? HOTRAM_E_CAPACITY : HOTRAM_OK;
}

/* What the result says, by the status; and that the bank is as it should be. */
static void prove_result(enum hotram_status status)
{
    uint32_t slot = request.slot_given ? request.slot : first_empty();

    prove_bank_holds(&world.before, status == HOTRAM_OK ? slot : HOTRAM_SLOT_ANY);
    PROVE(world.raised + world.osts + world.ejected == 0);
    if (status == HOTRAM_OK) {
        PROVE(result.slot == slot);
        PROVE(world.before.slots[slot].state == HOTRAM_DIMM_EMPTY);
        PROVE(slots[slot].state == HOTRAM_DIMM_RESERVED && slots[slot].addr == result.addr);
        PROVE(slots[slot].size == request.size && slots[slot].node == request.node);
        PROVE(same_codes(&slots[slot], &world.before.slots[slot]));
    } else {
        PROVE(is_unchanged(&world.before));
        PROVE(result.addr == 0);
    }
    if (status == HOTRAM_E_SLOT_TAKEN)
        PROVE(result.slot == request.slot);
    else if (status == HOTRAM_E_OVERLAP)
        PROVE(result.slot < SLOTS && overlaps_slot(result.slot, request.addr, request.size));
    else if (status != HOTRAM_OK)
        PROVE(result.slot == HOTRAM_SLOT_ANY);
    if (status == HOTRAM_E_CAPACITY)
        PROVE(result.largest == world.bank.config.capacity - world.bank.used);
    else if (status != HOTRAM_E_NO_SPACE)
        PROVE(result.largest == 0);
}

void prove_reserve_given_address(void) /* slow */
{
    enum hotram_status status;

    arbitrary_bank();
    arbitrary_request();
    request.addr_given = true;
    status = hotram_bank_reserve(&world.bank, &request, &result);
    PROVE(status == expected_given());
    PROVE(IMPLIES(status == HOTRAM_OK, result.addr == request.addr));
    prove_result(status);
    REACHABLE(status == HOTRAM_OK && first_empty() == SLOTS - 1);
    REACHABLE(status == HOTRAM_OK && request.range);
    REACHABLE(status == HOTRAM_E_ALIGN);
    REACHABLE(status == HOTRAM_E_REGION);
    REACHABLE(status == HOTRAM_E_OVERLAP && result.slot == SLOTS - 1);
    REACHABLE(status == HOTRAM_E_CAPACITY);
}

/* Without an address: what is refused first, what the result says, what becomes of the bank. */
void prove_reserve_any_address(void) /* slow */
{
    enum hotram_status status;

    arbitrary_bank_in_window();
    arbitrary_request();
    request.addr_given = false;
    status = hotram_bank_reserve(&world.bank, &request, &result);
    if (expected_first() != HOTRAM_OK)
        PROVE(status == expected_first());
    else
        PROVE(status == HOTRAM_OK || status == HOTRAM_E_NO_SPACE || status == HOTRAM_E_CAPACITY);
    if (status == HOTRAM_OK || status == HOTRAM_E_CAPACITY)
        PROVE((request.size > world.bank.config.capacity - world.before.bank.used) ==
              (status == HOTRAM_E_CAPACITY));
    prove_result(status);
    REACHABLE(status == HOTRAM_OK);
    REACHABLE(status == HOTRAM_E_CAPACITY);
    REACHABLE(status == HOTRAM_E_ARGUMENT);
    REACHABLE(status == HOTRAM_E_SIZE);
    REACHABLE(status == HOTRAM_E_SLOT_RANGE);
    REACHABLE(status == HOTRAM_E_SLOT_TAKEN);
    REACHABLE(status == HOTRAM_E_NO_SLOT);
}

/* Whatever address one might name instead: when it fits, it is not below the one that was chosen. */
void prove_reserve_lowest(void) /* slow */
{
    enum hotram_status status;
    uint64_t other = nondet_uint64();
    bool other_fits;

    arbitrary_bank_in_window();
    arbitrary_request();
    request.addr_given = false;
    other_fits = is_power_of_two(request.align) && (other & (request.align - 1)) == 0 &&
                 is_free(other, request.size);
    status = hotram_bank_reserve(&world.bank, &request, &result);
    if (status == HOTRAM_OK) {
        PROVE((result.addr & (request.align - 1)) == 0);
        PROVE(IMPLIES(other_fits, result.addr <= other));
        REACHABLE(other_fits && other > result.addr);
        REACHABLE(!other_fits && other < result.addr && world.before.bank.used > 0);
    }
    PROVE(IMPLIES(status == HOTRAM_E_NO_SPACE, !other_fits));
    REACHABLE(status == HOTRAM_E_NO_SPACE && result.largest > 0);
}

/* No larger size than the one that is said to be the largest fits, wherever. */
void prove_reserve_none_larger(void) /* slow */
{
    uint64_t other = nondet_uint64(), size = nondet_uint64();
    uint64_t unit;

    arbitrary_bank_in_window();
    arbitrary_request();
    request.addr_given = false;
    unit = world.bank.config.granularity;
    ASSUME(hotram_bank_reserve(&world.bank, &request, &result) == HOTRAM_E_NO_SPACE);
    PROVE(result.largest < request.size && (result.largest & (unit - 1)) == 0);
    ASSUME((size & (unit - 1)) == 0 && size > result.largest && (other & (request.align - 1)) == 0);
    PROVE(!is_free(other, size));
    REACHABLE(result.largest > 0);
    REACHABLE(result.largest == 0);
}

/* The one that is said to be the largest does fit. */
void prove_reserve_largest_fits(void) /* slow */
{
    struct hotram_dimm_result second;
    enum hotram_status status;

    arbitrary_bank_in_window();
    arbitrary_request();
    request.addr_given = false;
    ASSUME(hotram_bank_reserve(&world.bank, &request, &result) == HOTRAM_E_NO_SPACE);
    ASSUME(result.largest > 0);
    request.size = result.largest;
    status = hotram_bank_reserve(&world.bank, &request, &second);
    PROVE(status == HOTRAM_OK || status == HOTRAM_E_CAPACITY);
    REACHABLE(status == HOTRAM_OK);
    REACHABLE(status == HOTRAM_E_CAPACITY);
}

/* Any pointer may be NULL; without a result the bank changes all the same. */
void prove_reserve_null(void) /* slow */
{
    bool has_bank = nondet_bool(), has_request = nondet_bool(), has_result = nondet_bool();
    enum hotram_status status;

    arbitrary_bank_in_window();
    arbitrary_request();
    ASSUME(request.slot == 0 && request.slot_given && !request.range);
    status = hotram_bank_reserve(has_bank ? &world.bank : NULL, has_request ? &request : NULL,
                                 has_result ? &result : NULL);
    PROVE(IMPLIES(!has_bank || !has_request, status == HOTRAM_E_ARGUMENT));
    prove_bank_holds(&world.before, status == HOTRAM_OK ? 0 : HOTRAM_SLOT_ANY);
    if (status != HOTRAM_OK)
        PROVE(is_unchanged(&world.before));
    else
        PROVE(slots[0].state == HOTRAM_DIMM_RESERVED && slots[0].size == request.size);
    if (has_result && status == HOTRAM_E_ARGUMENT)
        PROVE(result.slot == HOTRAM_SLOT_ANY && result.addr == 0 && result.largest == 0);
    REACHABLE(!has_bank);
    REACHABLE(!has_request && has_bank);
    REACHABLE(!has_result && status == HOTRAM_OK);
}

void prove_init_holds(void)
{
    struct hotram_bank_config config = { .base = nondet_uint64(),
                                         .size = nondet_uint64(),
                                         .capacity = nondet_uint64(),
                                         .granularity = nondet_uint64(),
                                         .slots = nondet_uint32() };

    ASSUME(config.slots <= SLOTS);
    config.ranges = SLOTS - config.slots;
    arbitrary_bank();
    if (hotram_bank_init(&world.bank, &config, slots, &ops, &world) == HOTRAM_OK) {
        PROVE(bank_holds(&world.bank));
        REACHABLE(true);
    }
}
