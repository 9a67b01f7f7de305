/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * hotram_bank_init() with every config that has no slots and ranges, up to ARRAY, or too many.
 *
 * proof: sources core/dimm.c
 * proof: options --conversion-check --unsigned-overflow-check --unwind 10
 */
#include <hotram/dimm.h>

#include "proof.h"

#define ARRAY 8u

static struct hotram_dimm slots[ARRAY], slots_before[ARRAY];

static void raise(void *opaque)
{
    (void)opaque;
    PROVE(false);
}

static void ost(void *opaque, uint32_t slot, uint32_t event, uint32_t status)
{
    (void)opaque, (void)slot, (void)event, (void)status;
    PROVE(false);
}

static void eject(void *opaque, uint32_t slot)
{
    (void)opaque, (void)slot;
    PROVE(false);
}

/* What the header says about the status, in its own order. */
static enum hotram_status expected(const struct hotram_bank *bank, const struct hotram_bank_config *config,
                                   const struct hotram_dimm *array, const struct hotram_bank_ops *ops)
{
    if (!bank || !config || !array || !ops || !ops->raise || !ops->ost || !ops->eject ||
        config->slots > 256 || config->ranges > 64 || (config->slots == 0 && config->ranges == 0) ||
        config->granularity == 0 || (config->granularity & (config->granularity - 1)) != 0)
        return HOTRAM_E_ARGUMENT;
    if (config->size == 0 || config->base > UINT64_MAX - config->size)
        return HOTRAM_E_REGION;
    return HOTRAM_OK;
}

void prove_init(void)
{
    struct hotram_bank_config config = { .base = nondet_uint64(),
                                         .size = nondet_uint64(),
                                         .capacity = nondet_uint64(),
                                         .granularity = nondet_uint64(),
                                         .slots = nondet_uint32(),
                                         .ranges = nondet_uint32() };
    struct hotram_bank_ops ops = { .raise = nondet_bool() ? raise : NULL,
                                   .ost = nondet_bool() ? ost : NULL,
                                   .eject = nondet_bool() ? eject : NULL };
    struct hotram_bank bank = { .used = 77 }, *given = nondet_bool() ? &bank : NULL;
    const struct hotram_bank_config *given_config = nondet_bool() ? &config : NULL;
    const struct hotram_bank_ops *given_ops = nondet_bool() ? &ops : NULL;
    struct hotram_dimm *given_slots = nondet_bool() ? slots : NULL;
    uint32_t i = nondet_uint32();
    enum hotram_status status;

    ASSUME(i < ARRAY);
    ASSUME(config.slots <= ARRAY || config.slots > HOTRAM_SLOTS_MAX);
    ASSUME(config.ranges <= ARRAY - (config.slots <= ARRAY ? config.slots : 0) ||
           config.ranges > HOTRAM_RANGES_MAX);
    slots[i] = slots_before[i] =
        (struct hotram_dimm){ .addr = nondet_uint64(), .size = nondet_uint64(), .state = nondet_uint8() };
    status = hotram_bank_init(given, given_config, given_slots, given_ops, &bank);
    PROVE(status == expected(given, given_config, given_slots, given_ops));
    if (status == HOTRAM_OK) {
        PROVE(bank.config.base == config.base && bank.config.size == config.size);
        PROVE(bank.config.capacity == config.capacity && bank.config.granularity == config.granularity);
        PROVE(bank.config.slots == config.slots && bank.config.ranges == config.ranges &&
              bank.slots == slots && bank.ops == &ops);
        PROVE(bank.opaque == &bank && bank.used == 0);
        PROVE(hotram_bank_next(&bank, HOTRAM_SLOT_ANY) == HOTRAM_SLOT_ANY);
    } else {
        PROVE(bank.used == 77 && bank.slots == NULL);
    }
    if (status == HOTRAM_OK && i < config.slots + config.ranges) {
        PROVE(slots[i].state == HOTRAM_DIMM_EMPTY && slots[i].addr == 0 && slots[i].size == 0);
        PROVE(slots[i].node == 0 && slots[i].ost_event == 0 && slots[i].ost_status == 0);
        PROVE(!slots[i].insert_pending && !slots[i].remove_pending);
        PROVE(hotram_bank_next(&bank, i) == HOTRAM_SLOT_ANY);
        REACHABLE(i == ARRAY - 1);
        REACHABLE(config.slots == 0);
    } else {
        PROVE(slots[i].addr == slots_before[i].addr && slots[i].size == slots_before[i].size);
        PROVE(slots[i].state == slots_before[i].state);
    }
    REACHABLE(status == HOTRAM_OK);
    REACHABLE(status == HOTRAM_E_ARGUMENT);
    REACHABLE(status == HOTRAM_E_REGION);
}
