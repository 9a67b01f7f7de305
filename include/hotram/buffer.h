/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file buffer.h
 * A buffer of the caller's that ACPI tables and AML are appended to.
 *
 * Bytes that do not fit are counted but not written. So a buffer without memory (NULL, capacity 0) measures
 * how much is needed, and one that turned out too small says by how much. Counting stops at SIZE_MAX.
 *
 * The functions that append ignore a NULL buffer and have no errors of their own: whether all fitted is asked
 * once, at the end, with hotram_buffer_status().
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

/** A buffer. Read the members freely; only the library writes them. */
struct hotram_buffer {
    uint8_t *data;   /**< the caller's memory, or NULL */
    size_t capacity; /**< its length, bytes */
    size_t length;   /**< bytes appended so far; more than capacity when they did not fit */
};

/**
 * Start with an empty buffer.
 *
 * When: before any other call on this buffer; again to empty it.
 *
 * @param buffer    the caller's memory for the struct
 * @param data      the bytes; must live as long as the buffer; NULL when capacity is 0
 * @param capacity  length of data, bytes, any number
 * @retval HOTRAM_OK          ready
 * @retval HOTRAM_E_ARGUMENT  buffer is NULL, or data is NULL and capacity is not 0; nothing is changed
 */
enum hotram_status hotram_buffer_init(struct hotram_buffer *buffer, uint8_t *data, size_t capacity);

/**
 * Whether all that was appended fitted.
 *
 * When: at any time after hotram_buffer_init().
 *
 * @param buffer  the buffer
 * @retval HOTRAM_OK          it did
 * @retval HOTRAM_E_BUFFER    it did not; buffer->length is the needed length
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
 * @param bytes   count bytes that do not lie in the buffer; when NULL, nothing is appended
 * @param count   how many, any number
 */
void hotram_buffer_bytes(struct hotram_buffer *buffer, const void *bytes, size_t count);

/**
 * Append zero bytes.
 *
 * When: at any time after hotram_buffer_init().
 *
 * @param buffer  the buffer
 * @param count   how many, any number
 */
void hotram_buffer_zeros(struct hotram_buffer *buffer, size_t count);

/**
 * Append zero bytes until the buffer's length is a multiple of align. That aligns a table in the guest only
 * if the buffer begins at such an address there.
 *
 * When: at any time after hotram_buffer_init().
 *
 * @param buffer  the buffer
 * @param align   bytes, a power of two; any other number is ignored
 */
void hotram_buffer_align(struct hotram_buffer *buffer, size_t align);

#ifdef __cplusplus
}
#endif
#endif
