/* SPDX-License-Identifier: BSD-2-Clause */
/* JSON by RFC 8259's grammar, and nothing of the program's own reader: what the program sends is judged by
 * it. */
#ifndef TESTS_FUZZ_JSON_CHECK_H
#define TESTS_FUZZ_JSON_CHECK_H

#include <stdbool.h>
#include <stddef.h>

/* Part of a text; `at` NULL: there is none. */
struct span {
    const char *at, *end;
};

/* Behind the value at `at`, or NULL: that is none. Strings are ASCII. */
const char *json_check_value(const char *at, const char *end, unsigned depth);
/* The value of a member of a good object, and the last of the name counts. */
struct span json_check_member(struct span object, const char *name);
bool json_check_is(struct span value, char first);

#endif
