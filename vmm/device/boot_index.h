/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * bootindex= of disks and network cards: a device's place in the order in which firmware tries them. No two
 * devices have the same. As in QEMU, a negative one is none.
 *
 * Threads: main thread.
 */
#ifndef VMM_DEVICE_BOOT_INDEX_H
#define VMM_DEVICE_BOOT_INDEX_H

#include "device/device.h"

/* The row of `struct values`, which has `int32_t bootindex; bool bootindex_given;`, and its default. */
#define BOOT_INDEX_NONE (-1)
#define BOOT_INDEX_ROW(values) \
    PROPERTY_ROW_GIVEN(values, "bootindex", PROPERTY_INT32, bootindex, \
                       "place in the boot order of firmware, each only once; negative (default -1): none")

/* Iterate over the devices with an index, by rising index: NULL gives the first. NULL after the last. */
const struct device *boot_index_next(const struct board *board, const struct device *device);
/* Check the index in the values of a new device, if they have one. False and an error: another device has it.
 */
bool boot_index_check(const struct board *board, const struct device_type *type, const void *values,
                      struct error *error);

#endif
