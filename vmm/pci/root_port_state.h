/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shared by the files of pcie-root-port: root_port.c is the type, root_port_slot.c plugs and removes devices,
 * root_port_saved.c is its saved form.
 */
#ifndef VMM_PCI_ROOT_PORT_STATE_H
#define VMM_PCI_ROOT_PORT_STATE_H

#include "pci/place.h"
#include "pci/root_port.h"
#include "pci/slot.h"

struct root_port_values {
    struct pci_place place;
    uint32_t port, chassis, slot;
    bool hotplug;
};

struct root_port {
    struct pci_function pci; /* first */
    struct pci_bridge bridge;
    struct pci_slot slot;
    struct root_port_values values; /* without strings */
    struct work work;               /* posted by a vCPU to the main thread: */
    bool powered_off, refused;      /* the guest's response; under the PCI lock */
};

/* Its id, or its QOM path, written to `path`, if it has none. */
const char *root_port_name(const struct root_port *port, char path[DEVICE_PATH_SIZE]);
/* Initialize the slot, which is empty, and the bus behind it; the function and `values` are initialized. */
void root_port_init_slot(struct root_port *port, struct board *board);

/* root_port_saved.c: what `struct pci_slot` has besides the port's configuration space, and the answer. */
struct pci_slot_state {
    uint32_t control;
    uint8_t asked, blinking, raised;
    uint8_t powered_off, refused;
};
extern const struct state_table pci_slot_state_table;

/* The functions of these names in struct device_type. */
bool root_port_save(struct device *device, struct hotram_buffer *out, struct error *error);
bool root_port_restore(struct device *device, bool check, struct hotram_saved *saved, struct error *error);
void root_port_restored(struct device *device);
const struct state_table *root_port_part(const struct device *device, unsigned index);
void root_port_summary(const struct device *device, struct text *text);

#endif
