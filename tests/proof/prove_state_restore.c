/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hotram_bank_restore() from any bytes: they yield the bank that they describe, or nothing has changed.
 *
 * In place of hotram_bank_reserve() and _cancel() are what prove_reserve.c and prove_dimm.c prove of them:
 * whatever reserve takes is free and inside the region, so that it remains to prove that every DIMM was
 * reserved as the bytes describe it, and that nothing that was reserved is changed afterwards but for its
 * state and events.
 *
 * proof: sources core/state.c core/state_bank.c core/buffer.c
 * proof: options --unsigned-overflow-check --unwind 10
 * proof: options --unwindset sum_of.0:99,arbitrary_bytes.0:99,frame_bytes.0:13
 * proof: options --unwindset attach_all.0:4,detach_before.0:4
 * proof: options --max-field-sensitivity-array-size 99
 */
#include <hotram/dimm.h>
#include <hotram/state.h>

#define SLOTS 2u
#define LENGTH HOTRAM_STATE_BANK_LENGTH(SLOTS)
#define ROOM (LENGTH + 1)
#define CONFIG_LENGTH 20u
#define SLOT_LENGTH 30u

#include "state_bytes.h"

static struct hotram_bank bank;
static struct hotram_dimm slots[SLOTS], before[SLOTS];
static struct hotram_restore_result result;
static bool backwards;       /* the second slot has the lower address */
static bool attached[SLOTS]; /* by the embedder, */
static bool refuses[SLOTS];  /* which may also refuse */

/* ---- in place of the bank's own functions ---- */

/* Place and list after a call that changes them: of the former only this slot's. */
static void relink(void)
{
    bank.first = nondet_uint16();
    bank.used = nondet_uint64();
    for (uint32_t i = 0; i < SLOTS; i++)
        slots[i].next = nondet_uint16();
}

enum hotram_status hotram_bank_reserve(struct hotram_bank *of, const struct hotram_dimm_request *request,
                                       struct hotram_dimm_result *place)
{
    const uint32_t slot = request->slot;
    const enum hotram_status status = nondet_uint32();

    PROVE(of == &bank && request->slot_given && request->addr_given && !request->range && slot < SLOTS);
    PROVE(request->align != 0 && (request->align & (request->align - 1)) == 0);
    PROVE(slots[slot].state == HOTRAM_DIMM_EMPTY);
    ASSUME(status == HOTRAM_OK || status == HOTRAM_E_SIZE || status == HOTRAM_E_ALIGN ||
           status == HOTRAM_E_REGION || status == HOTRAM_E_OVERLAP || status == HOTRAM_E_CAPACITY);
    ASSUME(request->size > 0 || status == HOTRAM_E_SIZE);
    *place = (struct hotram_dimm_result){ .slot = nondet_uint32(),
                                          .addr = nondet_uint64(),
                                          .largest = nondet_uint64() };
    if (status != HOTRAM_OK)
        return status;
    slots[slot].state = HOTRAM_DIMM_RESERVED;
    slots[slot].addr = request->addr;
    slots[slot].size = request->size;
    slots[slot].node = request->node;
    relink();
    return HOTRAM_OK;
}

enum hotram_status hotram_bank_cancel(struct hotram_bank *of, uint32_t slot)
{
    PROVE(of == &bank && slot < SLOTS && slots[slot].state == HOTRAM_DIMM_RESERVED);
    slots[slot].state = HOTRAM_DIMM_EMPTY;
    slots[slot].addr = slots[slot].size = slots[slot].node = 0;
    slots[slot].insert_pending = slots[slot].remove_pending = false;
    relink();
    return HOTRAM_OK;
}

/* By address: the slots that are not empty, in either order. */
uint32_t hotram_bank_next(const struct hotram_bank *of, uint32_t slot)
{
    const uint32_t first = slot == HOTRAM_SLOT_ANY ? 0 : (slot ^ backwards) + 1;

    PROVE(of == &bank);
    for (uint32_t i = 0; i < SLOTS; i++) {
        if (i >= first && slots[i ^ backwards].state != HOTRAM_DIMM_EMPTY)
            return i ^ backwards;
    }
    return HOTRAM_SLOT_ANY;
}

/* ---- the embedder ---- */

static bool attach(void *opaque, uint32_t slot)
{
    PROVE(opaque == &bank && slot < SLOTS && !attached[slot]);
    PROVE(slots[slot].state == HOTRAM_DIMM_RESERVED);
    attached[slot] = !refuses[slot];
    return attached[slot];
}

static void detach(void *opaque, uint32_t slot)
{
    PROVE(opaque == &bank && slot < SLOTS && attached[slot]);
    attached[slot] = false;
}

/* ---- the proof ---- */

/* A bank of any configuration without DIMMs, whose slots have what guests reported of earlier ones; or one
 * that has DIMMs. */
static void arbitrary_target(bool empty)
{
    backwards = nondet_bool();
    bank = (struct hotram_bank){ .config = { .base = nondet_uint64(),
                                             .size = nondet_uint64(),
                                             .capacity = nondet_uint64(),
                                             .granularity = nondet_uint64(),
                                             .slots = SLOTS },
                                 .slots = slots,
                                 .used = nondet_uint64(),
                                 .first = nondet_uint16() };
    for (uint32_t i = 0; i < SLOTS; i++) {
        slots[i] = (struct hotram_dimm){ .ost_event = nondet_uint32(),
                                         .ost_status = nondet_uint32(),
                                         .next = nondet_uint16(),
                                         .state = empty ? HOTRAM_DIMM_EMPTY : nondet_uint8() };
        before[i] = slots[i];
        refuses[i] = nondet_bool();
    }
}

