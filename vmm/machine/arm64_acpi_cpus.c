/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * CPUs in the ACPI tables of machine hotram-1, arm64: behind which GIC, in which socket, near what memory.
 */
#include <hotram/acpi_cpus.h>

#include "layout/arm64.h"
#include "machine/arm64_acpi.h"

/* Sockets, cores that have threads, and CPUs. */
#define TOPOLOGY_MAX (3 * CPUS_MAX)
#define RANGES_MAX (NUMA_NODES_MAX + ACPI_HOTPLUG_MAX)

static uint32_t cpus_max(unsigned gic_version)
{
    return gic_version == 2 ? ARM64_GICV2_CPUS_MAX : (uint32_t)ARM64_GICV3_CPUS_MAX;
}

bool arm64_acpi_cpus(struct arm64_cpus *cpus, const struct arm64_acpi_config *config, struct error *error)
{
    const uint64_t count = (uint64_t)config->sockets * config->cores;
    const uint32_t most = cpus_max(config->gic_version);

    if (config->gic_version != 2 && config->gic_version != 3)
        return error_set(error, "ACPI tables: the GIC version must be 2 or 3, not %u", config->gic_version);
    if (count == 0 || config->threads == 0 || count > most || config->threads > most / count)
        return error_set(
            error,
            "ACPI tables: sockets (%u) * cores (%u) * threads (%u) must be 1 to %u CPUs, the limit of a GICv%u",
            config->sockets, config->cores, config->threads, most, config->gic_version);
    cpus->config = config;
    cpus->count = (uint32_t)count * config->threads;
    for (uint32_t i = 0; i < cpus->count; i++)
        cpus->cpus[i] = (struct hotram_acpi_gic_cpu){ .uid = i,
                                                      .node = config->numa->cpu_node[i],
                                                      .mpidr = config->mpidr[i] & HOTRAM_MPIDR_AFFINITY,
                                                      .flags = config->fixed == 0 || i < config->fixed
                                                                   ? HOTRAM_CPU_ENABLED
                                                                   : HOTRAM_CPU_ONLINE_CAPABLE };
    return true;
}

/* A container for each socket: with it the guest knows the socket by its number. */
void arm64_acpi_processors(struct hotram_aml *aml, const struct arm64_cpus *cpus)
{
    static const char digits[] = "0123456789ABCDEF";
    const uint32_t in_socket = cpus->count / cpus->config->sockets;

    for (uint32_t socket = 0; socket < cpus->config->sockets; socket++) {
        char path[] = "\\_SB.CP00";
        const struct hotram_acpi_processors processors = {
            .path = path,
            .uid = socket,
            .cpus = &cpus->cpus[socket * in_socket],
            .count = in_socket,
        };

        path[7] = digits[socket >> 4 & 0xf];
        path[8] = digits[socket & 0xf];
        hotram_acpi_processors(aml, &processors);
    }
}

bool arm64_acpi_has_hot_cpus(const struct arm64_cpus *cpus)
{
    return cpus->config->fixed > 0 && cpus->config->fixed < cpus->count;
}

/* The MADT's contents, which refer to the other two. The CPU interface of a GICv3 is in system registers,
 * that of a GICv2 in memory. */
static struct hotram_acpi_gic describe_gic(const struct arm64_cpus *cpus,
                                           struct hotram_acpi_registers *redistributors, uint64_t *its)
{
    const bool is_v3 = cpus->config->gic_version == 3;

    *redistributors = (struct hotram_acpi_registers){
        .base = ARM64_GICR,
        .length = HOTRAM_GICR_LENGTH * cpus->count,
    };
    *its = ARM64_ITS;
    return (struct hotram_acpi_gic){
        .version = cpus->config->gic_version,
        .distributor = ARM64_GICD,
        .pmu_gsi = cpus->config->pmu ? ARM64_GSI_PMU : 0,
        .cpu_interface = is_v3 ? 0 : ARM64_GICC,
        .redistributors = redistributors,
        .redistributor_count = is_v3 ? 1 : 0,
        .its = its,
        .its_count = cpus->config->its ? 1 : 0,
        .cpus = cpus->cpus,
        .cpu_count = cpus->count,
    };
}

enum hotram_status arm64_acpi_madt(struct hotram_buffer *out, const struct arm64_cpus *cpus)
{
    struct hotram_acpi_registers redistributors;
    uint64_t its;
    const struct hotram_acpi_gic gic = describe_gic(cpus, &redistributors, &its);

