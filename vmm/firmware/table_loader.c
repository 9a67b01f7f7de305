/* SPDX-License-Identifier: BSD-2-Clause */
#include "firmware/table_loader.h"

#include <endian.h>
#include <string.h>

#include <hotram/acpi.h>

#define TABLES_FILE "etc/acpi/tables"
#define RSDP_FILE "etc/acpi/rsdp"
#define NAME_SIZE 56
#define COMMANDS_MAX 128u /* more than 32 tables need */
#define TABLES_ALIGN 64   /* as the FACS wants it (ACPI 6.5, 5.2.10) */
#define RSDP_ALIGN 16     /* and 5.2.5.1 the RSDP */

struct command {
    uint32_t command;
    union {
        struct {
            char file[NAME_SIZE];
            uint32_t align;
            uint8_t zone;
        } __attribute__((packed)) allocate;
        struct {
            char file[NAME_SIZE]; /* in which the pointer is */
            char target[NAME_SIZE];
            uint32_t offset;
            uint8_t size;
        } __attribute__((packed)) pointer;
        struct {
            char file[NAME_SIZE];
            uint32_t offset, start, length;
        } __attribute__((packed)) checksum;
        uint8_t bytes[TABLE_LOADER_COMMAND_SIZE - 4];
    };
} __attribute__((packed));
_Static_assert(sizeof(struct command) == TABLE_LOADER_COMMAND_SIZE, "as firmware reads it");

struct loader {
    uint8_t *tables; /* the RSDP, and from TABLES_START on the file of tables */
    size_t capacity, length;
    struct command commands[COMMANDS_MAX];
    unsigned count;
    bool outside; /* a pointer leads to no table of the file */
};

/* One more; what is too much shows in the count. */
static struct command *next(struct loader *loader, uint32_t command)
{
    static struct command unused;
    struct command *next = loader->count < COMMANDS_MAX ? &loader->commands[loader->count] : &unused;

    loader->count++;
    memset(next, 0, sizeof *next);
    next->command = htole32(command);
    return next;
}

static void allocate(struct loader *loader, const char *file, uint32_t align, uint8_t zone)
{
    struct command *command = next(loader, TABLE_LOADER_ALLOCATE);

    strcpy(command->allocate.file, file);
    command->allocate.align = htole32(align);
    command->allocate.zone = zone;
}

static uint64_t read_number(const uint8_t *at, unsigned size)
{
    uint64_t value = 0;

    memcpy(&value, at, size);
    return le64toh(value);
}

/* A pointer to a table, at an offset in all of it: as firmware finds it, it counts from the start of the file
 * of tables. 0 leads nowhere, and stays. */
static uint64_t add_pointer(struct loader *loader, size_t at, unsigned size)
{
    const bool in_rsdp = at < TABLES_START;
    const uint64_t target = read_number(loader->tables + at, size);
    const uint64_t in_file = htole64(target - TABLES_START);
    struct command *command;

    if (target == 0)
        return 0;
    if (target < TABLES_START || target >= loader->capacity)
        loader->outside = true;
    memcpy(loader->tables + at, &in_file, size);
    command = next(loader, TABLE_LOADER_ADD_POINTER);
    strcpy(command->pointer.file, in_rsdp ? RSDP_FILE : TABLES_FILE);
    strcpy(command->pointer.target, TABLES_FILE);
    command->pointer.offset = htole32((uint32_t)(in_rsdp ? at : at - TABLES_START));
    command->pointer.size = (uint8_t)size;
    return target;
}

/* Of `length` bytes at `start`; the sum itself is at `offset` from there, and 0 until firmware sets it. */
static void add_checksum(struct loader *loader, size_t start, size_t offset, uint32_t length)
{
    const bool in_rsdp = start < TABLES_START;
    const uint32_t first = (uint32_t)(in_rsdp ? start : start - TABLES_START);
    struct command *command = next(loader, TABLE_LOADER_ADD_CHECKSUM);

    loader->tables[start + offset] = 0;
    strcpy(command->checksum.file, in_rsdp ? RSDP_FILE : TABLES_FILE);
    command->checksum.offset = htole32(first + (uint32_t)offset);
    command->checksum.start = htole32(first);
    command->checksum.length = htole32(length);
}

#define TABLE_HEADER 36u
#define TABLE_LENGTH 4u /* where it is in a table's header */
#define TABLE_CHECKSUM 9u

static bool is_table(const struct loader *loader, uint64_t at, const char *signature)
{
    uint64_t length;

    if (at < TABLES_START || at > loader->capacity - TABLE_HEADER ||
        memcmp(loader->tables + at, signature, 4) != 0)
        return false;
    length = read_number(loader->tables + at + TABLE_LENGTH, 4);
    return length >= TABLE_HEADER && length <= loader->capacity - at;
}

/* FIRMWARE_CTRL, DSDT and their wider successors (ACPI 6.5, table 5.9). */
static void add_fadt(struct loader *loader, size_t at)
{
    static const struct {
        uint8_t offset, size;
    } pointers[] = { { 36, 4 }, { 40, 4 }, { 132, 8 }, { 140, 8 } };
    const uint32_t length = (uint32_t)read_number(loader->tables + at + TABLE_LENGTH, 4);

    for (size_t i = 0; i < sizeof pointers / sizeof pointers[0]; i++)
        if (pointers[i].offset + pointers[i].size <= length)
            add_pointer(loader, at + pointers[i].offset, pointers[i].size);
    add_checksum(loader, at, TABLE_CHECKSUM, length);
}

/* The RSDP (5.2.5.3) leads to the XSDT, and that to all tables but those of the FADT. */
static bool add_all(struct loader *loader)
{
    const size_t xsdt = (size_t)add_pointer(loader, 24, 8);
    uint32_t length;

    if (!is_table(loader, xsdt, "XSDT"))
        return false;
    add_checksum(loader, 0, 8, 20);
    add_checksum(loader, 0, 32, HOTRAM_ACPI_RSDP_LENGTH);
    length = (uint32_t)read_number(loader->tables + xsdt + TABLE_LENGTH, 4);
    loader->length = xsdt + length;
    for (size_t entry = xsdt + TABLE_HEADER; entry + 8 <= xsdt + length; entry += 8) {
        const size_t table = (size_t)add_pointer(loader, entry, 8);

        if (is_table(loader, table, "FACP"))
            add_fadt(loader, table);
    }
    add_checksum(loader, xsdt, TABLE_CHECKSUM, length);
    return loader->count <= COMMANDS_MAX && !loader->outside;
}

bool table_loader_publish(struct fw_cfg *fw_cfg, uint8_t *tables, size_t capacity, struct error *error)
{
    struct loader loader = { .tables = tables, .capacity = capacity };

    allocate(&loader, TABLES_FILE, TABLES_ALIGN, TABLE_LOADER_HIGH);
    allocate(&loader, RSDP_FILE, RSDP_ALIGN, TABLE_LOADER_LOW);
    if (capacity < TABLES_START + TABLE_HEADER || !add_all(&loader))
        return error_set(error, "ACPI tables: they are not as firmware could load them");
    return fw_cfg_set_files(
        fw_cfg,
        (const struct fw_cfg_content[]){
            { TABLES_FILE, tables + TABLES_START, loader.length - TABLES_START },
            { RSDP_FILE, tables, HOTRAM_ACPI_RSDP_LENGTH },
            { "etc/table-loader", loader.commands, loader.count * sizeof loader.commands[0] },
        },
        3, error);
}
