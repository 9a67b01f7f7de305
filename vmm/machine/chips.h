/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The chips of each architecture's machine, and their places. Their types do everything else.
 *
 * Threads: main thread, while the machine is made.
 */
#ifndef VMM_MACHINE_CHIPS_H
#define VMM_MACHINE_CHIPS_H

#include <stdbool.h>

#include "base/error.h"
#include "device/board.h"

/* Build them in the order of the DSDT; the board contains what they read meanwhile, such as the layout of
 * PCI. False and an error: out of memory; those that were built are in the board's list. */
bool x86_chips_build(struct board *board, bool ged, struct error *error);
bool arm64_chips_build(struct board *board, struct error *error);

#endif
