/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Answers that come later.
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
 * A command that takes long returns at once and is answered when its work is done. Meanwhile the event loop
 * runs: the guest, other monitors, and other sessions of the same one. The session that asked takes no
 * further command, so its answers keep their order. Each pending command is finished exactly once, from the
 * event loop and not from within another command, whether or not somebody still waits for it.
 */
struct pending {
    const struct command *command;
    /* By whoever asked; NULL when nobody waits any more. `result` is borrowed, NULL with an error. */
    void (*answer)(void *asker, const struct command *command, struct json_object *result,
                   const struct error *error);
    void (*progress)(void *asker, const char *line); /* how far it is, for a person; may be NULL */
    void *asker;
    /* By the command: asked to end early, it still finishes as always. May be NULL. */
    void (*cancel)(void *opaque);
    void *opaque;
};

/* Within command_function: answer later. NULL when out of memory: then fail. */
struct pending *command_defer(struct monitor_context *context);
/* It can answer at once after all, or fails. One that was not deferred will do. */
void command_undefer(struct monitor_context *context);
/* The command is done: `result` is taken over, NULL for {}; or an error. The pending is gone. */
void pending_finish(struct pending *pending, struct json_object *result, const struct error *error);
/* How far it is, a line without its end. */
void pending_progress(struct pending *pending, const char *line);
void pending_cancel(struct pending *pending);
/* Nobody waits for it any more; NULL will do. */
void pending_forget(struct pending *pending);

#endif
