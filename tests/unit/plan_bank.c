/* SPDX-License-Identifier: BSD-2-Clause */
#include "plan_bank.h"

static void ignore_raise(void *opaque)
{
    (void)opaque;
}

static void ignore_ost(void *opaque, uint32_t slot, uint32_t event, uint32_t status)
{
    (void)opaque;
    (void)slot;
    (void)event;
    (void)status;
}

static void ignore_eject(void *opaque, uint32_t slot)
{
    (void)opaque;
    (void)slot;
}

static const struct hotram_bank_ops ops = { ignore_raise, ignore_ost, ignore_eject };

void plan_bank_make(struct plan_bank *fixture, const struct hotram_bank_config *config)
{
    assert_int_equal(hotram_bank_init(&fixture->bank, config, fixture->slots, &ops, NULL), HOTRAM_OK);
}

void plan_bank_copy(struct plan_bank *to, const struct plan_bank *from)
{
    to->bank = from->bank;
    to->bank.slots = to->slots;
    memcpy(to->slots, from->slots,
           (from->bank.config.slots + from->bank.config.ranges) * sizeof from->slots[0]);
}

bool plan_bank_add(struct plan_bank *fixture, uint64_t addr, uint64_t size, uint32_t node,
                   enum hotram_dimm_state state)
{
    const struct hotram_dimm_request request = {
        .addr = addr,
        .addr_given = addr != PLAN_BANK_ANYWHERE,
        .size = size,
        .align = fixture->bank.config.granularity,
        .node = node,
    };
    struct hotram_dimm_result result;

    if (hotram_bank_reserve(&fixture->bank, &request, &result) != HOTRAM_OK)
        return false;
    if (state != HOTRAM_DIMM_RESERVED)
        assert_int_equal(hotram_bank_commit(&fixture->bank, result.slot, true), HOTRAM_OK);
    if (state == HOTRAM_DIMM_REMOVAL_REQUESTED)
        assert_int_equal(hotram_bank_request_removal(&fixture->bank, result.slot), HOTRAM_OK);
    if (state == HOTRAM_DIMM_EJECTING)
        assert_int_equal(hotram_bank_eject(&fixture->bank, result.slot), HOTRAM_OK);
    assert_int_equal(fixture->slots[result.slot].state, state);
    return true;
}

bool plan_bank_hold(struct plan_bank *fixture, uint64_t addr, uint64_t size)
{
    const struct hotram_dimm_request request = {
        .range = true,
        .addr = addr,
        .addr_given = true,
        .size = size,
        .align = fixture->bank.config.granularity,
    };

    return hotram_bank_reserve(&fixture->bank, &request, NULL) == HOTRAM_OK;
}

uint64_t plan_bank_size(const struct plan_bank *fixture, const struct hotram_plan_request *request)
{
    uint64_t size = 0;

    for (uint32_t i = 0; i < fixture->bank.config.slots; i++) {
        const struct hotram_dimm *dimm = &fixture->slots[i];

        if ((dimm->state == HOTRAM_DIMM_PLUGGED || dimm->state == HOTRAM_DIMM_REMOVAL_REQUESTED) &&
            (!request->node_given || request->node == dimm->node))
            size += dimm->size;
    }
    return size;
}

enum hotram_status plan_bank_plan(struct plan_bank *fixture, struct hotram_plan_request request)
{
    size_t length;
    void *scratch;
    enum hotram_status status;

    request.bank = &fixture->bank;
    length = hotram_plan_scratch(&request);
    assert_between(length, 1, HOTRAM_PLAN_SCRATCH_MAX);
    scratch = malloc(length);
    assert_non_null(scratch);
    status = hotram_plan(&request, scratch, length, &fixture->plan);
    free(scratch);
    return status;
}

void plan_bank_step(struct plan_bank *fixture, const struct hotram_plan_request *request,
                    const struct hotram_plan_step *step)
{
    struct hotram_bank *bank = &fixture->bank;
    struct hotram_dimm_result result;

    if (step->action == HOTRAM_PLAN_PLUG) {
        const struct hotram_dimm_request plug = {
            .addr = step->addr,
            .addr_given = true,
            .size = step->size,
            .align = request->align,
            .node = request->node,
        };

        assert_int_equal(step->slot, HOTRAM_SLOT_ANY);
        assert_int_equal(step->size % request->align, 0);
        assert_int_equal(hotram_bank_reserve(bank, &plug, &result), HOTRAM_OK);
        assert_int_equal(hotram_bank_commit(bank, result.slot, true), HOTRAM_OK);
        return;
    }
    assert_int_equal(step->action, HOTRAM_PLAN_UNPLUG);
    assert_true(step->slot < bank->config.slots);
    assert_false(request->fixed && request->fixed[step->slot]);
    assert_int_equal(fixture->slots[step->slot].addr, step->addr);
    assert_int_equal(fixture->slots[step->slot].size, step->size);
    if (request->node_given)
        assert_int_equal(fixture->slots[step->slot].node, request->node);
    assert_int_equal(hotram_bank_request_removal(bank, step->slot), HOTRAM_OK);
    assert_int_equal(hotram_bank_eject(bank, step->slot), HOTRAM_OK);
    assert_int_equal(hotram_bank_finish(bank, step->slot), HOTRAM_OK);
}

void plan_bank_take(struct plan_bank *fixture, const struct hotram_plan_request *request)
{
    uint64_t size = plan_bank_size(fixture, request);

    fixture->lowest = size;
    for (uint32_t i = 0; i < fixture->plan.count; i++) {
        const struct hotram_plan_step *step = &fixture->plan.steps[i];

        plan_bank_step(fixture, request, step);
        size = step->action == HOTRAM_PLAN_PLUG ? size + step->size : size - step->size;
        if (size < fixture->lowest)
            fixture->lowest = size;
    }
    assert_int_equal(plan_bank_size(fixture, request), size);
    assert_int_equal(fixture->plan.reached, size);
}
