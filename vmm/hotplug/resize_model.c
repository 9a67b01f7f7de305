/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The copy of the bank that a memory set is planned with. See resize_model.h.
 */
#include "hotplug/resize_model.h"

#include "memory/guest_memory.h"

#include <string.h>

static void no_event(void *opaque)
{
    (void)opaque;
}

static void no_ost(void *opaque, uint32_t slot, uint32_t event, uint32_t status)
{
    (void)opaque, (void)slot, (void)event, (void)status;
}

static void no_eject(void *opaque, uint32_t slot)
{
    (void)opaque, (void)slot;
}

/* What is on its way out takes slot, range and capacity until it has gone, as in a bank that waits for the
 * end of an eject; but it is not the guest's any more. */
static void copy_slot(struct resize_model *model, uint32_t slot)
{
    const struct hotram_dimm *dimm = &model->hotplug->slots[model->slot_of[slot]];
    const struct hotram_dimm_request request = {
        .slot = slot,
        .slot_given = true,
        .addr = dimm->addr,
        .addr_given = true,
        .size = dimm->size,
        .align = 1,
        .node = dimm->node,
    };

    if (dimm->state == HOTRAM_DIMM_EMPTY)
        return;
    hotram_bank_reserve(&model->bank, &request, NULL);
    if (dimm->state != HOTRAM_DIMM_PLUGGED && dimm->state != HOTRAM_DIMM_REMOVAL_REQUESTED)
        return;
    hotram_bank_commit(&model->bank, slot, false);
    model->removing[slot] = dimm->state == HOTRAM_DIMM_REMOVAL_REQUESTED && !model->fixed[slot];
    if (model->removing[slot])
        hotram_bank_eject(&model->bank, slot);
}

/* What virtio-mem devices have, their blocks come and go in. */
static void copy_range(struct resize_model *model, uint32_t slot)
{
    const struct hotram_dimm *range = &model->hotplug->slots[slot];
    const struct hotram_dimm_request request = {
        .range = true,
        .addr = range->addr,
        .addr_given = true,
        .size = range->size,
        .align = 1,
        .node = range->node,
    };

    if (range->state != HOTRAM_DIMM_EMPTY)
        hotram_bank_reserve(&model->bank, &request, NULL);
}

/* As many slots as guest memory may have regions: those that are in use, and empty ones. Without a limit they
 * are the bank's, else those in use are the first ones. Under the machine lock. */
static uint32_t choose_slots(struct resize_model *model)
{
    const struct hotplug *hotplug = model->hotplug;
    const uint32_t slots = hotplug->config.slots;
    const unsigned room = guest_memory_room(hotplug->config.memory, &model->limit);
    uint32_t used = 0;

    for (uint32_t slot = 0; slot < slots; slot++) {
        model->slot_of[slot] = slot;
        used += hotplug->slots[slot].state != HOTRAM_DIMM_EMPTY;
    }
    if (room >= slots - used) {
        model->limit.text[0] = '\0';
        return slots;
    }
    used = 0;
    for (uint32_t slot = 0; slot < slots; slot++)
        if (hotplug->slots[slot].state != HOTRAM_DIMM_EMPTY)
            model->slot_of[used++] = slot;
    for (uint32_t slot = 0, next = used; slot < slots; slot++)
        if (hotplug->slots[slot].state == HOTRAM_DIMM_EMPTY)
            model->slot_of[next++] = slot;
    return used + room > 0 ? used + room : 1;
}

void resize_model_init(struct resize_model *model, struct hotplug *hotplug,
                       const struct resize_request *request, const bool *fixed)
{
    static const struct hotram_bank_ops ops = { no_event, no_ost, no_eject };
    struct hotram_bank_config config;

    model->hotplug = hotplug;
    model->request = request;
    machine_lock_take(hotplug->config.board->lock);
    config = hotplug->bank.config;
    config.slots = choose_slots(model);
    hotram_bank_init(&model->bank, &config, model->slots, &ops, NULL);
    for (uint32_t slot = 0; slot < config.slots; slot++) {
        const uint32_t real = model->slot_of[slot];

        /* A memslot's DIMM goes and comes by name. */
        model->fixed[slot] = (fixed && fixed[real]) || hotplug->memslot[real];
        copy_slot(model, slot);
    }
    for (uint32_t range = 0; range < config.ranges; range++)
        copy_range(model, hotplug->config.slots + range);
    machine_lock_release(hotplug->config.board->lock);
    resize_blocks_read(&model->blocks, hotplug, request, fixed);
    model->before_blocks = model->blocks;
    model->before = model->bank;
    memcpy(model->before_slots, model->slots, sizeof model->slots);
}

void resize_model_name_slots(const struct resize_model *model, struct resize_plan *plan)
{
    for (uint32_t i = 0; i < plan->count; i++)
        if (!plan->steps[i].blocks && plan->steps[i].step.action == HOTRAM_PLAN_UNPLUG)
            plan->steps[i].step.slot = model->slot_of[plan->steps[i].step.slot];
}

void resize_model_rewind(struct resize_model *model)
{
    model->bank = model->before;
    model->blocks = model->before_blocks;
    memcpy(model->slots, model->before_slots, sizeof model->slots);
}

void resize_model_apply(struct resize_model *model, const struct resize_step *step)
{
    const struct hotram_dimm_request request = {
        .addr = step->step.addr,
        .addr_given = true,
        .size = step->step.size,
        .align = model->bank.config.granularity,
        .node = step->node,
    };
    struct hotram_dimm_result result;

    if (step->blocks) {
        resize_blocks_apply(&model->blocks, step);
        return;
    }
    if (step->step.action == HOTRAM_PLAN_UNPLUG) {
        hotram_bank_eject(&model->bank, step->step.slot);
        hotram_bank_finish(&model->bank, step->step.slot);
    } else if (hotram_bank_reserve(&model->bank, &request, &result) == HOTRAM_OK) {
        hotram_bank_commit(&model->bank, result.slot, false);
    }
}

struct resize_step resize_model_remove(struct resize_model *model, uint32_t slot)
{
    const struct hotram_dimm *dimm = &model->slots[slot];
    const struct resize_step step = {
        .step = { .action = HOTRAM_PLAN_UNPLUG, .slot = slot, .addr = dimm->addr, .size = dimm->size },
        .node = dimm->node,
    };

    hotram_bank_finish(&model->bank, slot);
    return step;
}

bool resize_model_is_whole(const struct resize_model *model)
{
    return model->request->node_given || model->hotplug->config.nodes <= 1;
}

bool resize_model_has_blocks(const struct resize_model *model)
{
    return resize_blocks_largest(&model->before_blocks) > 0;
}

uint64_t resize_model_grain(const struct resize_model *model)
{
    const uint64_t granularity = hotplug_granularity(model->hotplug);
    const uint64_t block = resize_blocks_largest(&model->before_blocks);

    return block > 0 && block < granularity ? block : granularity;
}

uint64_t resize_model_base(const struct resize_model *model)
{
    const struct hotram_plan_blocks blocks = resize_blocks_sum(&model->before_blocks, false, 0);

    return resize_model_ram(model) + blocks.present % resize_model_grain(model);
}

uint64_t resize_model_node_ram(const struct resize_model *model, uint32_t node)
{
    const struct hotplug_config *config = &model->hotplug->config;

    return config->node_ram ? config->node_ram[node] : config->ram_size;
}

uint64_t resize_model_ram(const struct resize_model *model)
{
    return model->request->node_given ? resize_model_node_ram(model, model->request->node)
                                      : model->hotplug->config.ram_size;
}
