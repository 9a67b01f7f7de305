/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a machine has its PCI: what its host bridge, its tables and its device tree all have to say.
 */
#ifndef VMM_PCI_LAYOUT_H
#define VMM_PCI_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

#define PCI_PINS 4u /* INTA# to INTD# */
#define PCI_ECAM_OF_A_BUS (UINT64_C(1) << 20)

/* A range of guest-physical addresses. */
struct pci_window {
    uint64_t first, last;
};

struct pci_layout {
    uint64_t ecam;  /* configuration space of all buses, 1 MiB each, in memory; a multiple of its size */
    unsigned buses; /* up to 256 */
    bool ports;     /* configuration space is behind ports 0xcf8 and 0xcfc, too */
    uint64_t io;    /* where 64 KiB of I/O ports are in memory; 0: ports are the processor's own */
    struct pci_window low, high; /* where BARs answer, below and above 4 GiB */
    unsigned gsi;                /* the first of PCI_PINS, for the pins of slot 0 */
};

#endif
