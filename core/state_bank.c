/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A bank's saved form. Restoring makes the calls that made the state, so that every check is that of
 * hotram_bank_reserve(), and an error is undone by hotram_bank_cancel(). What no call can undo comes last,
 * when nothing can fail any more.
 */
#include "state.h"

#define CONFIG_LENGTH 20u
#define SLOT_LENGTH 30u

/* Bits of a slot's last byte. */
#define INSERT 0x1u
#define REMOVE 0x2u

/* The numbers of the states are part of the format. */
_Static_assert(HOTRAM_DIMM_EMPTY == 0 && HOTRAM_DIMM_RESERVED == 1 && HOTRAM_DIMM_PLUGGED == 2 &&
                   HOTRAM_DIMM_REMOVAL_REQUESTED == 3 && HOTRAM_DIMM_EJECTING == 4,
               "saved banks have these");
_Static_assert(HOTRAM_STATE_BANK_LENGTH(3) == HOTRAM_STATE_FRAME + CONFIG_LENGTH + 3 * SLOT_LENGTH,
               "as state.h says");

static uint32_t contents_length(const struct hotram_bank *bank)
{
    return CONFIG_LENGTH + SLOT_LENGTH * bank->config.slots;
}

/* ---- Saving ---- */

static void put_slot(struct state_writer *writer, const struct hotram_dimm *dimm)
{
    libhotram_state_put(writer, dimm->addr, 8);
    libhotram_state_put(writer, dimm->size, 8);
    libhotram_state_put(writer, dimm->node, 4);
    libhotram_state_put(writer, dimm->ost_event, 4);
    libhotram_state_put(writer, dimm->ost_status, 4);
    libhotram_state_put(writer, dimm->state, 1);
    libhotram_state_put(writer, (dimm->insert_pending ? INSERT : 0) | (dimm->remove_pending ? REMOVE : 0), 1);
}

enum hotram_status hotram_bank_save(const struct hotram_bank *bank, struct hotram_buffer *out)
{
    struct state_writer writer;

    if (!bank || !out)
        return HOTRAM_E_ARGUMENT;
    for (uint32_t i = 0; i < bank->config.slots; i++) {
        if (bank->slots[i].state == HOTRAM_DIMM_RESERVED)
            return HOTRAM_E_STATE;
    }
    libhotram_state_begin(&writer, out, HOTRAM_STATE_BANK, contents_length(bank));
    libhotram_state_put(&writer, bank->config.base, 8);
    libhotram_state_put(&writer, bank->config.size, 8);
    libhotram_state_put(&writer, bank->config.slots, 4);
    for (uint32_t i = 0; i < bank->config.slots; i++)
        put_slot(&writer, &bank->slots[i]);
    return libhotram_state_end(&writer);
}

/* ---- Restoring ---- */

/* A slot as it was saved. */
struct saved_slot {
    uint64_t addr;
    uint64_t size;
    uint32_t node;
    uint32_t ost_event;
    uint32_t ost_status;
    uint8_t state;
    uint8_t pending;
};

static struct saved_slot get_slot(struct hotram_saved *contents)
{
    struct saved_slot slot;

    slot.addr = libhotram_state_get(contents, 8);
    slot.size = libhotram_state_get(contents, 8);
    slot.node = (uint32_t)libhotram_state_get(contents, 4);
    slot.ost_event = (uint32_t)libhotram_state_get(contents, 4);
    slot.ost_status = (uint32_t)libhotram_state_get(contents, 4);
    slot.state = (uint8_t)libhotram_state_get(contents, 1);
    slot.pending = (uint8_t)libhotram_state_get(contents, 1);
    return slot;
}

/* The target has no DIMMs, and all of the configuration that the guest knows is the same. */
static enum hotram_status check_target(const struct hotram_bank *bank, struct hotram_saved contents,
                                       struct hotram_restore_result *result)
{
    const struct hotram_bank_config *config = &bank->config;
    const size_t length = contents.length;
    uint64_t base, size, slots;

