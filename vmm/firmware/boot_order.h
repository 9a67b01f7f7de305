/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The order in which firmware tries devices: what bootindex= of disks and network cards says, as Open
 * Firmware paths in the file "bootorder".
 *
 * Threads: main thread, with the vCPUs paused: paths follow from where functions are.
 */
#ifndef VMM_FIRMWARE_BOOT_ORDER_H
#define VMM_FIRMWARE_BOOT_ORDER_H

#include "firmware/fw_cfg.h"

/* Set the file; `strict`: firmware tries nothing else. False: memory is short. */
bool boot_order_publish(struct fw_cfg *fw_cfg, const struct board *board, bool strict, struct error *error);

#endif
