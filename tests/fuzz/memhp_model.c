/* SPDX-License-Identifier: BSD-2-Clause */
#include "memhp_model.h"

#include <stddef.h>

/* 128 bits, so that nothing here needs a check for overflow. */
typedef unsigned __int128 wide;

/* ---- Reserving ---- */

static uint32_t places(const struct model *model)
{
    return model->config.slots + model->config.ranges;
}

static bool taken(const struct model_slot *slot)
{
    return slot->state != HOTRAM_DIMM_EMPTY;
}

uint64_t model_used(const struct model *model)
{
    uint64_t used = 0;

    for (uint32_t i = 0; i < places(model); i++)
        used += model->slots[i].size;
    return used;
}

/* How much is free from an address on: up to the next DIMM or the region's end; 0 within a DIMM. */
static wide room_at(const struct model *model, wide addr)
{
    wide end = (wide)model->config.base + model->config.size;

    if (addr >= end)
        return 0;
    for (uint32_t i = 0; i < places(model); i++) {
        const struct model_slot *slot = &model->slots[i];

        if (!taken(slot))
            continue;
        if (slot->addr <= addr && addr < (wide)slot->addr + slot->size)
            return 0;
        if (slot->addr > addr && slot->addr < end)
            end = slot->addr;
    }
    return end - addr;
}

/* The lowest address that fits is the region's start or a DIMM's end, aligned: try them all. */
static enum hotram_status choose_lowest(const struct model *model, const struct hotram_dimm_request *request,
                                        struct hotram_dimm_result *result)
{
    wide lowest = 0;
    wide largest = 0;
    bool found = false;

    for (uint32_t i = 0; i <= places(model); i++) {
        wide start = model->config.base;
        wide room;

        if (i < places(model) && !taken(&model->slots[i]))
            continue;
        if (i < places(model))
            start = (wide)model->slots[i].addr + model->slots[i].size;
        start = (start + request->align - 1) / request->align * request->align;
        room = room_at(model, start);
        if (room > largest)
            largest = room;
        if (room >= request->size && (!found || start < lowest)) {
            lowest = start;
            found = true;
        }
    }
    if (found)
        result->addr = (uint64_t)lowest;
    else
        result->largest = (uint64_t)(largest - largest % model->config.granularity);
    return found ? HOTRAM_OK : HOTRAM_E_NO_SPACE;
}

/* In the way of a given range: the DIMM with the lowest address, which is the first that the library meets.
 */
static uint32_t in_the_way(const struct model *model, const struct hotram_dimm_request *request)
{
    uint32_t found = HOTRAM_SLOT_ANY;

    for (uint32_t i = 0; i < places(model); i++) {
        const struct model_slot *slot = &model->slots[i];

        if (taken(slot) && slot->addr < (wide)request->addr + request->size &&
            request->addr < (wide)slot->addr + slot->size &&
            (found == HOTRAM_SLOT_ANY || slot->addr < model->slots[found].addr))
            found = i;
    }
    return found;
}

static enum hotram_status check_given(const struct model *model, const struct hotram_dimm_request *request,
                                      struct hotram_dimm_result *result)
{
    const struct hotram_bank_config *config = &model->config;

    if (request->addr % request->align != 0)
        return HOTRAM_E_ALIGN;
    if (request->addr < config->base ||
        (wide)request->addr + request->size > (wide)config->base + config->size)
        return HOTRAM_E_REGION;
    result->slot = in_the_way(model, request);
    if (result->slot != HOTRAM_SLOT_ANY)
        return HOTRAM_E_OVERLAP;
    result->addr = request->addr;
    return HOTRAM_OK;
}

static enum hotram_status choose_slot(const struct model *model, const struct hotram_dimm_request *request,
                                      uint32_t *slot)
{
    if (request->range) {
        for (*slot = model->config.slots; *slot < places(model); ++*slot)
            if (!taken(&model->slots[*slot]))
                return HOTRAM_OK;
        return HOTRAM_E_NO_SLOT;
    }
    *slot = request->slot_given ? request->slot : 0;
    if (request->slot_given && *slot >= model->config.slots)
        return HOTRAM_E_SLOT_RANGE;
    if (request->slot_given)
        return taken(&model->slots[*slot]) ? HOTRAM_E_SLOT_TAKEN : HOTRAM_OK;
    while (*slot < model->config.slots && taken(&model->slots[*slot]))
        ++*slot;
    return *slot < model->config.slots ? HOTRAM_OK : HOTRAM_E_NO_SLOT;
}

