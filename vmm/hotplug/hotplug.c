/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The making of the hotplug subsystem, and its end.
 */
#include "hotplug/hotplug.h"

#include <stdlib.h>

#include "hotplug/mem.h"
#include "hotplug/resize.h"
#include "hotplug/state.h"
#include "memory/backend_memory.h"

static void raise_event(void *opaque)
{
    struct hotplug *hotplug = opaque;

    hotplug->config.raise(hotplug->config.opaque);
}

static const struct hotram_bank_ops bank_ops = {
    .raise = raise_event,
    .ost = hotplug_record_ost,
    .eject = hotplug_record_eject,
};

static void init_operations(struct hotplug *hotplug)
{
    const struct hotplug_config *config = &hotplug->config;

    hotplug->operations = (struct operations){
        .clock = config->board->clock,
        .loop = config->board->loop,
        .deadlines = { [OPERATION_PLUG] = config->plug_deadline,
                       [OPERATION_UNPLUG] = config->unplug_deadline,
                       [OPERATION_RESIZE] = config->unplug_deadline },
        .stopped = config->stopped,
        .opaque = config->opaque,
        .events = { .sink = config->event, .opaque = config->opaque },
    };
    operations_init(&hotplug->operations);
}

static void add_registers(struct hotplug *hotplug)
{
    const struct hotplug_config *config = &hotplug->config;
    const struct bus_range range = {
        .first = config->registers,
        .count = HOTRAM_MEMHP_EXTENT,
        .width_max = 4,
        .read = hotplug_block_read,
        .write = hotplug_block_write,
        .device = hotplug,
        .space = config->space,
        .lock = &config->board->lock->mutex,
        .name = "memory hotplug registers",
    };

    bus_add_at_start(config->board->bus, &range);
}

struct hotplug *hotplug_create(const struct hotplug_config *config, struct error *error)
{
    struct hotram_bank_config bank = {
        .base = config->region_base,
        .size = config->region_size,
        .capacity = config->capacity,
        .granularity = config->granularity,
        .slots = config->slots,
        .ranges = HOTRAM_RANGES_MAX,
    };
    struct hotplug *hotplug = calloc(1, sizeof *hotplug);
    enum hotram_status status;

    if (!hotplug) {
        error_set(error, "out of memory");
        return NULL;
    }
    hotplug->config = *config;
    hotplug->memory_block = config->block;
    hotplug->scanning = HOTRAM_SLOT_ANY;
    notice_queue_init(&hotplug->notices, config->board->loop, config->board->lock, hotplug_handle_notices,
                      hotplug);
    hotplug->ost = (struct ost_reporter){ .loop = config->board->loop,
                                          .limits = hotplug->limits,
                                          .count = config->slots,
                                          .emit = hotplug_emit_ost,
                                          .opaque = hotplug };
    hotplug->expire = hotplug_expire;
    hotplug->growth.happens = operation_happens;
    hotplug->type = &pc_dimm_type;
    init_operations(hotplug);
    if (!hotplug_has_region(hotplug))
        return hotplug; /* no bank */

    status = hotram_bank_init(&hotplug->bank, &bank, hotplug->slots, &bank_ops, hotplug);
    if (status == HOTRAM_OK)
        status = hotram_memhp_init(&hotplug->block, &hotplug->bank);
    if (status != HOTRAM_OK) {
        error_set(error, "memory hotplug region at 0x%llx of 0x%llx bytes: %s",
                  (unsigned long long)config->region_base, (unsigned long long)config->region_size,
                  hotram_status_text(status));
        free(hotplug);
        return NULL;
    }
    if (config->slots > 0)
        add_registers(hotplug); /* otherwise their ports float */
    return hotplug;
}

void hotplug_destroy(struct hotplug *hotplug)
{
    if (!hotplug)
        return;
    /* Operations end below, and their watchers are called: no DIMM is there any more by then. */
    for (uint32_t slot = 0; slot < HOTRAM_SLOTS_MAX; slot++) {
        if (hotplug->dimm[slot] && hotplug->dimm[slot]->offered)
            dimm_stop_offer(hotplug->dimm[slot]); /* frees the DIMM, like the next */
        else if (hotplug->dimm[slot] && hotplug->dimm[slot]->populating)
            backend_fill_stop(hotplug->dimm[slot]->backend);
        else if (hotplug->dimm[slot])
            dimm_free(hotplug->dimm[slot]); /* its plug has begun, or ended */
        hotplug->dimm[slot] = NULL;
    }
    for (uint32_t slot = 0; slot < HOTRAM_SLOTS_MAX; slot++)
        if (hotplug->memslot[slot])
            memslot_free(hotplug->memslot[slot]);
    for (uint32_t range = 0; range < HOTRAM_RANGES_MAX; range++)
        if (hotplug->mem[range])
            hotplug->mem[range]->hotplug = NULL; /* a PCI device, which ends with the others */
    notice_queue_end(&hotplug->notices);
    timer_cancel(&hotplug->ost.timer);
    resize_free(hotplug);
    growth_free(hotplug);
    operations_free(&hotplug->operations);
    free(hotplug);
}

struct operations *hotplug_operations(struct hotplug *hotplug)
{
    return &hotplug->operations;
}

void hotplug_run_state(struct hotplug *hotplug)
{
    if (hotplug)
        operations_run_state(&hotplug->operations);
}
