/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * NUMA nodes in the ACPI tables, as far as architectures do not differ.
 */
#include "machine/acpi_tables.h"

void acpi_cpus_by_node(const struct numa_config *numa, uint32_t count, uint32_t *order)
{
    uint32_t at = 0;

    for (uint32_t node = 0; at < count; node++)
        for (uint32_t cpu = 0; cpu < count; cpu++)
            if (numa->cpu_node[cpu] == node)
                order[at++] = cpu;
}

enum hotram_status acpi_slit(struct hotram_buffer *out, const struct numa_config *numa)
{
    uint8_t distances[NUMA_NODES_MAX * NUMA_NODES_MAX];

    for (uint32_t from = 0; from < numa->nodes; from++)
        for (uint32_t to = 0; to < numa->nodes; to++)
            distances[from * numa->nodes + to] = numa->distance[from][to];
    return hotram_acpi_slit(out, &acpi_ids, distances, numa->nodes);
}
