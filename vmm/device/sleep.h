/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The registers that hardware-reduced ACPI has in place of PM1: sleep control and sleep status
 * (ACPI 6.5, 4.8.3.7), and the reset register, all at I/O ports.
 *
 * Threads: all functions run under the machine lock (bus/bus.h). The callbacks do too; they must only
 * note what is asked for.
 */
#ifndef VMM_DEVICE_SLEEP_H
#define VMM_DEVICE_SLEEP_H

#include "bus/bus.h"

struct sleep {
    void (*power_off)(void *opaque); /* the guest entered S5 */
    void (*reset)(void *opaque);     /* the guest wrote the reset register */
    void *opaque;
};

void sleep_init(struct sleep *sleep, struct ports *ports);

#endif
