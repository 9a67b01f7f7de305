/* SPDX-License-Identifier: BSD-2-Clause */
#include "unit.h"

#include <hotram/dimm.h>

#define MIB UINT64_C(0x100000)
#define GIB UINT64_C(0x40000000)
#define SLOTS 4u

/* A bank with callbacks that count. */
struct fixture {
    struct hotram_bank bank;
    struct hotram_dimm slots[HOTRAM_SLOTS_MAX];
    unsigned raised;
    unsigned ejected;
    uint32_t last_ejected;
    bool finish_at_once;
};

static void count_raise(void *opaque)
{
    ((struct fixture *)opaque)->raised++;
}

static void ignore_ost(void *opaque, uint32_t slot, uint32_t event, uint32_t status)
{
    (void)opaque;
    (void)slot;
    (void)event;
    (void)status;
}

static void count_eject(void *opaque, uint32_t slot)
{
    struct fixture *fixture = opaque;

    fixture->ejected++;
    fixture->last_ejected = slot;
    if (fixture->finish_at_once)
        assert_int_equal(hotram_bank_finish(&fixture->bank, slot), HOTRAM_OK);
}

static const struct hotram_bank_ops ops = { count_raise, ignore_ost, count_eject };

static const struct hotram_bank_config usual = {
    .base = 4 * GIB,
    .size = 8 * GIB,
    .capacity = 4 * GIB,
    .granularity = 2 * MIB,
    .slots = SLOTS,
};

static void make(struct fixture *fixture, const struct hotram_bank_config *config)
{
    memset(fixture, 0, sizeof *fixture);
    memset(fixture->slots, 0xa5, sizeof fixture->slots);
    assert_int_equal(hotram_bank_init(&fixture->bank, config, fixture->slots, &ops, fixture), HOTRAM_OK);
}

/* A reservation anywhere. */
static struct hotram_dimm_request any(uint64_t size)
{
    return (struct hotram_dimm_request){
        .size = size,
        .align = 2 * MIB,
    };
}

static struct hotram_dimm_request at(uint32_t slot, uint64_t addr, uint64_t size)
{
    return (struct hotram_dimm_request){
        .slot = slot,
        .slot_given = true,
        .addr = addr,
        .addr_given = true,
        .size = size,
        .align = 2 * MIB,
        .node = 5,
    };
}

static enum hotram_status reserve(struct fixture *fixture, struct hotram_dimm_request request,
                                  struct hotram_dimm_result *result)
{
    return hotram_bank_reserve(&fixture->bank, &request, result);
}

static void plug(struct fixture *fixture, uint32_t slot, uint64_t addr, uint64_t size)
{
    assert_int_equal(reserve(fixture, at(slot, addr, size), NULL), HOTRAM_OK);
    assert_int_equal(hotram_bank_commit(&fixture->bank, slot, true), HOTRAM_OK);
}

static void init_refuses_what_its_contract_excludes(void **state)
{
    struct hotram_bank bank;
    struct hotram_dimm slots[SLOTS];
    struct hotram_bank_config config = usual;
    struct hotram_bank_ops part;

    (void)state;
    assert_int_equal(hotram_bank_init(NULL, &config, slots, &ops, NULL), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_bank_init(&bank, NULL, slots, &ops, NULL), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_bank_init(&bank, &config, NULL, &ops, NULL), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_bank_init(&bank, &config, slots, NULL, NULL), HOTRAM_E_ARGUMENT);
    part = ops;
    part.raise = NULL;
    assert_int_equal(hotram_bank_init(&bank, &config, slots, &part, NULL), HOTRAM_E_ARGUMENT);
    part = ops;
    part.ost = NULL;
    assert_int_equal(hotram_bank_init(&bank, &config, slots, &part, NULL), HOTRAM_E_ARGUMENT);
    part = ops;
    part.eject = NULL;
    assert_int_equal(hotram_bank_init(&bank, &config, slots, &part, NULL), HOTRAM_E_ARGUMENT);
    config.slots = 0;
    assert_int_equal(hotram_bank_init(&bank, &config, slots, &ops, NULL), HOTRAM_E_ARGUMENT);
    config.slots = HOTRAM_SLOTS_MAX + 1;
    assert_int_equal(hotram_bank_init(&bank, &config, slots, &ops, NULL), HOTRAM_E_ARGUMENT);
    config = usual;
    config.granularity = 0;
    assert_int_equal(hotram_bank_init(&bank, &config, slots, &ops, NULL), HOTRAM_E_ARGUMENT);
    config.granularity = 3 * MIB;
    assert_int_equal(hotram_bank_init(&bank, &config, slots, &ops, NULL), HOTRAM_E_ARGUMENT);
    config.granularity = 1;
    assert_int_equal(hotram_bank_init(&bank, &config, slots, &ops, NULL), HOTRAM_OK);
}

static void init_refuses_a_region_that_is_empty_or_wraps(void **state)
{
    struct hotram_bank bank;
    struct hotram_dimm slots[SLOTS];
    struct hotram_bank_config config = usual;

    (void)state;
    config.size = 0;
    assert_int_equal(hotram_bank_init(&bank, &config, slots, &ops, NULL), HOTRAM_E_REGION);
    config.base = UINT64_MAX;
    config.size = 1;
    assert_int_equal(hotram_bank_init(&bank, &config, slots, &ops, NULL), HOTRAM_E_REGION);
    config.base = UINT64_MAX - 1;
    assert_int_equal(hotram_bank_init(&bank, &config, slots, &ops, NULL), HOTRAM_OK);
    config.base = 0;
    config.size = UINT64_MAX;
    assert_int_equal(hotram_bank_init(&bank, &config, slots, &ops, NULL), HOTRAM_OK);
    config.base = 1;
    assert_int_equal(hotram_bank_init(&bank, &config, slots, &ops, NULL), HOTRAM_E_REGION);
}

