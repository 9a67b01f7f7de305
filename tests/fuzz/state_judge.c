/* SPDX-License-Identifier: BSD-2-Clause */
#include "state_judge.h"

#include <string.h>

/* 128 bits, so that nothing here needs a check for overflow. */
typedef unsigned __int128 wide;

/* Offsets in a saved bank, and in each of its slots. */
enum { BASE = 12, REGION = 20, SLOT_COUNT = 28, SLOTS = 32, SLOT_BYTES = 30 };
enum { ADDR = 0, SIZE = 8, NODE = 16, OST_EVENT = 20, OST_STATUS = 24, STATE = 28, PENDING = 29 };

/* ---- Bytes ---- */

uint64_t judge_number(const uint8_t *bytes, unsigned count)
{
    uint64_t number = 0;

    for (unsigned i = 0; i < count; i++)
        number += (uint64_t)bytes[i] << (8 * i);
    return number;
}

static uint32_t reversed(uint32_t number)
{
    uint32_t result = 0;

    for (unsigned i = 0; i < 32; i++)
        result |= (number >> i & 1) << (31 - i);
    return result;
}

/* Division of polynomials, with the highest power in the highest bit. */
uint32_t judge_sum(const uint8_t *bytes, size_t count)
{
    uint32_t rest = UINT32_MAX;

    for (size_t i = 0; i < 8 * count; i++) {
        uint32_t bit = bytes[i / 8] >> i % 8 & 1;
        uint32_t top = rest >> 31;

        rest <<= 1;
        if (top != bit)
            rest ^= 0x04c11db7;
    }
    return ~reversed(rest);
}

void judge_seal(uint8_t *bytes, size_t length)
{
    uint32_t sum = judge_sum(bytes, length - 4);

    for (unsigned i = 0; i < 4; i++)
        bytes[length - 4 + i] = (uint8_t)(sum >> (8 * i));
}

bool judge_frame(const uint8_t *bytes, size_t length, unsigned kind, size_t *whole)
{
    if (length < 16 || memcmp(bytes, "HRST", 4) != 0)
        return false;
    *whole = judge_number(bytes + 8, 4);
    return *whole >= 16 && *whole <= length &&
           judge_number(bytes + *whole - 4, 4) == judge_sum(bytes, *whole - 4) &&
           judge_number(bytes + 4, 2) == kind && judge_number(bytes + 6, 2) == 1;
}

static const uint8_t *slot_of(const uint8_t *bytes, uint32_t slot)
{
    return bytes + SLOTS + (size_t)slot * SLOT_BYTES;
}

static wide addr_of(const uint8_t *bytes, uint32_t slot)
{
    return judge_number(slot_of(bytes, slot) + ADDR, 8);
}

static wide size_of(const uint8_t *bytes, uint32_t slot)
{
    return judge_number(slot_of(bytes, slot) + SIZE, 8);
}

static bool state_is_possible(const uint8_t *slot)
{
    const uint8_t state = slot[STATE], pending = slot[PENDING];

    if (state == HOTRAM_DIMM_EMPTY)
        return pending == 0 && judge_number(slot + ADDR, 8) == 0 && judge_number(slot + SIZE, 8) == 0 &&
               judge_number(slot + NODE, 4) == 0;
    if (state == HOTRAM_DIMM_PLUGGED)
        return pending <= 1;
    if (state == HOTRAM_DIMM_REMOVAL_REQUESTED)
        return pending <= 3;
    return state == HOTRAM_DIMM_EJECTING && pending == 0;
}

static bool place_is_possible(const uint8_t *bytes, uint32_t slot, const struct hotram_bank_config *config,
                              uint64_t align)
{
    const wide addr = addr_of(bytes, slot), size = size_of(bytes, slot);

    return size > 0 && size % config->granularity == 0 && addr % align == 0 && addr >= config->base &&
           addr + size <= (wide)config->base + config->size;
}

bool judge_takes(const uint8_t *bytes, size_t length, const struct hotram_bank_config *config, uint64_t align)
{
    size_t whole;
    wide sum = 0;

    if (!judge_frame(bytes, length, 1, &whole) || whole != 36 + (size_t)SLOT_BYTES * config->slots)
        return false;
    if (judge_number(bytes + BASE, 8) != config->base || judge_number(bytes + REGION, 8) != config->size ||
        judge_number(bytes + SLOT_COUNT, 4) != config->slots)
        return false;
    for (uint32_t i = 0; i < config->slots; i++) {
        if (!state_is_possible(slot_of(bytes, i)))
            return false;
        if (slot_of(bytes, i)[STATE] != HOTRAM_DIMM_EMPTY && !place_is_possible(bytes, i, config, align))
            return false;
        sum += size_of(bytes, i);
        for (uint32_t j = 0; j < i; j++) {
            if (addr_of(bytes, i) < addr_of(bytes, j) + size_of(bytes, j) &&
                addr_of(bytes, j) < addr_of(bytes, i) + size_of(bytes, i))
                return false;
        }
    }
    return sum <= config->capacity;
}

