/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The order in which firmware tries devices, by bootindex= of disks and network cards, and by their kind:
 * Open Firmware paths in the fw_cfg file "bootorder", as QEMU writes them.
 *
 * Threads: main thread, while vCPUs are paused, since paths depend on the guest's bus numbers.
 */
#ifndef VMM_FIRMWARE_BOOT_ORDER_H
#define VMM_FIRMWARE_BOOT_ORDER_H

#include "firmware/fw_cfg.h"

/* Set the file. `rom`: an option ROM that comes first, or NULL. `letters`: kinds of drives (c: disks, n:
 * networks), whose devices come after those with an index; "": firmware finds them elsewhere. `strict`:
 * firmware tries no devices without an index. False and an error: out of memory. */
bool boot_order_publish(struct fw_cfg *fw_cfg, const struct board *board, const char *rom,
                        const char *letters, bool strict, struct error *error);

#endif
