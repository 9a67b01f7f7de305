/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A stranger's program: every installed header, and a DIMM's whole life.
 */
#include <stdio.h>

#include <hotram/acpi.h>
#include <hotram/aml.h>
#include <hotram/buffer.h>
#include <hotram/dimm.h>
#include <hotram/gpe.h>
#include <hotram/memhp.h>
#include <hotram/status.h>

static struct hotram_gpe gpe;
static unsigned reports;
static uint32_t ejected = HOTRAM_SLOT_ANY;

static void raise_event(void *opaque)
{
    hotram_gpe_raise(opaque, HOTRAM_GPE_MEMORY);
}

static void ost(void *opaque, uint32_t slot, uint32_t event, uint32_t status)
{
    (void)opaque;
    (void)slot;
    (void)event;
    (void)status;
    reports++;
}

static void eject(void *opaque, uint32_t slot)
{
    (void)opaque;
    ejected = slot;
}

int main(void)
{
    static const struct hotram_bank_ops ops = { raise_event, ost, eject };
    const struct hotram_bank_config config = {
        .base = 1ull << 32,
        .size = 1ull << 30,
        .capacity = 1ull << 30,
        .granularity = 2u << 20,
        .slots = 2,
    };
    const struct hotram_dimm_request request = {
        .slot = HOTRAM_SLOT_ANY,
        .addr = HOTRAM_ADDR_ANY,
        .size = 128u << 20,
        .align = 2u << 20,
    };
    struct hotram_dimm slots[2];
    struct hotram_dimm_result result;
    struct hotram_bank bank;
    struct hotram_memhp block;

    if (hotram_bank_init(&bank, &config, slots, &ops, &gpe) != HOTRAM_OK ||
        hotram_memhp_init(&block, &bank) != HOTRAM_OK ||
        hotram_bank_reserve(&bank, &request, &result) != HOTRAM_OK ||
        hotram_bank_commit(&bank, result.slot, true) != HOTRAM_OK)
        return 1;
    hotram_gpe_write(&gpe, HOTRAM_GPE_LENGTH / 2, 1 << HOTRAM_GPE_MEMORY);
    if (!hotram_gpe_level(&gpe) || hotram_memhp_read(&block, 0x14, 1) != 3)
        return 2;
    hotram_memhp_write(&block, 0x04, 4, 1);
    hotram_memhp_write(&block, 0x08, 4, 0);
    hotram_memhp_write(&block, 0x14, 1, HOTRAM_MEMHP_EJECT);
    if (reports != 1 || ejected != result.slot || hotram_bank_finish(&bank, ejected) != HOTRAM_OK)
        return 3;
    printf("%s\n", hotram_status_text(hotram_bank_finish(&bank, ejected)));
    return 0;
}
