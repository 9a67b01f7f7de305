/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * pvpanic: a port by which a guest's kernel tells of its panic, or that it starts a crash kernel (QEMU's
 * docs/specs/pvpanic.txt; Linux' pvpanic driver finds it as QEMU0001 in ACPI). x86-64 only.
 *
 * Threads: the port may be accessed by any vCPU; there is no state that changes.
 */
#ifndef VMM_DEVICE_PVPANIC_H
#define VMM_DEVICE_PVPANIC_H

#include "device/device.h"

#define PVPANIC_PORT 0x505 /* QEMU's default */
/* Bits of what the guest writes, and of what it reads: those that it may write. */
#define PVPANIC_PANICKED 1u
#define PVPANIC_CRASH_LOADED 2u

extern const struct device_type pvpanic_type;

#endif
