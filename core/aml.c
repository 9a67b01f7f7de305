/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The AML writer: its state, and blocks with their lengths.
 */
#include <hotram/aml.h>

#include "aml_writer.h"
#include "mem.h"

void libhotram_aml_fail(struct hotram_aml *aml, enum hotram_status status)
{
    if (aml->status == HOTRAM_OK)
        aml->status = status;
}

bool libhotram_aml_in(struct hotram_aml *aml, enum aml_kind kind)
{
    if (!aml || aml->status != HOTRAM_OK)
        return false;
    if ((aml->depth > 0 ? aml->blocks[aml->depth - 1].kind : AML_TERMS) == kind)
        return true;
    libhotram_aml_fail(aml, HOTRAM_E_NESTING);
    return false;
}

enum hotram_status hotram_aml_begin(struct hotram_aml *aml, struct hotram_buffer *out)
{
    if (!aml)
        return HOTRAM_E_ARGUMENT;
    *aml = (struct hotram_aml){ .out = out, .status = out ? HOTRAM_OK : HOTRAM_E_ARGUMENT };
    if (out)
        aml->start = out->length;
    return aml->status;
}

enum hotram_status hotram_aml_finish(struct hotram_aml *aml, size_t *length)
{
    enum hotram_status status = HOTRAM_E_ARGUMENT;

    if (length)
        *length = 0;
    if (!aml)
        return status;
    if (aml->depth > 0)
        libhotram_aml_fail(aml, HOTRAM_E_NESTING);
    status = aml->status;
    if (status != HOTRAM_OK)
        return status;
    if (length)
        *length = aml->out->length - aml->start;
    return hotram_buffer_status(aml->out);
}

/* ---- Lengths ---- */

/* Encode a PkgLength of at most AML_PACKAGE_LENGTH_MAX (20.2.4): 6 bits in one byte, else 4 bits in the first
 * and 8 in each that follows. Returns how many bytes it takes. */
unsigned libhotram_aml_encode_length(uint8_t bytes[4], uint32_t value)
{
    unsigned count = value < 1u << 6 ? 1 : value < 1u << 12 ? 2 : value < 1u << 20 ? 3 : 4;

    if (count == 1) {
        bytes[0] = (uint8_t)value;
        return count;
    }
    bytes[0] = (uint8_t)((count - 1) << 6 | (value & 0xf));
    for (unsigned i = 1; i < count; i++)
        bytes[i] = (uint8_t)(value >> (8 * i - 4));
    return count;
}

/* Insert bytes that are written: shift what follows them. */
static void insert(struct hotram_buffer *out, size_t at, const uint8_t *bytes, size_t count)
{
    size_t rest = out->length - at;

    if (out->length > SIZE_MAX - count) {
        out->length = SIZE_MAX;
        return;
    }
    out->length += count;
    if (out->length > out->capacity)
        return;
    memmove(out->data + at + count, out->data + at, rest);
    memcpy(out->data + at, bytes, count);
}

/* Insert the length of all that follows, itself included. */
static void insert_length(struct hotram_aml *aml, size_t at)
{
    size_t rest = aml->out->length - at;
    uint8_t bytes[4];
    unsigned count = 1;

    if (rest > AML_PACKAGE_LENGTH_MAX - 4) {
        libhotram_aml_fail(aml, HOTRAM_E_ARGUMENT);
        return;
    }
    while (libhotram_aml_encode_length(bytes, (uint32_t)rest + count) > count)
        count++;
    insert(aml->out, at, bytes, count);
}

/* ---- Blocks ---- */

static void open_block(struct hotram_aml *aml, unsigned op, enum aml_kind kind)
{
    if (aml->depth == HOTRAM_AML_DEPTH) {
        libhotram_aml_fail(aml, HOTRAM_E_NESTING);
        return;
    }
    libhotram_aml_opcode(aml, op);
    aml->blocks[aml->depth].start = aml->out->length;
    aml->blocks[aml->depth].kind = (uint8_t)kind;
    aml->depth++;
}

