/* SPDX-License-Identifier: BSD-2-Clause */
#include "machine/acpi_tables.h"

const struct hotram_acpi_ids acpi_ids = {
    .oem_id = "HOTRAM",
    .oem_table_id = "HOTRAM-1",
    .oem_revision = 1,
    .creator_id = "HTRM",
    .creator_revision = 1,
};

enum hotram_status acpi_writer_begin(struct acpi_writer *writer, uint8_t *buffer, size_t capacity,
                                     uint64_t guest_address)
{
    enum hotram_status status;

    *writer = (struct acpi_writer){ .guest_address = guest_address };
    status = hotram_buffer_init(&writer->out, buffer, capacity);
    hotram_buffer_zeros(&writer->out, HOTRAM_ACPI_RSDP_LENGTH);
    return status;
}

uint64_t acpi_writer_next(struct acpi_writer *writer, size_t align)
{
    hotram_buffer_align(&writer->out, align);
    return writer->guest_address + writer->out.length;
}

void acpi_writer_list(struct acpi_writer *writer)
{
    writer->tables[writer->table_count++] = acpi_writer_next(writer, ACPI_TABLE_ALIGN);
}

bool acpi_writer_end(struct acpi_writer *writer, enum hotram_status status, uint64_t *rsdp_address,
                     struct error *error)
{
    uint64_t xsdt = acpi_writer_next(writer, ACPI_TABLE_ALIGN);
    struct hotram_buffer rsdp;

    if (status == HOTRAM_OK || status == HOTRAM_E_BUFFER)
        status = hotram_acpi_xsdt(&writer->out, &acpi_ids, writer->tables, writer->table_count);
    if (status == HOTRAM_E_BUFFER)
        return error_set(error, "ACPI tables: %zu bytes are needed, but there is room for %zu only",
                         writer->out.length, writer->out.capacity);
    if (status != HOTRAM_OK)
        return error_set(error, "ACPI tables: %s", hotram_status_text(status));
    hotram_buffer_init(&rsdp, writer->out.data, HOTRAM_ACPI_RSDP_LENGTH);
    hotram_acpi_rsdp(&rsdp, &acpi_ids, xsdt);
    *rsdp_address = writer->guest_address;
    return true;
}

bool acpi_check(uint32_t cpus, uint32_t cpus_max, uint32_t slots, const struct numa_config *numa,
                size_t hotplug_count, struct error *error)
{
    if (cpus == 0 || cpus > cpus_max)
        return error_set(error, "ACPI tables: a machine has 1 to %u CPUs, not %u", cpus_max, cpus);
    if (slots > HOTRAM_SLOTS_MAX)
        return error_set(error, "ACPI tables: %u memory slots exceed the limit of %u", slots,
                         HOTRAM_SLOTS_MAX);
    if (slots > 0 && (hotplug_count == 0 || numa->nodes == 0))
        return error_set(error, "ACPI tables: %u memory slots, but the hotplug region is empty or in no node",
                         slots);
    if (hotplug_count > ACPI_HOTPLUG_MAX)
        return error_set(error, "ACPI tables: %zu hot-pluggable ranges exceed the limit of %u", hotplug_count,
                         ACPI_HOTPLUG_MAX);
    return true;
}
