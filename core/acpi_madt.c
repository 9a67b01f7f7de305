/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Multiple APIC description table (ACPI 6.5, 5.2.12).
 */
#include <hotram/acpi.h>

#include "acpi_cpu.h"

#define MADT_REVISION 6
#define PCAT_COMPAT 1u /* dual 8259 as well (table 5.20) */

/* Kinds of entries (table 5.21). */
#define LOCAL_APIC 0
#define IO_APIC 1
#define OVERRIDE 2
#define LOCAL_APIC_NMI 4
#define LOCAL_X2APIC 9
#define LOCAL_X2APIC_NMI 10

#define ALL_CPUS 0xffu
#define NMI_LINT 1

/* The small entry has a byte for each id, and 255 is everybody's. */
static bool is_x2apic(const struct hotram_acpi_cpu *cpu)
{
    return cpu->apic_id >= ALL_CPUS || cpu->uid >= ALL_CPUS;
}

void libhotram_madt_local_apic(struct hotram_buffer *out, const struct hotram_acpi_cpu *cpu)
{
    if (is_x2apic(cpu)) { /* 5.2.12.12 */
        hotram_buffer_u8(out, LOCAL_X2APIC);
        hotram_buffer_u8(out, 16);
        hotram_buffer_u16(out, 0);
        hotram_buffer_u32(out, cpu->apic_id);
        hotram_buffer_u32(out, cpu->flags);
        hotram_buffer_u32(out, cpu->uid);
        return;
    }
    hotram_buffer_u8(out, LOCAL_APIC); /* 5.2.12.2 */
    hotram_buffer_u8(out, 8);
    hotram_buffer_u8(out, (uint8_t)cpu->uid);
    hotram_buffer_u8(out, (uint8_t)cpu->apic_id);
    hotram_buffer_u32(out, cpu->flags);
}

/* 5.2.12.3 */
static void io_apic(struct hotram_buffer *out, const struct hotram_acpi_madt *config)
{
    hotram_buffer_u8(out, IO_APIC);
    hotram_buffer_u8(out, 12);
    hotram_buffer_u8(out, config->ioapic_id);
    hotram_buffer_u8(out, 0);
    hotram_buffer_u32(out, config->ioapic);
    hotram_buffer_u32(out, 0); /* first global system interrupt */
}

/* 5.2.12.5 */
static void override(struct hotram_buffer *out, const struct hotram_acpi_override *entry)
{
    hotram_buffer_u8(out, OVERRIDE);
    hotram_buffer_u8(out, 10);
    hotram_buffer_u8(out, 0); /* bus: ISA */
    hotram_buffer_u8(out, entry->source);
    hotram_buffer_u32(out, entry->gsi);
    hotram_buffer_u16(out, entry->flags);
}

/* 5.2.12.7 and, for processors with x2APIC entries, 5.2.12.13 */
static void nmi(struct hotram_buffer *out, const struct hotram_acpi_madt *config)
{
    bool x2apic = false;

    hotram_buffer_u8(out, LOCAL_APIC_NMI);
    hotram_buffer_u8(out, 6);
    hotram_buffer_u8(out, ALL_CPUS);
    hotram_buffer_u16(out, 0); /* polarity and trigger: as usual for the bus */
    hotram_buffer_u8(out, NMI_LINT);
    for (size_t i = 0; i < config->cpu_count; i++)
        x2apic = x2apic || is_x2apic(&config->cpus[i]);
    if (!x2apic)
        return;
    hotram_buffer_u8(out, LOCAL_X2APIC_NMI);
    hotram_buffer_u8(out, 12);
    hotram_buffer_u16(out, 0);
    hotram_buffer_u32(out, UINT32_MAX); /* all processors */
    hotram_buffer_u8(out, NMI_LINT);
    hotram_buffer_zeros(out, 3);
}

enum hotram_status hotram_acpi_madt(struct hotram_buffer *out, const struct hotram_acpi_ids *ids,
                                    const struct hotram_acpi_madt *config)
{
    struct hotram_acpi_table table;

    if (!out || !ids || !config || (!config->cpus && config->cpu_count > 0) ||
        (!config->overrides && config->override_count > 0))
        return HOTRAM_E_ARGUMENT;
    hotram_acpi_table_begin(&table, out, "APIC", MADT_REVISION, ids);
    hotram_buffer_u32(out, config->lapic);
    hotram_buffer_u32(out, PCAT_COMPAT);
    for (size_t i = 0; i < config->cpu_count; i++)
        libhotram_madt_local_apic(out, &config->cpus[i]);
    io_apic(out, config);
    for (size_t i = 0; i < config->override_count; i++)
        override(out, &config->overrides[i]);
    nmi(out, config);
    return hotram_acpi_table_end(&table);
}
