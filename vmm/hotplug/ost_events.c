/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ACPI_DEVICE_OST: what the guest reports of its DIMMs, told to the monitors, but not faster than they read.
 * A guest may report as often as it likes. Each slot has OST_BURST events at once, which is more than an
 * honest guest needs, and one more for each second that passes; the last report that found none left is told
 * in its turn, so the last state always arrives.
 *
 * Threads: main thread only.
 */
#include <stdio.h>

#include "base/json_build.h"
#include "hotplug/state.h"

#define OST_BURST 8u
#define PERIOD_MS 1000

static void tell(struct hotplug *hotplug, const struct notice *notice)
{
    const struct dimm *dimm = hotplug->dimm[notice->slot];
    struct json_object *data = json_new_object();
    struct json_object *info = json_new_object();
    char slot[16];

    snprintf(slot, sizeof slot, "%u", notice->slot);
    if (dimm && dimm->device.id && !dimm->leaving)
        add_string(info, "device", dimm->device.id);
    add_string(info, "slot", slot);
    add_string(info, "slot-type", "DIMM");
    add_number(info, "source", notice->event);
    add_number(info, "status", notice->status);
    json_add(data, "info", info);
    hotplug->config.event(hotplug->config.opaque, "ACPI_DEVICE_OST", data);
}

static void tick(void *opaque);

static void run_timer(struct hotplug *hotplug)
{
    if (!timer_runs(&hotplug->ost_timer))
        timer_start(hotplug->config.board->loop, &hotplug->ost_timer, PERIOD_MS, tick, hotplug);
}

/* A period is over: each slot has one more event. */
static void tick(void *opaque)
{
    struct hotplug *hotplug = opaque;
    bool more = false;

    for (uint32_t slot = 0; slot < hotplug->config.slots; slot++) {
        struct ost_limit *limit = &hotplug->ost[slot];

        if (limit->waits)
            tell(hotplug, &limit->last);
        else if (limit->used > 0)
            limit->used--;
        limit->waits = false;
        more |= limit->used > 0;
    }
    if (more)
        run_timer(hotplug);
}

void ost_event(struct hotplug *hotplug, const struct notice *notice)
{
    struct ost_limit *limit = &hotplug->ost[notice->slot];

    limit->last = *notice;
    limit->waits = limit->used == OST_BURST;
    if (!limit->waits) {
        limit->used++;
        tell(hotplug, notice);
    }
    run_timer(hotplug);
}

void ost_event_now(struct hotplug *hotplug, uint32_t slot)
{
    struct ost_limit *limit = &hotplug->ost[slot];

    if (limit->waits)
        tell(hotplug, &limit->last);
    limit->waits = false;
}
