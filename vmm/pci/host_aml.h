/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PCI host bridge in the DSDT (PCI Firmware Specification 3.3, chapter 4; ACPI 6.5, 6.2.11 and 6.2.13).
 */
#ifndef VMM_PCI_HOST_AML_H
#define VMM_PCI_HOST_AML_H

#include <stdbool.h>

#include <hotram/aml.h>

#include "pci/layout.h"

/* Append, in the scope \_SB, the device PCI0, and one that reserves the memory of configuration space.
 * `nodes`: the guest has NUMA nodes; PCI0 is then in node 0. Errors are reported by hotram_aml_finish(). */
void pci_host_aml(struct hotram_aml *aml, const struct pci_layout *pci, bool nodes);

#endif
