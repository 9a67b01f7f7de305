/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Between the files that save and restore: the frame of a saved state, and the numbers in it. Functions here
 * have no contract with callers of the library; no pointer is NULL.
 */
#ifndef CORE_STATE_H
#define CORE_STATE_H

#include <hotram/state.h>

/* A saved state that is being appended. The sum grows with each byte, written or not: so it need not be read
 * back from a buffer that may be too small. */
struct state_writer {
    struct hotram_buffer *out;
    uint32_t sum;
};

/* The sum of some bytes and one more; it begins with STATE_SUM_START and ends inverted. */
#define STATE_SUM_START UINT32_MAX
uint32_t libhotram_state_sum(uint32_t sum, uint8_t byte);

/* In front, what the kind has (count bytes of a number, 1 .. 8), and behind. */
void libhotram_state_begin(struct state_writer *writer, struct hotram_buffer *out,
                           enum hotram_state_kind kind, uint32_t length);
void libhotram_state_put(struct state_writer *writer, uint64_t value, unsigned count);
enum hotram_status libhotram_state_end(struct state_writer *writer);

/* The contents of the next saved state, if it is one of this kind and of a known version; the saved states
 * are not moved on. A NULL saved is allowed. */
enum hotram_status libhotram_state_open(const struct hotram_saved *saved, enum hotram_state_kind kind,
                                        struct hotram_saved *contents, struct hotram_restore_result *result);

/* A number of count bytes, 1 .. 8, that are there: takes it out of the contents. */
uint64_t libhotram_state_get(struct hotram_saved *contents, unsigned count);

/* Move on behind the saved state that libhotram_state_open() has opened. */
void libhotram_state_close(struct hotram_saved *saved);

/* Fill in a result: which value was refused, and what it has to be. Returns the status. */
enum hotram_status libhotram_state_refuse(struct hotram_restore_result *result, enum hotram_status status,
                                          enum hotram_state_field field, uint64_t saved, uint64_t wanted);

/* The result of a restore of which nothing was refused yet. */
void libhotram_state_start(struct hotram_restore_result *result);

#endif
