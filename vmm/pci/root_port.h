/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pcie-root-port: a root port with a slot behind it, into which devices can be plugged, and from which they
 * can be removed, while the guest runs. PCI Express Base Specification 5.0, 6.7 (hot-plug) and 7.5.3
 * (registers); references are to it.
 *
 * Removal of a device: device_del presses the slot's attention button; the guest stops using the device,
 * which takes Linux 5 seconds, and turns the slot's power off; then the main thread removes the device, and
 * emits DEVICE_DELETED. A guest that lets the power indicator blink and then turns it on again has refused:
 * event DEVICE_UNPLUG_GUEST_ERROR. A request to a guest that has not enabled the slot's events is repeated
 * when it enables them, and carried out at a reset.
 *
 * Threads: the slot's state is under the PCI lock.
 */
#ifndef VMM_PCI_ROOT_PORT_H
#define VMM_PCI_ROOT_PORT_H

#include "pci/bus.h"

extern const struct device_type pcie_root_port_type;

/* Before a reset: handle what the guest has done, and remove the devices whose removal was requested and is
 * still unanswered, since the guest no longer uses them. Main thread, vCPUs paused, without locks. */
void root_ports_before_reset(struct pci_host *host);

/* ---- for operations: of the port above a function that is plugged. Main thread, without locks. ---- */

/* Handle now what the guest has done; the function may be gone then. */
void root_port_look(const struct pci_function *function);
/* Withdraw the request for the removal of the devices in the slot. */
void root_port_withdraw(const struct pci_function *function);
/* Describe why the guest may not have responded. */
const char *root_port_explain(const struct pci_function *function);

#endif
