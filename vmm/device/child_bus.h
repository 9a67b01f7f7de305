/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Buses that devices make for devices of their own kind, such as the ports of a virtio-serial-pci. What a
 * device needs is in its type (device_type.bus). PCI's buses are in pci/.
 *
 * Threads: main thread only.
 */
#ifndef VMM_DEVICE_CHILD_BUS_H
#define VMM_DEVICE_CHILD_BUS_H

#include <stdbool.h>

#include "base/error.h"

struct board;
struct device;
struct device_type;

struct child_bus {
    const char *type; /* NULL: it is not there */
    char *name;       /* "ID.0" after the device that makes it, or "TYPE.N" */
    struct device *maker;
    struct child_bus *next;
};

/* Make one of a type, in zeros, for a device that is enlisted. False: out of memory. */
bool child_bus_add(struct child_bus *bus, struct device *maker, const char *type, struct error *error);
/* Take it away; nothing is on it any more (device_remove()). One that is not there will do. */
void child_bus_remove(struct child_bus *bus);

/* In order of creation, of a type: NULL gives the first. */
struct child_bus *child_bus_next(const struct board *board, const char *type, const struct child_bus *bus);
/* Of those that devices of a type can be on, the one of a name; the first without one. NULL, and an error
 * that names those that there are, or with `maker` the type of a device that makes one. */
struct child_bus *child_bus_require(const struct board *board, const struct device_type *type,
                                    const char *name, const char *maker, struct error *error);

#endif
