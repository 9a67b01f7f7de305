/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ACPI_DEVICE_OST: what the guest reports of its devices, told to the monitors, but not faster than they
 * read. A guest may report as often as it likes. Each slot has OST_BURST events at once, anew with each
 * request of the host, so that answers are never late however often it asks, and one more for each second
 * that passes. The last report that exceeded the limit is sent later, so the last state is always reported.
 *
 * Threads: main thread only.
 */
#include "hotplug/notice.h"

#define OST_BURST 8u
#define PERIOD_MS 1000

static void period_ended(void *opaque);

static void run_timer(struct ost_reporter *reporter)
{
    if (!timer_runs(&reporter->timer))
        timer_start(reporter->loop, &reporter->timer, PERIOD_MS, period_ended, reporter);
}

/* A period is over: each slot has one more event. */
static void period_ended(void *opaque)
{
    struct ost_reporter *reporter = opaque;
    bool more = false;

    for (uint32_t slot = 0; slot < reporter->count; slot++) {
        struct ost_limit *limit = &reporter->limits[slot];

        if (limit->waits)
            reporter->emit(reporter->opaque, &limit->last);
        else if (limit->used > 0)
            limit->used--;
        limit->waits = false;
        more |= limit->used > 0;
    }
    if (more)
        run_timer(reporter);
}

void ost_event(struct ost_reporter *reporter, const struct notice *notice)
{
    struct ost_limit *limit = &reporter->limits[notice->slot];

    limit->last = *notice;
    limit->waits = limit->used == OST_BURST;
    if (!limit->waits) {
        limit->used++;
        reporter->emit(reporter->opaque, notice);
    }
    run_timer(reporter);
}

void ost_event_asked(struct ost_reporter *reporter, uint32_t slot)
{
    ost_event_now(reporter, slot);
    reporter->limits[slot].used = 0;
}

void ost_event_now(struct ost_reporter *reporter, uint32_t slot)
{
    struct ost_limit *limit = &reporter->limits[slot];

    if (limit->waits)
        reporter->emit(reporter->opaque, &limit->last);
    limit->waits = false;
}
