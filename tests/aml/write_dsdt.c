/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Write a DSDT with libhotram's devices to a file:
 *
 *   write_dsdt FILE KIND SLOTS
 *
 * io, memory: the memory devices alone, with their registers at ports or in memory. cpu-gpe: processors with
 * local APICs (255 and above: x2APICs), with \_GPE._E02. cpu-ged: processors behind a GICv3, four to a
 * container if that divides their number, the first two fixed if there are as many, in nodes of four; with a
 * Generic Event Device.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hotram/acpi.h>
#include <hotram/acpi_cpus.h>
#include <hotram/gpe.h>

/* As hotram-1 has it on x86-64, and in memory at the same number: there the tables differ in nothing else. */
#define BLOCK 0xa00
#define CPUS_PORT 0xcd8
#define CPUS_ADDRESS 0x090c0000
#define GED_ADDRESS 0x09080000
#define GED_GSI 41
#define CPUS_MAX 512u

static const struct hotram_acpi_ids ids = {
    .oem_id = "HOTRAM",
    .oem_table_id = "TEST",
    .oem_revision = 1,
    .creator_id = "HTRM",
    .creator_revision = 1,
};

static enum hotram_status write_memory(struct hotram_aml *aml, enum hotram_aml_space space, uint32_t slots)
{
    const struct hotram_acpi_memory_devices memory = { .space = space, .base = BLOCK, .slots = slots };

    return hotram_acpi_memory_devices(aml, &memory);
}

/* APIC ids with gaps, as those of three cores for each socket. */
static enum hotram_status write_x86_cpus(struct hotram_aml *aml, uint32_t slots)
{
    static struct hotram_acpi_cpu cpus[CPUS_MAX];
    const struct hotram_acpi_cpu_devices devices = {
        .space = HOTRAM_AML_SYSTEM_IO,
        .base = CPUS_PORT,
        .count = slots,
        .fixed = 1,
        .container = slots,
        .cpus = cpus,
    };
    enum hotram_status status;

    for (uint32_t i = 0; i < slots; i++)
        cpus[i] = (struct hotram_acpi_cpu){ .uid = i, .apic_id = i / 3 * 4 + i % 3, .flags = 0 };
    status = hotram_acpi_cpu_devices(aml, &devices);
    return status == HOTRAM_OK ? hotram_acpi_cpu_gpe(aml, HOTRAM_GPE_CPU) : status;
}

static enum hotram_status write_arm64_cpus(struct hotram_aml *aml, uint32_t slots)
{
    static struct hotram_acpi_gic_cpu cpus[CPUS_MAX];
    const struct hotram_acpi_registers redistributors = { 0x080a0000, slots * HOTRAM_GICR_LENGTH };
    const struct hotram_acpi_gic gic = {
        .version = 3,
        .distributor = 0x08000000,
        .redistributors = &redistributors,
        .redistributor_count = 1,
        .cpus = cpus,
        .cpu_count = slots,
        .pmu_gsi = 23,
    };
    const struct hotram_acpi_cpu_devices devices = {
        .space = HOTRAM_AML_SYSTEM_MEMORY,
        .base = CPUS_ADDRESS,
        .count = slots,
        .fixed = slots >= 2 ? 2 : 1,
        .container = slots % 4 == 0 ? 4 : slots,
        .gic = &gic,
        .nodes = true,
    };
    const struct hotram_acpi_ged ged = {
        .base = GED_ADDRESS,
        .gsi = GED_GSI,
        .without_memory = true,
        .cpus = true,
    };
    enum hotram_status status;

    for (uint32_t i = 0; i < slots; i++)
        cpus[i] = (struct hotram_acpi_gic_cpu){ .uid = i,
                                                .node = i / 4,
                                                .mpidr = i / 16 << 8 | i % 16,
                                                .flags = i < devices.fixed ? HOTRAM_CPU_ENABLED
                                                                           : HOTRAM_CPU_ONLINE_CAPABLE };
    status = hotram_acpi_cpu_devices(aml, &devices);
    return status == HOTRAM_OK ? hotram_acpi_ged(aml, &ged) : status;
}

static enum hotram_status write_devices(struct hotram_aml *aml, const char *kind, uint32_t slots)
{
    if (strcmp(kind, "io") == 0)
        return write_memory(aml, HOTRAM_AML_SYSTEM_IO, slots);
    if (strcmp(kind, "memory") == 0)
        return write_memory(aml, HOTRAM_AML_SYSTEM_MEMORY, slots);
    if (slots > CPUS_MAX)
        return HOTRAM_E_ARGUMENT;
    if (strcmp(kind, "cpu-gpe") == 0)
        return write_x86_cpus(aml, slots);
    return strcmp(kind, "cpu-ged") == 0 ? write_arm64_cpus(aml, slots) : HOTRAM_E_ARGUMENT;
}

static enum hotram_status write_dsdt(struct hotram_buffer *out, const char *kind, uint32_t slots)
{
    struct hotram_acpi_table table;
    struct hotram_aml aml;
    enum hotram_status status;

    hotram_acpi_table_begin(&table, out, "DSDT", 2, &ids);
    hotram_aml_begin(&aml, out);
    status = write_devices(&aml, kind, slots);
    if (status == HOTRAM_OK)
        status = hotram_aml_finish(&aml, NULL);
    hotram_acpi_table_end(&table);
    return status;
}

int main(int argc, char **argv)
{
    static uint8_t data[1 << 20];
    struct hotram_buffer out;
    enum hotram_status status;
    FILE *file;

    if (argc != 4) {
        fprintf(stderr, "usage: %s FILE KIND SLOTS\n", argv[0]);
        return 2;
    }
    hotram_buffer_init(&out, data, sizeof data);
    status = write_dsdt(&out, argv[2], (uint32_t)strtoul(argv[3], NULL, 10));
    if (status != HOTRAM_OK) {
        fprintf(stderr, "%s\n", hotram_status_text(status));
        return 1;
    }
    file = fopen(argv[1], "wb");
    if (!file || fwrite(data, 1, out.length, file) != out.length || fclose(file)) {
        perror(argv[1]);
        return 1;
    }
    return 0;
}
