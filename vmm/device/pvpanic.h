/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pvpanic: a port by which a guest's kernel reports a panic, or that it starts a crash kernel (QEMU
 * docs/specs/pvpanic.rst; Linux finds it as QEMU0001 in ACPI). x86-64 only.
 *
 * Threads: any vCPU accesses the port; the device has no state.
 */
#ifndef VMM_DEVICE_PVPANIC_H
#define VMM_DEVICE_PVPANIC_H

#include "device/device.h"

#define PVPANIC_PORT 0x505 /* QEMU's default */
/* Bits that the guest writes; reads return the supported ones. */
#define PVPANIC_PANICKED 1u
#define PVPANIC_CRASH_LOADED 2u

extern const struct device_type pvpanic_type;

#endif
