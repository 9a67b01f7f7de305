/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is going on with a DIMM, in one word, from the bank's state alone.
 */
#include "hotplug/state.h"

/* _OST source events (ACPI 6.5, table 6.7) and status codes (tables 6.8 and 6.9) */
#define OST_EJECT_REQUEST 0x3u
#define OST_OS_EJECT 0x103u
#define OST_SUCCESS 0x0u
#define OST_IN_PROGRESS 0x84u

static bool was_refused(const struct hotram_dimm *dimm)
{
    return (dimm->ost_event == OST_EJECT_REQUEST || dimm->ost_event == OST_OS_EJECT) &&
           dimm->ost_status != OST_SUCCESS && dimm->ost_status != OST_IN_PROGRESS;
}

static enum dimm_condition condition_of(const struct hotram_dimm *dimm)
{
    if (dimm->state == HOTRAM_DIMM_REMOVAL_ASKED || dimm->state == HOTRAM_DIMM_EJECTING)
        return DIMM_REMOVING;
    if (dimm->insert_pending)
        return DIMM_PLUGGING;
    return was_refused(dimm) ? DIMM_REFUSED : DIMM_IN_USE;
}

enum dimm_condition hotplug_condition(struct hotplug *hotplug, uint32_t slot)
{
    enum dimm_condition condition;

    ports_lock(hotplug->config.ports);
    condition = condition_of(&hotplug->slots[slot]);
    ports_unlock(hotplug->config.ports);
    return condition;
}
