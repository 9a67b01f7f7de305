/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Operations on memory, on CPUs and on other devices, as queries and events represent them: as text, and as
 * an exit status. A number stands for one operation of any kind.
 * Objects are borrowed.
 */
#ifndef CTL_OPERATION_H
#define CTL_OPERATION_H

#include <stdbool.h>

#include "ctl.h"

/* The command that cancels one of any kind, by its number. */
#define OPERATION_CANCEL "memory-operation-cancel"

bool operation_in_progress(struct json_object *operation);
/* Whether an event of this name reports the end of an operation. */
bool operation_done_event(const char *event);
/* The exit status for its result; STATUS_ERROR if the result is unknown, STATUS_UNANSWERED while in progress.
 */
enum status operation_status(struct json_object *operation);
/* The number of those in progress. */
size_t operations_in_progress(struct json_object *operations);
/* Append those in progress, a line each behind `indent`. */
void operations_words(struct text *out, const char *indent, struct json_object *operations);
/* Append "plug dimm1 (1 GiB, slot 0): done in 0.42 s". */
void operation_words(struct text *out, struct json_object *operation);
/* Append "plug dimm1 (1 GiB, slot 0)", without the result. */
void operation_title(struct text *out, struct json_object *operation);
/* Parse an operation's number, "3". False: it is not a number, or above INT64_MAX. */
bool operation_number(const char *word, uint64_t *id);

#endif
