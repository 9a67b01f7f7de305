/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The list of types of devices and objects. Command line, help, completion, schema, QOM, device_add,
 * object-add, reset and ACPI are derived from it: a new device is a file with its row, and a line in type.c.
 *
 * Threads: main thread, unless a callback states otherwise.
 */
#ifndef VMM_DEVICE_TYPE_H
#define VMM_DEVICE_TYPE_H

#include <hotram/status.h>

#include "base/completion.h"
#include "base/object_type.h"
#include "base/props.h"

struct board;
struct device;
struct hotram_aml;
struct hotram_buffer;
struct hotram_saved;
struct pci_layout;
struct state_table;
struct text;
struct virtio_device_type;

/* Which parts of a machine can come and go: they have devices in the DSDT, and events. */
struct hot_parts {
    bool memory;
    bool cpus;
};

/* Place of a chip: its port or guest-physical address, or PCI_DEVFN() for a PCI function; and its interrupt.
 */
struct chip_place {
    uint64_t address;
    unsigned gsi;
};

/* A device's node in a device tree, a child of the root. `compatible` and `clock_names` may be lists: several
 * strings, each with its terminator; the sizes include all of them. */
struct tree_node {
    const char *name; /* before "@ADDRESS" */
    const char *compatible;
    size_t compatible_size;
    uint64_t address, size;
    unsigned gsi;            /* level-triggered; 0: none */
    const char *clock_names; /* names of clocks, each of which is the machine's one clock */
    size_t clock_names_size;
    unsigned clocks;
    unsigned bank_width; /* of a memory device: width of its data lines, bytes; otherwise 0 */
    bool console;        /* the guest's console, if its command line names no other */
    const struct pci_layout
        *pci; /* of a PCI host bridge, whose node follows from this alone; otherwise NULL */
};

/* One of the numbers of a QOM property. */
struct live_number {
    const char *group; /* name of the object that contains it; NULL: none */
    const char *name;
    uint64_t value;
};
#define LIVE_NUMBERS_MAX 32u

/* A QOM property that is not only in the device's table: numbers that are read anew each time, or a value of
 * the table that can be set while the device exists. */
struct live_property {
    const char *name, *type, *help; /* `type`: QEMU's name of it */
    /* Read the numbers; returns how many. NULL: the value is in the table. */
    size_t (*get)(const struct device *device, struct live_number numbers[LIVE_NUMBERS_MAX]);
    void (*set)(struct device *device, uint64_t value); /* qom-set, 0 to `max`; NULL: read-only, or */
    bool (*try_set)(struct device *device, uint64_t value, struct error *error); /* this, which may refuse */
    uint64_t max;
};

/* A type of device. All functions may be NULL, except one of build() and create() and, with properties,
 * describe(). */
struct device_type {
    const char *name; /* -device NAME, and its QOM type */
    const char
        *parent; /* its QOM parent, such as "device"; NULL: QEMU has no such type, and QOM does not show it */

    /* Properties that can be given in addition to driver and id, and those that are only shown. Both refer to
     * a struct of `values_size` bytes, initially zero. */
    const struct property *properties, *shown;
    size_t property_count, shown_count, values_size;
    const struct live_property *live;
    size_t live_count;

    bool hot;         /* device_add can create it */
    bool single;      /* a machine has at most one */
    bool own_ids;     /* create() checks for duplicates of the id itself, with better errors */
    bool serial_port; /* another form of -serial: it is the machine's serial port, of which there is one */

    /* Type of the bus that it is on, which another device creates (device/child_bus.h). NULL: it is on a PCI
     * bus, or on none. */
    const char *bus;

    /* Of a virtio device (virtio/device.h); otherwise NULL. */
    const struct virtio_device_type *virtio;