static bool same(const struct hotram_dimm *a, const struct hotram_dimm *b)
{
    return a->addr == b->addr && a->size == b->size && a->node == b->node && a->state == b->state &&
           a->insert_pending == b->insert_pending && a->remove_pending == b->remove_pending &&
           a->ost_event == b->ost_event && a->ost_status == b->ost_status;
}

/* What the bytes say of a slot. */
static struct hotram_dimm described(uint32_t slot)
{
    const uint8_t *bytes = saved_before.bytes + FRONT + CONFIG_LENGTH + SLOT_LENGTH * slot;

    return (struct hotram_dimm){ .addr = number_at(bytes, 8),
                                 .size = number_at(bytes + 8, 8),
                                 .node = (uint32_t)number_at(bytes + 16, 4),
                                 .ost_event = (uint32_t)number_at(bytes + 20, 4),
                                 .ost_status = (uint32_t)number_at(bytes + 24, 4),
                                 .state = bytes[28],
                                 .insert_pending = bytes[29] & 1,
                                 .remove_pending = bytes[29] & 2 };
}

static bool config_is_described(void)
{
    const uint8_t *bytes = saved_before.bytes + FRONT;

    return number_at(bytes, 8) == bank.config.base && number_at(bytes + 8, 8) == bank.config.size &&
           number_at(bytes + 16, 4) == SLOTS;
}

/* Of a slot whose place is sound: what else the bank's invariant asks (tests/proof/bank.h). */
static bool is_sound(const struct hotram_dimm *dimm)
{
    const bool visible = dimm->state == HOTRAM_DIMM_PLUGGED || dimm->state == HOTRAM_DIMM_REMOVAL_REQUESTED;

    return dimm->state <= HOTRAM_DIMM_EJECTING && dimm->state != HOTRAM_DIMM_RESERVED &&
           (visible || !dimm->insert_pending) &&
           (dimm->state == HOTRAM_DIMM_REMOVAL_REQUESTED || !dimm->remove_pending) &&
           (dimm->state == HOTRAM_DIMM_EMPTY ? dimm->addr == 0 && dimm->size == 0 && dimm->node == 0
                                             : dimm->size > 0);
}

static bool is_visible_in(uint32_t slot)
{
    const uint8_t state = described(slot).state;

    return state == HOTRAM_DIMM_PLUGGED || state == HOTRAM_DIMM_REMOVAL_REQUESTED;
}

static void prove_slot(enum hotram_status status, uint32_t slot, bool embedder)
{
    const struct hotram_dimm dimm = described(slot);

    if (status == HOTRAM_OK) {
        PROVE(same(&slots[slot], &dimm) && is_sound(&slots[slot]));
        PROVE(attached[slot] == (embedder && is_visible_in(slot)));
    } else {
        PROVE(same(&slots[slot], &before[slot]) && !attached[slot]);
    }
}

static enum hotram_status restore(bool embedder)
{
    struct hotram_bank_restoring how = { .align = nondet_uint64(), .opaque = &bank };

    if (embedder) {
        how.attach = attach;
        how.detach = detach;
    }
    return hotram_bank_restore(&bank, &saved, &how, &result);
}

static void prove_from(size_t length)
{
    const bool embedder = nondet_bool();
    enum hotram_status status;

    arbitrary_target(true);
    arbitrary_bytes(length);
    frame_bytes(HOTRAM_STATE_BANK, LENGTH); /* another one is refused: see below */
    status = restore(embedder);
    PROVE(status == HOTRAM_OK ? config_is_described() && saved_is_behind(LENGTH) : saved_is_unchanged());
    for (uint32_t i = 0; i < SLOTS; i++)
        prove_slot(status, i, embedder);
    REACHABLE(status == HOTRAM_OK && slots[0].size > 0 && slots[1].size > 0);
    REACHABLE(status == HOTRAM_OK && slots[0].state == HOTRAM_DIMM_EMPTY && slots[1].remove_pending);
    REACHABLE(status == HOTRAM_E_OVERLAP && result.slot == 1 && before[0].ost_event != 0);
    REACHABLE(status == HOTRAM_E_ATTACH && backwards && result.slot == 0 && is_visible_in(1));
    REACHABLE(status == HOTRAM_E_VALUE && result.slot == 1);
    REACHABLE(status == HOTRAM_E_CONFIG);
    REACHABLE(status == HOTRAM_E_ARGUMENT);
}

void prove_bank_restored(void)
{
    prove_from(LENGTH);
}

/* With something else behind them. */
void prove_bank_restored_with_more(void) /* slow */
{
    prove_from(LENGTH + 1);
}

/* Too few bytes, or others in the frame, or a bank with DIMMs. */
void prove_bank_not_restored(void) /* slow */
{
    const bool empty = nondet_bool();
    const size_t length = nondet_size();
    enum hotram_status status;

    arbitrary_target(empty);
    arbitrary_bytes(length);
    ASSUME(slots[0].state != HOTRAM_DIMM_EMPTY || slots[1].state != HOTRAM_DIMM_EMPTY || length < LENGTH ||
           !frame_is(HOTRAM_STATE_BANK, LENGTH) || number_at(saved.bytes + LENGTH - 4, 4) != 0);
    status = restore(nondet_bool());
    PROVE(status != HOTRAM_OK && saved_is_unchanged());
    for (uint32_t i = 0; i < SLOTS; i++)
        PROVE(same(&slots[i], &before[i]) && !attached[i]);
    REACHABLE(status == HOTRAM_E_SLOT_TAKEN && result.slot == 1);
    REACHABLE(status == HOTRAM_E_FORMAT && length == CONFIG_LENGTH + FRAME &&
              frame_is(HOTRAM_STATE_BANK, length));
}
