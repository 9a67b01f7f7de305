/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of pcie-root-port share: root_port.c the type, root_port_slot.c devices that come and go. */
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
    struct work work;               /* what a vCPU has noted for the main thread: */
    bool powered_off, refused;      /* with the PCI lock */
};

/* Its id, or where there is none its QOM path, in `path`. */
const char *root_port_name(const struct root_port *port, char path[DEVICE_PATH_SIZE]);
/* The slot and the bus behind it, with nothing there; the function and `values` are. */
void root_port_init_slot(struct root_port *port, struct board *board);

#endif
