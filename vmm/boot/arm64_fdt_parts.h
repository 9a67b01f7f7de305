/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The nodes of an arm64 machine that refer to its interrupt controller, and how they do (Linux's
 * Documentation/devicetree/bindings/interrupt-controller/arm,gic.yaml, arm,gic-v3.yaml). Private to
 * arm64_fdt*.c.
 */
#ifndef VMM_BOOT_ARM64_FDT_PARTS_H
#define VMM_BOOT_ARM64_FDT_PARTS_H

#include "boot/fdt_tree.h"
#include "pci/layout.h"

#define PHANDLE_GIC 1
#define PHANDLE_CLOCK 2
#define PHANDLE_ITS 3

/* An interrupt's kind, its number within the kind from 0 on, how it is signalled. */
#define SPI 0
#define PPI 1
#define SPI_FIRST 32
#define PPI_FIRST 16
#define LEVEL_HIGH 4u

/* The PCI host bridge. With `its`, messages of its functions go to the ITS; without, there are pins alone. */
void arm64_fdt_pci(struct fdt_tree *tree, const struct pci_layout *pci, bool its);

#endif
