/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one list of types of devices and objects. Command line, help, completion, schema, QOM, device_add,
 * object-add, reset and ACPI are made from it: a new device is a file with its row, and a line in type.c.
 */
#ifndef VMM_DEVICE_TYPE_H
#define VMM_DEVICE_TYPE_H

#include "base/completion.h"
#include "base/object_type.h"
#include "base/props.h"

struct board;
struct device;
struct hotram_aml;

/* How a device comes to be. All functions but create() and, where there are properties, describe() may be
 * NULL; they run on the main thread. */
struct device_type {
    const char *name;   /* -device NAME, and QOM's type */
    const char *parent; /* QOM: "device" and the like */

    /* What can be given besides driver and id; and what is only shown. Both say where in a struct of
     * `values_size` bytes, which starts as zeros, a value is. */
    const struct property *properties, *shown;
    size_t property_count, shown_count, values_size;

    bool hot;         /* device_add makes it, too */
    bool single;      /* a machine has at most one */
    bool serial_port; /* -serial's longer spelling: it is the machine's serial port, which is there once */

    /* What can be checked before there is a machine; without effects. */
    bool (*check)(struct props props, struct error *error);
    /* Make it: `id` is checked and free, or NULL. The error is whole but for the option in front of it. */
    enum outcome (*create)(struct board *board, const char *id, struct props props, bool hot,
                           const struct completion *completion, struct error *error);
    /* The values of one that is there; strings are borrowed. */
    void (*describe)(const struct device *device, void *values);
    /* device_del. NULL: it stays. */
    bool (*unplug)(struct device *device, struct error *error);
    /* As after power-on. vCPUs are paused. */
    void (*reset)(struct device *device);
    /* No thread uses it any more. */
    void (*destroy)(struct device *device);
    /* Its entry in the DSDT, in the scope \_SB. */
    void (*aml)(const struct device *device, struct hotram_aml *aml);
};

/* NULL after the last. */
const struct device_type *device_type_at(size_t index);
const struct object_type *object_type_at(size_t index);
/* By name; NULL: there is none. */
const struct device_type *device_type_find(const char *name);
const struct object_type *object_type_find(const char *name);
/* The same, and otherwise an error that names the closest. */
const struct device_type *device_type_require(const char *name, struct error *error);
const struct object_type *object_type_require(const char *name, struct error *error);

#endif
