/* SPDX-License-Identifier: BSD-2-Clause */
#include "tables_reader.h"

#define HEADER 36u
#define POINTER 36u

static uint8_t sum(const uint8_t *bytes, size_t length)
{
    uint8_t total = 0;

    for (size_t i = 0; i < length; i++)
        total = (uint8_t)(total + bytes[i]);
    return total;
}

uint64_t part_number(struct part part, size_t offset, size_t size)
{
    uint64_t value = 0;

    CHECK(offset <= part.length && size <= part.length - offset);
    for (size_t i = size; i-- > 0;)
        value = value << 8 | part.bytes[offset + i];
    return value;
}

static bool is_called(const uint8_t *bytes, const char *signature)
{
    return memcmp(bytes, signature, strlen(signature)) == 0;
}

/* Of so many bytes, or with length 0 of as many as its header says. */
static struct part table_at(struct reader *reader, uint64_t address, size_t align, size_t length)
{
    struct part rest, table;
    uint64_t offset = address - reader->address;

    CHECK(address % align == 0 && address >= reader->address && offset < reader->length);
    rest = (struct part){ reader->bytes + offset, reader->length - offset };
    table = (struct part){ rest.bytes, length > 0 ? length : part_number(rest, 4, 4) };
    CHECK(table.length <= rest.length);
    return table;
}

static struct part checked_at(struct reader *reader, uint64_t address)
{
    struct part table = table_at(reader, address, 16, 0);

    CHECK(table.length >= HEADER && sum(table.bytes, table.length) == 0);
    return table;
}

/* In the memory one lies behind the other; between them is less than an alignment, of zeroes. */
static void cover(struct reader *reader, struct part table, size_t align)
{
    size_t start = (size_t)(table.bytes - reader->bytes);

    CHECK(start >= reader->covered && start - reader->covered < align);
    for (size_t i = reader->covered; i < start; i++)
        CHECK(reader->bytes[i] == 0);
    reader->covered = start + table.length;
}

static void take_listed(struct tables *tables, struct part table)
{
    struct part *place = is_called(table.bytes, "FACP")   ? &tables->fadt
                         : is_called(table.bytes, "APIC") ? &tables->madt
                         : is_called(table.bytes, "SRAT") ? &tables->srat
                                                          : NULL;

    CHECK(place && !place->bytes);
    *place = table;
}

/* A pointer of 64 bits, whose old one of 32 is the same or 0 (FADT). */
static uint64_t pointer_of(struct part fadt, size_t old, size_t wide)
{
    uint64_t low = part_number(fadt, old, 4), all = part_number(fadt, wide, 8);

    CHECK(low == 0 || all == 0 || low == all);
    return all ? all : low;
}

struct tables reader_find(struct reader *reader)
{
    struct part pointer = table_at(reader, reader->address, 16, POINTER), xsdt;
    struct tables tables;
    uint64_t facs;

    memset(&tables, 0, sizeof tables);
    CHECK(is_called(pointer.bytes, "RSD PTR ") && pointer.bytes[15] >= 2);
    CHECK(sum(pointer.bytes, 20) == 0 && sum(pointer.bytes, POINTER) == 0);
    CHECK(part_number(pointer, 20, 4) == POINTER);
    xsdt = checked_at(reader, part_number(pointer, 24, 8));
    CHECK(is_called(xsdt.bytes, "XSDT") && (xsdt.length - HEADER) % 8 == 0);
    for (size_t offset = HEADER; offset < xsdt.length; offset += 8)
        take_listed(&tables, checked_at(reader, part_number(xsdt, offset, 8)));
    CHECK(tables.fadt.bytes);
    CHECK(part_number(xsdt, HEADER, 8) == reader->address + (size_t)(tables.fadt.bytes - reader->bytes));
    tables.dsdt = checked_at(reader, pointer_of(tables.fadt, 40, 140));
    CHECK(is_called(tables.dsdt.bytes, "DSDT") && tables.dsdt.bytes[8] >= 2);
    facs = pointer_of(tables.fadt, 36, 132);
    if (facs) {
        tables.facs = table_at(reader, facs, 64, 0);
        CHECK(is_called(tables.facs.bytes, "FACS") && tables.facs.length == 64);
    }

