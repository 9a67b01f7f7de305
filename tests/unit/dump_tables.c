/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Write the ACPI tables of machine hotram-1 to files: DIRECTORY/SIGNATURE.dat. For acpi_tables.sh
 * and tests/aml.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "machine/x86_acpi.h"
#include "machine/x86_layout.h"

#define AREA ((size_t)(X86_BIOS_AREA_END - X86_BIOS_AREA))

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

/* Follow the pointers as a guest does: RSDP, XSDT, each table, and the FADT's FACS and DSDT. */
static void write_all(const char *directory, const uint8_t *area)
{
    const uint8_t *xsdt = area + (number_at(area + 24, 8) - X86_BIOS_AREA);
    size_t length = number_at(xsdt + 4, 4);

    write_table(directory, xsdt);
    for (size_t at = 36; at < length; at += 8) {
        const uint8_t *table = area + (number_at(xsdt + at, 8) - X86_BIOS_AREA);

        write_table(directory, table);
        if (memcmp(table, "FACP", 4) == 0) {
            write_table(directory, area + (number_at(table + 36, 4) - X86_BIOS_AREA));
            write_table(directory, area + (number_at(table + 140, 8) - X86_BIOS_AREA));
        }
    }
}

int main(int argc, char **argv)
{
    static uint8_t area[AREA];
    static struct numa_config numa = { .distances_given = true };
    static struct hotram_acpi_memory hotplug[3];
    struct x86_acpi_config config = {
        .low_ram_end = X86_LOW_RAM_END,
        .high_ram_size = 1 * GIB,
        .numa = &numa,
        .hotplug = hotplug,
        .hotplug_count = 3,
    };
    struct error error;
    uint64_t rsdp;

    if (argc != 4 && argc != 5) {
        fprintf(stderr, "usage: %s DIRECTORY SLOTS CPUS [NODES]\n", argv[0]);
        return 2;
    }
    config.slots = (uint32_t)strtoul(argv[2], NULL, 10);
    config.cpus = (uint32_t)strtoul(argv[3], NULL, 10);
    numa.nodes = argc == 5 ? (uint32_t)strtoul(argv[4], NULL, 10) : 1;
    for (uint32_t node = 0; node < numa.nodes; node++) {
        numa.ram[node] = 4 * GIB / numa.nodes;
        for (uint32_t to = 0; to < numa.nodes; to++)
            numa.distance[node][to] = node == to ? 10 : 20;
    }
    for (uint32_t cpu = 0; cpu < config.cpus; cpu++)
        numa.cpu_node[cpu] = (uint8_t)(cpu % numa.nodes);
    for (uint32_t i = 0; i < 3; i++)
        hotplug[i] = (struct hotram_acpi_memory){ (5 + i) * GIB, 1 * GIB, i % numa.nodes,
                                                  HOTRAM_SRAT_ENABLED | HOTRAM_SRAT_HOTPLUGGABLE };
    if (!x86_acpi_build(&config, area, sizeof area, X86_BIOS_AREA, &rsdp, &error)) {
        fprintf(stderr, "%s\n", error.text);
        return 1;
    }
    write_all(argv[1], area);
    return 0;
}
