/* SPDX-License-Identifier: BSD-2-Clause */
#include "bank.h"

struct world world;

struct hotram_dimm slots[SLOTS];

/* Before each call of a callback there is a whole bank, in which only the slot concerned has changed. */
static void prove_callback(const void *opaque, uint32_t slot)
{
    PROVE(opaque == &world);
    if (world.whole)
        prove_bank_holds(&world.before, slot);
    else
        prove_flags_hold(&world.before, slot);
}

static void raise(void *opaque)
{
    prove_callback(opaque, world.subject);
    world.raised++;
}

static void ost(void *opaque, uint32_t slot, uint32_t event, uint32_t status)
{
    prove_callback(opaque, slot);
    world.osts++;
    world.slot = slot;
    world.event = event;
    world.status = status;
}

static void eject(void *opaque, uint32_t slot)
{
    prove_callback(opaque, slot);
    PROVE(slot < SLOTS && slots[slot].state == HOTRAM_DIMM_EJECTING);
    world.ejected++;
    world.slot = slot;
    if (world.finish_at_once)
        PROVE(hotram_bank_finish(&world.bank, slot) == HOTRAM_OK);
}

const struct hotram_bank_ops ops = { .raise = raise, .ost = ost, .eject = eject };

/* The guest has events only of what it sees. */
bool flags_hold(const struct hotram_dimm *dimm)
{
    return dimm->state <= HOTRAM_DIMM_EJECTING && (is_visible(dimm) || !dimm->insert_pending) &&
           (dimm->state == HOTRAM_DIMM_REMOVAL_REQUESTED || !dimm->remove_pending);
}

static bool place_holds(const struct hotram_bank_config *config, const struct hotram_dimm *dimm)
{
    if (dimm->state == HOTRAM_DIMM_EMPTY)
        return dimm->addr == 0 && dimm->size == 0 && dimm->node == 0 && dimm->next == END;
    return dimm->size > 0 && (dimm->size & (config->granularity - 1)) == 0 &&
           is_inside(config, dimm->addr, dimm->size);
}

/* A range is reserved, or it is empty. */
static bool range_holds(const struct hotram_bank_config *config, uint32_t slot, uint8_t state)
{
    return slot < config->slots || state <= HOTRAM_DIMM_RESERVED;
}

static bool slots_hold(const struct hotram_bank *bank)
{
    for (uint32_t i = 0; i < SLOTS; i++) {
        if (!flags_hold(&bank->slots[i]) || !place_holds(&bank->config, &bank->slots[i]) ||
            !range_holds(&bank->config, i, bank->slots[i].state))
            return false;
    }
    return true;
}

static bool no_two_overlap(const struct hotram_bank *bank)
{
    for (uint32_t i = 0; i < SLOTS; i++) {
        for (uint32_t j = i + 1; j < SLOTS; j++) {
            if (overlap(bank->slots[i].addr, bank->slots[i].size, bank->slots[j].addr, bank->slots[j].size))
                return false;
        }
    }
    return true;
}

/* The list has every slot that is not empty, by rising address, and no other. */
static bool list_holds(const struct hotram_bank *bank)
{
    uint16_t at = bank->first;
    uint32_t listed = 0, taken = 0;

    for (uint32_t i = 0; i < SLOTS && at != END; i++) {
        uint16_t next;

        if (at >= SLOTS || bank->slots[at].state == HOTRAM_DIMM_EMPTY)
            return false;
        next = bank->slots[at].next;
        if (next != END && (next >= SLOTS || bank->slots[next].addr <= bank->slots[at].addr))
            return false;
        listed++;
        at = next;
    }
    if (at != END)
        return false;
    for (uint32_t i = 0; i < SLOTS; i++) {
        if (bank->slots[i].state != HOTRAM_DIMM_EMPTY)
            taken++;
    }
    return listed == taken;
}

static bool sum_holds(const struct hotram_bank *bank)
{
    uint64_t left = bank->used;

    for (uint32_t i = 0; i < SLOTS; i++) {
        if (bank->slots[i].size > left)
            return false;
        left -= bank->slots[i].size;
    }
    return left == 0 && bank->used <= bank->config.capacity;
}

static bool counts_hold(const struct hotram_bank_config *config)
{
    return config->slots <= SLOTS && config->ranges == SLOTS - config->slots;
}

static bool config_holds(const struct hotram_bank *bank)
{
    const struct hotram_bank_config *config = &bank->config;

    return counts_hold(config) && is_power_of_two(config->granularity) && config->size > 0 &&
           config->size <= UINT64_MAX - config->base && bank->slots == slots && bank->ops == &ops &&
           bank->opaque == &world;
}

bool bank_holds(const struct hotram_bank *bank)
{
    return config_holds(bank) && slots_hold(bank) && no_two_overlap(bank) && list_holds(bank) &&
           sum_holds(bank);
}

void prove_flags_hold(const struct before *before, uint32_t slot)
{
    PROVE(is_unchanged_but(before, slot));
    PROVE(is_listed_alike(before));
    if (slot < SLOTS) {
        PROVE(flags_hold(&slots[slot]));
        PROVE(range_holds(&world.bank.config, slot, slots[slot].state));
        PROVE(same_place(&slots[slot], &before->slots[slot]));
        PROVE((slots[slot].state == HOTRAM_DIMM_EMPTY) == (before->slots[slot].state == HOTRAM_DIMM_EMPTY));
    }
}

