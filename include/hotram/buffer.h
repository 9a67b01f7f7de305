/* SPDX-License-Identifier: BSD-2-Clause */
/**
 * @file buffer.h
 * A buffer of the caller's that ACPI tables and AML are appended to.
 *
 * Bytes that do not fit are counted but not written. So a buffer without memory (NULL, capacity 0) measures
 * how much is needed, and one that turned out too small says by how much. Numbers are little endian.
 *
 * The functions that append ignore a NULL buffer.
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
 * @param buffer    the caller's memory for the struct
 * @param data      the bytes; must live as long as the buffer; NULL when capacity is 0
 * @param capacity  length of data, bytes
 * @retval HOTRAM_OK          ready
 * @retval HOTRAM_E_ARGUMENT  buffer is NULL, or data is NULL and capacity is not 0
 */
enum hotram_status hotram_buffer_init(struct hotram_buffer *buffer, uint8_t *data, size_t capacity);

/**
 * Whether all that was appended fitted.
 *
 * @retval HOTRAM_OK          it did
 * @retval HOTRAM_E_BUFFER    it did not; buffer->length is the needed length
 * @retval HOTRAM_E_ARGUMENT  buffer is NULL
 */
enum hotram_status hotram_buffer_status(const struct hotram_buffer *buffer);

/** Append one byte. */
void hotram_buffer_u8(struct hotram_buffer *buffer, uint8_t value);
/** Append two bytes, the low one first. */
void hotram_buffer_u16(struct hotram_buffer *buffer, uint16_t value);
/** Append four bytes, the low one first. */
void hotram_buffer_u32(struct hotram_buffer *buffer, uint32_t value);
/** Append eight bytes, the low one first. */
void hotram_buffer_u64(struct hotram_buffer *buffer, uint64_t value);
/** Append count bytes; a NULL source is ignored. */
void hotram_buffer_bytes(struct hotram_buffer *buffer, const void *bytes, size_t count);
/** Append count zero bytes. */
void hotram_buffer_zeros(struct hotram_buffer *buffer, size_t count);
/** Append zero bytes until the length is a multiple of align; one that is not a power of two is ignored. */
void hotram_buffer_align(struct hotram_buffer *buffer, size_t align);

#ifdef __cplusplus
}
#endif
#endif
