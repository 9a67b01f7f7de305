/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shared by the files that save and restore: the frame of a saved state, and the numbers in it. Unless stated
 * otherwise, no pointer is NULL.
 */
#ifndef CORE_STATE_H
#define CORE_STATE_H

#include <hotram/state.h>

/* A saved state that is being appended. The sum includes each byte, whether written or only counted, so that
 * it need not be read back from a buffer that may be too small. */
struct state_writer {
    struct hotram_buffer *out;
    uint32_t sum;
};

/* Update the CRC-32 `sum` by one byte: it starts with STATE_SUM_START; the result is the inverted last sum.
 */
#define STATE_SUM_START UINT32_MAX
uint32_t libhotram_state_sum(uint32_t sum, uint8_t byte);

/* Append the first part of the frame, for contents of `length` bytes; then numbers of `count` bytes (1 .. 8),
 * `length` bytes in total; then the checksum. The last returns HOTRAM_OK, or HOTRAM_E_BUFFER: the buffer is
 * too small. */
void libhotram_state_begin(struct state_writer *writer, struct hotram_buffer *out,
                           enum hotram_state_kind kind, uint32_t length);
void libhotram_state_put(struct state_writer *writer, uint64_t value, unsigned count);
enum hotram_status libhotram_state_end(struct state_writer *writer);

/* Find the contents of the next saved state, of this kind and of a known version, without advancing `saved`.
 * Returns HOTRAM_OK; HOTRAM_E_ARGUMENT: `saved` is NULL, or its bytes are; HOTRAM_E_FORMAT: not a saved state
 * of this kind, or an incomplete one; HOTRAM_E_CHECKSUM; HOTRAM_E_VERSION: a newer version. */
enum hotram_status libhotram_state_open(const struct hotram_saved *saved, enum hotram_state_kind kind,
                                        struct hotram_saved *contents, struct hotram_restore_result *result);

/* Read a number of `count` bytes, 1 .. 8, and advance the contents, which have at least that many bytes. */
uint64_t libhotram_state_get(struct hotram_saved *contents, unsigned count);

/* Advance `saved` beyond the saved state that libhotram_state_open() has found. */
void libhotram_state_close(struct hotram_saved *saved);

/* Fill in a result: the refused value, and the required one. Returns the status. */
enum hotram_status libhotram_state_refuse(struct hotram_restore_result *result, enum hotram_status status,
                                          enum hotram_state_field field, uint64_t saved, uint64_t wanted);

/* Initialize the result of a restore: nothing has been refused. */
void libhotram_state_start(struct hotram_restore_result *result);

#endif
