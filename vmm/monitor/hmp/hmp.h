/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * HMP: lines that a person types, the editor and completion.
 */
#ifndef VMM_MONITOR_HMP_HMP_H
#define VMM_MONITOR_HMP_HMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/text.h"

struct channel;
struct command;
struct json_object;
struct monitor;
struct monitors;
struct pending;

#define HMP_PROMPT "(hotram) "
/* In place of what a command says, for which memory is short. */
#define HMP_NO_ANSWER \
    "out of memory for the output of the command, which may have been executed; info commands show its effect"
/* The longest line. Each key costs the editor time that grows with the line, and the main thread is its. */
#define HMP_LINE_MAX 1023u

/* Run one line as a person typed it; what it says, errors included, goes to `out` with \n at line ends. Not
 * NULL: the answer comes later, to be shown by hmp_show(); the caller sets the pending's asker. */
struct pending *hmp_run(struct monitors *monitors, const char *line, struct text *out);
void hmp_show(struct text *out, const struct command *command, struct json_object *result,
              const struct error *error);

/* "unknown command: 'x'", with the nearest name. */
void hmp_unknown(struct text *out, const char *name);

/* Completions of a line up to the cursor. */
#define COMPLETIONS_MAX 300
struct completions {
    size_t typed; /* bytes at the end of the line that are the beginning of each candidate */
    size_t count;
    char *words[COMPLETIONS_MAX]; /* owned; sorted by complete() */
    char suffix;                  /* follows a word that is complete: ' ', ',' or 0 */
};
void complete(struct monitors *monitors, const char *line, struct completions *completions);
void completions_free(struct completions *completions);
/* How many bytes all candidates have in common. */
size_t completions_common(const struct completions *completions);

/* Line editing for one session. NULL when it cannot be had: the session then reads plain lines. Editors whose
 * session is over wait for the next session of their monitor, which finds their history (as in QEMU, where
 * history belongs to the monitor). */
struct editor;
struct editor *editor_open(struct monitor *monitor, struct channel *channel);
void editor_close(struct editor *editor);
/* It lives on memory that others need: close it soon. */
bool editor_is_spent(const struct editor *editor);
void editors_destroy(struct editor *idle);
/* Show the prompt for a new line. */
void editor_prompt(struct editor *editor);
/* Show the line again, after something else was shown. */
void editor_redraw(struct editor *editor);
/* Take one byte. When it ends the line, that is returned without its end, until the next call. *too_long:
 * what is beyond HMP_LINE_MAX was dropped from it. */
const char *editor_input(struct editor *editor, uint8_t byte, bool *too_long);

#endif