    return hotram_acpi_madt_gic(out, &acpi_ids, &gic);
}

/* The same containers, with CPUs that can come and go. */
enum hotram_status arm64_acpi_hot_processors(struct hotram_aml *aml, const struct arm64_cpus *cpus)
{
    struct hotram_acpi_registers redistributors;
    uint64_t its;
    const struct hotram_acpi_gic gic = describe_gic(cpus, &redistributors, &its);
    const struct hotram_acpi_cpu_devices devices = {
        .space = HOTRAM_AML_SYSTEM_MEMORY,
        .base = (uint32_t)ARM64_CPUHP,
        .count = cpus->count,
        .fixed = cpus->config->fixed,
        .container = cpus->count / cpus->config->sockets,
        .gic = &gic,
        .nodes = cpus->config->numa->nodes > 0,
    };

    return hotram_acpi_cpu_devices(aml, &devices);
}

/* ---- Topology ---- */

struct tree {
    struct hotram_acpi_topology nodes[TOPOLOGY_MAX];
    size_t count;
};

static size_t add(struct tree *tree, size_t parent, uint32_t uid, uint32_t flags)
{
    tree->nodes[tree->count] = (struct hotram_acpi_topology){ .parent = parent, .uid = uid, .flags = flags };
    return tree->count++;
}

/* A core that has one thread is a CPU itself. */
static void add_core(struct tree *tree, size_t socket, uint32_t first_cpu, uint32_t threads)
{
    const uint32_t cpu = HOTRAM_TOPOLOGY_LEAF | HOTRAM_TOPOLOGY_UID;
    size_t core;

    if (threads == 1) {
        add(tree, socket, first_cpu, cpu);
        return;
    }
    core = add(tree, socket, 0, HOTRAM_TOPOLOGY_SAME);
    for (uint32_t i = 0; i < threads; i++)
        add(tree, core, first_cpu + i, cpu | HOTRAM_TOPOLOGY_THREAD);
}

enum hotram_status arm64_acpi_pptt(struct hotram_buffer *out, const struct arm64_cpus *cpus)
{
    const struct arm64_acpi_config *config = cpus->config;
    struct tree tree = { .count = 0 };
    uint32_t cpu = 0;

    for (uint32_t i = 0; i < config->sockets; i++) {
        size_t socket = add(&tree, HOTRAM_TOPOLOGY_ROOT, i,
                            HOTRAM_TOPOLOGY_PACKAGE | HOTRAM_TOPOLOGY_UID | HOTRAM_TOPOLOGY_SAME);

        for (uint32_t core = 0; core < config->cores; core++, cpu += config->threads)
            add_core(&tree, socket, cpu, config->threads);
    }
    return hotram_acpi_pptt(out, &acpi_ids, tree.nodes, tree.count);
}

/* ---- Nodes ---- */

/* Nodes' parts of the RAM at start lie one behind the other. */
static size_t list_ram(const struct numa_config *numa, struct hotram_acpi_memory *ranges)
{
    uint64_t base = ARM64_RAM;
    size_t count = 0;

    for (uint32_t node = 0; node < numa->nodes; base += numa->ram[node++])
        if (numa->ram[node] > 0)
            ranges[count++] = (struct hotram_acpi_memory){
                .base = base,
                .size = numa->ram[node],
                .node = node,
                .flags = HOTRAM_SRAT_ENABLED,
            };
    return count;
}

enum hotram_status arm64_acpi_srat(struct hotram_buffer *out, const struct arm64_cpus *cpus)
{
    const struct arm64_acpi_config *config = cpus->config;
    struct hotram_acpi_gic_cpu sorted[CPUS_MAX];
    struct hotram_acpi_memory ranges[RANGES_MAX];
    uint32_t order[CPUS_MAX];
    size_t count = list_ram(config->numa, ranges);

    acpi_cpus_by_node(config->numa, cpus->count, order);
    for (uint32_t i = 0; i < cpus->count; i++)
        sorted[i] = cpus->cpus[order[i]];
    for (size_t i = 0; i < config->hotplug_count; i++)
        ranges[count++] = config->hotplug[i];
    return hotram_acpi_srat_gic(out, &acpi_ids, sorted, cpus->count, ranges, count);
}
