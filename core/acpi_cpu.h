/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shared by the files that write tables and devices of processors.
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

/* Append a MADT entry of a processor with a local APIC or x2APIC (ACPI 6.5, 5.2.12.2, 5.2.12.12): at most 16
 * bytes. */
void libhotram_madt_local_apic(struct hotram_buffer *out, const struct hotram_acpi_cpu *cpu);

/* Append a MADT entry of a processor with a GIC (5.2.12.14), 80 bytes, with HOTRAM_CPU_* flags that need not
 * be those of the processor. */
void libhotram_madt_gicc(struct hotram_buffer *out, const struct hotram_acpi_gic *config, size_t index,
                         uint32_t flags);

/* Whether the MADT's contents are as their description says. */
bool libhotram_gic_is_valid(const struct hotram_acpi_gic *config);

#endif
