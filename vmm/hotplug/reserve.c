/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A place for a DIMM: what can be said before, and the bank's slot and address, with an error for people.
 */
#include "hotplug/state.h"

bool hotplug_check_region(const struct hotplug *hotplug, struct error *error)
{
    return hotplug_has_region(hotplug) ||
           error_set(
               error,
               "memory devices (e.g. for memory hotplug) are not enabled, please specify the maxmem "
               "option: there are no guest addresses for them; start with, for example, -m 1G,maxmem=8G");
}

bool hotplug_check_enabled(const struct hotplug *hotplug, struct error *error)
{
    return hotplug->config.slots > 0 ||
           error_set(error,
                     "no slots where allocated, please specify the 'slots' option: memory hotplug is not "
                     "enabled; start with, for example, -m 1G,slots=4,maxmem=8G");
}

bool hotplug_check_id(const struct hotplug *hotplug, const char *id, struct error *error)
{
    const struct device *other;

    if (!id_check(id, error))
        return false;
    if (hotplug_find_memslot(hotplug, id))
        return error_set(error, "Duplicate device ID '%s': a memslot uses it; choose another id", id);
    other = device_find(hotplug->config.board, id);
    if (other && !hotplug_find(hotplug, id))
        return error_set(error, "Duplicate device ID '%s': a %s uses it; choose another id", id,
                         other->type->name);
    if (hotplug_find(hotplug, id))
        return error_set(error, "Duplicate device ID '%s': DIMM in slot %u uses it; choose another id", id,
                         hotplug_find(hotplug, id)->slot);
    return true;
}

bool hotplug_check_node(const struct hotplug *hotplug, uint32_t node, struct error *error)
{
    return node < hotplug->config.nodes ||
           error_set(error,
                     "'DIMM property node has value %u' which exceeds the number of numa nodes: %u; the last "
                     "is node=%u",
                     node, hotplug->config.nodes, hotplug->config.nodes - 1);
}

void hotplug_cancel_slot(struct hotplug *hotplug, uint32_t slot)
{
    machine_lock_take(hotplug->config.board->lock);
    hotram_bank_cancel(&hotplug->bank, slot);
    machine_lock_release(hotplug->config.board->lock);
}

struct hotram_dimm_request hotplug_place_request(const struct hotplug *hotplug,
                                                 const struct dimm_place *place, uint64_t size,
                                                 uint64_t align)
{
    return (struct hotram_dimm_request){
        .slot = (uint32_t)place->slot,
        .slot_given = dimm_place_has_slot(place),
        .addr = place->addr,
        .addr_given = place->addr_given,
        .size = size,
        .align = align,
        .node = place->node_given ? place->node : hotplug->config.default_node,
    };
}

bool hotplug_reserve(struct hotplug *hotplug, const struct hotram_dimm_request *request,
                     struct reserver reserver, struct hotram_dimm_result *result, struct error *error)
{
    enum hotram_status status;

    /* The bank knows the least granularity that this guest can ever have. */
    if (request->size % hotplug_granularity(hotplug) != 0) {
        *result = (struct hotram_dimm_result){ .slot = HOTRAM_SLOT_ANY };
        return hotplug_bank_error(hotplug, request, reserver, result, HOTRAM_E_SIZE, error);
    }
    machine_lock_take(hotplug->config.board->lock);
    status = hotram_bank_reserve(&hotplug->bank, request, result);
    machine_lock_release(hotplug->config.board->lock);
    return status == HOTRAM_OK || hotplug_bank_error(hotplug, request, reserver, result, status, error);
}
