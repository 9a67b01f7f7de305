/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who is near what memory: SRAT (ACPI 6.5, 5.2.16) and SLIT (5.2.17).
 */
#include <hotram/acpi.h>
#include <hotram/acpi_arm.h>

#define SRAT_REVISION 3
#define SLIT_REVISION 1

/* Kinds of SRAT entries. */
#define CPU_AFFINITY 0
#define MEMORY_AFFINITY 1
#define X2APIC_AFFINITY 2
#define GICC_AFFINITY 3

#define LOCALITIES_MAX 256u

/* Whether the processor's entry counts. */
static uint32_t enabled_flag(uint32_t cpu_flags)
{
    return cpu_flags & (HOTRAM_CPU_ENABLED | HOTRAM_CPU_ONLINE_CAPABLE) ? 1 : 0;
}

static void cpu_affinity(struct hotram_buffer *out, const struct hotram_acpi_cpu *cpu)
{
    uint32_t enabled = enabled_flag(cpu->flags);

    if (cpu->apic_id >= 0xff) { /* 5.2.16.3 */
        hotram_buffer_u8(out, X2APIC_AFFINITY);
        hotram_buffer_u8(out, 24);
        hotram_buffer_u16(out, 0);
        hotram_buffer_u32(out, cpu->node);
        hotram_buffer_u32(out, cpu->apic_id);
        hotram_buffer_u32(out, enabled);
        hotram_buffer_zeros(out, 8); /* clock domain, reserved */
        return;
    }
    hotram_buffer_u8(out, CPU_AFFINITY); /* 5.2.16.1: the node's low byte, and its high bytes further on */
    hotram_buffer_u8(out, 16);
    hotram_buffer_u8(out, (uint8_t)cpu->node);
    hotram_buffer_u8(out, (uint8_t)cpu->apic_id);
    hotram_buffer_u32(out, enabled);
    hotram_buffer_u8(out, 0); /* local SAPIC EID */
    hotram_buffer_u8(out, (uint8_t)(cpu->node >> 8));
    hotram_buffer_u16(out, (uint16_t)(cpu->node >> 16));
    hotram_buffer_u32(out, 0); /* clock domain */
}

/* 5.2.16.4 */
static void gicc_affinity(struct hotram_buffer *out, const struct hotram_acpi_gic_cpu *cpu)
{
    hotram_buffer_u8(out, GICC_AFFINITY);
    hotram_buffer_u8(out, 18);
    hotram_buffer_u32(out, cpu->node);
    hotram_buffer_u32(out, cpu->uid);
    hotram_buffer_u32(out, enabled_flag(cpu->flags));
    hotram_buffer_u32(out, 0); /* clock domain */
}

/* 5.2.16.2 */
static void memory_affinity(struct hotram_buffer *out, const struct hotram_acpi_memory *memory)
{
    hotram_buffer_u8(out, MEMORY_AFFINITY);
    hotram_buffer_u8(out, 40);
    hotram_buffer_u32(out, memory->node);
    hotram_buffer_u16(out, 0);
    hotram_buffer_u64(out, memory->base);
    hotram_buffer_u64(out, memory->size);
    hotram_buffer_u32(out, 0);
    hotram_buffer_u32(out, memory->flags);
    hotram_buffer_u64(out, 0);
}

static void begin_srat(struct hotram_acpi_table *table, struct hotram_buffer *out,
                       const struct hotram_acpi_ids *ids)
{
    hotram_acpi_table_begin(table, out, "SRAT", SRAT_REVISION, ids);
    hotram_buffer_u32(out, 1); /* for compatibility (table 5.43) */
    hotram_buffer_zeros(out, 8);
}

static enum hotram_status end_srat(struct hotram_acpi_table *table, struct hotram_buffer *out,
                                   const struct hotram_acpi_memory *memory, size_t memory_count)
{
    for (size_t i = 0; i < memory_count; i++)
        memory_affinity(out, &memory[i]);
    return hotram_acpi_table_end(table);
}

enum hotram_status hotram_acpi_srat(struct hotram_buffer *out, const struct hotram_acpi_ids *ids,
                                    const struct hotram_acpi_cpu *cpus, size_t cpu_count,
                                    const struct hotram_acpi_memory *memory, size_t memory_count)
{
    struct hotram_acpi_table table;

    if (!out || !ids || (!cpus && cpu_count > 0) || (!memory && memory_count > 0))
        return HOTRAM_E_ARGUMENT;
    begin_srat(&table, out, ids);
    for (size_t i = 0; i < cpu_count; i++)
        cpu_affinity(out, &cpus[i]);
    return end_srat(&table, out, memory, memory_count);
}

enum hotram_status hotram_acpi_srat_gic(struct hotram_buffer *out, const struct hotram_acpi_ids *ids,
                                        const struct hotram_acpi_gic_cpu *cpus, size_t cpu_count,
                                        const struct hotram_acpi_memory *memory, size_t memory_count)
{
    struct hotram_acpi_table table;

    if (!out || !ids || (!cpus && cpu_count > 0) || (!memory && memory_count > 0))
        return HOTRAM_E_ARGUMENT;
    begin_srat(&table, out, ids);
    for (size_t i = 0; i < cpu_count; i++)
        gicc_affinity(out, &cpus[i]);
    return end_srat(&table, out, memory, memory_count);
}

enum hotram_status hotram_acpi_slit(struct hotram_buffer *out, const struct hotram_acpi_ids *ids,
                                    const uint8_t *distances, size_t nodes)
{
    struct hotram_acpi_table table;

    if (!out || !ids || !distances || nodes == 0 || nodes > LOCALITIES_MAX)
        return HOTRAM_E_ARGUMENT;
    hotram_acpi_table_begin(&table, out, "SLIT", SLIT_REVISION, ids);
    hotram_buffer_u64(out, nodes);
    hotram_buffer_bytes(out, distances, nodes * nodes);
    return hotram_acpi_table_end(&table);
}
