/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The order in which firmware tries devices, by bootindex= of disks and network cards: Open Firmware paths in
 * the fw_cfg file "bootorder", as QEMU writes them.
 *
 * Threads: main thread, while vCPUs are paused, since paths depend on the guest's bus numbers.
 */
#ifndef VMM_FIRMWARE_BOOT_ORDER_H
#define VMM_FIRMWARE_BOOT_ORDER_H

#include "firmware/fw_cfg.h"

/* Set the file. `strict`: firmware tries no other devices. False and an error: out of memory. */
bool boot_order_publish(struct fw_cfg *fw_cfg, const struct board *board, bool strict, struct error *error);

#endif
