/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Device DAX: memory of the host that programs map through a character device, /dev/daxX.Y. sysfs describes
 * it (Documentation/ABI/testing/sysfs-bus-dax).
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
    uint64_t align; /* bytes, a power of two: alignment of a mapping's address, size and offset */
};

/* The folder of sysfs with character devices by number; only tests change it. */
extern const char *dax_sysfs;

/* Whether a character device, by its number, is device DAX. */
bool dax_is(dev_t device);
/* Read its size and alignment from sysfs. False and an error: sysfs has no usable values. */
bool dax_inspect(dev_t device, struct dax *dax, struct error *error);

#endif
