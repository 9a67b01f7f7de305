/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The reset register of PCs, at port 0xcf9, on machines with and without ACPI fixed hardware
 * (ACPI 6.5, 4.8.3.6; the FADT contains its address).
 *
 * Threads: under the machine lock (bus/machine_lock.h).
 */
#ifndef VMM_DEVICE_RESET_REGISTER_H
#define VMM_DEVICE_RESET_REGISTER_H

struct board;

/* Add it to the board's bus. An error is reported by bus_check(). It has no state. */
void reset_register_add(struct board *board);

#endif
