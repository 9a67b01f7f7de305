/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What of PCI comes with a machine: types of chips, which the machine's list of chips has (machine/chips.h).
 * The host bridge is built first, where board->pci_layout says, and sets board->pci; the others are functions
 * behind it, whose place is PCI_DEVFN().
 *
 * Threads: main thread, while the machine is made, and for all that struct device_type says.
 */
#ifndef VMM_PCI_MACHINE_H
#define VMM_PCI_MACHINE_H

#include "device/device.h"

/* x86-64: host bridge and ISA bridge with the ids of QEMU's q35, of which they have the registers alone that
 * firmware looks for. */
extern const struct device_type q35_host_type, q35_mch_type, q35_isa_type;
extern const struct state_table q35_mch_state_table, q35_isa_state_table;

/* arm64: the host bridge of QEMU's virt. */
extern const struct device_type gpex_host_type, gpex_root_type;
extern const struct state_table gpex_root_state_table;

#endif
