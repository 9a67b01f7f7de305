/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Operations on memory and on CPUs, as queries and events represent them: as text, and as an exit status.
 * Objects are borrowed.
 */
#ifndef CTL_OPERATION_H
#define CTL_OPERATION_H

#include <stdbool.h>

#include "ctl.h"

/* What QMP calls operations of one kind. Those of memory and of CPUs are numbered separately. */
struct operation_names {
    const char *started; /* events */
    const char *done;
    const char *cancel; /* the command that cancels one */
    const char *wait;   /* hotramctl's command that waits for one by its number, or NULL */
};

extern const struct operation_names memory_operations, cpu_operations;

bool operation_in_progress(struct json_object *operation);
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
