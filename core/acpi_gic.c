/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Multiple APIC description table of a machine with a GIC (ACPI 6.5, 5.2.12.14 to 5.2.12.18).
 */
#include <stdbool.h>

#include <hotram/acpi_arm.h>

#include "acpi_cpu.h"

#define MADT_REVISION 5 /* of ACPI 6.4, see GICC_LENGTH */

/* Kinds of entries (table 5.21). */
#define GICC 0x0b
#define GICD 0x0c
#define GICR 0x0e
#define GIC_ITS 0x0f

/* ACPI 6.5 has 82 bytes, with the trace buffer's interrupt, which nobody has here. Older kernels and Xen take
 * exactly 80 with a FADT of revision 6. */
#define GICC_LENGTH 80

/* Flags of a GICC (5.2.12.14). */
#define GICC_ENABLED 1u
#define GICC_ONLINE_CAPABLE 8u

#define FRAME 0x10000u

static bool is_redistributor_range(const struct hotram_acpi_registers *range)
{
    return range->base % FRAME == 0 && range->length > 0 && range->length % HOTRAM_GICR_LENGTH == 0;
}

/* A GICv2 has a CPU interface in memory, a GICv3 redistributors, one for each processor. */
static bool has_parts_of_its_version(const struct hotram_acpi_gic *config)
{
    uint64_t room = 0;

    if (config->version == 2)
        return config->cpu_interface != 0 && config->redistributor_count == 0 && config->its_count == 0 &&
               config->cpu_count <= HOTRAM_GICV2_CPUS_MAX;
    if (config->version != 3 || config->cpu_interface != 0)
        return false;
    for (size_t i = 0; i < config->redistributor_count; i++) {
        if (!is_redistributor_range(&config->redistributors[i]))
            return false;
        room += config->redistributors[i].length / HOTRAM_GICR_LENGTH;
    }
    return room >= config->cpu_count;
}

bool libhotram_gic_is_valid(const struct hotram_acpi_gic *config)
{
    if ((!config->cpus && config->cpu_count > 0) || (!config->its && config->its_count > 0) ||
        (!config->redistributors && config->redistributor_count > 0) || !has_parts_of_its_version(config))
        return false;
    for (size_t i = 0; i < config->cpu_count; i++)
        if (!libhotram_cpu_flags_are_valid(config->cpus[i].flags) ||
            (config->cpus[i].mpidr & ~HOTRAM_MPIDR_AFFINITY) != 0)
            return false;
    return true;
}

/* 5.2.12.14. The redistributors have entries of their own, so the base here is 0. */
void libhotram_madt_gicc(struct hotram_buffer *out, const struct hotram_acpi_gic *config, size_t index,
                         uint32_t flags)
{
    const struct hotram_acpi_gic_cpu *cpu = &config->cpus[index];

    hotram_buffer_u8(out, GICC);
    hotram_buffer_u8(out, GICC_LENGTH);
    hotram_buffer_u16(out, 0);
    hotram_buffer_u32(out, (uint32_t)index); /* CPU interface number */
    hotram_buffer_u32(out, cpu->uid);
    hotram_buffer_u32(out, (flags & HOTRAM_CPU_ENABLED ? GICC_ENABLED : 0) |
                               (flags & HOTRAM_CPU_ONLINE_CAPABLE ? GICC_ONLINE_CAPABLE : 0));
    hotram_buffer_u32(out, 0); /* parking protocol: none, there is PSCI */
    hotram_buffer_u32(out, config->pmu_gsi);
    hotram_buffer_u64(out, 0); /* parked address */
    hotram_buffer_u64(out, config->cpu_interface);
    hotram_buffer_zeros(out, 8 + 8 + 4); /* GICV, GICH, maintenance interrupt: no virtualization */
    hotram_buffer_u64(out, 0);           /* GICR */
    hotram_buffer_u64(out, cpu->mpidr);
    hotram_buffer_zeros(out, 4); /* efficiency class, reserved, profiling interrupt */
}

/* 5.2.12.15 */
static void gicd(struct hotram_buffer *out, const struct hotram_acpi_gic *config)
{
    hotram_buffer_u8(out, GICD);
    hotram_buffer_u8(out, 24);
    hotram_buffer_u16(out, 0);
    hotram_buffer_u32(out, 0); /* id */
    hotram_buffer_u64(out, config->distributor);
    hotram_buffer_u32(out, 0); /* first global system interrupt: always 0 */
    hotram_buffer_u8(out, (uint8_t)config->version);
    hotram_buffer_zeros(out, 3);
}

/* 5.2.12.17 */
static void gicr(struct hotram_buffer *out, const struct hotram_acpi_registers *range)
{
    hotram_buffer_u8(out, GICR);
    hotram_buffer_u8(out, 16);
    hotram_buffer_u16(out, 0);
    hotram_buffer_u64(out, range->base);
    hotram_buffer_u32(out, range->length);
}

/* 5.2.12.18 */
static void its(struct hotram_buffer *out, uint32_t id, uint64_t base)
{
    hotram_buffer_u8(out, GIC_ITS);
    hotram_buffer_u8(out, 20);
    hotram_buffer_u16(out, 0);
    hotram_buffer_u32(out, id);
    hotram_buffer_u64(out, base);
    hotram_buffer_u32(out, 0);
}

enum hotram_status hotram_acpi_madt_gic(struct hotram_buffer *out, const struct hotram_acpi_ids *ids,
                                        const struct hotram_acpi_gic *config)
{
    struct hotram_acpi_table table;

    if (!out || !ids || !config || !libhotram_gic_is_valid(config))
        return HOTRAM_E_ARGUMENT;
    hotram_acpi_table_begin(&table, out, "APIC", MADT_REVISION, ids);
    hotram_buffer_zeros(out, 8); /* local APICs, flags: of x86 */
    gicd(out, config);
    for (size_t i = 0; i < config->cpu_count; i++)
        libhotram_madt_gicc(out, config, i, config->cpus[i].flags);
    for (size_t i = 0; i < config->redistributor_count; i++)
        gicr(out, &config->redistributors[i]);
    for (size_t i = 0; i < config->its_count; i++)
        its(out, (uint32_t)i, config->its[i]);
    return hotram_acpi_table_end(&table);
}
