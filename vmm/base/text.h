/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A string that grows, and JSON written into it in QEMU's spelling.
 *
 * Running out of memory, or of the bytes that a fixed text has, marks the text as failed, and nothing more is
 * written to it; what is there stays a valid string.
 */
#ifndef VMM_BASE_TEXT_H
#define VMM_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

struct json_object;

struct text {
    char *bytes; /* always terminated by NUL, or NULL while empty */
    size_t length;
    size_t capacity;
    bool failed;
    bool fixed; /* in the bytes that whoever has it brought */
};

/* A text that needs no memory: `capacity` bytes, more than 0, for it and its NUL. */
struct text text_fixed(char *bytes, size_t capacity);

void text_append(struct text *text, const char *bytes, size_t length);
void text_string(struct text *text, const char *string);
void text_printf(struct text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Append lines that end in \n as a terminal and QEMU's clients expect them, ending in \r\n. */
void text_lines(struct text *text, const char *lines, size_t length);
void text_free(struct text *text);

/* {"a": 1, "b": [2, 3]}: QEMU's spacing and escapes, because people's scripts look for '"return": {}'. With
 * `pretty` on several lines, indented by four. Of a value that is not whole (base/json_build.h) the text is
 * failed. */
void text_json(struct text *text, struct json_object *object, bool pretty);
/* "a string", in quotes. */
void text_json_string(struct text *text, const char *string, size_t length);

#endif
