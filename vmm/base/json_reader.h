/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The one reader of JSON: QMP's input, options in JSON, and what hotramctl hears from monitors.
 *
 * JSON is RFC 8259, and what QEMU has beyond it: strings in single quotes, and \' in strings. A string may
 * have \u0000, which becomes the bytes c0 80, so that C strings are not cut short. Refused are, as by QEMU:
 * names that an object has twice, strings that are no UTF-8, characters that Unicode has not (surrogates
 * alone, U+FFFE and the like); and besides numbers that no double can hold.
 *
 * A number without fraction and exponent is a json_type_int from -2^63 to 2^64-1; any other is a
 * json_type_double, as in QEMU, so that it is an integer nowhere.
 *
 * Input is a stream of values, with or without anything between them; newlines mean nothing. After an error
 * the next value begins where QEMU has it begin: after a stray byte at the next bracket, brace, ':', ',' or
 * control character but a tab; after too many levels at once; after other values that are no JSON, or too
 * large, behind the bracket or brace that ends them.
 */
#ifndef VMM_BASE_JSON_READER_H
#define VMM_BASE_JSON_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/json_lexer.h"

struct json_object;

/* Of one value. The last one bounds the memory that it can take, which is up to a hundred times that of its
 * bytes. */
struct json_limits {
    unsigned depth;
    size_t bytes; /* of its tokens */
    size_t tokens;
};

struct json_reader {
    const struct json_limits *limits;
    struct json_lexer lexer;
    size_t bytes, tokens; /* of the value so far */
    int braces, brackets; /* that are open; below 0: closed too often */
    struct json_object *root;
    struct json_object **open; /* the containers from the root on; borrowed from it */
    unsigned depth, capacity;
    unsigned expects;
    struct json_bytes key; /* of the member whose value comes next */
    bool failed;           /* the value is bad, and skipped */
    struct error problem;  /* why, */
    size_t at, problem_at; /* and where: bytes since a value ended */
};

enum json_read {
    JSON_READ_MORE,  /* all bytes were taken, and no value is complete */
    JSON_READ_VALUE, /* *value is a new object (or NULL for JSON's null) */
    JSON_READ_BAD,   /* the error says why; the reader is ready for what follows */
};

/* Take up to `length` bytes; *taken says how many. */
enum json_read json_reader_take(struct json_reader *reader, const void *bytes, size_t length, size_t *taken,
                                struct json_object **value, struct error *error);
/* Whether a value has begun. */
bool json_reader_within(const struct json_reader *reader);
/* Whether it is already known that the value will be bad, for whoever need not read on; and why. */
bool json_reader_failed(const struct json_reader *reader, struct error *error);
/* The reader may be used again. */
void json_reader_free(struct json_reader *reader);

/* Whether a number is beyond all integers, so that it is a json_type_double. */
bool json_is_huge(struct json_object *value);

/* A text that is one value and nothing else. NULL and an error, unless it is JSON's null. */
bool json_read_text(const char *text, size_t length, const struct json_limits *limits,
                    struct json_object **value, struct error *error);

#endif