static void a_new_bank_is_empty(void **state)
{
    struct fixture fixture;

    (void)state;
    make(&fixture, &usual);
    for (uint32_t i = 0; i < SLOTS; i++) {
        const struct hotram_dimm *dimm = hotram_bank_slot(&fixture.bank, i);

        assert_ptr_equal(dimm, &fixture.slots[i]);
        assert_int_equal(dimm->state, HOTRAM_DIMM_EMPTY);
        assert_int_equal(dimm->addr, 0);
        assert_int_equal(dimm->size, 0);
        assert_false(dimm->insert_pending || dimm->remove_pending);
    }
    assert_int_equal(hotram_bank_next(&fixture.bank, HOTRAM_SLOT_ANY), HOTRAM_SLOT_ANY);
    assert_null(hotram_bank_slot(&fixture.bank, SLOTS));
    assert_null(hotram_bank_slot(&fixture.bank, HOTRAM_SLOT_ANY));
    assert_null(hotram_bank_slot(NULL, 0));
    assert_int_equal(hotram_bank_next(NULL, HOTRAM_SLOT_ANY), HOTRAM_SLOT_ANY);
}

static void expect_refused(struct fixture *fixture, struct hotram_dimm_request request,
                           enum hotram_status status, uint32_t slot, uint64_t largest)
{
    struct hotram_dimm_result result = { .slot = 77, .addr = 77, .largest = 77 };
    struct fixture before = *fixture;

    assert_int_equal(reserve(fixture, request, &result), status);
    assert_int_equal(result.slot, slot);
    assert_int_equal(result.addr, 0);
    assert_int_equal(result.largest, largest);
    assert_memory_equal(&before, fixture, sizeof before);
    assert_int_equal(reserve(fixture, request, NULL), status);
}

static void reserve_tells_what_is_wrong_and_changes_nothing(void **state)
{
    struct fixture fixture;
    struct hotram_dimm_request request = any(GIB);
    struct hotram_dimm_result result;

    (void)state;
    make(&fixture, &usual);
    assert_int_equal(hotram_bank_reserve(NULL, &request, &result), HOTRAM_E_ARGUMENT);
    assert_int_equal(result.slot, HOTRAM_SLOT_ANY);
    assert_int_equal(hotram_bank_reserve(&fixture.bank, NULL, &result), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_bank_reserve(NULL, NULL, NULL), HOTRAM_E_ARGUMENT);
    request.align = 0;
    expect_refused(&fixture, request, HOTRAM_E_ARGUMENT, HOTRAM_SLOT_ANY, 0);
    request.align = 3;
    expect_refused(&fixture, request, HOTRAM_E_ARGUMENT, HOTRAM_SLOT_ANY, 0);
    expect_refused(&fixture, any(0), HOTRAM_E_SIZE, HOTRAM_SLOT_ANY, 0);
    expect_refused(&fixture, any(GIB + MIB), HOTRAM_E_SIZE, HOTRAM_SLOT_ANY, 0);
    expect_refused(&fixture, any(UINT64_MAX), HOTRAM_E_SIZE, HOTRAM_SLOT_ANY, 0);
    expect_refused(&fixture, at(SLOTS, 4 * GIB, GIB), HOTRAM_E_SLOT_RANGE, HOTRAM_SLOT_ANY, 0);
    expect_refused(&fixture, at(UINT32_MAX, 4 * GIB, GIB), HOTRAM_E_SLOT_RANGE, HOTRAM_SLOT_ANY, 0);
    expect_refused(&fixture, at(0, UINT64_MAX, GIB), HOTRAM_E_ALIGN, HOTRAM_SLOT_ANY, 0);
    expect_refused(&fixture, at(0, 4 * GIB + MIB, GIB), HOTRAM_E_ALIGN, HOTRAM_SLOT_ANY, 0);
    expect_refused(&fixture, at(0, 4 * GIB - 2 * MIB, GIB), HOTRAM_E_REGION, HOTRAM_SLOT_ANY, 0);
    expect_refused(&fixture, at(0, 11 * GIB + 2 * MIB, GIB), HOTRAM_E_REGION, HOTRAM_SLOT_ANY, 0);
    expect_refused(&fixture, at(0, 4 * GIB, 8 * GIB + 2 * MIB), HOTRAM_E_REGION, HOTRAM_SLOT_ANY, 0);
    expect_refused(&fixture, at(0, UINT64_MAX - 2 * MIB + 1, 4 * MIB), HOTRAM_E_REGION, HOTRAM_SLOT_ANY, 0);
    expect_refused(&fixture, any(8 * GIB + 2 * MIB), HOTRAM_E_NO_SPACE, HOTRAM_SLOT_ANY, 8 * GIB);
    expect_refused(&fixture, any(4 * GIB + 2 * MIB), HOTRAM_E_CAPACITY, HOTRAM_SLOT_ANY, 4 * GIB);
    plug(&fixture, 2, 6 * GIB, GIB);
    expect_refused(&fixture, at(2, 4 * GIB, GIB), HOTRAM_E_SLOT_TAKEN, 2, 0);
    expect_refused(&fixture, at(0, 6 * GIB, 2 * MIB), HOTRAM_E_OVERLAP, 2, 0);
    expect_refused(&fixture, at(0, 7 * GIB - 2 * MIB, 2 * MIB), HOTRAM_E_OVERLAP, 2, 0);
    expect_refused(&fixture, at(0, 6 * GIB - 2 * MIB, 4 * MIB), HOTRAM_E_OVERLAP, 2, 0);
    expect_refused(&fixture, at(0, 4 * GIB, 8 * GIB), HOTRAM_E_OVERLAP, 2, 0);
    expect_refused(&fixture, any(6 * GIB), HOTRAM_E_NO_SPACE, HOTRAM_SLOT_ANY, 5 * GIB);
    expect_refused(&fixture, any(4 * GIB), HOTRAM_E_CAPACITY, HOTRAM_SLOT_ANY, 3 * GIB);
    assert_int_equal(reserve(&fixture, any(GIB), NULL), HOTRAM_OK);
    assert_int_equal(reserve(&fixture, any(GIB), NULL), HOTRAM_OK);
    assert_int_equal(reserve(&fixture, any(2 * MIB), NULL), HOTRAM_OK);
    expect_refused(&fixture, any(2 * MIB), HOTRAM_E_NO_SLOT, HOTRAM_SLOT_ANY, 0);
}