/* Bits as ACPI 6.5 has them: tables 4.11 to 4.13. */
bool judge_takes_block(const uint8_t *bytes, size_t length, unsigned kind)
{
    const uint8_t *numbers = bytes + 12;
    size_t whole;

    if (!judge_frame(bytes, length, kind, &whole))
        return false;
    switch (kind) {
    case 2: /* the selector */
        return whole == 20;
    case 3: /* GPE */
        return whole == 22;
    case 4: /* GED: three events */
        return whole == 20 && (judge_number(numbers, 4) & ~0xbull) == 0;
    case 5: /* PM1: PWRBTN and WAK; what has an enable bit; all but SCI_EN and SLP_EN */
        return whole == 22 && (judge_number(numbers, 2) & ~(1ull << 8 | 1ull << 15)) == 0 &&
               (judge_number(numbers + 2, 2) & ~(1ull | 1ull << 5 | 7ull << 8)) == 0 &&
               (judge_number(numbers + 4, 2) & (1ull | 1ull << 13)) == 0;
    default:
        return false;
    }
}

/* ---- Banks ---- */

static const char *judge_slot(const struct hotram_bank_config *config, const struct hotram_dimm *dimm)
{
    const bool visible = dimm->state == HOTRAM_DIMM_PLUGGED || dimm->state == HOTRAM_DIMM_REMOVAL_REQUESTED;

    if (dimm->state > HOTRAM_DIMM_EJECTING)
        return "a state that there is not";
    if (dimm->insert_pending && !visible)
        return "an insert event of what the guest does not see";
    if (dimm->remove_pending && dimm->state != HOTRAM_DIMM_REMOVAL_REQUESTED)
        return "a remove event of what nobody asked for";
    if (dimm->state == HOTRAM_DIMM_EMPTY)
        return dimm->addr || dimm->size || dimm->node ? "an empty slot with a place" : NULL;
    if (dimm->size == 0 || dimm->size % config->granularity != 0)
        return "a size that is none";
    if (dimm->addr < config->base || (wide)dimm->addr + dimm->size > (wide)config->base + config->size)
        return "a DIMM outside of the region";
    return NULL;
}

const char *judge_bank(const struct hotram_bank *bank)
{
    const struct hotram_bank_config *config = &bank->config;
    uint32_t slot = HOTRAM_SLOT_ANY, taken = 0;
    wide free_from = 0, used = 0;

    for (uint32_t i = 0; i < config->slots; i++) {
        const char *wrong = judge_slot(config, &bank->slots[i]);

        if (wrong)
            return wrong;
        taken += bank->slots[i].state != HOTRAM_DIMM_EMPTY;
        used += bank->slots[i].size;
    }
    if (used != bank->used || used > config->capacity)
        return "a sum that is not that of the sizes, or is above the capacity";
    while ((slot = hotram_bank_next(bank, slot)) != HOTRAM_SLOT_ANY) {
        if (slot >= config->slots || bank->slots[slot].state == HOTRAM_DIMM_EMPTY || taken-- == 0)
            return "a walk that finds what is no DIMM, or one twice";
        if (bank->slots[slot].addr < free_from)
            return "a walk that goes down, or DIMMs that overlap";
        free_from = (wide)bank->slots[slot].addr + bank->slots[slot].size;
    }
    return taken == 0 ? NULL : "a walk that misses a DIMM";
}

bool judge_is_as_saved(const struct hotram_bank *bank, const uint8_t *bytes)
{
    for (uint32_t i = 0; i < bank->config.slots; i++) {
        const struct hotram_dimm *dimm = hotram_bank_slot(bank, i);
        const uint8_t *slot = slot_of(bytes, i);

        if (dimm->addr != judge_number(slot + ADDR, 8) || dimm->size != judge_number(slot + SIZE, 8) ||
            dimm->node != judge_number(slot + NODE, 4) ||
            dimm->ost_event != judge_number(slot + OST_EVENT, 4) ||
            dimm->ost_status != judge_number(slot + OST_STATUS, 4) || dimm->state != slot[STATE] ||
            dimm->insert_pending != (slot[PENDING] & 1) || dimm->remove_pending != slot[PENDING] >> 1)
            return false;
    }
    return true;
}
