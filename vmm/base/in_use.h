/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The way out in errors about what cannot be deleted because a device uses it: device_del is one only where
 * the device can leave a running machine.
 */
#ifndef VMM_BASE_IN_USE_H
#define VMM_BASE_IN_USE_H

#include <stdbool.h>

/* The end of the error's sentence, a literal. `stays`: the device cannot be unplugged, as those that are not
 * behind a pcie-root-port (pci_function_stays()). Any thread. */
static inline const char *in_use_way_out(bool stays)
{
    return stays
               ? "that device stays with the machine, since it is not behind a pcie-root-port with hotplug=on"
               : "device_del frees it";
}

#endif
