/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ACPI fixed hardware (ACPI 6.5, 4.8): PM1 event and control blocks, GPE0 block, PM timer, reset register
 * (device/reset_register.h). libhotram implements PM1 and GPE0; this device adds their ports, the SCI, and
 * the effects on the machine.
 *
 * Threads: all functions run under the machine lock (bus/machine_lock.h), and so do the callbacks, which only
 * post work.
 */
#ifndef VMM_DEVICE_PM_H
#define VMM_DEVICE_PM_H

#include <stdbool.h>
#include <stdint.h>

#include <hotram/gpe.h>
#include <hotram/pm1.h>

#include "device/device.h"

/* The timer is not in it: it shows the guest's clock. */
struct pm_state {
    struct hotram_gpe gpe;
    struct hotram_pm1 pm1;
};
extern const struct state_table pm_state_table;
extern const struct device_type pm_type;

struct pm {
    struct device device; /* first */
    const struct board *board;
    unsigned gsi;
    uint16_t (*waiting)(void *machine);
    struct pm_state state;
    bool sci; /* the interrupt line: follows from the state */
};

/* `gsi` is that of the SCI, a level. `waiting` returns the GPEs whose cause persists, as bits
 * (hotram_gpe_write()). */
void pm_init(struct pm *pm, struct board *board, unsigned gsi, uint16_t (*waiting)(void *machine));
void pm_reset(struct pm *pm);
void pm_restored(struct pm *pm); /* after the state was restored */
/* Set a GPE's status, such as HOTRAM_GPE_MEMORY. */
void pm_raise_gpe(struct pm *pm, unsigned event);
/* Press the fixed-feature power button. */
void pm_press_power_button(struct pm *pm);

#endif
