/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Device DAX: memory of the host behind a character device, /dev/daxX.Y, which programs map. Linux describes
 * it in sysfs (Documentation/ABI/testing/sysfs-bus-dax).
 *
 * Threads: any.
 */
#ifndef VMM_MEMORY_DAX_H
#define VMM_MEMORY_DAX_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"

struct dax {
    uint64_t size;  /* bytes */
    uint64_t align; /* bytes, a power of two: what a mapping's address, size and offset are multiples of */
};

/* Where sysfs has the character devices by their numbers; only tests change it. */
extern const char *dax_sysfs;

/* Whether a character device, by its number, is device DAX. */
bool dax_is(dev_t device);
/* What sysfs says of one. False and an error: it says nothing that can be used. */
bool dax_inspect(dev_t device, struct dax *dax, struct error *error);

#endif
