/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * ACPI fixed hardware (ACPI 6.5, 4.8): PM1 event and control blocks, PM timer, GPE0 block, reset register.
 *
 * Threads: all functions run under the machine lock (bus/machine_lock.h). The callbacks do too; they must
 * only note what is asked for.
 */
#ifndef VMM_DEVICE_PM_H
#define VMM_DEVICE_PM_H

#include <stdbool.h>
#include <stdint.h>

#include <hotram/gpe.h>
#include <hotram/pm1.h>

#include "device/board.h"

struct pm {
    const struct board *board;
    unsigned gsi;
    uint16_t (*waiting)(void *machine);
    struct hotram_gpe gpe;
    struct hotram_pm1 pm1;
    bool sci;
};

/* `gsi`: the SCI's, a level. `waiting`: the GPEs whose cause the guest has not seen, as bits, under the
 * machine lock. */
void pm_init(struct pm *pm, const struct board *board, unsigned gsi, uint16_t (*waiting)(void *machine));
void pm_reset(struct pm *pm);
/* Set a GPE's status, such as HOTRAM_GPE_MEMORY. */
void pm_raise_gpe(struct pm *pm, unsigned event);
/* Press the fixed-feature power button. */
void pm_press_power_button(struct pm *pm);

#endif