    /* Build a chip, which the machine has permanently: -device and device_add refuse it. The machine's list
     * of chips states its place (machine/x86_chips.c, arm64_chips.c). False and an error: out of memory. */
    bool (*build)(struct board *board, const struct chip_place *place, struct error *error);
    /* Check properties without a machine; has no effects. False and an error. */
    bool (*check)(struct props props, struct error *error);
    /* Create a device, as device_add() says; `id` is valid and unused, or NULL. */
    enum outcome (*create)(struct board *board, const char *id, struct props props, bool hot,
                           const struct completion *completion, struct error *error);
    /* Of a device whose create() has returned OUTCOME_LATER: its completion is called soon, with the error
     * `why`, and nothing is left; or `now`, before this returns. */
    void (*give_up)(struct device *device, const struct error *why, bool now);
    /* Set the values of a device that exists; strings are borrowed. */
    void (*describe)(const struct device *device, void *values);
    /* device_del: request or perform the removal. False and an error: refused. NULL: it cannot be removed. */
    bool (*unplug)(struct device *device, struct error *error);
    /* Whether unplug() always refuses this device, because of its place. NULL: no. */
    bool (*stays)(const struct device *device);
    /* The table of the state that the guest can change (device/fields.h), and the state's offset in the
     * device's struct. NULL: it has none. */
    const struct state_table *state;
    size_t state_offset;
    /* Whether a machine with this device can be saved: its parts below are all state that the guest can
     * change. NULL: yes, as it has no other state. */
    bool (*has_saved_form)(const struct device *device);
    bool banked; /* its state and configuration are those of a slot of a bank, and saved with it */

    /* State that is not one struct, besides `state`: several parts, each with a table, which save() appends
     * with device_save_part() from copies. vCPUs are paused, and the device is, too, and not busy. False and
     * an error: it cannot be saved now. */
    bool (*save)(struct device *device, struct hotram_buffer *out, struct error *error);
    /* Read the parts with device_restore_part(), and see whether they fit the device and each other; then, if
     * not only to `check`, restore them, which does not fail if the check did not. The guest's memory has
     * been restored; the device is paused, as after a reset. False and an error: nothing has changed. */
    bool (*restore)(struct device *device, bool check, struct hotram_saved *saved, struct error *error);
    /* The tables of its parts, each once; NULL after the last. */
    const struct state_table *(*part)(const struct device *device, unsigned index);
    /* Append, to its type and id, what a guest sees of its configuration, which has to be the same where the
     * state is restored. */
    void (*summary)(const struct device *device, struct text *text);

    /* Set the state after power-on. vCPUs are paused, the machine lock is held, no device is busy. NULL:
     * state_reset() of `state` is all. */
    void (*reset)(struct device *device);
    /* Pause the device, or let it run again, with the guest. It may be busy after a pause. */
    void (*run)(struct device *device, bool run);
    /* Whether the device is paused or leaving while the host still works on its requests; board_drained()
     * follows. */
    bool (*busy)(const struct device *device);
    /* Make the device inaccessible to the guest, and begin to stop it: destroy() follows when it is not busy.
     */
    void (*leave)(struct device *device);
    /* The state was restored: update what follows from it, such as an interrupt line. As for reset(). */
    void (*restored)(struct device *device);
    /* Free the device, which is not busy and no longer in the list. */
    void (*destroy)(struct device *device);
    /* Append its entry to the DSDT, in the scope \_SB. On arm64 those of chips are at the root, with absolute
     * names, except for chips with `leads`, the bridges to other devices: they are with these. */
    void (*aml)(const struct device *device, struct hotram_aml *aml);
    bool leads;
    /* Append the methods that handle events, after all other entries. */
    enum hotram_status (*aml_events)(const struct device *device, const struct hot_parts *parts,
                                     struct hotram_aml *aml);
    /* Set its node in the device tree. False: it has none. */
    bool (*fdt)(const struct device *device, struct tree_node *node);
};

/* The types by index, from 0; NULL after the last. */
const struct device_type *device_type_at(size_t index);
const struct object_type *object_type_at(size_t index);
/* The type with a name; NULL: there is none. */
const struct device_type *device_type_find(const char *name);
const struct object_type *object_type_find(const char *name);
/* The same for -device and -object. NULL and an error: there is none (the error names a similar one), or, for
 * devices, it is a chip, which the machine has permanently. */
const struct device_type *device_type_require(const char *name, struct error *error);
const struct object_type *object_type_require(const char *name, struct error *error);

#endif
