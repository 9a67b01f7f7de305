/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Nodes of an arm64 machine that refer to its interrupt controller, and the format of these references
 * (Linux Documentation/devicetree/bindings/interrupt-controller/arm,gic.yaml, arm,gic-v3.yaml). Private to
 * arm64_fdt*.c.
 */
#ifndef VMM_BOOT_ARM64_FDT_PARTS_H
#define VMM_BOOT_ARM64_FDT_PARTS_H

#include "boot/fdt_tree.h"
#include "pci/layout.h"

/* Phandles of nodes that others refer to. */
#define PHANDLE_GIC 1
#define PHANDLE_CLOCK 2
#define PHANDLE_ITS 3
#define PHANDLE_CPU 4 /* of the first; those of others follow */

/* The three cells of an interrupt: its kind, its number within the kind (INTID - SPI_FIRST or PPI_FIRST), and
 * its trigger. */
#define SPI 0
#define PPI 1
#define SPI_FIRST 32
#define PPI_FIRST 16
#define LEVEL_HIGH 4u

/* Write the node of the PCI host bridge (bindings/pci/host-generic-pci.yaml). `its`: messages of its
 * functions are sent to the ITS; otherwise the functions have pins only. Errors are those of the tree. */
void arm64_fdt_pci(struct fdt_tree *tree, const struct pci_layout *pci, bool its);

#endif
