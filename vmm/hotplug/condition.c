/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What state a DIMM is in, in a person's words.
 */
#include "hotplug/state.h"

enum dimm_condition hotplug_condition(struct hotplug *hotplug, uint32_t slot)
{
    const struct operation *operation = hotplug_operation(hotplug, slot);
    const struct dimm *dimm = hotplug->dimm[slot];
    enum hotram_dimm_state state;

    machine_lock_take(hotplug->config.lock);
    state = hotplug->slots[slot].state;
    machine_lock_release(hotplug->config.lock);
    if (state == HOTRAM_DIMM_REMOVAL_ASKED || state == HOTRAM_DIMM_EJECTING)
        return DIMM_REMOVING;
    if (operation && operation->kind == OPERATION_PLUG && operation->result == OPERATION_UNDER_WAY)
        return DIMM_PLUGGING;
    return dimm && dimm->refused ? DIMM_REFUSED : DIMM_IN_USE;
}
