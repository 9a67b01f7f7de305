/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a QMP client's bytes, in whatever pieces they come, to JSON values. See qmp_input.c.
 */
#ifndef VMM_MONITOR_QMP_INPUT_H
#define VMM_MONITOR_QMP_INPUT_H

#include <json-c/json_tokener.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/error.h"

/* Limits of one value. The last one bounds the memory that a command can take: a value costs up to a
 * hundred times the byte or two that it has on the line. */
#define QMP_DEPTH_MAX 1024
#define QMP_BYTES_MAX (16u << 20)
#define QMP_TOKENS_MAX 131072u

struct qmp_input {
    struct json_tokener *tokener; /* NULL between large values */
    bool started;                 /* within a value */
    bool discarding;              /* the rest of a bad line */
    size_t bytes, tokens;         /* of the value so far */
    unsigned depth;
    char quote;            /* within a string: the quote that ends it */
    unsigned escape;       /* within an escape: 1 after the backslash, 2 to 5 after u and its digits */
    bool escape_zero;      /* only zeros so far among the digits */
    unsigned continuation; /* bytes of a UTF-8 character to come */
    uint8_t least, most;   /* what the next of them may be */
};

enum qmp_input_result { QMP_INPUT_MORE, QMP_INPUT_VALUE, QMP_INPUT_BAD };

/* Take up to `length` bytes; *taken says how many. VALUE: *value is a new object (or NULL for JSON's null).
 * BAD: the error says why; the rest of the line will be dropped. MORE: all bytes were taken. */
enum qmp_input_result qmp_input_take(struct qmp_input *input, const uint8_t *bytes, size_t length,
                                     size_t *taken, struct json_object **value, struct error *error);
void qmp_input_free(struct qmp_input *input);

#endif