static void reserve_checks_in_the_stated_order(void **state)
{
    struct fixture fixture;

    (void)state;
    make(&fixture, &usual);
    plug(&fixture, 0, 4 * GIB, GIB);
    /* each request is wrong in all that follows, too */
    expect_refused(&fixture, at(9, 1, 1), HOTRAM_E_SIZE, HOTRAM_SLOT_ANY, 0);
    expect_refused(&fixture, at(9, 1, 8 * GIB), HOTRAM_E_SLOT_RANGE, HOTRAM_SLOT_ANY, 0);
    expect_refused(&fixture, at(0, 1, 8 * GIB), HOTRAM_E_SLOT_TAKEN, 0, 0);
    expect_refused(&fixture, at(1, 1, 8 * GIB), HOTRAM_E_ALIGN, HOTRAM_SLOT_ANY, 0);
    expect_refused(&fixture, at(1, 0, 8 * GIB), HOTRAM_E_REGION, HOTRAM_SLOT_ANY, 0);
    expect_refused(&fixture, at(1, 4 * GIB, 8 * GIB), HOTRAM_E_OVERLAP, 0, 0);
    expect_refused(&fixture, at(1, 6 * GIB, 6 * GIB), HOTRAM_E_CAPACITY, HOTRAM_SLOT_ANY, 3 * GIB);
}

static void first_fit_takes_the_lowest_hole_that_is_large_enough(void **state)
{
    struct hotram_bank_config config = usual;
    struct fixture fixture;
    struct hotram_dimm_result result;

    (void)state;
    config.slots = 8;
    make(&fixture, &config);
    for (uint32_t i = 0; i < 5; i++) {
        assert_int_equal(reserve(&fixture, any((i + 1) * 64 * MIB), &result), HOTRAM_OK);
        assert_int_equal(result.slot, i);
        assert_int_equal(result.addr, 4 * GIB + i * (i + 1) / 2 * 64 * MIB);
        assert_int_equal(result.largest, 0);
    }
    assert_int_equal(hotram_bank_cancel(&fixture.bank, 1), HOTRAM_OK); /* hole of 128 MiB */
    assert_int_equal(hotram_bank_cancel(&fixture.bank, 3), HOTRAM_OK); /* hole of 256 MiB */
    assert_int_equal(reserve(&fixture, any(192 * MIB), &result), HOTRAM_OK);
    assert_int_equal(result.slot, 1);
    assert_int_equal(result.addr, 4 * GIB + 6 * 64 * MIB);
    assert_int_equal(reserve(&fixture, any(128 * MIB), &result), HOTRAM_OK);
    assert_int_equal(result.slot, 3);
    assert_int_equal(result.addr, 4 * GIB + 64 * MIB);
    assert_int_equal(reserve(&fixture, any(64 * MIB), &result), HOTRAM_OK);
    assert_int_equal(result.addr, 4 * GIB + 9 * 64 * MIB);
}

static void first_fit_aligns_within_each_hole(void **state)
{
    struct fixture fixture;
    struct hotram_dimm_request request = any(GIB);
    struct hotram_dimm_result result;

    (void)state;
    make(&fixture, &usual);
    plug(&fixture, 0, 4 * GIB, 2 * MIB);
    request.align = GIB;
    assert_int_equal(reserve(&fixture, request, &result), HOTRAM_OK);
    assert_int_equal(result.addr, 5 * GIB);
    request.align = 8 * GIB;
    assert_int_equal(reserve(&fixture, request, &result), HOTRAM_OK);
    assert_int_equal(result.addr, 8 * GIB);
    request.align = 16 * GIB;
    expect_refused(&fixture, request, HOTRAM_E_NO_SPACE, HOTRAM_SLOT_ANY, 0);
    request.align = UINT64_C(1) << 63;
    expect_refused(&fixture, request, HOTRAM_E_NO_SPACE, HOTRAM_SLOT_ANY, 0);
}

