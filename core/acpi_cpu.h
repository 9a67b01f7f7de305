/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shared by the files that write tables and devices of processors with a GIC.
 */
#ifndef CORE_ACPI_CPU_H
#define CORE_ACPI_CPU_H

#include <stdbool.h>
#include <stdint.h>

#include <hotram/acpi_arm.h>

/* False: unknown flags, or both; "online capable" is reserved for an enabled processor (ACPI 6.5, 5.2.12.14).
 */
static inline bool libhotram_cpu_flags_are_valid(uint32_t flags)
{
    return flags == 0 || flags == HOTRAM_CPU_ENABLED || flags == HOTRAM_CPU_ONLINE_CAPABLE;
}

#endif
