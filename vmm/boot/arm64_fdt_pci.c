/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Documentation/devicetree/bindings/pci/host-generic-pci.yaml; IEEE 1275's PCI binding for the cells.
 */
#include <string.h>

#include "boot/arm64_fdt_parts.h"
#include "layout/units.h"

#define PCI_REQUESTERS 0x10000u
#define PCI_CELLS_IO UINT64_C(0x01000000)
#define PCI_CELLS_MEMORY32 UINT64_C(0x02000000)
#define PCI_CELLS_MEMORY64 UINT64_C(0x03000000)

/* What a bus address of one kind is for the processor: 3 cells, 2 cells, 2 cells of size. */
static void put_window(uint32_t *to, uint64_t kind, uint64_t bus, uint64_t address, uint64_t size)
{
    to[0] = (uint32_t)kind;
    to[1] = (uint32_t)(bus >> 32);
    to[2] = (uint32_t)bus;
    to[3] = (uint32_t)(address >> 32);
    to[4] = (uint32_t)address;
    to[5] = (uint32_t)(size >> 32);
    to[6] = (uint32_t)size;
}

static void write_pci_windows(struct fdt_tree *tree, const struct pci_layout *pci)
{
    uint32_t windows[3 * 7];

    put_window(windows, PCI_CELLS_IO, 0, pci->io, 64 * KIB);
    put_window(windows + 7, PCI_CELLS_MEMORY32, pci->low.first, pci->low.first,
               pci->low.last - pci->low.first + 1);
    put_window(windows + 14, PCI_CELLS_MEMORY64, pci->high.first, pci->high.first,
               pci->high.last - pci->high.first + 1);
    tree_cells(tree, "ranges", windows, sizeof windows / sizeof windows[0]);
}

/* The pins of four neighbouring slots are all that there are: the mask leaves the slot's two lowest bits. */
static void write_pci_interrupts(struct fdt_tree *tree, const struct pci_layout *pci)
{
    uint32_t map[PCI_PINS * PCI_PINS * 10], *to = map;

    for (uint32_t slot = 0; slot < PCI_PINS; slot++)
        for (uint32_t pin = 0; pin < PCI_PINS; pin++, to += 10) {
            const uint32_t line = pci->gsi + (slot + pin) % PCI_PINS - SPI_FIRST;
            /* Of the device: slot, and INTA# to INTD#. Of the GIC: its two cells of address, and its three.
             */
            const uint32_t row[10] = { slot << 11, 0, 0, pin + 1, PHANDLE_GIC, 0, 0, SPI, line, LEVEL_HIGH };

            memcpy(to, row, sizeof row);
        }
    tree_cell(tree, "#interrupt-cells", 1);
    tree_cells(tree, "interrupt-map-mask", (const uint32_t[]){ (PCI_PINS - 1) << 11, 0, 0, 7 }, 4);
    tree_cells(tree, "interrupt-map", map, sizeof map / sizeof map[0]);
}

void arm64_fdt_pci(struct fdt_tree *tree, const struct pci_layout *pci, bool its)
{
    /* Each function's requester id is what the ITS knows it by (bindings/pci/pci-msi.txt). */
    const uint32_t messages[] = { 0, PHANDLE_ITS, 0, PCI_REQUESTERS };

    tree_begin_at(tree, "pcie", pci->ecam);
    tree_string(tree, "compatible", "pci-host-ecam-generic");
    tree_string(tree, "device_type", "pci");
    tree_cell(tree, "#address-cells", 3);
    tree_cell(tree, "#size-cells", 2);
    tree_cell(tree, "linux,pci-domain", 0);
    tree_cells(tree, "bus-range", (const uint32_t[]){ 0, pci->buses - 1 }, 2);
    tree_flag(tree, "dma-coherent");
    tree_ranges(tree, "reg", (const uint64_t[]){ pci->ecam, pci->buses * PCI_ECAM_OF_A_BUS }, 2);
    write_pci_windows(tree, pci);
    write_pci_interrupts(tree, pci);
    if (its)
        tree_cells(tree, "msi-map", messages, sizeof messages / sizeof messages[0]);
    tree_end(tree);
}
