/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a call on the AML writer should do: append these bytes, or be one of the errors of hotram/aml.h.
 *
 * In place of core/buffer.c and buffer.c there is a model, which notes the bytes appended. That the real
 * functions append just those, whatever the room, is proven in prove_buffer.c. The model's buffer has no
 * memory, so to read or write it in another way than through them is an error. Its length ends a call's bytes
 * short of SIZE_MAX, where the real one's stops.
 */
#ifndef TESTS_PROOF_AML_EXPECT_H
#define TESTS_PROOF_AML_EXPECT_H

#include "aml_state.h"

#ifndef TEXT
#define TEXT 9u /* characters of the longest path or string, its end not counted */
#endif
#define LONGEST 64u /* no call appends more bytes */

/* Bytes, and the one at the watched position, which is any: what is proven of that one is true of all. */
struct noted {
    unsigned count;
    uint8_t byte;
};
extern struct noted expected, appended;
extern unsigned watched;

/* Any string of up to TEXT bytes, or NULL. Its end is the end of an object: to read further is out of its
 * bounds. */
const char *arbitrary_text(void);

/* Make the call, on any writer, with one path of every kind, valid or not. Known ones: to a solver each is
 * far cheaper than all texts of its length, which prove_aml_path.c has. The call says if its arguments are
 * valid. */
bool with_some_path(bool (*call)(const char *));

/* Expect so many bytes of a number, the low one first. */
void expect(uint64_t value, size_t count);

/* Expect an opcode: one byte, or ExtOpPrefix and one (20.3). */
void expect_opcode(unsigned opcode);

/* Expect an integer constant (20.2.3). */
void expect_integer(uint64_t value);

/* Expect the name string of a path (20.2.2); false if it is no path. */
bool expect_path(const char *path);

/* Whether a character may stand at this place of a name segment. */
bool is_segment_char(char c, unsigned place);

/* After a call that belongs into a block of that kind, with arguments that are valid or not. It changes no
 * block. */
void prove_appended(enum aml_kind where, bool valid);

/* After a call among terms that opens a block of a kind, its length to be inserted so many bytes after where
 * the call begins to write. */
void prove_opened(bool valid, size_t opcode_size, enum aml_kind kind);

/* Some arguments are found invalid. */
#define REACHABLE_INVALID() REACHABLE(writer_before.status == HOTRAM_OK && writer.status == HOTRAM_E_ARGUMENT)

#endif