static void ranges_near_the_end_of_the_address_space_do_not_wrap(void **state)
{
    const uint64_t top = UINT64_MAX - 2 * MIB + 1;
    const struct hotram_bank_config config = {
        .base = top - 4 * MIB,
        .size = 6 * MIB - 1,
        .capacity = UINT64_MAX,
        .granularity = 2 * MIB,
        .slots = 4,
    };
    struct fixture fixture;
    struct hotram_dimm_request request;
    struct hotram_dimm_result result;

    (void)state;
    make(&fixture, &config);
    expect_refused(&fixture, any(6 * MIB), HOTRAM_E_NO_SPACE, HOTRAM_SLOT_ANY, 4 * MIB);
    expect_refused(&fixture, any(UINT64_MAX - 2 * MIB + 1), HOTRAM_E_NO_SPACE, HOTRAM_SLOT_ANY, 4 * MIB);
    expect_refused(&fixture, at(0, top, 2 * MIB), HOTRAM_E_REGION, HOTRAM_SLOT_ANY, 0);
    assert_int_equal(reserve(&fixture, at(0, top - 2 * MIB, 2 * MIB), &result), HOTRAM_OK);
    assert_int_equal(reserve(&fixture, any(2 * MIB), &result), HOTRAM_OK);
    assert_int_equal(result.addr, top - 4 * MIB);
    expect_refused(&fixture, any(2 * MIB), HOTRAM_E_NO_SPACE, HOTRAM_SLOT_ANY, 0);
    request = any(2 * MIB);
    request.align = UINT64_C(1) << 63; /* rounding up exceeds 2^64 */
    expect_refused(&fixture, request, HOTRAM_E_NO_SPACE, HOTRAM_SLOT_ANY, 0);
}

static void sums_of_sizes_near_2_64_do_not_wrap(void **state)
{
    const struct hotram_bank_config config = {
        .base = 0,
        .size = UINT64_MAX,
        .capacity = UINT64_MAX,
        .granularity = 1,
        .slots = 4,
    };
    struct hotram_dimm_request request = any(UINT64_MAX - 1);
    struct fixture fixture;

    (void)state;
    make(&fixture, &config);
    request.align = 1;
    assert_int_equal(reserve(&fixture, request, NULL), HOTRAM_OK);
    request.size = 2;
    expect_refused(&fixture, request, HOTRAM_E_NO_SPACE, HOTRAM_SLOT_ANY, 1);
    request.size = 1;
    assert_int_equal(reserve(&fixture, request, NULL), HOTRAM_OK);
    expect_refused(&fixture, request, HOTRAM_E_NO_SPACE, HOTRAM_SLOT_ANY, 0);
}

static void capacity_counts_reserved_and_ejecting_dimms(void **state)
{
    struct fixture fixture;

    (void)state;
    make(&fixture, &usual);
    assert_int_equal(reserve(&fixture, any(2 * GIB), NULL), HOTRAM_OK);
    plug(&fixture, 1, 8 * GIB, 2 * GIB);
    assert_int_equal(hotram_bank_eject(&fixture.bank, 1), HOTRAM_OK);
    expect_refused(&fixture, any(2 * MIB), HOTRAM_E_CAPACITY, HOTRAM_SLOT_ANY, 0);
    expect_refused(&fixture, at(3, 8 * GIB, 2 * MIB), HOTRAM_E_OVERLAP, 1, 0);
    expect_refused(&fixture, at(1, 4 * GIB, 2 * MIB), HOTRAM_E_SLOT_TAKEN, 1, 0);
    assert_int_equal(hotram_bank_finish(&fixture.bank, 1), HOTRAM_OK);
    assert_int_equal(reserve(&fixture, at(1, 8 * GIB, 2 * GIB), NULL), HOTRAM_OK);
    expect_refused(&fixture, any(2 * MIB), HOTRAM_E_CAPACITY, HOTRAM_SLOT_ANY, 0);
}

/* ---- The state machine ---- */

enum event { RESERVE, CANCEL, COMMIT, REQUEST, WITHDRAW, EJECT, FINISH, EVENTS };

static enum hotram_status send(struct hotram_bank *bank, enum event event)
{
    const struct hotram_dimm_request request = at(0, 4 * GIB, 2 * MIB);

    switch (event) {
    case RESERVE:
        return hotram_bank_reserve(bank, &request, NULL);
    case CANCEL:
        return hotram_bank_cancel(bank, 0);
    case COMMIT:
        return hotram_bank_commit(bank, 0, true);
    case REQUEST:
        return hotram_bank_request_removal(bank, 0);
    case WITHDRAW:
        return hotram_bank_withdraw(bank, 0);
    case EJECT:
        return hotram_bank_eject(bank, 0);
    case FINISH:
        return hotram_bank_finish(bank, 0);
    default:
        fail();
        return HOTRAM_OK;
    }
}

static const struct {
    enum hotram_dimm_state from;
    enum event event;
    enum hotram_dimm_state to;
} transitions[] = {
    { HOTRAM_DIMM_EMPTY, RESERVE, HOTRAM_DIMM_RESERVED },
    { HOTRAM_DIMM_RESERVED, CANCEL, HOTRAM_DIMM_EMPTY },
    { HOTRAM_DIMM_RESERVED, COMMIT, HOTRAM_DIMM_PLUGGED },
    { HOTRAM_DIMM_PLUGGED, REQUEST, HOTRAM_DIMM_REMOVAL_REQUESTED },
    { HOTRAM_DIMM_PLUGGED, EJECT, HOTRAM_DIMM_EJECTING },
    { HOTRAM_DIMM_REMOVAL_REQUESTED, REQUEST, HOTRAM_DIMM_REMOVAL_REQUESTED },
    { HOTRAM_DIMM_REMOVAL_REQUESTED, WITHDRAW, HOTRAM_DIMM_PLUGGED },
    { HOTRAM_DIMM_REMOVAL_REQUESTED, EJECT, HOTRAM_DIMM_EJECTING },
    { HOTRAM_DIMM_EJECTING, FINISH, HOTRAM_DIMM_EMPTY },
};

