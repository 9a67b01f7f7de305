/* SPDX-License-Identifier: BSD-2-Clause */
/* Shared by the files of pcie-root-port: root_port.c is the type, root_port_slot.c plugs and removes devices.
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

#endif
