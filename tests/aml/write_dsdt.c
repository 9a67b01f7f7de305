/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Write a DSDT with libhotram's devices to a file:
 *
 *   write_dsdt FILE io|memory SLOTS
 *
 * The memory devices alone, with their registers at ports or in memory.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <hotram/acpi.h>

/* As hotram-1 has it on x86-64, and in memory at the same number: there the tables differ in nothing else. */
#define BLOCK 0xa00

static const struct hotram_acpi_ids ids = {
    .oem_id = "HOTRAM",
    .oem_table_id = "TEST",
    .oem_revision = 1,
    .creator_id = "HTRM",
    .creator_revision = 1,
};

static enum hotram_status write_dsdt(struct hotram_buffer *out, const char *kind, uint32_t slots)
{
    const struct hotram_acpi_memory_devices memory = {
        .space = strcmp(kind, "io") == 0 ? HOTRAM_AML_SYSTEM_IO : HOTRAM_AML_SYSTEM_MEMORY,
        .base = BLOCK,
        .slots = slots,
    };
    struct hotram_acpi_table table;
    struct hotram_aml aml;
    enum hotram_status status;

    hotram_acpi_table_begin(&table, out, "DSDT", 2, &ids);
    hotram_aml_begin(&aml, out);
    status = hotram_acpi_memory_devices(&aml, &memory);
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
        fprintf(stderr, "usage: %s FILE io|memory SLOTS\n", argv[0]);
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
