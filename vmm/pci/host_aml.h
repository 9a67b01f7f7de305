/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the DSDT says of a PCI host bridge.
 */
#ifndef VMM_PCI_HOST_AML_H
#define VMM_PCI_HOST_AML_H

#include <stdbool.h>

#include <hotram/aml.h>

#include "pci/layout.h"

/* In the scope \_SB: the device PCI0, in node 0 if the guest has several, and one that keeps configuration
 * space from others. */
void pci_host_aml(struct hotram_aml *aml, const struct pci_layout *pci, bool nodes);

#endif
