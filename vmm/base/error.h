/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What went wrong, in words for the person or the program that asked.
 *
 * Functions that can fail return bool and fill in an error that the caller owns. An error names the
 * value, what it collides with, the limit, and the way out; it ends without a full stop or newline.
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
 * How texts are put together here: as by printf(), but that "'%s'" and "%.80s" are values from outside, which
 * can be of any length: of a longer one than WORDS_QUOTED_MAX, or than 80, the rest is "...", and no
 * character is cut. What does not fit into the whole text ends it with "...", too. ("%.*s" is a part of a
 * text that ends where it is to end.)
 */
#define WORDS_QUOTED_MAX 200
#define WORDS_OTHER 700 /* of "%s" without quotes: words of ours, most often */

/* The same for others' texts; always with a NUL. */
void words_format(char *text, size_t size, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Fill in an error; returns false, so that a function can fail with `return error_set(...)`.
 * A NULL error is allowed: nobody wants to know. */
bool error_set(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool error_set_class(struct error *error, enum error_class class, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Put words in front of an error's text ("-device pc-dimm,id=d1: "); returns false. */
bool error_prefix(struct error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* QMP's name of a class. */
const char *error_class_name(enum error_class class);

#endif
