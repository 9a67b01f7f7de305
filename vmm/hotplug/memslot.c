/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memslots: named places for DIMMs, which a person fills and empties by name. A view on the bank, not a
 * second mechanism: an unpopulated memslot is a reservation in the bank, adding commits it, and what follows
 * is the life of any DIMM; when the DIMM is gone the place is reserved anew.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hotplug/state.h"
#include "memory/backend_memory.h"

static struct memslot *make(const char *id, uint64_t start, uint64_t size, uint32_t node)
{
    struct memslot *memslot = calloc(1, sizeof *memslot);

    if (!memslot)
        return NULL;
    *memslot = (struct memslot){ .id = strdup(id), .start = start, .size = size, .node = node };
    if (memslot->id)
        return memslot;
    free(memslot);
    return NULL;
}

bool hotplug_define_memslot(struct hotplug *hotplug, const char *id, uint32_t slot, const uint64_t *start,
                            uint64_t size, uint32_t node, struct error *error)
{
    const struct hotram_dimm_request request = {
        .slot = slot,
        .slot_given = true,
        .addr = start ? *start : 0,
        .addr_given = start != NULL,
        .size = size,
        .align = hotplug_alignment(hotplug, BACKEND_ALIGN),
        .node = node,
    };
    struct hotram_dimm_result result;

    if (!hotplug_check_node(hotplug, node, error) ||
        !hotplug_reserve(hotplug, &request, (struct reserver){ false, "start" }, &result, error))
        return false;
    hotplug->memslot[slot] = make(id, result.addr, size, node);
    return hotplug->memslot[slot] != NULL || error_set(error, "out of memory");
}

static bool find(const struct hotplug *hotplug, const char *id, uint32_t *slot, struct error *error)
{
    for (*slot = 0; *slot < hotplug->config.slots; ++*slot)
        if (hotplug->memslot[*slot] && strcmp(hotplug->memslot[*slot]->id, id) == 0)
            return true;
    return error_set_class(error, ERROR_DEVICE_NOT_FOUND,
                           "Memslot '%s' not found: define it at start with -memslot id=%s,size=SIZE; info "
                           "memslot lists them",
                           id, id);
}

/* Anonymous memory with the id memslot.ID. */
static struct props make_properties(const struct memslot *memslot)
{
    struct props props = props_new();
    char id[DIMM_ID_SIZE];

    snprintf(id, sizeof id, "memslot.%s", memslot->id);
    props_set_string(props, "qom-type", "memory-backend-ram");
    props_set_string(props, "id", id);
    props_set_size(props, "size", memslot->size);
    return props;
}

enum outcome hotplug_add_memslot(struct hotplug *hotplug, const char *id, const struct completion *watcher,
                                 struct error *error)
{
    enum outcome outcome = OUTCOME_FAILED;
    struct props props;
    struct dimm *dimm;
    uint32_t slot;

    if (!find(hotplug, id, &slot, error))
        return OUTCOME_FAILED;
    if (hotplug->dimm[slot]) {
        error_set(error, "Memslot '%s' is already populated; delete it before adding it again", id);
        return OUTCOME_FAILED;
    }
    dimm = dimm_create(hotplug, slot, id, hotplug->memslot[slot]->size, true, error);
    if (!dimm)
        return OUTCOME_FAILED;
    props = make_properties(hotplug->memslot[slot]);
    if (props_check(props, error))
        outcome = dimm_populate(dimm, props, watcher, error);
    props_release(props);
    if (outcome == OUTCOME_FAILED)
        dimm_abort(dimm);
    return outcome;
}

bool hotplug_delete_memslot(struct hotplug *hotplug, const char *id, struct error *error)
{
    uint32_t slot;

    if (!find(hotplug, id, &slot, error))
        return false;
    if (!hotplug->dimm[slot])
        return error_set(error, "Memslot '%s' is not populated; memslot %s add populates it", id, id);
    return dimm_unplug(hotplug->dimm[slot], error);
}

bool hotplug_next_memslot(struct hotplug *hotplug, uint32_t *slot, struct memslot_info *info)
{
    const struct memslot *memslot;

    while (*slot < hotplug->config.slots && !hotplug->memslot[*slot])
        ++*slot;
    if (*slot >= hotplug->config.slots)
        return false;
    memslot = hotplug->memslot[*slot];
    *info = (struct memslot_info){
        .id = memslot->id,
        .start = memslot->start,
        .size = memslot->size,
        .node = memslot->node,
        .slot = *slot,
    };
    machine_lock_take(hotplug->config.board->lock);
    info->state = hotplug->slots[*slot].state;
    machine_lock_release(hotplug->config.board->lock);
    ++*slot;
    return true;
}
