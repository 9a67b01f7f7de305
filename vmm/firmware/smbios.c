/* SPDX-License-Identifier: BSD-2-Clause */
#include "firmware/smbios_parts.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "layout/units.h"

/* Handles: the first of each type, as QEMU has them. */
#define HANDLE_BIOS 0x0000
#define HANDLE_SYSTEM 0x0100
#define HANDLE_BOARD 0x0200
#define HANDLE_CHASSIS 0x0300
#define HANDLE_PROCESSOR 0x0400
#define HANDLE_STRINGS 0x0e00
#define HANDLE_ARRAY 0x1000
#define HANDLE_MEMORY 0x1100
#define HANDLE_MAPPED 0x1300
#define HANDLE_BOOT 0x2000
#define HANDLE_END 0x7f00

#define NO_HANDLE 0xffff /* of a cache: not told */
#define NO_ERRORS 0xfffe /* of an error structure: there is none */
#define UNKNOWN_WORD 0xffff
#define DEFAULT_MHZ 2000

/* ---- a structure ---- */

void smbios_begin(struct hotram_buffer *out, uint8_t type, uint8_t length, unsigned handle)
{
    hotram_buffer_u8(out, type);
    hotram_buffer_u8(out, length);
    hotram_buffer_u16(out, (uint16_t)handle);
}

void smbios_string(struct hotram_buffer *out, struct smbios_strings *strings, const char *text)
{
    if (!text || !*text || strings->count == SMBIOS_STRINGS_MAX) {
        hotram_buffer_u8(out, 0);
        return;
    }
    strings->text[strings->count++] = text;
    hotram_buffer_u8(out, (uint8_t)strings->count);
}

void smbios_end(struct hotram_buffer *out, const struct smbios_strings *strings)
{
    for (unsigned i = 0; i < strings->count; i++)
        hotram_buffer_bytes(out, strings->text[i], strlen(strings->text[i]) + 1);
    hotram_buffer_zeros(out, strings->count > 0 ? 1 : 2);
}

static const char *either(const char *given, const char *otherwise)
{
    return given ? given : otherwise;
}

/* ---- what can be given ---- */

bool smbios_uuid_parse(const char *text, uint8_t uuid[16])
{
    static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    unsigned digits = 0;

    if (strlen(text) != sizeof form - 1)
        return false;
    for (size_t i = 0; form[i]; i++) {
        const unsigned char c = (unsigned char)text[i];

        if (form[i] == '-' ? c != '-' : !isxdigit(c))
            return false;
        if (c == '-')
            continue;
        uuid[digits / 2] = (uint8_t)(uuid[digits / 2] << 4 | (isdigit(c) ? c - '0' : tolower(c) - 'a' + 10));
        digits++;
    }
    return true;
}

/* A byte in decimal, and where it ends; NULL: it is none. */
static const char *parse_byte(const char *text, uint8_t *byte)
{
    unsigned value = 0, digits = 0;

    for (; isdigit((unsigned char)*text) && digits < 3; digits++)
        value = value * 10 + (unsigned)(*text++ - '0');
    *byte = (uint8_t)value;
    return digits > 0 && value <= 255 ? text : NULL;
}

bool smbios_release_parse(const char *text, uint8_t *major, uint8_t *minor)
{
    const char *rest = parse_byte(text, major);

    if (!rest || *rest != '.')
        return false;
    rest = parse_byte(rest + 1, minor);
    return rest && !*rest;
}

/* ---- the structures, by paragraph of DSP0134 ---- */

/* 7.1. Where there is firmware, it has one of its own. */
static void write_bios(struct hotram_buffer *out, const struct smbios_machine *machine,
                       const struct smbios_config *given)
{
    struct smbios_strings strings = { .count = 0 };
    const bool told = given->bios.vendor || given->bios.version || given->bios.date || given->bios.release ||
                      given->bios.uefi;
    uint8_t major = 0xff, minor = 0xff;

    if (!told && !machine->direct)
        return;
    if (given->bios.release && !smbios_release_parse(given->bios.release, &major, &minor))
        major = minor = 0xff;
    smbios_begin(out, 0, 0x18, HANDLE_BIOS);
    smbios_string(out, &strings, either(given->bios.vendor, machine->direct ? "hotram" : NULL));
    smbios_string(out, &strings, either(given->bios.version, machine->direct));
    hotram_buffer_u16(out, 0); /* where its code begins: nowhere */
    smbios_string(out, &strings, given->bios.date);
    hotram_buffer_u8(out, 0);  /* its size: 64 KiB, the least */
    hotram_buffer_u64(out, 8); /* what it can do is not told */
    hotram_buffer_u8(out, 0);  /* the same */
    hotram_buffer_u8(
        out,
        (uint8_t)(0x14 | (given->bios.uefi ? 8 : 0))); /* a virtual machine, for which tables can be told */
    hotram_buffer_u8(out, major);
    hotram_buffer_u8(out, minor);
    hotram_buffer_u16(out, UNKNOWN_WORD); /* no embedded controller */
    smbios_end(out, &strings);
}