    for (uint32_t i = 0; i < config->slots; i++) {
        if (bank->slots[i].state != HOTRAM_DIMM_EMPTY) {
            result->slot = i;
            return HOTRAM_E_SLOT_TAKEN;
        }
    }
    if (length < CONFIG_LENGTH)
        return libhotram_state_refuse(result, HOTRAM_E_FORMAT, HOTRAM_FIELD_LENGTH,
                                      length + HOTRAM_STATE_FRAME,
                                      HOTRAM_STATE_FRAME + contents_length(bank));
    base = libhotram_state_get(&contents, 8);
    size = libhotram_state_get(&contents, 8);
    slots = libhotram_state_get(&contents, 4);
    if (base != config->base)
        return libhotram_state_refuse(result, HOTRAM_E_CONFIG, HOTRAM_FIELD_BASE, base, config->base);
    if (size != config->size)
        return libhotram_state_refuse(result, HOTRAM_E_CONFIG, HOTRAM_FIELD_SIZE, size, config->size);
    if (slots != config->slots)
        return libhotram_state_refuse(result, HOTRAM_E_CONFIG, HOTRAM_FIELD_SLOTS, slots, config->slots);
    if (length != contents_length(bank))
        return libhotram_state_refuse(result, HOTRAM_E_FORMAT, HOTRAM_FIELD_LENGTH,
                                      length + HOTRAM_STATE_FRAME,
                                      HOTRAM_STATE_FRAME + contents_length(bank));
    return HOTRAM_OK;
}

/* Events that a slot may have pending: the guest has them only of what it sees. */
static unsigned events_of(uint8_t state)
{
    switch (state) {
    case HOTRAM_DIMM_PLUGGED:
        return INSERT;
    case HOTRAM_DIMM_REMOVAL_REQUESTED:
        return INSERT | REMOVE;
    default:
        return 0;
    }
}

/* What is wrong with a slot by itself. */
static enum hotram_status check_slot(const struct saved_slot *slot, struct hotram_restore_result *result)
{
    if (slot->state == HOTRAM_DIMM_RESERVED || slot->state > HOTRAM_DIMM_EJECTING)
        return libhotram_state_refuse(result, HOTRAM_E_VALUE, HOTRAM_FIELD_DIMM_STATE, slot->state, 0);
    if (slot->pending & ~events_of(slot->state))
        return libhotram_state_refuse(result, HOTRAM_E_VALUE, HOTRAM_FIELD_PENDING, slot->pending,
                                      events_of(slot->state));
    if (slot->state != HOTRAM_DIMM_EMPTY)
        return HOTRAM_OK;
    if (slot->addr != 0)
        return libhotram_state_refuse(result, HOTRAM_E_VALUE, HOTRAM_FIELD_DIMM_ADDR, slot->addr, 0);
    if (slot->size != 0)
        return libhotram_state_refuse(result, HOTRAM_E_VALUE, HOTRAM_FIELD_DIMM_SIZE, slot->size, 0);
    if (slot->node != 0)
        return libhotram_state_refuse(result, HOTRAM_E_VALUE, HOTRAM_FIELD_DIMM_NODE, slot->node, 0);
    return HOTRAM_OK;
}

/* Say which value it was that hotram_bank_reserve() refused. */
static enum hotram_status explain(const struct hotram_bank *bank, enum hotram_status status,
                                  const struct hotram_dimm_request *request,
                                  const struct hotram_dimm_result *place,
                                  struct hotram_restore_result *result)
{
    switch (status) {
    case HOTRAM_E_SIZE:
        return libhotram_state_refuse(result, status, HOTRAM_FIELD_DIMM_SIZE, request->size,
                                      bank->config.granularity);
    case HOTRAM_E_CAPACITY:
        return libhotram_state_refuse(result, status, HOTRAM_FIELD_DIMM_SIZE, request->size, place->largest);
    case HOTRAM_E_ALIGN:
        return libhotram_state_refuse(result, status, HOTRAM_FIELD_DIMM_ADDR, request->addr, request->align);
    case HOTRAM_E_REGION:
        return libhotram_state_refuse(result, status, HOTRAM_FIELD_DIMM_ADDR, request->addr,
                                      bank->config.base);
    default: /* HOTRAM_E_OVERLAP: the other checks were made */
        result->other = place->slot;
        return libhotram_state_refuse(result, status, HOTRAM_FIELD_DIMM_ADDR, request->addr, 0);
    }
}

/* Reserve every slot that was not empty. */
static enum hotram_status reserve_all(struct hotram_bank *bank, struct hotram_saved contents, uint64_t align,
                                      struct hotram_restore_result *result)
{
    for (uint32_t i = 0; i < bank->config.slots; i++) {
        const struct saved_slot slot = get_slot(&contents);
        const struct hotram_dimm_request request = {
            .size = slot.size,
            .align = align,
            .addr = slot.addr,
            .addr_given = true,
            .slot = i,
            .slot_given = true,
            .node = slot.node,
        };
        struct hotram_dimm_result place;
        enum hotram_status status;

        result->slot = i;
        status = check_slot(&slot, result);
        if (status != HOTRAM_OK)
            return status;
        if (slot.state == HOTRAM_DIMM_EMPTY)
            continue;
        status = hotram_bank_reserve(bank, &request, &place);
        if (status != HOTRAM_OK)
            return explain(bank, status, &request, &place, result);
    }
    result->slot = HOTRAM_SLOT_ANY;
    return HOTRAM_OK;
}

