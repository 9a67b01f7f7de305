/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The reset register of PCs, at port 0xcf9, which machines with and without ACPI fixed hardware have alike
 * (ACPI 6.5, 4.8.3.6; the FADT says where it is).
 *
 * Threads: under the machine lock (bus/machine_lock.h).
 */
#ifndef VMM_DEVICE_RESET_REGISTER_H
#define VMM_DEVICE_RESET_REGISTER_H

struct board;

/* Put it on the board's bus, where nothing else is at its port. It has no state. */
void reset_register_add(struct board *board);

#endif