    cover(reader, pointer, 1);
    if (facs)
        cover(reader, tables.facs, 64);
    else
        reader->covered = (size_t)(tables.dsdt.bytes - reader->bytes); /* nobody points at what is there */
    cover(reader, tables.dsdt, 16);
    cover(reader, tables.fadt, 16);
    if (tables.madt.bytes)
        cover(reader, tables.madt, 16);
    if (tables.srat.bytes)
        cover(reader, tables.srat, 16);
    cover(reader, xsdt, 16);
    CHECK(reader->covered == reader->length);
    return tables;
}

bool part_next(struct part table, size_t *offset, struct part *entry)
{
    if (*offset == table.length)
        return false;
    *entry = (struct part){ table.bytes + *offset, part_number(table, *offset + 1, 1) };
    CHECK(entry->length >= 2 && entry->length <= table.length - *offset);
    *offset += entry->length;
    return true;
}

/* ---- AML, as far as it takes to come to a resource template ---- */

/* What is behind an opcode with a package length: all that belongs to it. Moves on behind it. */
static struct part package(struct part *code, const char *opcode)
{
    size_t start = strlen(opcode), more, length;
    struct part content;

    CHECK(code->length > start && is_called(code->bytes, opcode));
    more = code->bytes[start] >> 6;
    CHECK(start + 1 + more <= code->length);
    length = code->bytes[start] & (more ? 0x0f : 0x3f);
    for (size_t i = 0; i < more; i++)
        length |= (size_t)code->bytes[start + 1 + i] << (4 + 8 * i);
    CHECK(length >= 1 + more && length <= code->length - start);
    content = (struct part){ code->bytes + start + 1 + more, length - 1 - more };
    code->bytes += start + length;
    code->length -= start + length;
    return content;
}

static void skip(struct part *code, const char *text)
{
    CHECK(code->length >= strlen(text) && is_called(code->bytes, text));
    code->bytes += strlen(text);
    code->length -= strlen(text);
}

/* An integer constant (20.2.3). */
static uint64_t integer(struct part *code)
{
    unsigned prefix = (unsigned)part_number(*code, 0, 1);
    size_t size = prefix == 0x0a ? 1 : prefix == 0x0b ? 2 : prefix == 0x0c ? 4 : 0;
    uint64_t value = size > 0 ? part_number(*code, 1, size) : prefix;

    CHECK(size > 0 || prefix <= 1);
    code->bytes += 1 + size;
    code->length -= 1 + size;
    return value;
}

struct part reader_pci_resources(struct part dsdt)
{
    struct part code = { dsdt.bytes + HEADER, dsdt.length - HEADER }, buffer;

    code = package(&code, "\x10");
    skip(&code, "_SB_");
    code = package(&code, "\x5b\x82");
    skip(&code, "PCI0");
    skip(&code, "\x08_CRS");
    buffer = package(&code, "\x11");
    CHECK(code.length == 0); /* nothing else is in the device */
    CHECK(integer(&buffer) == buffer.length);
    return buffer;
}

bool part_next_window(struct part resources, size_t *offset, struct window *window)
{
    unsigned tag = (unsigned)part_number(resources, *offset, 1);
    size_t size = tag == 0x88 ? 2 : tag == 0x87 ? 4 : 8, at = *offset + 6;

    if (tag == 0x79) {
        CHECK(*offset + 2 == resources.length);
        return false;
    }
    CHECK(tag == 0x88 || tag == 0x87 || tag == 0x8a);
    CHECK(part_number(resources, *offset + 1, 2) == 3 + 5 * size);
    *window = (struct window){
        .type = (unsigned)part_number(resources, *offset + 3, 1),
        .general_flags = (unsigned)part_number(resources, *offset + 4, 1),
        .type_flags = (unsigned)part_number(resources, *offset + 5, 1),
        .first = part_number(resources, at + size, size),
        .last = part_number(resources, at + 2 * size, size),
        .length = part_number(resources, at + 4 * size, size),
    };
    CHECK(part_number(resources, at, size) == 0 && part_number(resources, at + 3 * size, size) == 0);
    *offset = at + 5 * size;
    return true;
}
