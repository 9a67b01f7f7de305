/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The addresses and interrupts of a machine's PCI, which its host bridge, tables and device tree share.
 */
#ifndef VMM_PCI_LAYOUT_H
#define VMM_PCI_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#define PCI_PINS 4u /* INTA# to INTD# */
#define PCI_ECAM_OF_A_BUS (UINT64_C(1) << 20)
#define PCI_UNMAPPED UINT64_MAX /* an address: nowhere */

/* A range of guest-physical addresses. */
struct pci_window {
    uint64_t first, last;
};

struct pci_layout {
    /* Configuration space of all buses, 1 MiB each, in memory: a multiple of its size; PCI_UNMAPPED: it is
     * not in memory now. */
    uint64_t ecam;
    unsigned buses; /* up to 256 */
    bool ports;     /* configuration space is also accessible by ports 0xcf8 and 0xcfc */
    uint64_t io;    /* guest-physical address of 64 KiB of I/O ports; 0: ports are the processor's own */
    struct pci_window low, high; /* windows for BARs below and above 4 GiB */
    /* Where a guest may move configuration space; `low` is then the larger part beside it. Only if q35's host
     * bridge is there. */
    struct pci_window movable;
    unsigned gsi; /* GSI of the host bridge's line 0; the other PCI_PINS - 1 follow */
};

#endif
