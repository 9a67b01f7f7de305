/* SPDX-License-Identifier: BSD-2-Clause */
#include <hotram/buffer.h>

enum hotram_status hotram_buffer_init(struct hotram_buffer *buffer, uint8_t *data, size_t capacity)
{
    if (!buffer || (!data && capacity > 0))
        return HOTRAM_E_ARGUMENT;
    *buffer = (struct hotram_buffer){ .data = data, .capacity = capacity };
    return HOTRAM_OK;
}

enum hotram_status hotram_buffer_status(const struct hotram_buffer *buffer)
{
    if (!buffer)
        return HOTRAM_E_ARGUMENT;
    return buffer->length <= buffer->capacity ? HOTRAM_OK : HOTRAM_E_BUFFER;
}

void hotram_buffer_u8(struct hotram_buffer *buffer, uint8_t value)
{
    if (!buffer)
        return;
    if (buffer->length < buffer->capacity)
        buffer->data[buffer->length] = value;
    if (buffer->length < SIZE_MAX)
        buffer->length++;
}

/* The loops shift by a constant, which 32-bit targets do without a helper of the compiler's library. */
static void put(struct hotram_buffer *buffer, uint64_t value, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        hotram_buffer_u8(buffer, (uint8_t)value);
        value >>= 8;
    }
}

void hotram_buffer_u16(struct hotram_buffer *buffer, uint16_t value)
{
    put(buffer, value, 2);
}

void hotram_buffer_u32(struct hotram_buffer *buffer, uint32_t value)
{
    put(buffer, value, 4);
}

void hotram_buffer_u64(struct hotram_buffer *buffer, uint64_t value)
{
    put(buffer, value, 8);
}

void hotram_buffer_bytes(struct hotram_buffer *buffer, const void *bytes, size_t count)
{
    const uint8_t *from = bytes;

    if (!from)
        return;
    for (size_t i = 0; i < count; i++)
        hotram_buffer_u8(buffer, from[i]);
}

void hotram_buffer_zeros(struct hotram_buffer *buffer, size_t count)
{
    for (size_t i = 0; i < count; i++)
        hotram_buffer_u8(buffer, 0);
}

void hotram_buffer_align(struct hotram_buffer *buffer, size_t align)
{
    if (!buffer || align == 0 || (align & (align - 1)))
        return;
    while (buffer->length & (align - 1) && buffer->length < SIZE_MAX)
        hotram_buffer_u8(buffer, 0);
}
