/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The registers of hardware-reduced ACPI in place of PM1: sleep control and sleep status (ACPI 6.5, 4.8.3.7),
 * at I/O ports; and the reset register (device/reset_register.h).
 *
 * Threads: accesses run under the machine lock (bus/machine_lock.h), and so do the board's callbacks, which
 * only post work.
 */
#ifndef VMM_DEVICE_SLEEP_H
#define VMM_DEVICE_SLEEP_H

#include "device/device.h"

extern const struct device_type sleep_type;

struct sleep {
    struct device device; /* first */
    const struct board *board;
};

void sleep_init(struct sleep *sleep, struct board *board);

#endif