/* A block with a name; false when it could not be opened. */
bool libhotram_aml_open_named(struct hotram_aml *aml, unsigned op, const char *path, enum aml_kind kind)
{
    if (!libhotram_aml_in(aml, AML_TERMS))
        return false;
    open_block(aml, op, kind);
    if (aml->status == HOTRAM_OK)
        libhotram_aml_name_string(aml, path);
    return aml->status == HOTRAM_OK;
}

/* A resource template is a buffer (20.2.5.4, DefBuffer): end tag, then size and length in front. The end
 * tag's checksum 0 means that there is none (6.4.2.9). */
static void close_template(struct hotram_aml *aml, size_t start)
{
    struct hotram_buffer size;
    uint8_t bytes[9];
    uint64_t content;
    struct hotram_aml writer = { .out = &size };

    hotram_buffer_u8(aml->out, 0x79);
    hotram_buffer_u8(aml->out, 0x00);
    content = aml->out->length - start;
    hotram_buffer_init(&size, bytes, sizeof bytes);
    libhotram_aml_raw_integer(&writer, content);
    insert(aml->out, start, bytes, size.length);
}

void hotram_aml_end(struct hotram_aml *aml)
{
    const struct hotram_aml_block *block;

    if (!aml || aml->status != HOTRAM_OK)
        return;
    if (aml->depth == 0) {
        libhotram_aml_fail(aml, HOTRAM_E_NESTING);
        return;
    }
    block = &aml->blocks[--aml->depth];
    if (block->kind == AML_RESOURCES)
        close_template(aml, block->start);
    insert_length(aml, block->start);
}

void hotram_aml_scope(struct hotram_aml *aml, const char *path)
{
    libhotram_aml_open_named(aml, 0x10, path, AML_TERMS);
}

void hotram_aml_device(struct hotram_aml *aml, const char *path)
{
    libhotram_aml_open_named(aml, AML_EXT | 0x82, path, AML_TERMS);
}

void hotram_aml_method(struct hotram_aml *aml, const char *path, unsigned args, bool serialized)
{
    if (!libhotram_aml_open_named(aml, 0x14, path, AML_TERMS))
        return;
    if (args > 7)
        libhotram_aml_fail(aml, HOTRAM_E_ARGUMENT);
    else
        hotram_buffer_u8(aml->out, (uint8_t)(args | (serialized ? 1u << 3 : 0)));
}

void hotram_aml_if(struct hotram_aml *aml)
{
    if (libhotram_aml_in(aml, AML_TERMS))
        open_block(aml, 0xa0, AML_TERMS);
}

void hotram_aml_else(struct hotram_aml *aml)
{
    if (libhotram_aml_in(aml, AML_TERMS))
        open_block(aml, 0xa1, AML_TERMS);
}

void hotram_aml_while(struct hotram_aml *aml)
{
    if (libhotram_aml_in(aml, AML_TERMS))
        open_block(aml, 0xa2, AML_TERMS);
}

void hotram_aml_package(struct hotram_aml *aml, unsigned count)
{
    if (!libhotram_aml_in(aml, AML_TERMS))
        return;
    if (count > UINT8_MAX) {
        libhotram_aml_fail(aml, HOTRAM_E_ARGUMENT);
        return;
    }
    open_block(aml, 0x12, AML_TERMS);
    if (aml->status == HOTRAM_OK)
        hotram_buffer_u8(aml->out, (uint8_t)count);
}

void hotram_aml_resource_template(struct hotram_aml *aml)
{
    if (libhotram_aml_in(aml, AML_TERMS))
        open_block(aml, 0x11, AML_RESOURCES);
}

void hotram_aml_buffer(struct hotram_aml *aml, const uint8_t *bytes, size_t length)
{
    if (!libhotram_aml_in(aml, AML_TERMS))
        return;
    if (!bytes && length > 0) {
        libhotram_aml_fail(aml, HOTRAM_E_ARGUMENT);
        return;
    }
    open_block(aml, 0x11, AML_TERMS);
    if (aml->status != HOTRAM_OK)
        return;
    libhotram_aml_raw_integer(aml, length);
    if (length > 0)
        hotram_buffer_bytes(aml->out, bytes, length);
    hotram_aml_end(aml);
}
