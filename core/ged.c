/* SPDX-License-Identifier: BSD-2-Clause */
#include <hotram/ged.h>

#include <stddef.h>

#define EVENTS (HOTRAM_GED_MEMORY | HOTRAM_GED_POWER_BUTTON | HOTRAM_GED_CPU)

enum hotram_status hotram_ged_raise(struct hotram_ged *ged, uint32_t events)
{
    if (!ged || events == 0 || (events & ~EVENTS))
        return HOTRAM_E_ARGUMENT;
    ged->selector |= events;
    return HOTRAM_OK;
}

uint32_t hotram_ged_read(struct hotram_ged *ged, uint32_t offset, unsigned width)
{
    uint32_t events;

    if (!ged || offset != 0 || width != HOTRAM_GED_LENGTH)
        return 0;
    events = ged->selector;
    ged->selector = 0;
    return events;
}

bool hotram_ged_level(const struct hotram_ged *ged)
{
    return ged && ged->selector != 0;
}

void hotram_ged_reset(struct hotram_ged *ged)
{
    if (ged)
        ged->selector = 0;
}
