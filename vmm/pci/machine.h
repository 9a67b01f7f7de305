/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The PCI chips of a machine, for its list of chips (machine/chips.h). The host bridge is built first, as
 * board->pci_layout describes, and sets board->pci; the others are functions on its bus, at PCI_DEVFN().
 *
 * Threads: as in struct device_type (device/type.h).
 */
#ifndef VMM_PCI_MACHINE_H
#define VMM_PCI_MACHINE_H

#include "device/device.h"

/* x86-64: host bridge and ISA bridge with the ids of QEMU's q35, and those of its registers that firmware
 * uses.
 */
extern const struct device_type q35_host_type, q35_mch_type, q35_isa_type;
extern const struct state_table q35_mch_state_table, q35_isa_state_table;

/* arm64: the host bridge of QEMU's virt. */
extern const struct device_type gpex_host_type, gpex_root_type;
extern const struct state_table gpex_root_state_table;

#endif
