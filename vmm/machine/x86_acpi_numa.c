/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SRAT of machine hotram-1, x86-64: who is near what memory. Nodes' parts of the RAM at start lie one behind
 * the other, without the legacy hole below 1 MiB and the one below 4 GiB.
 */
#include <hotram/dimm.h>

#include "layout/x86.h"
#include "machine/x86_acpi.h"

#define LEGACY_HOLE (640 * KIB)
/* A range for each node and one more for each hole that cuts one; one for each DIMM and each gap between
 * them. */
#define RANGES_MAX (NUMA_NODES_MAX + 2 + ACPI_HOTPLUG_MAX)

/* What of RAM's bytes [from, to), counted without the hole below 4 GiB, lies in a range of addresses. */
static void add_part(struct hotram_acpi_memory *ranges, size_t *count, uint32_t node, uint64_t from,
                     uint64_t to, uint64_t start, uint64_t end)
{
    if (start < from)
        start = from;
    if (end > to)
        end = to;
    if (start < end)
        ranges[(*count)++] = (struct hotram_acpi_memory){
            .base = start,
            .size = end - start,
            .node = node,
            .flags = HOTRAM_SRAT_ENABLED,
        };
}

static size_t list_ram(const struct x86_acpi_config *config, struct hotram_acpi_memory *ranges)
{
    const uint64_t hole = X86_HIGH_RAM_START - config->low_ram_end;
    size_t count = 0;
    uint64_t from = 0;

    for (uint32_t node = 0; node < config->numa->nodes; node++) {
        uint64_t to = from + config->numa->ram[node];

        add_part(ranges, &count, node, from, to, 0,
                 config->low_ram_end < LEGACY_HOLE ? config->low_ram_end : LEGACY_HOLE);
        add_part(ranges, &count, node, from, to, 1 * MIB, config->low_ram_end);
        if (to > config->low_ram_end)
            add_part(ranges, &count, node, from + hole, to + hole, X86_HIGH_RAM_START, UINT64_MAX);
        from = to;
    }
    return count;
}

enum hotram_status x86_acpi_srat(struct hotram_buffer *out, const struct x86_acpi_config *config,
                                 const struct hotram_acpi_cpu *cpus)
{
    struct hotram_acpi_memory ranges[RANGES_MAX];
    struct hotram_acpi_cpu sorted[CPUS_MAX];
    uint32_t order[CPUS_MAX];
    size_t count = list_ram(config, ranges);

    acpi_cpus_by_node(config->numa, config->cpus, order);
    for (uint32_t i = 0; i < config->cpus; i++)
        sorted[i] = cpus[order[i]];
    for (size_t i = 0; i < config->hotplug_count; i++)
        ranges[count++] = config->hotplug[i];
    return hotram_acpi_srat(out, &acpi_ids, sorted, config->cpus, ranges, count);
}
