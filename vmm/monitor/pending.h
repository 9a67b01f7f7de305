/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Deferred answers.
 *
 * Threads: main thread only.
 */
#ifndef VMM_MONITOR_PENDING_H
#define VMM_MONITOR_PENDING_H

#include "base/error.h"

struct command;
struct json_object;
struct monitor_context;

/*
 * A command that takes long returns at once, and is answered at the end of its work. Meanwhile the event loop
 * serves the guest, other monitors, and other sessions of the same one. The session that sent it executes no
 * further command, so its answers keep their order. Each pending command is finished exactly once, from the
 * event loop and never within another command, whether or not its client is still connected.
 */
struct pending {
    const struct command *command;
    /* Set by the session; NULL when it has ended. `result` is borrowed, and NULL with an error. */
    void (*answer)(void *asker, const struct command *command, struct json_object *result,
                   const struct error *error);
    void (*progress)(void *asker, const char *line); /* the progress, for a person; may be NULL */
    void *asker;
    /* Set by the command: end early, by pending_finish() as usual. May be NULL. */
    void (*cancel)(void *opaque);
    void *opaque;
};

/* Called within a command's function: answer later. NULL: out of memory; the command must fail. */
struct pending *command_defer(struct monitor_context *context);
/* Undo command_defer(), since the command answers at once or fails. Without effect if it was not deferred. */
void command_undefer(struct monitor_context *context);
/* Answer the command and free `pending`. `result` is taken over, NULL means {}; or `error` is not NULL. */
void pending_finish(struct pending *pending, struct json_object *result, const struct error *error);
/* Report the progress as one line without a newline. */
void pending_progress(struct pending *pending, const char *line);
void pending_cancel(struct pending *pending);
/* The session has ended: the answer will be dropped. Without effect if it is NULL. */
void pending_forget(struct pending *pending);

#endif
