/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Write a DSDT with libhotram's devices to a file:
 *
 *   write_dsdt FILE io|memory|ged SLOTS
 *
 * io, memory: the memory devices alone, as machine hotram-1 has them or with their registers in memory.
 * ged: registers in memory, a Generic Event Device and a power button, as a machine without fixed hardware.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hotram/acpi.h>

/* As hotram-1 has it, and in memory at the same number: there the tables differ in nothing else. */
#define BLOCK 0xa00
/* As QEMU's arm64 machine has them. */
#define GED_BLOCK 0x09070000
#define GED 0x09080000
#define GED_GSI 41

static const struct hotram_acpi_ids ids = {
    .oem_id = "HOTRAM",
    .oem_table_id = "TEST",
    .oem_revision = 1,
    .creator_id = "HTRM",
    .creator_revision = 1,
};

static void power_button(struct hotram_aml *aml)
{
    hotram_aml_scope(aml, "\\_SB");
    hotram_aml_device(aml, "PWRB");
    hotram_aml_name(aml, "_HID");
    hotram_aml_eisaid(aml, "PNP0C0C");
    hotram_aml_end(aml);
    hotram_aml_end(aml);
}

static enum hotram_status write_dsdt(struct hotram_buffer *out, const char *kind, uint32_t slots)
{
    const bool has_ged = strcmp(kind, "ged") == 0;
    const struct hotram_acpi_memory_devices memory = {
        .space = strcmp(kind, "io") == 0 ? HOTRAM_AML_SYSTEM_IO : HOTRAM_AML_SYSTEM_MEMORY,
        .base = has_ged ? GED_BLOCK : BLOCK,
        .slots = slots,
    };
    const struct hotram_acpi_ged ged = { .base = GED, .gsi = GED_GSI, .power_button = "\\_SB.PWRB" };
    struct hotram_acpi_table table;
    struct hotram_aml aml;
    enum hotram_status status;

    hotram_acpi_table_begin(&table, out, "DSDT", 2, &ids);
    hotram_aml_begin(&aml, out);
    status = hotram_acpi_memory_devices(&aml, &memory);
    if (status == HOTRAM_OK && has_ged) {
        power_button(&aml);
        status = hotram_acpi_ged(&aml, &ged);
    }
    if (status == HOTRAM_OK)
        status = hotram_aml_finish(&aml, NULL);
    hotram_acpi_table_end(&table);
    return status;
}

int main(int argc, char **argv)
{
    static uint8_t data[1 << 16];
    struct hotram_buffer out;
    enum hotram_status status;
    FILE *file;

    if (argc != 4) {
        fprintf(stderr, "usage: %s FILE io|memory|ged SLOTS\n", argv[0]);
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
