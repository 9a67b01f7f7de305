/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one list of types of devices and objects. Command line, help, completion, schema, QOM, device_add,
 * object-add, reset and ACPI are made from it: a new device is a file with its row, and a line in type.c.
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
struct pci_layout;
struct state_table;
struct virtio_device_type;

/* Where a chip of the machine is: port or guest-physical address, for a PCI function slot and function
 * (PCI_DEVFN()); and its interrupt. */
struct chip_place {
    uint64_t address;
    unsigned gsi;
};

/* A device's node in a device tree, directly under the root. Strings with their ends; one may be several, one
 * behind the other. */
struct tree_node {
    const char *name; /* before "@ADDRESS" */
    const char *compatible;
    size_t compatible_size;
    uint64_t address, size;
    unsigned gsi;            /* a level; 0: it has none */
    const char *clock_names; /* each is the machine's one clock */
    size_t clock_names_size;
    unsigned clocks;
    unsigned bank_width;          /* bytes of the data lines of a memory; 0: it is none */
    bool console;                 /* what the guest writes to, if its command line names nothing else */
    const struct pci_layout *pci; /* a PCI host bridge, whose node follows from this alone; NULL: none */
};

/* A number of a property of QOM that is several. */
struct live_number {
    const char *group; /* in an object of this name; NULL: in none */
    const char *name;
    uint64_t value;
};
#define LIVE_NUMBERS_MAX 32u

/* A property of QOM that is no value of the device's table: numbers that are read anew each time, or a value
 * of the table that can be set while the device is there. Main thread. */
struct live_property {
    const char *name, *type, *help; /* the type as QEMU names it */
    /* How many, of at most LIVE_NUMBERS_MAX; NULL: the table has it. */
    size_t (*get)(const struct device *device, struct live_number numbers[LIVE_NUMBERS_MAX]);
    void (*set)(struct device *device, uint64_t value); /* qom-set, of 0 to `max`; NULL: it is read only */
    uint64_t max;
};

/* How a device comes to be. All functions but one of build() and create() and, where there are properties,
 * describe() may be NULL; they run on the main thread. */
struct device_type {
    const char *name;   /* -device NAME, and QOM's type */
    const char *parent; /* QOM: "device" and the like; NULL: QEMU has no such type, and QOM shows none */

    /* What can be given besides driver and id; and what is only shown. Both say where in a struct of
     * `values_size` bytes, which starts as zeros, a value is. */
    const struct property *properties, *shown;
    size_t property_count, shown_count, values_size;
    const struct live_property *live;
    size_t live_count;

    bool hot;         /* device_add makes it, too */
    bool single;      /* a machine has at most one */
    bool own_ids;     /* create() looks for duplicates of the id itself, and says more */
    bool serial_port; /* -serial's longer spelling: it is the machine's serial port, which is there once */

    /* The type of the bus that it is on, which another device makes (device/child_bus.h). NULL: it is on PCI,
     * or on no bus. */
    const char *bus;

    /* Of a virtio device: how it comes, goes and works (virtio/device.h). */
    const struct virtio_device_type *virtio;

    /* A chip, which the machine has from its start and for good: -device and device_add refuse it. Where it
     * is says the list of chips of the machine (machine/x86_chips.c, arm64_chips.c). */
    bool (*build)(struct board *board, const struct chip_place *place, struct error *error);
    /* What can be checked before there is a machine; without effects. */
    bool (*check)(struct props props, struct error *error);
    /* Make it: `id` is checked and free, or NULL. The error is whole but for the option in front of it. */
    enum outcome (*create)(struct board *board, const char *id, struct props props, bool hot,
                           const struct completion *completion, struct error *error);
    /* The values of one that is there; strings are borrowed. */
    void (*describe)(const struct device *device, void *values);
    /* device_del. NULL: it stays. */
    bool (*unplug)(struct device *device, struct error *error);
    /* Whether unplug() always refuses this one, because of its place. NULL: none. */
    bool (*stays)(const struct device *device);
    /* What of it the guest can change (device/fields.h), and where in its struct that is. NULL: nothing. */
    const struct state_table *state;
    size_t state_offset;
    bool unsaved; /* there is more that it can change, which has no table: no machine with one is saved */
    /* As after power-on. vCPUs are paused, the machine lock is held, no device is busy. */
    void (*reset)(struct device *device);
    /* The guest stands still, or runs again: a device that moves data does so, too. It may be busy after the
     * former. */
    void (*run)(struct device *device, bool run);
    /* It was to stand still, or leaves, and the host still works for it; board_drained() follows. */
    bool (*busy)(const struct device *device);
    /* The guest reaches it no more, and it begins to end what is under way: destroy() follows when it is not
     * busy. */
    void (*leave)(struct device *device);
    /* The state is another: set what follows from it, an interrupt line for example. The same. */
    void (*restored)(struct device *device);
    /* No thread uses it any more. It is not busy. */
    void (*destroy)(struct device *device);
    /* Its entry in the DSDT, in the scope \_SB. On arm64 chips are written at the root, by absolute names,
     * but for those that lead to other devices: they are with these. */
    void (*aml)(const struct device *device, struct hotram_aml *aml);
    bool leads;
    /* How the guest hears of events, behind all other entries; `memory`: there are memory devices. */
    enum hotram_status (*aml_events)(const struct device *device, bool memory, struct hotram_aml *aml);
    /* Its node in the device tree. False: none. */
    bool (*fdt)(const struct device *device, struct tree_node *node);
};

/* NULL after the last. */
const struct device_type *device_type_at(size_t index);
const struct object_type *object_type_at(size_t index);
/* By name; NULL: there is none. */
const struct device_type *device_type_find(const char *name);
const struct object_type *object_type_find(const char *name);
/* The same of what -device makes, and otherwise an error that names the closest. */
const struct device_type *device_type_require(const char *name, struct error *error);
const struct object_type *object_type_require(const char *name, struct error *error);

#endif
