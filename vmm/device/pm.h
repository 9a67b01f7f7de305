/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ACPI fixed hardware (ACPI 6.5, 4.8): PM1 event and control blocks, PM timer, GPE0 block, reset register.
 *
 * Threads: all functions run under the machine lock (bus/bus.h). The callbacks do too; they must only
 * note what is asked for.
 */
#ifndef VMM_DEVICE_PM_H
#define VMM_DEVICE_PM_H

#include <stdbool.h>
#include <stdint.h>

#include <hotram/gpe.h>
#include <hotram/pm1.h>

#include "bus/bus.h"
#include "host/guest_clock.h"

struct pm_ops {
    void (*sci)(void *opaque, bool high); /* called when the level changes */
    uint16_t (*waiting)(void *opaque);    /* the GPEs whose cause the guest has not seen: bits */
    void (*power_off)(void *opaque);      /* the guest entered S5 */
    void (*reset)(void *opaque);          /* the guest wrote the reset register */
};

struct pm {
    const struct guest_clock *clock;
    const struct pm_ops *ops;
    void *opaque;
    struct hotram_gpe gpe;
    struct hotram_pm1 pm1;
    bool sci;
};

/* The timer counts by `clock`. */
void pm_init(struct pm *pm, struct ports *ports, const struct guest_clock *clock, const struct pm_ops *ops,
             void *opaque);
void pm_reset(struct pm *pm);
/* Set a GPE's status, such as HOTRAM_GPE_MEMORY. */
void pm_raise_gpe(struct pm *pm, unsigned event);
/* Press the fixed-feature power button. */
void pm_press_power_button(struct pm *pm);

#endif
