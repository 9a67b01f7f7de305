/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Packages, cores and threads: the processor properties topology table (ACPI 6.5, 5.2.30), and the devices of
 * processors and their containers (8.4).
 */
#include <stdbool.h>

#include <hotram/acpi_arm.h>

#include "acpi_cpu.h"

#define PPTT_REVISION 2 /* what 3 changed is in the structures of caches */

#define PROCESSOR 0         /* kind of a node: processor hierarchy (5.2.30.1) */
#define PROCESSOR_LENGTH 20 /* without private resources */
#define ALL_FLAGS \
    (HOTRAM_TOPOLOGY_PACKAGE | HOTRAM_TOPOLOGY_UID | HOTRAM_TOPOLOGY_THREAD | HOTRAM_TOPOLOGY_LEAF | \
     HOTRAM_TOPOLOGY_SAME)

/* _STA of a processor that is not enabled (6.3.7). Present is what may come: a guest that sees that bit
 * change takes it for a processor that it does not know. */
#define PRESENT_NOT_ENABLED 0xd
#define ABSENT 0

static bool is_valid(const struct hotram_acpi_topology *nodes, size_t index)
{
    const struct hotram_acpi_topology *node = &nodes[index];
    uint32_t leaf = node->flags & HOTRAM_TOPOLOGY_LEAF;

    if ((node->flags & ~ALL_FLAGS) != 0 || (leaf && !(node->flags & HOTRAM_TOPOLOGY_UID)))
        return false;
    if (node->flags & HOTRAM_TOPOLOGY_THREAD && (!leaf || node->parent == HOTRAM_TOPOLOGY_ROOT))
        return false;
    return node->parent == HOTRAM_TOPOLOGY_ROOT ||
           (node->parent < index && !(nodes[node->parent].flags & HOTRAM_TOPOLOGY_LEAF));
}

static uint32_t offset_of(size_t index)
{
    return HOTRAM_ACPI_HEADER_LENGTH + PROCESSOR_LENGTH * (uint32_t)index;
}

static void processor(struct hotram_buffer *out, const struct hotram_acpi_topology *node)
{
    hotram_buffer_u8(out, PROCESSOR);
    hotram_buffer_u8(out, PROCESSOR_LENGTH);
    hotram_buffer_u16(out, 0);
    hotram_buffer_u32(out, node->flags);
    hotram_buffer_u32(out, node->parent == HOTRAM_TOPOLOGY_ROOT ? 0 : offset_of(node->parent));
    hotram_buffer_u32(out, node->flags & HOTRAM_TOPOLOGY_UID ? node->uid : 0);
    hotram_buffer_u32(out, 0); /* private resources */
}

enum hotram_status hotram_acpi_pptt(struct hotram_buffer *out, const struct hotram_acpi_ids *ids,
                                    const struct hotram_acpi_topology *nodes, size_t count)
{
    struct hotram_acpi_table table;

    if (!out || !ids || (!nodes && count > 0) || count > HOTRAM_TOPOLOGY_NODES_MAX)
        return HOTRAM_E_ARGUMENT;
    for (size_t i = 0; i < count; i++)
        if (!is_valid(nodes, i))
            return HOTRAM_E_ARGUMENT;
    hotram_acpi_table_begin(&table, out, "PPTT", PPTT_REVISION, ids);
    for (size_t i = 0; i < count; i++)
        processor(out, &nodes[i]);
    return hotram_acpi_table_end(&table);
}

/* ---- Devices ---- */

static void identity(struct hotram_aml *aml, const char *id, uint32_t uid)
{
    hotram_aml_name(aml, "_HID");
    hotram_aml_string(aml, id);
    hotram_aml_name(aml, "_UID");
    hotram_aml_integer(aml, uid);
}

static void processor_device(struct hotram_aml *aml, size_t index, const struct hotram_acpi_gic_cpu *cpu)
{
    static const char digits[] = "0123456789ABCDEF";
    const char name[5] = { 'C', digits[index >> 8 & 0xf], digits[index >> 4 & 0xf], digits[index & 0xf], 0 };

    hotram_aml_device(aml, name);
    identity(aml, "ACPI0007", cpu->uid);
    if (cpu->flags != HOTRAM_CPU_ENABLED) {
        hotram_aml_name(aml, "_STA");
        hotram_aml_integer(aml, cpu->flags == HOTRAM_CPU_ONLINE_CAPABLE ? PRESENT_NOT_ENABLED : ABSENT);
    }
    hotram_aml_end(aml);
}

enum hotram_status hotram_acpi_processors(struct hotram_aml *aml, const struct hotram_acpi_processors *config)
{
    if (!aml || !config || !config->path || (!config->cpus && config->count > 0) ||
        config->count > HOTRAM_PROCESSORS_MAX)
        return HOTRAM_E_ARGUMENT;
    for (size_t i = 0; i < config->count; i++)
        if (!libhotram_cpu_flags_are_valid(config->cpus[i].flags))
            return HOTRAM_E_ARGUMENT;
    hotram_aml_device(aml, config->path);
    identity(aml, "ACPI0010", config->uid);
    for (size_t i = 0; i < config->count; i++)
        processor_device(aml, i, &config->cpus[i]);
    hotram_aml_end(aml);
    return HOTRAM_OK;
}
