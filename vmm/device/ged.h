/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The Generic Event Device (ACPI 6.5, 5.6.9): the library's register among the guest's memory, and its
 * interrupt.
 *
 * Threads: all functions run under the machine lock (bus/bus.h).
 */
#ifndef VMM_DEVICE_GED_H
#define VMM_DEVICE_GED_H

#include <hotram/ged.h>

#include "bus/bus.h"

struct ged {
    struct hotram_ged selector;
    void (*irq)(void *opaque, bool high); /* called when the level changes */
    void *opaque;
    bool high;
};

void ged_init(struct ged *ged, struct ports *ports, uint64_t address, void (*irq)(void *opaque, bool high),
              void *opaque);
void ged_reset(struct ged *ged);
/* HOTRAM_GED_* events. */
void ged_raise(struct ged *ged, uint32_t events);

#endif
