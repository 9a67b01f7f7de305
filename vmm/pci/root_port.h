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

/* Before a reset: remove the devices whose removal was requested and is still unanswered, since the guest no
 * longer uses them. Main thread, vCPUs paused, without locks. */
void root_ports_remove_asked(struct pci_host *host);

#endif
