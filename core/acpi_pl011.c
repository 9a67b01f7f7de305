/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A PL011 serial port: its device, and the tables that make it the console and a debugger's port. Their
 * layouts are in Microsoft's documents "Serial Port Console Redirection Table" and "Debug Port Table 2",
 * which ACPI 6.5 names in 5.2.6.
 */
#include <stdbool.h>

#include <hotram/acpi_arm.h>

#define SPCR_REVISION 2
#define DBG2_REVISION 0

#define PL011 3 /* interface type, and subtype of a serial debug port */
#define SERIAL 0x8000

/* SPCR's numbers for what a console is like. */
#define INTERRUPT_GIC 0x08
#define BAUD_115200 7
#define STOP_BITS_1 1
#define TERMINAL_ANSI 3
#define NOT_PCI 0xffff

/* DBG2: offsets in the device's structure, and the length of its fixed part. */
#define DBG2_DEVICES 44 /* in the table */
#define REGISTER_OFFSET 22
#define SIZE_OFFSET 34
#define PATH_OFFSET 38

#define PATH_MAX_LENGTH 255

/* Without the terminator; above the limit when it is longer. */
static size_t path_length(const struct hotram_acpi_pl011 *config)
{
    size_t length = 0;

    while (length <= PATH_MAX_LENGTH && config->path[length])
        length++;
    return length;
}

static bool is_valid(const struct hotram_acpi_pl011 *config)
{
    return config->path && config->path[0] == '\\' && path_length(config) <= PATH_MAX_LENGTH &&
           config->base <= UINT32_MAX - (HOTRAM_PL011_LENGTH - 1);
}

/* Generic address structure (5.2.3.2): registers in memory, 32 bits wide, to be accessed so. */
static void address(struct hotram_buffer *out, uint64_t base)
{
    hotram_buffer_u8(out, 0);  /* system memory */
    hotram_buffer_u8(out, 32); /* width, bits */
    hotram_buffer_u8(out, 0);  /* bit offset */
    hotram_buffer_u8(out, 3);  /* access: 4 bytes */
    hotram_buffer_u64(out, base);
}

enum hotram_status hotram_acpi_pl011(struct hotram_aml *aml, const struct hotram_acpi_pl011 *config)
{
    if (!aml || !config || !is_valid(config))
        return HOTRAM_E_ARGUMENT;
    hotram_aml_device(aml, config->path);
    hotram_aml_name(aml, "_HID");
    hotram_aml_string(aml, "ARMH0011");
    hotram_aml_name(aml, "_UID");
    hotram_aml_integer(aml, config->uid);
    hotram_aml_name(aml, "_CRS");
    hotram_aml_resource_template(aml);
    hotram_aml_memory32_fixed(aml, config->base, HOTRAM_PL011_LENGTH);
    hotram_aml_interrupt(aml, config->gsi, HOTRAM_AML_INTERRUPT_LEVEL | HOTRAM_AML_INTERRUPT_ACTIVE_HIGH);
    hotram_aml_end(aml);
    hotram_aml_end(aml);
    return HOTRAM_OK;
}

enum hotram_status hotram_acpi_spcr(struct hotram_buffer *out, const struct hotram_acpi_ids *ids,
                                    const struct hotram_acpi_pl011 *config)
{
    struct hotram_acpi_table table;

    if (!out || !ids || !config || !is_valid(config))
        return HOTRAM_E_ARGUMENT;
    hotram_acpi_table_begin(&table, out, "SPCR", SPCR_REVISION, ids);
    hotram_buffer_u32(out, PL011); /* and three reserved bytes */
    address(out, config->base);
    hotram_buffer_u8(out, INTERRUPT_GIC);
    hotram_buffer_u8(out, 0); /* interrupt of a dual 8259 */
    hotram_buffer_u32(out, config->gsi);
    hotram_buffer_u8(out, BAUD_115200);
    hotram_buffer_u8(out, 0); /* parity */
    hotram_buffer_u8(out, STOP_BITS_1);
    hotram_buffer_u8(out, 0); /* flow control */
    hotram_buffer_u8(out, TERMINAL_ANSI);
    hotram_buffer_u8(out, 0); /* reserved */
    hotram_buffer_u16(out, NOT_PCI);
    hotram_buffer_u16(out, NOT_PCI);
    hotram_buffer_zeros(out, 12); /* PCI bus, device, function, flags, segment; reserved */
    return hotram_acpi_table_end(&table);
}

enum hotram_status hotram_acpi_dbg2(struct hotram_buffer *out, const struct hotram_acpi_ids *ids,
                                    const struct hotram_acpi_pl011 *config)
{
    struct hotram_acpi_table table;
    uint16_t length;

    if (!out || !ids || !config || !is_valid(config))
        return HOTRAM_E_ARGUMENT;
    length = (uint16_t)(path_length(config) + 1);
    hotram_acpi_table_begin(&table, out, "DBG2", DBG2_REVISION, ids);
    hotram_buffer_u32(out, DBG2_DEVICES);
    hotram_buffer_u32(out, 1); /* number of devices */
    hotram_buffer_u8(out, 0);  /* revision of the structure */
    hotram_buffer_u16(out, (uint16_t)(PATH_OFFSET + length));
    hotram_buffer_u8(out, 1); /* number of register ranges */
    hotram_buffer_u16(out, length);
    hotram_buffer_u16(out, PATH_OFFSET);
    hotram_buffer_u32(out, 0); /* OEM data: length, offset */
    hotram_buffer_u16(out, SERIAL);
    hotram_buffer_u16(out, PL011);
    hotram_buffer_u16(out, 0);
    hotram_buffer_u16(out, REGISTER_OFFSET);
    hotram_buffer_u16(out, SIZE_OFFSET);
    address(out, config->base);
    hotram_buffer_u32(out, HOTRAM_PL011_LENGTH);
    hotram_buffer_bytes(out, config->path, length);
    return hotram_acpi_table_end(&table);
}
