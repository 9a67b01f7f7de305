/* SPDX-License-Identifier: BSD-2-Clause */
#include <hotram/acpi_pci.h>

enum hotram_status hotram_acpi_mcfg(struct hotram_buffer *out, const struct hotram_acpi_ids *ids,
                                    const struct hotram_acpi_ecam *ecam, size_t count)
{
    struct hotram_acpi_table table;

    if (!out || !ids || (!ecam && count > 0))
        return HOTRAM_E_ARGUMENT;
    for (size_t i = 0; i < count; i++)
        if (ecam[i].base % HOTRAM_ECAM_BUS_LENGTH != 0 || ecam[i].last_bus < ecam[i].first_bus)
            return HOTRAM_E_ARGUMENT;
    hotram_acpi_table_begin(&table, out, "MCFG", 1, ids);
    hotram_buffer_zeros(out, 8);
    for (size_t i = 0; i < count; i++) {
        hotram_buffer_u64(out, ecam[i].base);
        hotram_buffer_u16(out, ecam[i].segment);
        hotram_buffer_u8(out, ecam[i].first_bus);
        hotram_buffer_u8(out, ecam[i].last_bus);
        hotram_buffer_zeros(out, 4);
    }
    return hotram_acpi_table_end(&table);
}
