/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * HMP, the monitor for people: lines, line editor and completion.
 *
 * Threads: main thread only.
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
/* Shown if memory runs out for the output of a command. */
#define HMP_NO_ANSWER \
    "out of memory for the output of the command, which may have been executed; info commands show its effect"
/* Maximum length of a line, bytes. Each key costs the main thread time proportional to the line. */
#define HMP_LINE_MAX 1023u

/* Run a line as typed. Its output, including errors, is appended to `out`, with \n at line ends. Not NULL:
 * the answer follows, for hmp_show(); the caller sets the asker of the pending. */
struct pending *hmp_run(struct monitors *monitors, const char *line, struct text *out);
/* Append the error, if not NULL, or the result as the command prints it. */
void hmp_show(struct text *out, const struct command *command, struct json_object *result,
              const struct error *error);

/* Append "unknown command: 'x'", with a similar name or a hint at help. */
void hmp_unknown(struct text *out, const char *name);

/* Completions of a line up to the cursor. */
#define COMPLETIONS_MAX 300
struct completions {
    size_t typed; /* bytes at the end of the line that are to be completed */
    size_t count;
    char *words[COMPLETIONS_MAX]; /* owned; sorted by complete() */
    char suffix;                  /* follows a word that is complete: ' ', ',' or 0 */
};
/* Set the completions of a line that ends at the cursor; completions_free() frees them. */
void complete(struct monitors *monitors, const char *line, struct completions *completions);
void completions_free(struct completions *completions);
/* Length in bytes of the candidates' common prefix; 0 without candidates. */
size_t completions_common(const struct completions *completions);

/* Line editing for one session. */
struct editor;
/* Open an editor for a session that has shown its prompt. An idle editor of the monitor is used again, with
 * its history: as in QEMU, history belongs to the monitor. NULL: none can be created, and the session reads
 * plain lines. */
struct editor *editor_open(struct monitor *monitor, struct channel *channel);
/* End of the session: the editor becomes an idle one of its monitor, or is freed if it is spent. */
void editor_close(struct editor *editor);
/* Whether it has memory of the reserve (host/lent_memory.h): close it soon. */
bool editor_is_spent(const struct editor *editor);
/* Free a list of idle editors; NULL: an empty one. */
void editors_destroy(struct editor *idle);
/* Show the prompt for a new line. */
void editor_prompt(struct editor *editor);
/* Show prompt and line again, after other output. */
void editor_redraw(struct editor *editor);
/* Process one byte. Returns the line without its end, valid until the next call, if the byte completes it;
 * otherwise NULL. *too_long: input beyond HMP_LINE_MAX has been dropped from the line. */
const char *editor_input(struct editor *editor, uint8_t byte, bool *too_long);

#endif
