/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Errors, for the person or the program that sent the request.
 *
 * Functions that can fail return bool and fill in an error that the caller owns. An error names the value,
 * what it conflicts with, the limit, and a way out; it ends without a full stop or newline.
 */
#ifndef VMM_BASE_ERROR_H
#define VMM_BASE_ERROR_H

#include <stdbool.h>
#include <stddef.h>

/* QMP's error classes. */
enum error_class {
    ERROR_GENERIC,
    ERROR_COMMAND_NOT_FOUND,
    ERROR_DEVICE_NOT_ACTIVE,
    ERROR_DEVICE_NOT_FOUND,
    ERROR_KVM_MISSING_CAP,
};

struct error {
    enum error_class class;
    char text[1024];
};

/*
 * Texts are formatted as by printf(), with one difference: "'%s'" and "%.80s" are for values from outside,
 * which may have any length. If a value is longer than WORDS_QUOTED_MAX or 80 bytes, "..." replaces the
 * rest; no UTF-8 character is divided. If the whole text does not fit, it ends with "...", too. "%.*s" is
 * as in printf().
 */
#define WORDS_QUOTED_MAX 200
#define WORDS_OTHER 700 /* of "%s" without quotes: mostly the program's own words */

/* Format a text that is not an error by the same rules, into `size` bytes (at least 4) with a NUL. */
void words_format(char *text, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Fill in an error, of class ERROR_GENERIC or the given one. Returns false, so that a function can fail
 * with `return error_set(...)`. `error` may be NULL: the text is then dropped. Any thread. */
bool error_set(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool error_set_class(struct error *error, enum error_class class, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Insert words before an error's text ("-device pc-dimm,id=d1: "); returns false. Without effect if `error`
 * is NULL. */
bool error_prefix(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The name of a class in QMP, a literal. */
const char *error_class_name(enum error_class class);

#endif