/* The events that lead from empty to a state. */
static void bring_to(struct fixture *fixture, enum hotram_dimm_state state)
{
    static const enum event way[][3] = {
        [HOTRAM_DIMM_EMPTY] = { EVENTS },
        [HOTRAM_DIMM_RESERVED] = { RESERVE, EVENTS },
        [HOTRAM_DIMM_PLUGGED] = { RESERVE, COMMIT, EVENTS },
        [HOTRAM_DIMM_REMOVAL_REQUESTED] = { RESERVE, COMMIT, REQUEST },
        [HOTRAM_DIMM_EJECTING] = { RESERVE, COMMIT, EJECT },
    };

    make(fixture, &usual);
    for (unsigned i = 0; i < 3 && way[state][i] != EVENTS; i++)
        assert_int_equal(send(&fixture->bank, way[state][i]), HOTRAM_OK);
    assert_int_equal(fixture->slots[0].state, state);
}

static void there_are_no_transitions_but_those_of_the_table(void **state)
{
    struct fixture fixture;

    (void)state;
    for (unsigned from = HOTRAM_DIMM_EMPTY; from <= HOTRAM_DIMM_EJECTING; from++) {
        for (unsigned event = 0; event < EVENTS; event++) {
            enum hotram_dimm_state to = (enum hotram_dimm_state)from;
            enum hotram_status expected = event == RESERVE ? HOTRAM_E_SLOT_TAKEN : HOTRAM_E_STATE;

            for (unsigned i = 0; i < COUNT_OF(transitions); i++) {
                if (transitions[i].from == from && transitions[i].event == event) {
                    to = transitions[i].to;
                    expected = HOTRAM_OK;
                }
            }
            bring_to(&fixture, (enum hotram_dimm_state)from);
            struct fixture before = fixture;
            assert_int_equal(send(&fixture.bank, (enum event)event), expected);
            assert_int_equal(fixture.slots[0].state, to);
            if (expected != HOTRAM_OK)
                assert_memory_equal(&before, &fixture, sizeof before);
        }
    }
}

static void every_operation_checks_bank_and_slot(void **state)
{
    struct fixture fixture;

    (void)state;
    make(&fixture, &usual);
    assert_int_equal(hotram_bank_cancel(NULL, 0), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_bank_commit(NULL, 0, true), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_bank_request_removal(NULL, 0), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_bank_withdraw(NULL, 0), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_bank_eject(NULL, 0), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_bank_finish(NULL, 0), HOTRAM_E_ARGUMENT);
    assert_int_equal(hotram_bank_reset(NULL), HOTRAM_E_ARGUMENT);
    for (unsigned i = 0; i < 2; i++) {
        uint32_t slot = i ? HOTRAM_SLOT_ANY : SLOTS;

        assert_int_equal(hotram_bank_cancel(&fixture.bank, slot), HOTRAM_E_SLOT_RANGE);
        assert_int_equal(hotram_bank_commit(&fixture.bank, slot, true), HOTRAM_E_SLOT_RANGE);
        assert_int_equal(hotram_bank_request_removal(&fixture.bank, slot), HOTRAM_E_SLOT_RANGE);
        assert_int_equal(hotram_bank_withdraw(&fixture.bank, slot), HOTRAM_E_SLOT_RANGE);
        assert_int_equal(hotram_bank_eject(&fixture.bank, slot), HOTRAM_E_SLOT_RANGE);
        assert_int_equal(hotram_bank_finish(&fixture.bank, slot), HOTRAM_E_SLOT_RANGE);
    }
}

static void a_damaged_state_is_refused(void **state)
{
    struct fixture fixture;

    (void)state;
    make(&fixture, &usual);
    fixture.slots[0].state = HOTRAM_DIMM_EJECTING + 1;
    assert_int_equal(hotram_bank_eject(&fixture.bank, 0), HOTRAM_E_STATE);
}

/* ---- Events ---- */

static void a_hot_commit_raises_and_a_cold_one_does_not(void **state)
{
    struct fixture fixture;

    (void)state;
    make(&fixture, &usual);
    assert_int_equal(reserve(&fixture, any(GIB), NULL), HOTRAM_OK);
    assert_int_equal(fixture.raised, 0);
    assert_int_equal(hotram_bank_commit(&fixture.bank, 0, false), HOTRAM_OK);
    assert_int_equal(fixture.raised, 0);
    assert_false(fixture.slots[0].insert_pending);
    assert_int_equal(reserve(&fixture, any(GIB), NULL), HOTRAM_OK);
    assert_int_equal(hotram_bank_commit(&fixture.bank, 1, true), HOTRAM_OK);
    assert_int_equal(fixture.raised, 1);
    assert_true(fixture.slots[1].insert_pending);
}

static void asking_again_raises_again(void **state)
{
    struct fixture fixture;

    (void)state;
    make(&fixture, &usual);
    plug(&fixture, 0, 4 * GIB, GIB);
    assert_int_equal(hotram_bank_request_removal(&fixture.bank, 0), HOTRAM_OK);
    fixture.slots[0].remove_pending = false; /* as the guest does */
    assert_int_equal(hotram_bank_request_removal(&fixture.bank, 0), HOTRAM_OK);
    assert_true(fixture.slots[0].remove_pending);
    assert_true(fixture.slots[0].insert_pending);
    assert_int_equal(fixture.raised, 3);
}

