/* SPDX-License-Identifier: BSD-2-Clause */
/* Characters: UTF-8 as JSON has it here, with c0 80 for U+0000. */
#ifndef VMM_BASE_JSON_STRING_H
#define VMM_BASE_JSON_STRING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* What \u0000 is in a string. */
#define JSON_NUL "\xc0\x80"

/* The character at `at`, which has `left` bytes, at least one; its length, or 0 when it is none. */
size_t json_character(const char *at, size_t left, uint32_t *character);

/* A string's token becomes its content, in place. False and an error: it is no string. */
bool json_string_decode(char *token, size_t *length, struct error *error);

#endif