void prove_bank_holds(const struct before *before, uint32_t slot)
{
    const struct hotram_bank *bank = &world.bank;

    PROVE(config_holds(bank));
    PROVE(is_unchanged_but(before, slot));
    PROVE(bank->used <= bank->config.capacity);
    if (slot < SLOTS)
        PROVE(bank->used == before->bank.used - before->slots[slot].size + bank->slots[slot].size);
    else
        PROVE(bank->used == before->bank.used);
    PROVE(slots_hold(bank));
    PROVE(no_two_overlap(bank));
    PROVE(list_holds(bank));
}

/* Empty slots have 0 for an address; of what lies in the window, only the low bits vary. */
static uint64_t arbitrary_address(bool narrow, uint64_t high)
{
    return !narrow ? nondet_uint64() : nondet_bool() ? 0 : high | (nondet_uint8() & WINDOW_MASK);
}

static uint64_t arbitrary_size(bool narrow)
{
    return narrow ? nondet_uint8() & WINDOW_MASK : nondet_uint64();
}

static struct hotram_dimm arbitrary_slot(bool narrow, uint64_t high)
{
    return (struct hotram_dimm){
        .addr = arbitrary_address(narrow, high),
        .size = arbitrary_size(narrow),
        .node = nondet_uint32(),
        .ost_event = nondet_uint32(),
        .ost_status = nondet_uint32(),
        .next = nondet_uint16(),
        .state = nondet_uint8(),
        .insert_pending = nondet_bool(),
        .remove_pending = nondet_bool(),
    };
}

static void arbitrary_values(bool narrow)
{
    uint64_t high = nondet_bool() ? 0 : ~(uint64_t)WINDOW_MASK;
    uint32_t count = nondet_uint32();

    world.subject = nondet_uint32();
    world.finish_at_once = nondet_bool();
    ASSUME(count <= SLOTS);
    for (uint32_t i = 0; i < SLOTS; i++)
        slots[i] = arbitrary_slot(narrow, high);
    world.bank = (struct hotram_bank){
        .config = { .base = arbitrary_address(narrow, high),
                    .size = arbitrary_size(narrow),
                    .capacity = nondet_uint64(),
                    .granularity = nondet_uint64(),
                    .slots = count,
                    .ranges = SLOTS - count },
        .slots = slots,
        .ops = &ops,
        .opaque = &world,
        .used = nondet_uint64(),
        .first = nondet_uint16(),
    };
}

static void remember(void)
{
    world.before.bank = world.bank;
    for (uint32_t i = 0; i < SLOTS; i++)
        world.before.slots[i] = slots[i];
}

void arbitrary_bank(void)
{
    arbitrary_values(NARROW);
    world.whole = true;
    ASSUME(bank_holds(&world.bank));
    remember();
}

void arbitrary_bank_in_window(void)
{
    arbitrary_values(true);
    world.whole = true;
    ASSUME(bank_holds(&world.bank));
    remember();
}

void arbitrary_flags(void)
{
    arbitrary_values(false);
    world.whole = false;
    for (uint32_t i = 0; i < SLOTS; i++)
        ASSUME(flags_hold(&slots[i]) && range_holds(&world.bank.config, i, slots[i].state));
    remember();
}

bool same_place(const struct hotram_dimm *a, const struct hotram_dimm *b)
{
    return a->addr == b->addr && a->size == b->size && a->node == b->node;
}

bool same_codes(const struct hotram_dimm *a, const struct hotram_dimm *b)
{
    return a->ost_event == b->ost_event && a->ost_status == b->ost_status;
}

bool same_flags(const struct hotram_dimm *a, const struct hotram_dimm *b)
{
    return a->insert_pending == b->insert_pending && a->remove_pending == b->remove_pending;
}

static bool same_config(const struct hotram_bank_config *a, const struct hotram_bank_config *b)
{
    return a->base == b->base && a->size == b->size && a->capacity == b->capacity &&
           a->granularity == b->granularity && a->slots == b->slots && a->ranges == b->ranges;
}

bool is_unchanged_but(const struct before *before, uint32_t slot)
{
    const struct hotram_bank *now = &world.bank;

    for (uint32_t i = 0; i < SLOTS; i++) {
        const struct hotram_dimm *was = &before->slots[i];

        if (i != slot && !(now->slots[i].state == was->state && same_place(&now->slots[i], was) &&
                           same_codes(&now->slots[i], was) && same_flags(&now->slots[i], was)))
            return false;
    }
    return same_config(&now->config, &before->bank.config) && now->slots == before->bank.slots &&
           now->ops == before->bank.ops && now->opaque == before->bank.opaque;
}

bool is_listed_alike(const struct before *before)
{
    for (uint32_t i = 0; i < SLOTS; i++) {
        if (slots[i].next != before->slots[i].next)
            return false;
    }
    return world.bank.first == before->bank.first && world.bank.used == before->bank.used;
}

bool is_unchanged(const struct before *before)
{
    return is_unchanged_but(before, HOTRAM_SLOT_ANY) && is_listed_alike(before);
}