static void withdrawing_clears_the_pending_event(void **state)
{
    struct fixture fixture;

    (void)state;
    make(&fixture, &usual);
    plug(&fixture, 0, 4 * GIB, GIB);
    assert_int_equal(hotram_bank_request_removal(&fixture.bank, 0), HOTRAM_OK);
    assert_int_equal(hotram_bank_withdraw(&fixture.bank, 0), HOTRAM_OK);
    assert_false(fixture.slots[0].remove_pending);
    assert_true(fixture.slots[0].insert_pending);
    assert_int_equal(fixture.raised, 2);
}

static void eject_calls_back_and_keeps_the_range(void **state)
{
    struct fixture fixture;

    (void)state;
    make(&fixture, &usual);
    plug(&fixture, 2, 4 * GIB, GIB);
    assert_int_equal(hotram_bank_request_removal(&fixture.bank, 2), HOTRAM_OK);
    assert_int_equal(hotram_bank_eject(&fixture.bank, 2), HOTRAM_OK);
    assert_int_equal(fixture.ejected, 1);
    assert_int_equal(fixture.last_ejected, 2);
    assert_false(fixture.slots[2].insert_pending || fixture.slots[2].remove_pending);
    assert_int_equal(fixture.slots[2].addr, 4 * GIB);
    assert_int_equal(fixture.slots[2].size, GIB);
    assert_int_equal(fixture.slots[2].node, 5);
    assert_int_equal(hotram_bank_next(&fixture.bank, HOTRAM_SLOT_ANY), 2);
    assert_int_equal(hotram_bank_finish(&fixture.bank, 2), HOTRAM_OK);
    assert_int_equal(fixture.slots[2].addr, 0);
    assert_int_equal(fixture.slots[2].size, 0);
    assert_int_equal(fixture.slots[2].node, 0);
    assert_int_equal(hotram_bank_next(&fixture.bank, HOTRAM_SLOT_ANY), HOTRAM_SLOT_ANY);
}

static void the_eject_callback_may_finish_at_once(void **state)
{
    struct fixture fixture;

    (void)state;
    make(&fixture, &usual);
    fixture.finish_at_once = true;
    plug(&fixture, 1, 4 * GIB, GIB);
    assert_int_equal(hotram_bank_eject(&fixture.bank, 1), HOTRAM_OK);
    assert_int_equal(fixture.slots[1].state, HOTRAM_DIMM_EMPTY);
}

static void reset_drops_insert_events_only(void **state)
{
    struct fixture fixture;

    (void)state;
    make(&fixture, &usual);
    plug(&fixture, 0, 4 * GIB, GIB);
    plug(&fixture, 1, 5 * GIB, GIB);
    assert_int_equal(hotram_bank_request_removal(&fixture.bank, 1), HOTRAM_OK);
    assert_int_equal(hotram_bank_reset(&fixture.bank), HOTRAM_OK);
    assert_false(fixture.slots[0].insert_pending);
    assert_int_equal(fixture.slots[0].state, HOTRAM_DIMM_PLUGGED);
    assert_false(fixture.slots[1].insert_pending);
    assert_true(fixture.slots[1].remove_pending);
    assert_int_equal(fixture.slots[1].state, HOTRAM_DIMM_REMOVAL_REQUESTED);
    assert_int_equal(fixture.raised, 3);
}

static void next_walks_by_rising_address(void **state)
{
    struct fixture fixture;

    (void)state;
    make(&fixture, &usual);
    plug(&fixture, 0, 7 * GIB, GIB);
    plug(&fixture, 1, 4 * GIB, GIB);
    plug(&fixture, 3, 5 * GIB, GIB);
    assert_int_equal(hotram_bank_next(&fixture.bank, HOTRAM_SLOT_ANY), 1);
    assert_int_equal(hotram_bank_next(&fixture.bank, 1), 3);
    assert_int_equal(hotram_bank_next(&fixture.bank, 3), 0);
    assert_int_equal(hotram_bank_next(&fixture.bank, 0), HOTRAM_SLOT_ANY);
    assert_int_equal(hotram_bank_next(&fixture.bank, 2), HOTRAM_SLOT_ANY);
    assert_int_equal(hotram_bank_next(&fixture.bank, SLOTS), HOTRAM_SLOT_ANY);
}

static void all_256_slots_can_be_used(void **state)
{
    struct hotram_bank_config config = usual;
    struct fixture fixture;
    struct hotram_dimm_result result;
    uint32_t slot = HOTRAM_SLOT_ANY;

    (void)state;
    config.slots = HOTRAM_SLOTS_MAX;
    make(&fixture, &config);
    for (uint32_t i = 0; i < HOTRAM_SLOTS_MAX; i++) {
        assert_int_equal(reserve(&fixture, any(2 * MIB), &result), HOTRAM_OK);
        assert_int_equal(result.slot, i);
        assert_int_equal(result.addr, 4 * GIB + i * 2 * MIB);
    }
    expect_refused(&fixture, any(2 * MIB), HOTRAM_E_NO_SLOT, HOTRAM_SLOT_ANY, 0);
    for (uint32_t i = 0; i < HOTRAM_SLOTS_MAX; i++) {
        slot = hotram_bank_next(&fixture.bank, slot);
        assert_int_equal(slot, i);
    }
    assert_int_equal(hotram_bank_next(&fixture.bank, slot), HOTRAM_SLOT_ANY);
}

