/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The value that a reader of JSON is building. For json_reader.c only, which finds out where a value begins
 * and ends.
 */
#ifndef VMM_BASE_JSON_VALUE_H
#define VMM_BASE_JSON_VALUE_H

#include "base/json_reader.h"

/* Add the lexer's token to the value. The reader must not have failed. If the value then is not JSON (RFC
 * 8259 with QEMU's extensions), the reader fails with the reason and the position. */
void json_value_build(struct json_reader *reader, enum json_token token);

/* Free what has been built of a value, and fail; the caller sets the reader's problem. The lexer does not
 * keep the bytes of the value's other tokens. */
void json_value_discard(struct json_reader *reader);

/* Fail with "out of memory", and discard the value; without effect if the reader has failed. */
void json_value_out_of_memory(struct json_reader *reader);

#endif
