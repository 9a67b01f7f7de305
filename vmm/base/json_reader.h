/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The only reader of JSON: for QMP's input, options in JSON, and what hotramctl receives from monitors.
 *
 * JSON is RFC 8259 with QEMU's extensions: strings in single quotes, and \' in strings. \u0000 in a string
 * becomes the bytes c0 80, so that C strings are not truncated. As by QEMU, duplicate names in an object,
 * strings that are not UTF-8, and code points that are not characters (single surrogates, U+FFFE and the
 * like) are refused; in addition, numbers beyond the range of a double.
 *
 * A number without fraction and exponent is a json_type_int from -2^63 to 2^64-1; any other is a
 * json_type_double, as in QEMU, so that nothing accepts it as an integer.
 *
 * Input is a stream of values, with or without white space between them; newlines have no meaning. After an
 * error, the next value begins at the same place as in QEMU: after a stray byte, at the next bracket, brace,
 * ':', ',' or control character other than a tab; after too many levels, immediately; after any other value
 * that is not JSON or is too large, after the bracket or brace that ends it.
 */
#ifndef VMM_BASE_JSON_READER_H
#define VMM_BASE_JSON_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json_lexer.h"

struct json_object;

/* Limits of one value. The number of tokens bounds the memory of its objects, which can be a hundred times
 * that of its bytes. */
struct json_limits {
    unsigned depth;
    size_t bytes; /* of its tokens */
    size_t tokens;
};

struct json_reader {
    const struct json_limits *limits;
    struct json_lexer lexer;
    size_t bytes, tokens; /* of the value so far */
    int braces, brackets; /* open ones; negative: closed too often */
    struct json_object *root;
    struct json_object **open; /* the containers from the root on; borrowed from it */
    unsigned depth, capacity;
    unsigned expects;
    struct json_bytes key; /* of the member whose value comes next */
    bool failed;           /* the value is invalid, and its rest is skipped */
    struct error problem;  /* the reason, */
    size_t at, problem_at; /* and the position: bytes since the last value ended */
};

enum json_read {
    JSON_READ_MORE,  /* all bytes were processed, and no value is complete */
    JSON_READ_VALUE, /* *value is a new object (or NULL for JSON's null) */
    JSON_READ_BAD,   /* the error gives the reason; the reader is ready for the next value */
};

/* Process bytes up to the end of a value, `length` at most; *taken is their number. See enum json_read. A
 * reader belongs to one thread. */
enum json_read json_reader_take(struct json_reader *reader, const void *bytes, size_t length, size_t *taken,
                                struct json_object **value, struct error *error);
/* Whether a value is incomplete. */
bool json_reader_within(const struct json_reader *reader);
/* True and the error: the value that is incomplete will be JSON_READ_BAD, so the caller need not read its
 * rest. */
bool json_reader_failed(const struct json_reader *reader, struct error *error);
/* Free the memory of a reader, which can be used again. */
void json_reader_free(struct json_reader *reader);

/* Whether a number's magnitude is 2^63 or more and it is a json_type_double: it is beyond the integers. */
bool json_is_huge(struct json_object *value);

/* Read a text that consists of one value. True: *value is a new object, or NULL for JSON's null. False and an
 * error: the text is not JSON, exceeds a limit, or contains more than one value, or memory is insufficient;
 * *value is NULL. */
bool json_read_text(const char *text, size_t length, const struct json_limits *limits,
                    struct json_object **value, struct error *error);

#endif