enum hotram_status model_choose(const struct model *model, const struct hotram_dimm_request *request,
                                struct hotram_dimm_result *result)
{
    enum hotram_status status;
    uint32_t slot;

    *result = (struct hotram_dimm_result){ .slot = HOTRAM_SLOT_ANY };
    if (__builtin_popcountll(request->align) != 1 || (request->range && request->slot_given))
        return HOTRAM_E_ARGUMENT;
    if (request->size == 0 || request->size % model->config.granularity != 0)
        return HOTRAM_E_SIZE;
    status = choose_slot(model, request, &slot);
    if (status == HOTRAM_E_SLOT_TAKEN)
        result->slot = slot;
    if (status != HOTRAM_OK)
        return status;
    status = request->addr_given ? check_given(model, request, result)
                                 : choose_lowest(model, request, result);
    if (status != HOTRAM_OK)
        return status;
    if (request->size > model->config.capacity - model_used(model)) {
        *result = (struct hotram_dimm_result){ .slot = HOTRAM_SLOT_ANY,
                                               .largest = model->config.capacity - model_used(model) };
        return HOTRAM_E_CAPACITY;
    }
    result->slot = slot;
    return HOTRAM_OK;
}

void model_reserve(struct model *model, const struct hotram_dimm_request *request,
                   const struct hotram_dimm_result *result)
{
    struct model_slot *slot = &model->slots[result->slot];

    slot->state = HOTRAM_DIMM_RESERVED;
    slot->addr = result->addr;
    slot->size = request->size;
    slot->node = request->node;
}

/* ---- A slot's life ---- */

/* The slot, if it is in one of two states. */
static enum hotram_status find(struct model *model, uint32_t number, enum hotram_dimm_state one,
                               enum hotram_dimm_state other, struct model_slot **slot)
{
    if (number >= model->config.slots)
        return HOTRAM_E_SLOT_RANGE;
    *slot = &model->slots[number];
    return (*slot)->state == one || (*slot)->state == other ? HOTRAM_OK : HOTRAM_E_STATE;
}

/* All but the _OST code, which outlives the DIMM. */
static void empty(struct model_slot *slot)
{
    *slot = (struct model_slot){ .ost_event = slot->ost_event };
}

enum hotram_status model_cancel(struct model *model, uint32_t number)
{
    struct model_slot *slot;
    enum hotram_status status;

    if (number >= model->config.slots && number < places(model)) {
        status = taken(&model->slots[number]) ? HOTRAM_OK : HOTRAM_E_STATE;
        slot = &model->slots[number];
    } else {
        status = find(model, number, HOTRAM_DIMM_RESERVED, HOTRAM_DIMM_RESERVED, &slot);
    }
    if (status == HOTRAM_OK)
        empty(slot);
    return status;
}

enum hotram_status model_commit(struct model *model, uint32_t number, bool hot)
{
    struct model_slot *slot;
    enum hotram_status status = find(model, number, HOTRAM_DIMM_RESERVED, HOTRAM_DIMM_RESERVED, &slot);

    if (status == HOTRAM_OK) {
        slot->state = HOTRAM_DIMM_PLUGGED;
        slot->insert = hot;
        model->raised += hot;
    }
    return status;
}

enum hotram_status model_request_removal(struct model *model, uint32_t number)
{
    struct model_slot *slot;
    enum hotram_status status = find(model, number, HOTRAM_DIMM_PLUGGED, HOTRAM_DIMM_REMOVAL_REQUESTED,
                                     &slot);

    if (status == HOTRAM_OK) {
        slot->state = HOTRAM_DIMM_REMOVAL_REQUESTED;
        slot->remove = true;
        model->raised++;
    }
    return status;
}

enum hotram_status model_withdraw(struct model *model, uint32_t number)
{
    struct model_slot *slot;
    enum hotram_status status = find(model, number, HOTRAM_DIMM_REMOVAL_REQUESTED,
                                     HOTRAM_DIMM_REMOVAL_REQUESTED, &slot);

    if (status == HOTRAM_OK) {
        slot->state = HOTRAM_DIMM_PLUGGED;
        slot->remove = false;
    }
    return status;
}

enum hotram_status model_eject(struct model *model, uint32_t number)
{
    struct model_slot *slot;
    enum hotram_status status = find(model, number, HOTRAM_DIMM_PLUGGED, HOTRAM_DIMM_REMOVAL_REQUESTED,
                                     &slot);

