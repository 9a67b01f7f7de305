/* SPDX-License-Identifier: BSD-2-Clause */
#include "machine/acpi_tables.h"

#include <hotram/acpi_pci.h>

#include "device/board.h"
#include "pci/bus.h"

const struct hotram_acpi_ids acpi_ids = {
    .oem_id = "HOTRAM",
    .oem_table_id = "HOTRAM-1",
    .oem_revision = 1,
    .creator_id = "HTRM",
    .creator_revision = 1,
};

/* Where the next table will be, for the guest. */
static uint64_t next_table(struct acpi_writer *writer, enum acpi_place place)
{
    hotram_buffer_align(&writer->out, place == ACPI_FACS ? ACPI_FACS_ALIGN : ACPI_TABLE_ALIGN);
    return writer->guest_address + writer->out.length;
}

static bool list(struct acpi_writer *writer, uint64_t address)
{
    if (writer->table_count == ACPI_TABLES_MAX)
        return false;
    writer->tables[writer->table_count++] = address;
    return true;
}

static bool write_row(struct acpi_writer *writer, const struct acpi_row *row, const void *config,
                      struct error *error)
{
    const uint64_t address = next_table(writer, row->place);
    enum hotram_status status;

    if (row->place == ACPI_FACS)
        writer->facs = address;
    else if (row->place == ACPI_DSDT)
        writer->dsdt = address;
    else if (!list(writer, address))
        return error_set(error, "ACPI tables: no room for %s in a list of %u", row->signature,
                         ACPI_TABLES_MAX);
    status = row->write(writer, config);
    return status == HOTRAM_OK || status == HOTRAM_E_BUFFER ||
           error_set(error, "ACPI tables: %s: %s", row->signature, hotram_status_text(status));
}

/* XSDT and RSDP. */
static bool finish(struct acpi_writer *writer, struct error *error)
{
    const uint64_t xsdt = next_table(writer, ACPI_LISTED);
    struct hotram_buffer rsdp;
    enum hotram_status status = hotram_acpi_xsdt(&writer->out, &acpi_ids, writer->tables,
                                                 writer->table_count);

    if (status == HOTRAM_OK)
        status = hotram_buffer_status(&writer->out);
    if (status == HOTRAM_E_BUFFER)
        return error_set(error, "ACPI tables: %zu bytes are needed, but only %zu are available",
                         writer->out.length, writer->out.capacity);
    if (status == HOTRAM_OK)
        status = hotram_buffer_init(&rsdp, writer->out.data, HOTRAM_ACPI_RSDP_LENGTH);
    if (status == HOTRAM_OK)
        status = hotram_acpi_rsdp(&rsdp, &acpi_ids, xsdt);
    return status == HOTRAM_OK || error_set(error, "ACPI tables: %s", hotram_status_text(status));
}

bool acpi_write(const struct acpi_row *rows, size_t count, const void *config, uint8_t *buffer,
                size_t capacity, uint64_t guest_address, uint64_t *rsdp_address, struct error *error)
{
    struct acpi_writer writer = { .guest_address = guest_address };
    const enum hotram_status status = hotram_buffer_init(&writer.out, buffer, capacity);

    if (status != HOTRAM_OK)
        return error_set(error, "ACPI tables: %s", hotram_status_text(status));
    if (guest_address % ACPI_FACS_ALIGN)
        return error_set(error, "ACPI tables: address 0x%llx is not a multiple of %u",
                         (unsigned long long)guest_address, ACPI_FACS_ALIGN);
    hotram_buffer_zeros(&writer.out, HOTRAM_ACPI_RSDP_LENGTH);
    /* The first table of every machine is there (firmware/table_loader.h), whether it is a FACS or not. */
    hotram_buffer_align(&writer.out, ACPI_FACS_ALIGN);
    for (size_t i = 0; i < count; i++)
        if ((!rows[i].wanted || rows[i].wanted(config)) && !write_row(&writer, &rows[i], config, error))
            return false;
    if (!finish(&writer, error))
        return false;
    *rsdp_address = guest_address;
    return true;
}

bool acpi_check(uint32_t cpus, uint32_t cpus_max, uint32_t slots, const struct numa_config *numa,
                size_t hotplug_count, struct error *error)
{
    if (cpus == 0 || cpus > cpus_max)
        return error_set(error, "ACPI tables: the number of CPUs must be 1 to %u, not %u", cpus_max, cpus);
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

enum hotram_status acpi_mcfg(struct hotram_buffer *out, const struct board *board)
{
    const struct pci_layout *pci = &board->pci->layout;
    const struct hotram_acpi_ecam ecam = { .base = pci->ecam, .last_bus = (uint8_t)(pci->buses - 1) };

    return hotram_acpi_mcfg(out, &acpi_ids, &ecam, 1);
}
