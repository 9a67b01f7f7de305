/* SPDX-License-Identifier: BSD-2-Clause */
/* Characters in strings: UTF-8, with the bytes c0 80 for U+0000. */
#ifndef VMM_BASE_JSON_STRING_H
#define VMM_BASE_JSON_STRING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* U+0000 in a string. */
#define JSON_NUL "\xc0\x80"

/* Decode the character at `at`, where `left` bytes, at least one, remain. Returns its length in bytes, or 0:
 * it is not valid. */
size_t json_character(const char *at, size_t left, uint32_t *character);

/* Replace the token of a string, including its quotes, by its contents, in place. False and an error: the
 * string is not valid (see json_reader.h). */
bool json_string_decode(char *token, size_t *length, struct error *error);

#endif
