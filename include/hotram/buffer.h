/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file buffer.h
 * The caller's buffer, to which tables, AML and saved states are appended.
 *
 * Bytes that do not fit are counted but not written: a buffer without memory (NULL, capacity 0) measures the
 * required length, and so does one that turns out to be too small. Counting stops at SIZE_MAX.
 *
 * The functions that append ignore a NULL buffer and report no errors: at the end, hotram_buffer_status()
 * returns whether everything fitted. The caller serializes the calls on one buffer.
 *
 * Source: numbers are little endian because ACPI's are (ACPI 6.5, 5.2); the rest follows no specification.
 */
#ifndef HOTRAM_BUFFER_H
#define HOTRAM_BUFFER_H

#include <stddef.h>
#include <stdint.h>

#include <hotram/status.h>

#ifdef __cplusplus
extern "C" {
#endif

/** A buffer. The members may be read; only the library writes them. */
struct hotram_buffer {
    uint8_t *data;   /**< the caller's memory, or NULL */
    size_t capacity; /**< its length, bytes */
    size_t length;   /**< bytes appended so far; above capacity if they did not fit */
};

/**
 * Initialize an empty buffer.
 *
 * When: before any other call on this buffer; again to empty it.
 *
 * @param buffer    the caller's memory for the struct
 * @param data      memory for the contents, which must exist as long as the buffer; may be NULL if capacity
 *                  is 0
 * @param capacity  length of data, bytes, any number
 * @retval HOTRAM_OK          the buffer is ready
 * @retval HOTRAM_E_ARGUMENT  buffer is NULL, or data is NULL and capacity is not 0; nothing is changed
 */
enum hotram_status hotram_buffer_init(struct hotram_buffer *buffer, uint8_t *data, size_t capacity);

/**
 * Whether everything that was appended fitted.
 *
 * When: at any time after hotram_buffer_init().
 *
 * @param buffer  the buffer
 * @retval HOTRAM_OK          it fitted
 * @retval HOTRAM_E_BUFFER    the buffer is too small; buffer->length is the required length
 * @retval HOTRAM_E_ARGUMENT  buffer is NULL
 */
enum hotram_status hotram_buffer_status(const struct hotram_buffer *buffer);

/**
 * Append one byte.
 *
 * When: at any time after hotram_buffer_init().
 *
 * @param buffer  the buffer
 * @param value   any byte
 */
void hotram_buffer_u8(struct hotram_buffer *buffer, uint8_t value);

/**
 * Append two bytes, the low one first.
 *
 * When: at any time after hotram_buffer_init().
 *
 * @param buffer  the buffer
 * @param value   any number
 */
void hotram_buffer_u16(struct hotram_buffer *buffer, uint16_t value);

/**
 * Append four bytes, the low one first.
 *
 * When: at any time after hotram_buffer_init().
 *
 * @param buffer  the buffer
 * @param value   any number
 */
void hotram_buffer_u32(struct hotram_buffer *buffer, uint32_t value);

/**
 * Append eight bytes, the low one first.
 *
 * When: at any time after hotram_buffer_init().
 *
 * @param buffer  the buffer
 * @param value   any number
 */
void hotram_buffer_u64(struct hotram_buffer *buffer, uint64_t value);

/**
 * Append bytes as they are.
 *
 * When: at any time after hotram_buffer_init().
 *
 * @param buffer  the buffer
 * @param bytes   count bytes outside the buffer; if NULL, nothing is appended
 * @param count   number of bytes, any number
 */
void hotram_buffer_bytes(struct hotram_buffer *buffer, const void *bytes, size_t count);

/**
 * Append zero bytes.
 *
 * When: at any time after hotram_buffer_init().
 *
 * @param buffer  the buffer
 * @param count   number of bytes, any number
 */
void hotram_buffer_zeros(struct hotram_buffer *buffer, size_t count);

/**
 * Append zero bytes until the buffer's length is a multiple of align. This aligns a table in the guest only
 * if the buffer's guest-physical address is a multiple of align, too.
 *
 * When: at any time after hotram_buffer_init().
 *
 * @param buffer  the buffer
 * @param align   bytes, a power of two; nothing is appended for any other number
 */
void hotram_buffer_align(struct hotram_buffer *buffer, size_t align);

#ifdef __cplusplus
}
#endif
#endif
