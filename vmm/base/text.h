/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A growing string, and JSON written into it in QEMU's format.
 *
 * If memory, or the space of a fixed text, is insufficient, the text is marked as failed and nothing more is
 * appended; what it contains remains a valid string.
 */
#ifndef VMM_BASE_TEXT_H
#define VMM_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct json_object;

struct text {
    char *bytes; /* terminated by NUL; or NULL while empty */
    size_t length;
    size_t capacity;
    bool failed;
    bool fixed; /* `bytes` belongs to the caller of text_fixed() */
};

/* A text that does not allocate memory, in the caller's `capacity` bytes (at least 1), which include the NUL.
 */
struct text text_fixed(char *bytes, size_t capacity);

void text_append(struct text *text, const char *bytes, size_t length);
void text_string(struct text *text, const char *string);
void text_printf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Append lines that end in \n as a terminal and QEMU's clients expect them, ending in \r\n. */
void text_lines(struct text *text, const char *lines, size_t length);
void text_free(struct text *text);
/* What comes from outside becomes a line: bytes that are no character, and control characters, become "?". */
void text_make_plain(char *bytes, size_t length);

/* {"a": 1, "b": [2, 3]}: QEMU's spacing and escapes, because scripts search for '"return": {}'. With
 * `pretty`, on several lines, indented by four spaces. The text fails if a part of the value is marked as
 * failed (base/json_build.h). */
void text_json(struct text *text, struct json_object *object, bool pretty);
/* "a string", in quotes. */
void text_json_string(struct text *text, const char *string, size_t length);

#endif
