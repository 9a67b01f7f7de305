/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What all tables share, and the tables that lead to the others: RSDP, XSDT, FACS.
 */
#include <hotram/acpi.h>

/* Offsets in a header (5.2.6). */
#define LENGTH_OFFSET 4
#define CHECKSUM_OFFSET 9

#define RSDP_CHECKED_V1 20 /* bytes that the first checksum covers (5.2.5.3) */
#define RSDP_CHECKSUM 8
#define RSDP_EXTENDED_CHECKSUM 32

/* The byte that makes a sum of bytes 0. */
static uint8_t checksum(const uint8_t *bytes, size_t count)
{
    unsigned sum = 0;

    for (size_t i = 0; i < count; i++)
        sum += bytes[i];
    return (uint8_t)(0 - sum);
}

enum hotram_status hotram_acpi_table_begin(struct hotram_acpi_table *table, struct hotram_buffer *out,
                                           const char *signature, uint8_t revision,
                                           const struct hotram_acpi_ids *ids)
{
    if (!table)
        return HOTRAM_E_ARGUMENT;
    table->out = NULL;
    if (!out || !signature || !ids)
        return HOTRAM_E_ARGUMENT;
    table->out = out;
    table->start = out->length;
    hotram_buffer_bytes(out, signature, 4);
    hotram_buffer_u32(out, 0); /* length: at the end */
    hotram_buffer_u8(out, revision);
    hotram_buffer_u8(out, 0); /* checksum: at the end */
    hotram_buffer_bytes(out, ids->oem_id, sizeof ids->oem_id);
    hotram_buffer_bytes(out, ids->oem_table_id, sizeof ids->oem_table_id);
    hotram_buffer_u32(out, ids->oem_revision);
    hotram_buffer_bytes(out, ids->creator_id, sizeof ids->creator_id);
    hotram_buffer_u32(out, ids->creator_revision);
    return hotram_buffer_status(out);
}

enum hotram_status hotram_acpi_table_end(struct hotram_acpi_table *table)
{
    struct hotram_buffer *out;
    uint8_t *header;
    size_t length;

    if (!table || !table->out)
        return HOTRAM_E_ARGUMENT;
    out = table->out;
    table->out = NULL;
    if (out->length > out->capacity)
        return HOTRAM_E_BUFFER;
    header = out->data + table->start;
    length = out->length - table->start;
    for (unsigned i = 0; i < 4; i++)
        header[LENGTH_OFFSET + i] = (uint8_t)(length >> (8 * i));
    header[CHECKSUM_OFFSET] = checksum(header, length);
    return HOTRAM_OK;
}

enum hotram_status hotram_acpi_rsdp(struct hotram_buffer *out, const struct hotram_acpi_ids *ids,
                                    uint64_t xsdt)
{
    uint8_t *rsdp;
    size_t start;

    if (!out || !ids)
        return HOTRAM_E_ARGUMENT;
    start = out->length;
    hotram_buffer_bytes(out, "RSD PTR ", 8);
    hotram_buffer_u8(out, 0); /* checksum */
    hotram_buffer_bytes(out, ids->oem_id, sizeof ids->oem_id);
    hotram_buffer_u8(out, 2);  /* revision */
    hotram_buffer_u32(out, 0); /* no RSDT */
    hotram_buffer_u32(out, HOTRAM_ACPI_RSDP_LENGTH);
    hotram_buffer_u64(out, xsdt);
    hotram_buffer_zeros(out, 4); /* extended checksum, reserved */
    if (out->length > out->capacity)
        return HOTRAM_E_BUFFER;
    rsdp = out->data + start;
    rsdp[RSDP_CHECKSUM] = checksum(rsdp, RSDP_CHECKED_V1);
    rsdp[RSDP_EXTENDED_CHECKSUM] = checksum(rsdp, HOTRAM_ACPI_RSDP_LENGTH);
    return HOTRAM_OK;
}

enum hotram_status hotram_acpi_xsdt(struct hotram_buffer *out, const struct hotram_acpi_ids *ids,
                                    const uint64_t *tables, size_t count)
{
    struct hotram_acpi_table table;

    if (!out || !ids || (!tables && count > 0))
        return HOTRAM_E_ARGUMENT;
    hotram_acpi_table_begin(&table, out, "XSDT", 1, ids);
    for (size_t i = 0; i < count; i++)
        hotram_buffer_u64(out, tables[i]);
    return hotram_acpi_table_end(&table);
}

enum hotram_status hotram_acpi_facs(struct hotram_buffer *out)
{
    if (!out)
        return HOTRAM_E_ARGUMENT;
    hotram_buffer_bytes(out, "FACS", 4);
    hotram_buffer_u32(out, 64);   /* length */
    hotram_buffer_zeros(out, 24); /* hardware signature, waking vectors, global lock, flags */
    hotram_buffer_u8(out, 2);     /* version */
    hotram_buffer_zeros(out, 31);
    return hotram_buffer_status(out);
}