/* Its first three fields are numbers (7.2.1). */
static void write_uuid(struct hotram_buffer *out, const uint8_t uuid[16])
{
    static const uint8_t order[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };

    for (unsigned i = 0; i < sizeof order; i++)
        hotram_buffer_u8(out, uuid[order[i]]);
}

/* 7.2 */
static void write_system(struct hotram_buffer *out, const struct smbios_machine *machine,
                         const struct smbios_config *given)
{
    struct smbios_strings strings = { .count = 0 };
    uint8_t uuid[16] = { 0 };

    smbios_begin(out, 1, 0x1b, HANDLE_SYSTEM);
    smbios_string(out, &strings, either(given->system.manufacturer, "hotram"));
    smbios_string(out, &strings, either(given->system.product, machine->name));
    smbios_string(out, &strings, given->system.version);
    smbios_string(out, &strings, given->system.serial);
    if (machine->uuid)
        memcpy(uuid, machine->uuid, sizeof uuid);
    if (given->system.uuid && !smbios_uuid_parse(given->system.uuid, uuid))
        memset(uuid, 0, sizeof uuid);
    write_uuid(out, uuid);
    hotram_buffer_u8(out, 6); /* it was woken by its power switch */
    smbios_string(out, &strings, given->system.sku);
    smbios_string(out, &strings, given->system.family);
    smbios_end(out, &strings);
}

/* 7.3 */
static void write_board(struct hotram_buffer *out, const struct smbios_machine *machine,
                        const struct smbios_config *given)
{
    struct smbios_strings strings = { .count = 0 };

    if (!given->board.present)
        return;
    smbios_begin(out, 2, 0x0f, HANDLE_BOARD);
    smbios_string(out, &strings, either(given->board.manufacturer, "hotram"));
    smbios_string(out, &strings, either(given->board.product, machine->name));
    smbios_string(out, &strings, given->board.version);
    smbios_string(out, &strings, given->board.serial);
    smbios_string(out, &strings, given->board.asset);
    hotram_buffer_u8(out, 1); /* it is the motherboard */
    smbios_string(out, &strings, given->board.location);
    hotram_buffer_u16(out, HANDLE_CHASSIS);
    hotram_buffer_u8(out, 10); /* the same */
    hotram_buffer_u8(out, 0);  /* objects on it */
    smbios_end(out, &strings);
}

/* 7.4 */
static void write_chassis(struct hotram_buffer *out, const struct smbios_config *given)
{
    struct smbios_strings strings = { .count = 0 };

    smbios_begin(out, 3, 0x16, HANDLE_CHASSIS);
    smbios_string(out, &strings, either(given->chassis.manufacturer, "hotram"));
    hotram_buffer_u8(out, 1); /* another form than those of the list */
    smbios_string(out, &strings, given->chassis.version);
    smbios_string(out, &strings, given->chassis.serial);
    smbios_string(out, &strings, given->chassis.asset);
    hotram_buffer_u8(out, 3);    /* it booted, */
    hotram_buffer_u8(out, 3);    /* has power */
    hotram_buffer_u8(out, 3);    /* and is not hot: safe */
    hotram_buffer_u8(out, 2);    /* security: unknown */
    hotram_buffer_zeros(out, 4); /* the maker's own */
    hotram_buffer_zeros(out, 2); /* height and power cords: not told */
    hotram_buffer_zeros(out, 2); /* no elements, of no size */
    smbios_string(out, &strings, given->chassis.sku);
    smbios_end(out, &strings);
}

static uint8_t byte_or_more(uint32_t count)
{
    return count > 255 ? 255 : (uint8_t)count;
}

