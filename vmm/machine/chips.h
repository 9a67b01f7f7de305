/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The chips of each architecture's machine: which, and where. From here on their types do the rest.
 *
 * Threads: main thread, while the machine is made.
 */
#ifndef VMM_MACHINE_CHIPS_H
#define VMM_MACHINE_CHIPS_H

#include <stdbool.h>

#include "base/error.h"
#include "device/board.h"

/* Build them, in the order in which the DSDT has them; the board has what they read while they are built,
 * where PCI is among it. False: out of memory; those that were built are in the board's list. */
bool x86_chips_build(struct board *board, bool ged, struct error *error);
bool arm64_chips_build(struct board *board, struct error *error);

#endif