static void cancel_all(struct hotram_bank *bank)
{
    for (uint32_t i = 0; i < bank->config.slots; i++) {
        if (bank->slots[i].state == HOTRAM_DIMM_RESERVED)
            hotram_bank_cancel(bank, i);
    }
}

/* Whether a slot was saved in a state in which its memory is in the guest's map. */
static bool is_attached(const struct hotram_bank *bank, const struct hotram_saved *contents, uint32_t slot)
{
    struct hotram_saved at;
    uint8_t state;

    if (slot >= bank->config.slots)
        return false; /* a range, of which nothing is saved */
    at = (struct hotram_saved){ contents->bytes + (size_t)slot * SLOT_LENGTH, SLOT_LENGTH };
    state = get_slot(&at).state;
    return state == HOTRAM_DIMM_PLUGGED || state == HOTRAM_DIMM_REMOVAL_REQUESTED;
}

static void detach_before(const struct hotram_bank *bank, const struct hotram_saved *contents,
                          const struct hotram_bank_restoring *how, uint32_t end)
{
    uint32_t slot = HOTRAM_SLOT_ANY;

    while ((slot = hotram_bank_next(bank, slot)) != end) {
        if (is_attached(bank, contents, slot))
            how->detach(how->opaque, slot);
    }
}

/* Let the caller attach the memory of each DIMM, or of none. */
static enum hotram_status attach_all(const struct hotram_bank *bank, const struct hotram_saved *contents,
                                     const struct hotram_bank_restoring *how,
                                     struct hotram_restore_result *result)
{
    uint32_t slot = HOTRAM_SLOT_ANY;

    if (!how->attach)
        return HOTRAM_OK;
    while ((slot = hotram_bank_next(bank, slot)) != HOTRAM_SLOT_ANY) {
        if (is_attached(bank, contents, slot) && !how->attach(how->opaque, slot)) {
            detach_before(bank, contents, how, slot);
            result->slot = slot;
            return HOTRAM_E_ATTACH;
        }
    }
    return HOTRAM_OK;
}

/* What nothing can refuse. */
static void set_all(struct hotram_bank *bank, struct hotram_saved contents)
{
    for (uint32_t i = 0; i < bank->config.slots; i++) {
        const struct saved_slot slot = get_slot(&contents);
        struct hotram_dimm *dimm = &bank->slots[i];

        dimm->state = slot.state;
        dimm->insert_pending = (slot.pending & INSERT) != 0;
        dimm->remove_pending = (slot.pending & REMOVE) != 0;
        dimm->ost_event = slot.ost_event;
        dimm->ost_status = slot.ost_status;
    }
}

static bool is_sound(const struct hotram_bank_restoring *how)
{
    return how->align != 0 && (how->align & (how->align - 1)) == 0 && !how->attach == !how->detach;
}

static enum hotram_status restore(struct hotram_bank *bank, const struct hotram_saved *saved,
                                  const struct hotram_bank_restoring *how,
                                  struct hotram_restore_result *result)
{
    struct hotram_saved contents;
    enum hotram_status status;

    if (!bank || !is_sound(how))
        return HOTRAM_E_ARGUMENT;
    status = libhotram_state_open(saved, HOTRAM_STATE_BANK, &contents, result);
    if (status == HOTRAM_OK)
        status = check_target(bank, contents, result);
    if (status != HOTRAM_OK)
        return status;
    contents.bytes += CONFIG_LENGTH;
    contents.length -= CONFIG_LENGTH;
    status = reserve_all(bank, contents, how->align, result);
    if (status == HOTRAM_OK)
        status = attach_all(bank, &contents, how, result);
    if (status == HOTRAM_OK)
        set_all(bank, contents);
    else
        cancel_all(bank);
    return status;
}

enum hotram_status hotram_bank_restore(struct hotram_bank *bank, struct hotram_saved *saved,
                                       const struct hotram_bank_restoring *how,
                                       struct hotram_restore_result *result)
{
    static const struct hotram_bank_restoring plain = { .align = 1 };
    struct hotram_restore_result found;
    enum hotram_status status;

    libhotram_state_start(&found);
    status = restore(bank, saved, how ? how : &plain, &found);
    if (status == HOTRAM_OK)
        libhotram_state_close(saved);
    if (result)
        *result = found;
    return status;
}