/* 7.5: one for each socket. */
static void write_processor(struct hotram_buffer *out, const struct smbios_machine *machine,
                            const struct smbios_config *given, uint32_t number)
{
    const uint32_t threads = machine->cores * machine->threads;
    struct smbios_strings strings = { .count = 0 };
    char socket[128];

    snprintf(socket, sizeof socket, "%.100s %u", either(given->processor.socket, "CPU"), number);
    smbios_begin(out, 4, 0x30, HANDLE_PROCESSOR + number);
    smbios_string(out, &strings, socket);
    hotram_buffer_u8(out, 3); /* a central processor */
    hotram_buffer_u8(out, 1); /* of another family than those of the list */
    smbios_string(out, &strings, either(given->processor.manufacturer, "hotram"));
    hotram_buffer_u64(out, given->processor.id);
    smbios_string(out, &strings, either(given->processor.version, machine->name));
    hotram_buffer_u8(out, 0);  /* voltage: unknown */
    hotram_buffer_u16(out, 0); /* external clock: unknown */
    hotram_buffer_u16(
        out, (uint16_t)(given->processor.max_speed_given ? given->processor.max_speed : DEFAULT_MHZ));
    hotram_buffer_u16(out, (uint16_t)(given->processor.speed_given ? given->processor.speed : DEFAULT_MHZ));
    hotram_buffer_u8(out, 0x41); /* the socket is populated, the processor enabled */
    hotram_buffer_u8(out, 1);    /* another socket than those of the list */
    for (unsigned level = 0; level < 3; level++)
        hotram_buffer_u16(out, NO_HANDLE);
    smbios_string(out, &strings, given->processor.serial);
    smbios_string(out, &strings, given->processor.asset);
    smbios_string(out, &strings, given->processor.part);
    hotram_buffer_u8(out, byte_or_more(machine->cores));
    hotram_buffer_u8(out, byte_or_more(machine->cores)); /* enabled */
    hotram_buffer_u8(out, byte_or_more(threads));
    hotram_buffer_u16(out, 2); /* characteristics: unknown */
    hotram_buffer_u16(out, 1); /* the family again */
    hotram_buffer_u16(out, (uint16_t)machine->cores);
    hotram_buffer_u16(out, (uint16_t)machine->cores);
    hotram_buffer_u16(out, (uint16_t)threads);
    smbios_end(out, &strings);
}

/* 7.12 */
static void write_strings(struct hotram_buffer *out, const struct smbios_config *given)
{
    struct smbios_strings strings = { .count = 0 };

    if (given->value_count == 0)
        return;
    for (size_t i = 0; i < given->value_count && i < SMBIOS_STRINGS_MAX; i++)
        strings.text[strings.count++] = given->values[i];
    smbios_begin(out, 11, 5, HANDLE_STRINGS);
    hotram_buffer_u8(out, (uint8_t)strings.count);
    smbios_end(out, &strings);
}

/* 7.17: all memory is in one array. */
static void write_array(struct hotram_buffer *out, const struct smbios_machine *machine)
{
    const bool extended = machine->maxmem / KIB >= 0x80000000;

    smbios_begin(out, 16, 0x17, HANDLE_ARRAY);
    hotram_buffer_u8(out, 3); /* on the board */
    hotram_buffer_u8(out, 3); /* it is the system's memory */
    hotram_buffer_u8(out, 2); /* error correction: unknown */
    hotram_buffer_u32(out, extended ? 0x80000000 : (uint32_t)(machine->maxmem / KIB));
    hotram_buffer_u16(out, NO_ERRORS);
    hotram_buffer_u16(
        out, (uint16_t)(machine->memory_count > machine->slots ? machine->memory_count : machine->slots));
    hotram_buffer_u64(out, extended ? machine->maxmem : 0);
    hotram_buffer_zeros(out, 2);
}

/* In MiB or, with the highest bit, KiB; what is too large for both is in the field behind (7.18.4, .5). */
static uint16_t short_size(uint64_t size)
{
    if (size % MIB != 0 && size / KIB < 0x7fff)
        return (uint16_t)(0x8000 | size / KIB);
    return size / MIB < 0x7fff ? (uint16_t)(size / MIB) : 0x7fff;
}

