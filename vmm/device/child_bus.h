/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Buses that devices create, such as that of a virtio-serial-pci for its ports. A device's type states the
 * type of bus that it requires (device_type.bus). PCI buses are in pci/.
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
    const char *type; /* NULL: the bus does not exist */
    char *name;       /* "ID.0" after the device that makes it, or "TYPE.N" */
    struct device *maker;
    struct child_bus *next;
};

/* Create a bus of a type, in a zeroed struct, for a device that is enlisted. False and an error: out of
 * memory.
 */
bool child_bus_add(struct child_bus *bus, struct device *maker, const char *type, struct error *error);
/* Remove a bus, on which no devices are left (device_remove()). Has no effect if it does not exist. */
void child_bus_remove(struct child_bus *bus);

/* Iterate over buses of a type, in order of creation: NULL gives the first. NULL after the last. */
struct child_bus *child_bus_next(const struct board *board, const char *type, const struct child_bus *bus);
/* Find the bus with a name, or the first one if `name` is NULL, among those for devices of `type`. NULL and
 * an error, which lists the existing ones or, if there are none, names `maker`, the type of a device that
 * creates one. */
struct child_bus *child_bus_require(const struct board *board, const struct device_type *type,
                                    const char *name, const char *maker, struct error *error);

#endif
