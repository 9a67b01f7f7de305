/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Write the ACPI tables of machine hotram-1 to files: DIRECTORY/SIGNATURE.dat. For acpi_tables.sh,
 * golden_tables.py and tests/aml.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "chips.h"

#include "layout/arm64.h"
#include "layout/x86.h"
#include "machine/arm64_acpi.h"
#include "machine/x86_acpi.h"

#define X86_AREA ((size_t)(X86_BIOS_AREA_END - X86_BIOS_AREA))
#define ARM64_AREA (ARM64_RAM + 128 * MIB) /* somewhere in RAM */

static uint8_t area[ARM64_ACPI_SIZE_MAX];
static uint64_t area_start; /* where the guest sees it */

static uint64_t number_at(const uint8_t *bytes, unsigned length)
{
    uint64_t value = 0;

    for (unsigned i = 0; i < length; i++)
        value |= (uint64_t)bytes[i] << (8 * i);
    return value;
}

static void write_table(const char *directory, const uint8_t *table)
{
    char path[4096];
    FILE *file;
    size_t length = number_at(table + 4, 4);

    snprintf(path, sizeof path, "%s/%.4s.dat", directory, (const char *)table);
    file = fopen(path, "wb");
    if (!file || fwrite(table, 1, length, file) != length || fclose(file)) {
        perror(path);
        exit(1);
    }
    printf("%.4s %zu\n", (const char *)table, length);
}

static const uint8_t *at(uint64_t address)
{
    return area + (address - area_start);
}

/* Follow the pointers as a guest does: RSDP, XSDT, each table, and the FADT's FACS and DSDT. */
static void write_all(const char *directory)
{
    const uint8_t *xsdt = at(number_at(area + 24, 8));
    size_t length = number_at(xsdt + 4, 4);

    write_table(directory, xsdt);
    for (size_t i = 36; i < length; i += 8) {
        const uint8_t *table = at(number_at(xsdt + i, 8));

        write_table(directory, table);
        if (memcmp(table, "FACP", 4) == 0) {
            if (number_at(table + 36, 4)) /* hardware-reduced ACPI has no FACS */
                write_table(directory, at(number_at(table + 36, 4)));
            write_table(directory, at(number_at(table + 140, 8)));
        }
    }
}

/* ---- The machine ---- */

static struct numa_config numa = { .distances_given = true };
static struct hotram_acpi_memory hotplug[3];

#define RAM_SIZE (4 * GIB)

/* The RAM and, from hotplug_base on, 3 GiB of hotplug region, divided between the nodes. */
static void make_nodes(uint32_t nodes, uint32_t cpus, uint64_t hotplug_base)
{
    numa.nodes = nodes;
    for (uint32_t node = 0; node < nodes; node++) {
        numa.ram[node] = RAM_SIZE / nodes;
        for (uint32_t to = 0; to < nodes; to++)
            numa.distance[node][to] = node == to ? 10 : 20;
    }
    for (uint32_t cpu = 0; cpu < cpus; cpu++)
        numa.cpu_node[cpu] = (uint8_t)(cpu % nodes);
    chips_config.numa = numa;
    for (uint32_t i = 0; i < 3; i++)
        hotplug[i] = (struct hotram_acpi_memory){ hotplug_base + i * GIB, 1 * GIB, i % nodes,
                                                  HOTRAM_SRAT_ENABLED | HOTRAM_SRAT_HOTPLUGGABLE };
}

static bool build_x86(bool ged, uint32_t slots, uint32_t cpus, uint32_t present, struct error *error)
{
    static bool is_present[CPUS_MAX];
    const struct x86_acpi_config config = {
        .topology = { 1, 1 },
        .cpus = cpus,
        .present = is_present,
        .hot_cpus = present < cpus,
        .slots = slots,
        .ged = ged,
        .low_ram_end = X86_LOW_RAM_END,
        .high_ram_size = RAM_SIZE - X86_LOW_RAM_END,
        .board = x86_board(ged),
        .numa = &numa,
        .hotplug = hotplug,
        .hotplug_count = 3,
    };
    uint64_t rsdp;

    for (uint32_t cpu = 0; cpu < present && cpu < CPUS_MAX; cpu++)
        is_present[cpu] = true;
    area_start = X86_BIOS_AREA;
    return x86_acpi_build(&config, area, X86_AREA, area_start, &rsdp, error);
}

/* Half of the CPUs in each of two sockets, and two of them in a core, where there are enough. */
static bool build_arm64(unsigned gic_version, uint32_t slots, uint32_t cpus, uint32_t present,
                        struct error *error)
{
    static uint64_t mpidr[CPUS_MAX];
    const struct arm64_acpi_config config = {
        .gic_version = gic_version,
        .its = gic_version == 3,
        .sockets = cpus % 2 ? 1 : 2,
        .cores = cpus % 4 ? cpus / (cpus % 2 ? 1 : 2) : cpus / 4,
        .threads = cpus % 4 ? 1 : 2,
        .mpidr = mpidr,
        .fixed = present,
        .slots = slots,
        .console = true,
        .board = arm64_board(),
        .numa = &numa,
        .hotplug = hotplug,
        .hotplug_count = 3,
    };
    uint64_t rsdp;

    for (uint32_t cpu = 0; cpu < CPUS_MAX; cpu++)
        mpidr[cpu] = UINT64_C(0x80000000) | cpu / 16 << 8 | cpu % 16;
    area_start = ARM64_AREA;
    return arm64_acpi_build(&config, area, sizeof area, area_start, &rsdp, error);
}

int main(int argc, char **argv)
{
    struct error error;
    uint32_t slots;
    uint32_t cpus;
    uint32_t nodes;
    uint32_t present;
    bool is_x86;
    bool is_built;

    if (argc < 5 || argc > 7) {
        fprintf(stderr, "usage: %s x86|x86-ged|gicv2|gicv3 DIRECTORY SLOTS CPUS [NODES [PRESENT]]\n",
                argv[0]);
        return 2;
    }
    is_x86 = strncmp(argv[1], "x86", 3) == 0;
    slots = (uint32_t)strtoul(argv[3], NULL, 10);
    cpus = (uint32_t)strtoul(argv[4], NULL, 10);
    nodes = argc > 5 ? (uint32_t)strtoul(argv[5], NULL, 10) : 1;
    present = argc > 6 ? (uint32_t)strtoul(argv[6], NULL, 10) : cpus;
    make_nodes(nodes, cpus, is_x86 ? X86_HIGH_RAM_START + RAM_SIZE - X86_LOW_RAM_END : ARM64_RAM + RAM_SIZE);
    if (is_x86)
        is_built = build_x86(strcmp(argv[1], "x86-ged") == 0, slots, cpus, present, &error);
    else
        is_built = build_arm64(strcmp(argv[1], "gicv2") == 0 ? 2 : 3, slots, cpus, present, &error);
    if (!is_built) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    write_all(argv[2]);
    return 0;
}