/* 7.18 */
static void write_memory(struct hotram_buffer *out, const struct smbios_memory *memory,
                         const struct smbios_config *given, unsigned number)
{
    const uint16_t size = short_size(memory->size);
    const uint16_t speed = (uint16_t)(given->memory.speed_given ? given->memory.speed : 0);
    struct smbios_strings strings = { .count = 0 };
    char locator[128];

    snprintf(locator, sizeof locator, "%.100s %u", either(given->memory.locator, "DIMM"), number);
    smbios_begin(out, 17, 0x28, HANDLE_MEMORY + number);
    hotram_buffer_u16(out, HANDLE_ARRAY);
    hotram_buffer_u16(out, NO_ERRORS);
    hotram_buffer_u16(out, UNKNOWN_WORD); /* width with and without error correction */
    hotram_buffer_u16(out, UNKNOWN_WORD);
    hotram_buffer_u16(out, size);
    hotram_buffer_u8(out, 9); /* a DIMM */
    hotram_buffer_u8(out, 0); /* of no set */
    smbios_string(out, &strings, memory->name ? memory->name : locator);
    smbios_string(out, &strings, given->memory.bank);
    hotram_buffer_u8(out, 7);  /* RAM */
    hotram_buffer_u16(out, 2); /* of another kind than those of the list */
    hotram_buffer_u16(out, speed);
    smbios_string(out, &strings, either(given->memory.manufacturer, "hotram"));
    smbios_string(out, &strings, given->memory.serial);
    smbios_string(out, &strings, given->memory.asset);
    smbios_string(out, &strings, given->memory.part);
    hotram_buffer_u8(out, 0); /* rank: unknown */
    hotram_buffer_u32(out, size == 0x7fff ? (uint32_t)(memory->size / MIB) : 0);
    hotram_buffer_u16(out, speed);
    hotram_buffer_zeros(out, 6); /* voltages: unknown */
    smbios_end(out, &strings);
}

/* 7.20 */
static void write_mapped(struct hotram_buffer *out, const struct smbios_memory *memory, unsigned number)
{
    const uint64_t last = memory->address + memory->size - 1;
    const bool extended = last / KIB >= UINT32_MAX;

    smbios_begin(out, 19, 0x1f, HANDLE_MAPPED + number);
    hotram_buffer_u32(out, extended ? UINT32_MAX : (uint32_t)(memory->address / KIB));
    hotram_buffer_u32(out, extended ? UINT32_MAX : (uint32_t)(last / KIB));
    hotram_buffer_u16(out, HANDLE_ARRAY);
    hotram_buffer_u8(out, 1); /* device */
    hotram_buffer_u64(out, extended ? memory->address : 0);
    hotram_buffer_u64(out, extended ? last : 0);
    hotram_buffer_zeros(out, 2);
}

/* 7.33, 7.45 */
static void write_end(struct hotram_buffer *out)
{
    smbios_begin(out, 32, 0x0b, HANDLE_BOOT);
    hotram_buffer_zeros(out, 6);
    hotram_buffer_u8(out, 0); /* no errors */
    hotram_buffer_zeros(out, 2);
    smbios_begin(out, 127, 4, HANDLE_END);
    hotram_buffer_zeros(out, 2);
}

void smbios_build(const struct smbios_machine *machine, const struct smbios_config *given,
                  struct hotram_buffer *out)
{
    write_bios(out, machine, given);
    write_system(out, machine, given);
    write_board(out, machine, given);
    write_chassis(out, given);
    for (uint32_t socket = 0; socket < machine->sockets; socket++)
        write_processor(out, machine, given, socket);
    smbios_write_ports(out, given);
    smbios_write_slots(out, machine, given);
    write_strings(out, given);
    write_array(out, machine);
    for (size_t i = 0; i < machine->memory_count; i++)
        write_memory(out, &machine->memory[i], given, (unsigned)i);
    for (size_t i = 0; i < machine->memory_count; i++)
        write_mapped(out, &machine->memory[i], (unsigned)i);
    smbios_write_onboard(out, machine, given);
    write_end(out);
}

/* 5.2.2 */
void smbios_entry_point(uint8_t entry[SMBIOS_ENTRY_SIZE], uint64_t address, uint32_t size)
{
    uint8_t sum = 0;

    memset(entry, 0, SMBIOS_ENTRY_SIZE);
    memcpy(entry, "_SM3_", 5);
    entry[6] = SMBIOS_ENTRY_SIZE;
    entry[7] = 3;                           /* version 3.0 */
    entry[10] = 1;                          /* of the entry point */
    memcpy(entry + 12, &size, sizeof size); /* little-endian, as both architectures are */
    memcpy(entry + 16, &address, sizeof address);
    for (unsigned i = 0; i < SMBIOS_ENTRY_SIZE; i++)
        sum = (uint8_t)(sum + entry[i]);
    entry[5] = (uint8_t)(0u - sum);
}