    if (status == HOTRAM_OK) {
        slot->state = HOTRAM_DIMM_EJECTING;
        slot->insert = slot->remove = false;
        model->ejected++;
        if (model->finishes_at_once)
            empty(slot);
    }
    return status;
}

enum hotram_status model_finish(struct model *model, uint32_t number)
{
    struct model_slot *slot;
    enum hotram_status status = find(model, number, HOTRAM_DIMM_EJECTING, HOTRAM_DIMM_EJECTING, &slot);

    if (status == HOTRAM_OK)
        empty(slot);
    return status;
}

void model_reset(struct model *model)
{
    for (uint32_t i = 0; i < model->config.slots; i++)
        model->slots[i].insert = false;
}

/* ---- Registers ---- */

uint32_t model_pending(const struct model *model)
{
    for (uint32_t i = 0; i < model->config.slots; i++)
        if (model->slots[i].insert || model->slots[i].remove)
            return i;
    return UINT32_MAX;
}

/* The table "Reads": what stands at an offset, 32 bits of it. */
static uint32_t value_at(const struct model *model, uint64_t offset)
{
    static const struct model_slot nothing;
    const struct model_slot *slot = &nothing;

    if (offset == 0x18)
        return model_pending(model);
    if (offset > 0x17)
        return UINT32_MAX;
    if (model->selector >= model->config.slots)
        return 0;
    if (model->slots[model->selector].state == HOTRAM_DIMM_PLUGGED ||
        model->slots[model->selector].state == HOTRAM_DIMM_REMOVAL_REQUESTED)
        slot = &model->slots[model->selector];
    switch (offset) {
    case 0x00:
        return (uint32_t)slot->addr;
    case 0x04:
        return (uint32_t)(slot->addr >> 32);
    case 0x08:
        return (uint32_t)slot->size;
    case 0x0c:
        return (uint32_t)(slot->size >> 32);
    case 0x10:
        return slot->node;
    case 0x14:
        return (slot != &nothing) | (uint32_t)slot->insert << 1 | (uint32_t)slot->remove << 2;
    default:
        return UINT32_MAX;
    }
}

/* "An access that is not aligned to its width is split into aligned parts": the next part's width. */
static unsigned next_part(uint64_t offset, unsigned left)
{
    if (offset % 4 == 0 && left >= 4)
        return 4;
    return offset % 2 == 0 && left >= 2 ? 2 : 1;
}

uint32_t model_read(const struct model *model, uint32_t offset, unsigned width)
{
    uint8_t bytes[4] = { 0 };
    unsigned part;

    if (width != 1 && width != 2 && width != 4)
        return UINT32_MAX;
    for (unsigned done = 0; done < width; done += part) {
        uint32_t value = value_at(model, (uint64_t)offset + done);

        part = next_part((uint64_t)offset + done, width - done);
        for (unsigned i = 0; i < part; i++)
            bytes[done + i] = (uint8_t)(value >> (8 * i));
    }
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 | (uint32_t)bytes[3] << 24;
}

static void control(struct model *model, struct model_slot *slot, uint32_t value)
{
    if (value & 2)
        slot->insert = false;
    else if (value & 4)
        slot->remove = false;
    else if (value & 8)
        model_eject(model, model->selector);
}

/* The table "Writes". */
static void write_part(struct model *model, uint64_t offset, uint32_t value)
{
    struct model_slot *slot;

    if (offset == 0x00) {
        model->selector = value;
        return;
    }
    if (model->selector >= model->config.slots)
        return;
    slot = &model->slots[model->selector];
    if (offset == 0x04) {
        slot->ost_event = value;
    } else if (offset == 0x08) {
        model->reported++;
        model->report[0] = model->selector;
        model->report[1] = slot->ost_event;
        model->report[2] = value;
    } else if (offset == 0x14) {
        control(model, slot, value);
    }
}

void model_write(struct model *model, uint32_t offset, unsigned width, uint32_t value)
{
    unsigned part;

    if (width != 1 && width != 2 && width != 4)
        return;
    for (unsigned done = 0; done < width; done += part) {
        uint32_t bits = value >> (8 * done);

        part = next_part((uint64_t)offset + done, width - done);
        write_part(model, (uint64_t)offset + done,
                   part == 4   ? bits
                   : part == 2 ? bits & 0xffff
                               : bits & 0xff);
    }
}
