/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ACPI_DEVICE_OST: what the guest reports of its DIMMs, told to the monitors, but not faster than they read.
 * A guest may report as often as it likes. Each slot has OST_BURST events at once, anew with each request of
 * the host, so that answers are never late however often it asks, and one more for each second that passes.
 * The last report that exceeded the limit is sent later, so the last state is always reported.
 *
 * Threads: main thread only.
 */
#include "hotplug/state.h"

#define OST_BURST 8u
#define PERIOD_MS 1000

static void emit_ost(struct hotplug *hotplug, const struct notice *notice)
{
    const struct dimm *dimm = hotplug->dimm[notice->slot];
    const struct event event = {
        .kind = EVENT_ACPI_DEVICE_OST,
        .ost.device = dimm && !dimm->removing ? dimm->device.id : NULL,
        .ost.slot = notice->slot,
        .ost.source = notice->event,
        .ost.status = notice->status,
    };

    hotplug->config.event(hotplug->config.opaque, &event);
}

static void period_ended(void *opaque);

static void run_timer(struct hotplug *hotplug)
{
    if (!timer_runs(&hotplug->ost_timer))
        timer_start(hotplug->config.board->loop, &hotplug->ost_timer, PERIOD_MS, period_ended, hotplug);
}

/* A period is over: each slot has one more event. */
static void period_ended(void *opaque)
{
    struct hotplug *hotplug = opaque;
    bool more = false;

    for (uint32_t slot = 0; slot < hotplug->config.slots; slot++) {
        struct ost_limit *limit = &hotplug->ost[slot];

        if (limit->waits)
            emit_ost(hotplug, &limit->last);
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
        emit_ost(hotplug, notice);
    }
    run_timer(hotplug);
}

void ost_event_asked(struct hotplug *hotplug, uint32_t slot)
{
    ost_event_now(hotplug, slot);
    hotplug->ost[slot].used = 0;
}

void ost_event_now(struct hotplug *hotplug, uint32_t slot)
{
    struct ost_limit *limit = &hotplug->ost[slot];

    if (limit->waits)
        emit_ost(hotplug, &limit->last);
    limit->waits = false;
}
