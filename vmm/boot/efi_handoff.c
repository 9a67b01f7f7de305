/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * UEFI Specification 2.10: 4.2 table header, 4.3 system table, 4.6 configuration tables, 7.2.3 memory map.
 * LINUX_EFI_MEMRESERVE is Linux's own (include/linux/efi.h).
 */
#include "boot/efi_handoff.h"

#include <string.h>
#include <zlib.h>

#define PAGE 4096
#define SIGNATURE UINT64_C(0x5453595320494249) /* "IBI SYST" */
#define REVISION (2u << 16 | 70)               /* 2.7 */
#define CONVENTIONAL_MEMORY 7
#define ACPI_RECLAIM_MEMORY 9
#define ATTRIBUTE_WB 8 /* can be cached, write-back */
#define DESCRIPTORS_MAX 3
#define TABLES_MAX 3

struct guid {
    uint32_t a;
    uint16_t b, c;
    uint8_t d[8];
};

struct configuration_table {
    struct guid guid;
    uint64_t table;
};

struct memory_descriptor {
    uint32_t type;
    uint32_t pad;
    uint64_t start;
    uint64_t virtual_start;
    uint64_t pages;
    uint64_t attribute;
    uint64_t reserved; /* Linux goes by the size that it is told, and 48 is what firmware says */
};

struct system_table {
    uint64_t signature;
    uint32_t revision;
    uint32_t header_size;
    uint32_t crc32;
    uint32_t reserved;
    uint64_t vendor;
    uint32_t vendor_revision;
    uint32_t pad;
    uint64_t console[6];
    uint64_t runtime_services;
    uint64_t boot_services;
    uint64_t table_count;
    uint64_t tables;
};

struct rt_properties {
    uint16_t version;
    uint16_t length;
    uint32_t supported; /* a bit for each runtime service */
};

struct memreserve {
    int32_t size;
    int32_t count;
    uint64_t next;
};

/* Linux shows it in its log: "efi: EFI v2.70 by ...". */
#define VENDOR "hotram: direct boot, no firmware"

/* All of it, as it lies in guest memory. */
struct area {
    struct system_table system;
    struct configuration_table table[TABLES_MAX];
    struct memory_descriptor map[DESCRIPTORS_MAX];
    struct memreserve memreserve;
    struct rt_properties rt;
    uint16_t vendor[sizeof VENDOR]; /* UTF-16 */
};

_Static_assert(sizeof(struct system_table) == 120, "UEFI 4.3");
_Static_assert(sizeof(struct configuration_table) == 24, "UEFI 4.6");
_Static_assert(sizeof(struct memory_descriptor) == 48, "as Linux is told");
_Static_assert(sizeof(struct rt_properties) == 8 && sizeof(struct memreserve) == 16, "as their headers say");
_Static_assert(sizeof(struct area) <= EFI_HANDOFF_SIZE, "it always fits");

static const struct guid acpi_20 = {
    0x8868e871, 0xe4f1, 0x11d3, { 0xbc, 0x22, 0x00, 0x80, 0xc7, 0x3c, 0x88, 0x81 }
};
static const struct guid rt_properties = {
    0xeb66918a, 0x7eef, 0x402a, { 0x84, 0x2e, 0x93, 0x1d, 0x21, 0xc3, 0x8a, 0xe9 }
};
static const struct guid linux_memreserve = {
    0x888eb0c6, 0x8ede, 0x4ff5, { 0xa8, 0xf0, 0x9a, 0xee, 0x5c, 0xb9, 0x77, 0xc2 }
};

/* The rows that have an address. */
static void list_tables(struct area *area, const struct configuration_table *rows, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (rows[i].table != 0)
            area->table[area->system.table_count++] = rows[i];
}

/* Returns the number of descriptors. The region for DIMMs is not in the map: a range that is listed, of
 * whatever type, cannot be plugged. */
static unsigned fill_map(struct area *area, const struct efi_handoff *handoff)
{
    const uint64_t kept_end = handoff->kept + handoff->kept_size;
    const struct {
        uint32_t type;
        uint64_t start, end;
    } rows[] = {
        { CONVENTIONAL_MEMORY, handoff->ram, handoff->kept },
        { ACPI_RECLAIM_MEMORY, handoff->kept, kept_end },
        { CONVENTIONAL_MEMORY, kept_end, handoff->ram + handoff->ram_size },
    };
    unsigned count = 0;

    _Static_assert(sizeof rows / sizeof *rows <= DESCRIPTORS_MAX, "there is room for all of them");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].start < rows[i].end)
            area->map[count++] = (struct memory_descriptor){
                .type = rows[i].type,
                .start = rows[i].start,
                .pages = (rows[i].end - rows[i].start) / PAGE,
                .attribute = ATTRIBUTE_WB,
            };
    return count;
}

void efi_handoff_build(const struct efi_handoff *handoff, uint64_t address, uint8_t buffer[EFI_HANDOFF_SIZE],
                       struct efi_tables *tables)
{
    struct area area = {
        .system = {
            .signature = SIGNATURE,
            .revision = REVISION,
            .header_size = sizeof area.system,
            .vendor = address + offsetof(struct area, vendor),
            .tables = address + offsetof(struct area, table),
        },
        .rt = { .version = 1, .length = sizeof area.rt },
    };
    const struct configuration_table rows[] = {
        { acpi_20, handoff->rsdp },
        /* Without it Linux calls runtime services, which are not there. */
        { rt_properties, address + offsetof(struct area, rt) },
        { linux_memreserve, handoff->memreserve ? address + offsetof(struct area, memreserve) : 0 },
    };
    unsigned descriptors = fill_map(&area, handoff);

    _Static_assert(sizeof rows <= sizeof area.table, "there is room for all of them");
    for (size_t i = 0; i < sizeof VENDOR; i++)
        area.vendor[i] = (uint16_t)VENDOR[i];
    list_tables(&area, rows, sizeof rows / sizeof *rows);
    area.system.crc32 = (uint32_t)crc32(0, (const Bytef *)&area.system, sizeof area.system);
    memset(buffer, 0, EFI_HANDOFF_SIZE);
    memcpy(buffer, &area, sizeof area);
    *tables = (struct efi_tables){
        .system_table = address,
        .memory_map = address + offsetof(struct area, map),
        .memory_map_size = (uint32_t)(descriptors * sizeof area.map[0]),
        .descriptor_size = sizeof area.map[0],
        .descriptor_version = 1,
    };
}
