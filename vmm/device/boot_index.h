/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bootindex=, which disks and network cards have: a place in the order of what firmware tries. No two devices
 * have the same.
 *
 * Threads: main thread.
 */
#ifndef VMM_DEVICE_BOOT_INDEX_H
#define VMM_DEVICE_BOOT_INDEX_H

#include "device/device.h"

/* By rising index: NULL gives the first of those that have one. */
const struct device *boot_index_next(const struct board *board, const struct device *device);
/* Whether a new device of these values may have the index that they give, if any: no other has it. */
bool boot_index_check(const struct board *board, const struct device_type *type, const void *values,
                      struct error *error);

#endif
