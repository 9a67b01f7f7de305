/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The terms of AML that are not blocks: names, operands, operators, objects. The opcodes are those of ACPI
 * 6.5, 20.3 (table 20.2); each function's encoding is in the paragraph that the header cites.
 */
#include <hotram/aml.h>

#include "aml_writer.h"

#define NAME_SEGMENT 4

void libhotram_aml_opcode(struct hotram_aml *aml, unsigned op)
{
    if (op > 0xff)
        hotram_buffer_u8(aml->out, (uint8_t)(op >> 8));
    hotram_buffer_u8(aml->out, (uint8_t)op);
}

/* ---- Names (20.2.2) ---- */

static bool is_lead_char(char c)
{
    return (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_name_char(char c)
{
    return is_lead_char(c) || (c >= '0' && c <= '9');
}

/* Take one segment from the front of a path; its length, or 0 if there is none. */
static unsigned segment_length(const char *text)
{
    unsigned length = 0;

    if (!is_lead_char(text[0]))
        return 0;
    while (length < NAME_SEGMENT && is_name_char(text[length]))
        length++;
    return length;
}

static void segment(struct hotram_aml *aml, const char *text, unsigned length)
{
    for (unsigned i = 0; i < NAME_SEGMENT; i++)
        hotram_buffer_u8(aml->out, (uint8_t)(i < length ? text[i] : '_'));
}

/* Count the segments of a path without its prefix; false when it is not a path. */
static bool count_segments(const char *text, unsigned *count)
{
    *count = 0;
    if (*text == '\0')
        return true;
    for (;;) {
        unsigned length = segment_length(text);

        if (length == 0 || ++*count > 255)
            return false;
        text += length;
        if (*text == '\0')
            return true;
        if (*text++ != '.')
            return false;
    }
}

void libhotram_aml_name_string(struct hotram_aml *aml, const char *path)
{
    const char *text = path;
    unsigned count;

    if (!path || *path == '\0') {
        libhotram_aml_fail(aml, HOTRAM_E_ARGUMENT);
        return;
    }
    if (*text == '\\')
        hotram_buffer_u8(aml->out, (uint8_t)*text++);
    else
        while (*text == '^')
            hotram_buffer_u8(aml->out, (uint8_t)*text++);
    if (!count_segments(text, &count)) {
        libhotram_aml_fail(aml, HOTRAM_E_ARGUMENT);
        return;
    }
    if (count == 0) {
        hotram_buffer_u8(aml->out, 0x00); /* NullName */
    } else if (count == 2) {
        hotram_buffer_u8(aml->out, 0x2e); /* DualNamePrefix */
    } else if (count > 2) {
        hotram_buffer_u8(aml->out, 0x2f); /* MultiNamePrefix */
        hotram_buffer_u8(aml->out, (uint8_t)count);
    }
    for (unsigned i = 0; i < count; i++) {
        unsigned length = segment_length(text);

        segment(aml, text, length);
        text += length + 1;
    }
}

/* ---- Integers (20.2.3) ---- */

void libhotram_aml_raw_integer(struct hotram_aml *aml, uint64_t value)
{
    if (value <= 1) {
        hotram_buffer_u8(aml->out, (uint8_t)value); /* ZeroOp, OneOp */
    } else if (value == UINT64_MAX) {
        hotram_buffer_u8(aml->out, 0xff); /* OnesOp */
    } else if (value <= UINT8_MAX) {
        hotram_buffer_u8(aml->out, 0x0a); /* BytePrefix */
        hotram_buffer_u8(aml->out, (uint8_t)value);
    } else if (value <= UINT16_MAX) {
        hotram_buffer_u8(aml->out, 0x0b); /* WordPrefix */
        hotram_buffer_u16(aml->out, (uint16_t)value);
    } else if (value <= UINT32_MAX) {
        hotram_buffer_u8(aml->out, 0x0c); /* DWordPrefix */
        hotram_buffer_u32(aml->out, (uint32_t)value);
    } else {
        hotram_buffer_u8(aml->out, 0x0e); /* QWordPrefix */
        hotram_buffer_u64(aml->out, value);
    }
}

/* ---- Operands and operators ---- */

void hotram_aml_path(struct hotram_aml *aml, const char *path)
{
    if (libhotram_aml_in(aml, AML_TERMS))
        libhotram_aml_name_string(aml, path);
}

void hotram_aml_integer(struct hotram_aml *aml, uint64_t value)
{
    if (libhotram_aml_in(aml, AML_TERMS))
        libhotram_aml_raw_integer(aml, value);
}

void hotram_aml_string(struct hotram_aml *aml, const char *string)
{
    if (!libhotram_aml_in(aml, AML_TERMS))
        return;
    if (!string) {
        libhotram_aml_fail(aml, HOTRAM_E_ARGUMENT);
        return;
    }
    hotram_buffer_u8(aml->out, 0x0d);
    for (; *string; string++) {
        if ((unsigned char)*string > 0x7f) {
            libhotram_aml_fail(aml, HOTRAM_E_ARGUMENT);
            return;
        }
        hotram_buffer_u8(aml->out, (uint8_t)*string);
    }
    hotram_buffer_u8(aml->out, 0);
}

/* 5 bits for each letter, 4 for each digit, the most significant byte first: the integer's low byte. */
void hotram_aml_eisaid(struct hotram_aml *aml, const char *id)
{
    uint32_t value = 0;

    if (!libhotram_aml_in(aml, AML_TERMS))
        return;
    for (unsigned i = 0; id && i < 7; i++) {
        char c = id[i];

        if (i < 3 && c >= 'A' && c <= 'Z')
            value = value << 5 | (uint32_t)(c - 'A' + 1);
        else if (i >= 3 && c >= '0' && c <= '9')
            value = value << 4 | (uint32_t)(c - '0');
        else if (i >= 3 && c >= 'A' && c <= 'F')
            value = value << 4 | (uint32_t)(c - 'A' + 10);
        else
            id = NULL;
    }
    if (!id || id[7] != '\0') {
        libhotram_aml_fail(aml, HOTRAM_E_ARGUMENT);
        return;
    }
    hotram_buffer_u8(aml->out, 0x0c);
    for (unsigned i = 0; i < 4; i++) {
        hotram_buffer_u8(aml->out, (uint8_t)(value >> 24));
        value <<= 8;
    }
}

void hotram_aml_arg(struct hotram_aml *aml, unsigned number)
{
    if (!libhotram_aml_in(aml, AML_TERMS))
        return;
    if (number > 6)
        libhotram_aml_fail(aml, HOTRAM_E_ARGUMENT);
    else
        libhotram_aml_opcode(aml, 0x68 + number);
}

void hotram_aml_local(struct hotram_aml *aml, unsigned number)
{
    if (!libhotram_aml_in(aml, AML_TERMS))
        return;
    if (number > 7)
        libhotram_aml_fail(aml, HOTRAM_E_ARGUMENT);
    else
        libhotram_aml_opcode(aml, 0x60 + number);
}

void hotram_aml_no_target(struct hotram_aml *aml)
{
    if (libhotram_aml_in(aml, AML_TERMS))
        hotram_buffer_u8(aml->out, 0x00);
}

void hotram_aml_op(struct hotram_aml *aml, enum hotram_aml_operator op)
{
    if (libhotram_aml_in(aml, AML_TERMS))
        libhotram_aml_opcode(aml, (unsigned)op);
}

/* ---- Named objects ---- */

void hotram_aml_name(struct hotram_aml *aml, const char *path)
{
    if (!libhotram_aml_in(aml, AML_TERMS))
        return;
    libhotram_aml_opcode(aml, 0x08);
    libhotram_aml_name_string(aml, path);
}

void hotram_aml_operation_region(struct hotram_aml *aml, const char *path, enum hotram_aml_space space,
                                 uint64_t offset, uint64_t length)
{
    if (!libhotram_aml_in(aml, AML_TERMS))
        return;
    libhotram_aml_opcode(aml, AML_EXT | 0x80);
    libhotram_aml_name_string(aml, path);
    hotram_buffer_u8(aml->out, (uint8_t)space);
    libhotram_aml_raw_integer(aml, offset);
    libhotram_aml_raw_integer(aml, length);
}

void hotram_aml_field(struct hotram_aml *aml, const char *region, unsigned flags)
{
    if (!libhotram_aml_open_named(aml, AML_EXT | 0x81, region, AML_FIELDS))
        return;
    if (flags > UINT8_MAX)
        libhotram_aml_fail(aml, HOTRAM_E_ARGUMENT);
    else
        hotram_buffer_u8(aml->out, (uint8_t)flags);
}

/* The length of a field element, in bits. */
static void field_length(struct hotram_aml *aml, uint32_t bits)
{
    uint8_t bytes[4];

    if (bits > AML_PACKAGE_LENGTH_MAX)
        libhotram_aml_fail(aml, HOTRAM_E_ARGUMENT);
    else
        hotram_buffer_bytes(aml->out, bytes, libhotram_aml_encode_length(bytes, bits));
}

void hotram_aml_field_unit(struct hotram_aml *aml, const char *name, uint32_t bits)
{
    unsigned length;

    if (!libhotram_aml_in(aml, AML_FIELDS))
        return;
    length = name ? segment_length(name) : 0;
    if (length == 0 || name[length] != '\0') {
        libhotram_aml_fail(aml, HOTRAM_E_ARGUMENT);
        return;
    }
    segment(aml, name, length);
    field_length(aml, bits);
}

void hotram_aml_field_gap(struct hotram_aml *aml, uint32_t bits)
{
    if (!libhotram_aml_in(aml, AML_FIELDS))
        return;
    hotram_buffer_u8(aml->out, 0x00);
    field_length(aml, bits);
}

static void create_field(struct hotram_aml *aml, unsigned op, const char *object, uint32_t offset,
                         const char *path)
{
    if (!libhotram_aml_in(aml, AML_TERMS))
        return;
    libhotram_aml_opcode(aml, op);
    libhotram_aml_name_string(aml, object);
    libhotram_aml_raw_integer(aml, offset);
    libhotram_aml_name_string(aml, path);
}

void hotram_aml_create_qword_field(struct hotram_aml *aml, const char *object, uint32_t offset,
                                   const char *path)
{
    create_field(aml, 0x8f, object, offset, path);
}

void hotram_aml_create_dword_field(struct hotram_aml *aml, const char *object, uint32_t offset,
                                   const char *path)
{
    create_field(aml, 0x8a, object, offset, path);
}

void hotram_aml_mutex(struct hotram_aml *aml, const char *path)
{
    if (!libhotram_aml_in(aml, AML_TERMS))
        return;
    libhotram_aml_opcode(aml, AML_EXT | 0x01);
    libhotram_aml_name_string(aml, path);
    hotram_buffer_u8(aml->out, 0); /* sync level */
}

void hotram_aml_acquire(struct hotram_aml *aml, const char *path)
{
    if (!libhotram_aml_in(aml, AML_TERMS))
        return;
    libhotram_aml_opcode(aml, AML_EXT | 0x23);
    libhotram_aml_name_string(aml, path);
    hotram_buffer_u16(aml->out, 0xffff); /* wait without limit (19.6.2) */
}

void hotram_aml_release(struct hotram_aml *aml, const char *path)
{
    if (!libhotram_aml_in(aml, AML_TERMS))
        return;
    libhotram_aml_opcode(aml, AML_EXT | 0x27);
    libhotram_aml_name_string(aml, path);
}
