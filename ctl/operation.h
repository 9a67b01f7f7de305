/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * An operation on memory, as query-memory-operations and the events about it have it: in words, and as an
 * exit status.
 */
#ifndef CTL_OPERATION_H
#define CTL_OPERATION_H

#include <stdbool.h>

#include "ctl.h"

bool operation_in_progress(struct json_object *operation);
/* Of a result that is unknown: STATUS_ERROR. */
enum status operation_status(struct json_object *operation);
/* "plug dimm1 (1 GiB, slot 0): done in 0.42 s". */
void operation_words(struct text *out, struct json_object *operation);
/* "plug dimm1 (1 GiB)": without how it went. */
void operation_title(struct text *out, struct json_object *operation);
/* The operation whose text "3" is; false when it is no number. */
bool operation_number(const char *word, uint64_t *id);

#endif
