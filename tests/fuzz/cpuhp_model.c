/* SPDX-License-Identifier: BSD-2-Clause */
#include "cpuhp_model.h"

/* ---- The VMM's side ---- */

static enum hotram_status check_slot(const struct model *model, uint32_t slot, bool fits)
{
    if (slot >= model->count)
        return HOTRAM_E_SLOT_RANGE;
    return fits ? HOTRAM_OK : HOTRAM_E_STATE;
}

static bool is_in(const struct model *model, uint32_t slot, enum hotram_cpu_state state)
{
    return slot < model->count && model->slots[slot].state == state;
}

static bool can_go(const struct model *model, uint32_t slot)
{
    return is_in(model, slot, HOTRAM_CPU_PLUGGED) || is_in(model, slot, HOTRAM_CPU_REMOVAL_REQUESTED);
}

bool model_present(const struct model *model, uint32_t slot)
{
    return can_go(model, slot) || is_in(model, slot, HOTRAM_CPU_FIXED);
}

enum hotram_status model_plug(struct model *model, uint32_t slot, bool hot)
{
    enum hotram_status status = check_slot(model, slot, is_in(model, slot, HOTRAM_CPU_ABSENT));

    if (status == HOTRAM_OK) {
        model->slots[slot].state = HOTRAM_CPU_PLUGGED;
        model->slots[slot].insert = hot;
        model->raised += hot;
    }
    return status;
}

enum hotram_status model_fix(struct model *model, uint32_t slot)
{
    enum hotram_status status = check_slot(model, slot, is_in(model, slot, HOTRAM_CPU_PLUGGED));

    if (status == HOTRAM_OK) {
        model->slots[slot].state = HOTRAM_CPU_FIXED;
        model->slots[slot].insert = false;
    }
    return status;
}

enum hotram_status model_request_removal(struct model *model, uint32_t slot)
{
    enum hotram_status status = check_slot(model, slot, can_go(model, slot));

    if (status == HOTRAM_OK) {
        model->slots[slot].state = HOTRAM_CPU_REMOVAL_REQUESTED;
        model->slots[slot].remove = true;
        model->raised++;
    }
    return status;
}

enum hotram_status model_withdraw(struct model *model, uint32_t slot)
{
    enum hotram_status status = check_slot(model, slot, is_in(model, slot, HOTRAM_CPU_REMOVAL_REQUESTED));

    if (status == HOTRAM_OK) {
        model->slots[slot].state = HOTRAM_CPU_PLUGGED;
        model->slots[slot].remove = false;
    }
    return status;
}

enum hotram_status model_eject(struct model *model, uint32_t slot)
{
    enum hotram_status status = check_slot(model, slot, can_go(model, slot));

    if (status == HOTRAM_OK) {
        model->slots[slot].state = model->finishes_at_once ? HOTRAM_CPU_ABSENT : HOTRAM_CPU_EJECTING;
        model->slots[slot].insert = model->slots[slot].remove = false;
        model->ejected++;
    }
    return status;
}

enum hotram_status model_finish(struct model *model, uint32_t slot)
{
    enum hotram_status status = check_slot(model, slot, is_in(model, slot, HOTRAM_CPU_EJECTING));

    if (status == HOTRAM_OK)
        model->slots[slot].state = HOTRAM_CPU_ABSENT;
    return status;
}

void model_reset(struct model *model)
{
    for (uint32_t i = 0; i < model->count; i++)
        model->slots[i].insert = false;
    model->selector = 0;
    model->command = 0;
}

uint32_t model_pending(const struct model *model, uint32_t from)
{
    for (uint64_t i = from; i < model->count; i++)
        if (model->slots[i].insert || model->slots[i].remove)
            return (uint32_t)i;
    for (uint32_t i = 0; i < model->count; i++)
        if (model->slots[i].insert || model->slots[i].remove)
            return i;
    return UINT32_MAX;
}

/* ---- The guest's side ---- */

/* What a read of 4 bytes that starts here gives; a narrower one gives its low bytes. */
static uint32_t at(const struct model *model, uint64_t offset)
{
    const struct model_slot *slot;

    if (offset >= 12)
        return UINT32_MAX;
    if (model->selector >= model->count)
        return 0;
    slot = &model->slots[model->selector];
    if (offset == 0)
        return model->command == 3 ? (uint32_t)(slot->hardware_id >> 32) : 0;
    if (offset == 4)
        return (model_present(model, model->selector) ? 1 : 0) + (slot->insert ? 2 : 0) +
               (slot->remove ? 4 : 0);
    if (offset == 8)
        return model->command == 0 ? model->selector : model->command == 3 ? (uint32_t)slot->hardware_id : 0;
    return 0;
}

static void write_at(struct model *model, uint64_t offset, uint32_t value)
{
    struct model_slot *slot;

    if (offset == 0) {
        model->selector = value;
        return;
    }
    if (model->selector >= model->count)
        return;
    slot = &model->slots[model->selector];
    if (offset == 4 && value & 2) {
        slot->insert = false;
    } else if (offset == 4 && value & 4) {
        slot->remove = false;
    } else if (offset == 4 && value & 8) {
        model_eject(model, model->selector);
    } else if (offset == 5 && value <= 3) {
        model->command = (uint8_t)value;
        if (value == 0 && model_pending(model, model->selector) != UINT32_MAX)
            model->selector = model_pending(model, model->selector);
    } else if (offset == 8 && model->command == 1) {
        slot->ost_event = value;
    } else if (offset == 8 && model->command == 2) {
        slot->ost_status = value;
        model->reported++;
        model->report[0] = model->selector;
        model->report[1] = slot->ost_event;
        model->report[2] = value;
    }
}

/* The aligned part that begins at this offset, of an access with so many bytes left. */
static unsigned part_of(uint64_t offset, unsigned left)
{
    if (left == 4 && offset % 4 == 0)
        return 4;
    return left >= 2 && offset % 2 == 0 ? 2 : 1;
}

static uint32_t cut(uint32_t value, unsigned width)
{
    return width == 4 ? value : value % (1u << (8 * width));
}

uint32_t model_read(const struct model *model, uint32_t offset, unsigned width)
{
    uint32_t value = 0;

    for (unsigned done = 0, part; done < width; done += part) {
        part = part_of((uint64_t)offset + done, width - done);
        value += cut(at(model, (uint64_t)offset + done), part) << (8 * done);
    }
    return value;
}

void model_write(struct model *model, uint32_t offset, unsigned width, uint32_t value)
{
    for (unsigned done = 0, part; done < width; done += part) {
        part = part_of((uint64_t)offset + done, width - done);
        write_at(model, (uint64_t)offset + done, cut(value >> (8 * done), part));
    }
}