static void every_status_has_its_sentence(void **state)
{
    (void)state;
    for (int a = HOTRAM_OK; a <= HOTRAM_E_NESTING; a++) {
        const char *text = hotram_status_text((enum hotram_status)a);

        assert_true(strlen(text) > 0 && text[strlen(text) - 1] != '.');
        for (int b = HOTRAM_OK; b < a; b++)
            assert_string_not_equal(text, hotram_status_text((enum hotram_status)b));
        assert_string_not_equal(text, hotram_status_text((enum hotram_status) - 1));
    }
    assert_non_null(hotram_status_text((enum hotram_status)99));
}

/* ---- Random sequences against a model that knows one granule at a time ---- */

#define GRANULE UINT64_C(0x1000)
#define GRANULES 64u
#define MODEL_SLOTS 6u
#define MODEL_CAPACITY 40u

struct model {
    uint64_t base;
    int owner[GRANULES]; /* slot, or -1 */
    enum hotram_dimm_state state[MODEL_SLOTS];
    uint32_t start[MODEL_SLOTS];
    uint32_t size[MODEL_SLOTS];
};

static bool model_fits(const struct model *model, uint32_t start, uint32_t size)
{
    if (start + size > GRANULES)
        return false;
    for (uint32_t i = start; i < start + size; i++) {
        if (model->owner[i] >= 0)
            return false;
    }
    return true;
}

static uint32_t model_used(const struct model *model)
{
    uint32_t used = 0;

    for (uint32_t i = 0; i < GRANULES; i++)
        used += model->owner[i] >= 0;
    return used;
}

static bool model_aligned(const struct model *model, uint32_t granule, uint64_t align)
{
    return (model->base + granule * GRANULE) % align == 0;
}

/* What the bank has to answer to a request with valid size and slot number. */
static enum hotram_status model_reserve(const struct model *model, const struct hotram_dimm_request *request,
                                        struct hotram_dimm_result *result)
{
    uint32_t size = (uint32_t)(request->size / GRANULE);
    uint32_t slot = 0;
    uint32_t start = 0;
    uint32_t largest = 0;

    *result = (struct hotram_dimm_result){ .slot = HOTRAM_SLOT_ANY };
    if (request->slot_given)
        slot = request->slot;
    else
        while (slot < MODEL_SLOTS && model->state[slot] != HOTRAM_DIMM_EMPTY)
            slot++;
    if (slot == MODEL_SLOTS)
        return HOTRAM_E_NO_SLOT;
    if (model->state[slot] != HOTRAM_DIMM_EMPTY) {
        result->slot = slot;
        return HOTRAM_E_SLOT_TAKEN;
    }
    if (request->addr_given) {
        start = (uint32_t)((request->addr - model->base) / GRANULE);
        if (request->addr % request->align)
            return HOTRAM_E_ALIGN;
        if (start + size > GRANULES)
            return HOTRAM_E_REGION;
        for (uint32_t i = start; i < start + size; i++) {
            if (model->owner[i] >= 0) {
                result->slot = (uint32_t)model->owner[i];
                return HOTRAM_E_OVERLAP;
            }
        }
    } else {
        while (start < GRANULES &&
               !(model_aligned(model, start, request->align) && model_fits(model, start, size)))
            start++;
        if (start == GRANULES) {
            for (uint32_t i = 0; i < GRANULES; i++)
                while (model_aligned(model, i, request->align) && model_fits(model, i, largest + 1))
                    largest++;
            result->largest = largest * GRANULE;
            return HOTRAM_E_NO_SPACE;
        }
    }
    if (model_used(model) + size > MODEL_CAPACITY) {
        result->largest = (MODEL_CAPACITY - model_used(model)) * GRANULE;
        return HOTRAM_E_CAPACITY;
    }
    result->slot = slot;
    result->addr = model->base + start * GRANULE;
    return HOTRAM_OK;
}

static void model_set(struct model *model, uint32_t slot, int owner)
{
    for (uint32_t i = 0; i < model->size[slot]; i++)
        model->owner[model->start[slot] + i] = owner;
}

static void compare(const struct fixture *fixture, const struct model *model)
{
    uint32_t slot = HOTRAM_SLOT_ANY;
    uint32_t last = HOTRAM_SLOT_ANY;

    for (uint32_t i = 0; i < MODEL_SLOTS; i++) {
        const struct hotram_dimm *dimm = &fixture->slots[i];
        bool empty = model->state[i] == HOTRAM_DIMM_EMPTY;

        assert_int_equal(dimm->state, model->state[i]);
        assert_int_equal(dimm->size, empty ? 0 : model->size[i] * GRANULE);
        assert_int_equal(dimm->addr, empty ? 0 : model->base + model->start[i] * GRANULE);
        assert_false(empty && (dimm->insert_pending || dimm->remove_pending));
    }
    assert_int_equal(fixture->bank.used, model_used(model) * GRANULE);
    for (uint32_t i = 0; i < GRANULES; i++) {
        if (model->owner[i] < 0 || (uint32_t)model->owner[i] == last)
            continue;
        slot = hotram_bank_next(&fixture->bank, slot);
        assert_int_equal(slot, model->owner[i]);
        last = slot;
    }
    assert_int_equal(hotram_bank_next(&fixture->bank, slot), HOTRAM_SLOT_ANY);
}

