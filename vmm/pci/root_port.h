/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pcie-root-port: a port of the root with a slot behind it, into which devices come while the guest runs, and
 * from which they go. PCI Express Base Specification 5.0, 6.7 (hot-plug) and 7.5.3 (registers); references
 * are to it.
 *
 * How a device goes: device_del presses the slot's attention button; the guest lets go of the device, which
 * takes Linux 5 seconds, and turns the slot's power off; then the main thread takes the device away, and
 * event DEVICE_DELETED comes. A guest that blinks the power indicator and then lights it again has refused:
 * event DEVICE_UNPLUG_GUEST_ERROR. What is asked of a guest that does not listen is asked again when it
 * begins to, and carried out at a reset.
 *
 * Threads: the slot's state is under the PCI lock.
 */
#ifndef VMM_PCI_ROOT_PORT_H
#define VMM_PCI_ROOT_PORT_H

#include "pci/bus.h"

extern const struct device_type pcie_root_port_type;

/* What has been asked of guests and not answered is carried out, since nobody uses the devices: before a
 * reset. Main thread, vCPUs paused, without a lock. */
void root_ports_remove_asked(struct pci_host *host);

#endif
