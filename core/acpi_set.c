/* SPDX-License-Identifier: BSD-2-Clause */
#include <hotram/acpi_set.h>

#define TABLE_ALIGN 16u
#define DSDT_REVISION 2 /* 64-bit integers (19.6.30) */
#define LISTED_MAX 3    /* FADT, MADT, SRAT */

/* Being written: the addresses for the XSDT, and the first status that is an error. */
struct writer {
    struct hotram_buffer *out;
    const struct hotram_acpi_ids *ids;
    const struct hotram_acpi_set *set;
    uint64_t listed[LISTED_MAX];
    size_t count;
    enum hotram_status status;
};

static uint64_t next(struct writer *writer, size_t align)
{
    hotram_buffer_align(writer->out, align);
    return writer->set->address + writer->out->length;
}

/* What does not fit is measured, and said at the end. */
static void record_status(struct writer *writer, enum hotram_status status)
{
    if (writer->status == HOTRAM_OK && status != HOTRAM_E_BUFFER)
        writer->status = status;
}

static uint64_t write_dsdt(struct writer *writer)
{
    const uint64_t address = next(writer, TABLE_ALIGN);
    struct hotram_acpi_table table;
    struct hotram_aml aml;

    record_status(writer, hotram_acpi_table_begin(&table, writer->out, "DSDT", DSDT_REVISION, writer->ids));
    record_status(writer, hotram_aml_begin(&aml, writer->out));
    record_status(writer, writer->set->dsdt(&aml, writer->set->opaque));
    record_status(writer, hotram_aml_finish(&aml, NULL));
    record_status(writer, hotram_acpi_table_end(&table));
    return address;
}

static void write_listed(struct writer *writer, uint64_t facs, uint64_t dsdt)
{
    const struct hotram_acpi_set *set = writer->set;
    struct hotram_acpi_fadt fadt = set->fadt;

    fadt.facs = fadt.flags & HOTRAM_FADT_HW_REDUCED ? 0 : facs;
    fadt.dsdt = dsdt;
    writer->listed[writer->count++] = next(writer, TABLE_ALIGN);
    record_status(writer, hotram_acpi_fadt(writer->out, writer->ids, &fadt));
    if (set->madt) {
        writer->listed[writer->count++] = next(writer, TABLE_ALIGN);
        record_status(writer, hotram_acpi_madt(writer->out, writer->ids, set->madt));
    }
    if (set->memory_count > 0) {
        writer->listed[writer->count++] = next(writer, TABLE_ALIGN);
        record_status(writer, hotram_acpi_srat(writer->out, writer->ids, set->cpus, set->cpu_count,
                                               set->memory, set->memory_count));
    }
}

enum hotram_status hotram_acpi_set(struct hotram_buffer *out, const struct hotram_acpi_ids *ids,
                                   const struct hotram_acpi_set *set)
{
    struct writer writer = { .out = out, .ids = ids, .set = set, .status = HOTRAM_OK };
    struct hotram_buffer rsdp;
    uint64_t facs;
    uint64_t xsdt;

    if (!out || !ids || !set || !set->dsdt || out->length != 0 || set->address % HOTRAM_ACPI_SET_ALIGN)
        return HOTRAM_E_ARGUMENT;
    hotram_buffer_zeros(out, HOTRAM_ACPI_RSDP_LENGTH);
    facs = next(&writer, HOTRAM_ACPI_SET_ALIGN);
    record_status(&writer, hotram_acpi_facs(out));
    write_listed(&writer, facs, write_dsdt(&writer));
    xsdt = next(&writer, TABLE_ALIGN);
    record_status(&writer, hotram_acpi_xsdt(out, ids, writer.listed, writer.count));
    if (out->length > UINT64_MAX - set->address) /* the addresses wrapped */
        record_status(&writer, HOTRAM_E_ARGUMENT);
    if (writer.status != HOTRAM_OK) {
        out->length = 0;
        return writer.status;
    }
    if (hotram_buffer_status(out) != HOTRAM_OK)
        return hotram_buffer_status(out);
    hotram_buffer_init(&rsdp, out->data, HOTRAM_ACPI_RSDP_LENGTH);
    return hotram_acpi_rsdp(&rsdp, ids, xsdt);
}