static void random_reserve(struct fixture *fixture, struct model *model, struct unit_random *random)
{
    struct hotram_dimm_request request = {
        .slot = unit_random_below(random, MODEL_SLOTS),
        .slot_given = unit_random_below(random, 2),
        .addr = model->base + unit_random_below(random, GRANULES) * GRANULE,
        .addr_given = unit_random_below(random, 2),
        .size = (1 + unit_random_below(random, unit_random_below(random, 8) ? 16 : 70)) * GRANULE,
        .align = GRANULE << unit_random_below(random, 4),
    };
    struct hotram_dimm_result expected;
    struct hotram_dimm_result result;
    enum hotram_status status;

    status = model_reserve(model, &request, &expected);
    assert_int_equal(hotram_bank_reserve(&fixture->bank, &request, &result), status);
    assert_int_equal(result.slot, expected.slot);
    assert_int_equal(result.addr, expected.addr);
    assert_int_equal(result.largest, expected.largest);
    if (status != HOTRAM_OK)
        return;
    model->state[result.slot] = HOTRAM_DIMM_RESERVED;
    model->start[result.slot] = (uint32_t)((result.addr - model->base) / GRANULE);
    model->size[result.slot] = (uint32_t)(request.size / GRANULE);
    model_set(model, result.slot, (int)result.slot);
}

static void random_transition(struct fixture *fixture, struct model *model, struct unit_random *random)
{
    static enum hotram_status (*const calls[])(struct hotram_bank *, uint32_t) = {
        [CANCEL] = hotram_bank_cancel,     [REQUEST] = hotram_bank_request_removal,
        [WITHDRAW] = hotram_bank_withdraw, [EJECT] = hotram_bank_eject,
        [FINISH] = hotram_bank_finish,
    };
    uint32_t slot = unit_random_below(random, MODEL_SLOTS);
    enum event event = (enum event)(1 + unit_random_below(random, EVENTS - 1));
    enum hotram_status expected = HOTRAM_E_STATE;
    enum hotram_status status;

    for (unsigned i = 0; i < COUNT_OF(transitions) && expected != HOTRAM_OK; i++) {
        if (transitions[i].from == model->state[slot] && transitions[i].event == event) {
            model->state[slot] = transitions[i].to;
            expected = HOTRAM_OK;
        }
    }
    if (event == COMMIT)
        status = hotram_bank_commit(&fixture->bank, slot, unit_random_below(random, 2));
    else
        status = calls[event](&fixture->bank, slot);
    assert_int_equal(status, expected);
    if (expected == HOTRAM_OK && model->state[slot] == HOTRAM_DIMM_EMPTY)
        model_set(model, slot, -1);
}

static void random_sequences_agree_with_the_model(void **state)
{
    static const uint64_t bases[] = { 0, 0x3000, UINT64_C(0x100003000), UINT64_MAX - GRANULES * GRANULE };
    struct unit_random random = unit_random_start("random sequences");
    unsigned operations = 0;

    (void)state;
    for (unsigned sequence = 0; sequence < 400; sequence++) {
        uint64_t base = bases[sequence % COUNT_OF(bases)] & ~(GRANULE - 1);
        const struct hotram_bank_config config = {
            .base = base,
            .size = GRANULES * GRANULE,
            .capacity = MODEL_CAPACITY * GRANULE,
            .granularity = GRANULE,
            .slots = MODEL_SLOTS,
        };
        struct fixture fixture;
        struct model model = { .base = base };

        for (unsigned i = 0; i < GRANULES; i++)
            model.owner[i] = -1;
        make(&fixture, &config);
        for (unsigned i = 0; i < 500; i++, operations++) {
            if (unit_random_below(&random, 3) == 0)
                random_reserve(&fixture, &model, &random);
            else
                random_transition(&fixture, &model, &random);
            compare(&fixture, &model);
        }
    }
    print_message("# %u operations\n", operations);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(init_refuses_what_its_contract_excludes),
        cmocka_unit_test(init_refuses_a_region_that_is_empty_or_wraps),
        cmocka_unit_test(a_new_bank_is_empty),
        cmocka_unit_test(reserve_tells_what_is_wrong_and_changes_nothing),
        cmocka_unit_test(reserve_checks_in_the_stated_order),
        cmocka_unit_test(first_fit_takes_the_lowest_hole_that_is_large_enough),
        cmocka_unit_test(first_fit_aligns_within_each_hole),
        cmocka_unit_test(ranges_near_the_end_of_the_address_space_do_not_wrap),
        cmocka_unit_test(sums_of_sizes_near_2_64_do_not_wrap),
        cmocka_unit_test(capacity_counts_reserved_and_ejecting_dimms),
        cmocka_unit_test(there_are_no_transitions_but_those_of_the_table),
        cmocka_unit_test(every_operation_checks_bank_and_slot),
        cmocka_unit_test(a_damaged_state_is_refused),
        cmocka_unit_test(a_hot_commit_raises_and_a_cold_one_does_not),
        cmocka_unit_test(asking_again_raises_again),
        cmocka_unit_test(withdrawing_clears_the_pending_event),
        cmocka_unit_test(eject_calls_back_and_keeps_the_range),
        cmocka_unit_test(the_eject_callback_may_finish_at_once),
        cmocka_unit_test(reset_drops_insert_events_only),
        cmocka_unit_test(next_walks_by_rising_address),
        cmocka_unit_test(all_256_slots_can_be_used),
        cmocka_unit_test(every_status_has_its_sentence),
        cmocka_unit_test(random_sequences_agree_with_the_model),
    };

    return cmocka_run_group_tests_name("dimm", tests, NULL, NULL);
}
