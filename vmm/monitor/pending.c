/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands whose answer comes later. See internal.h.
 *
 * Threads: main thread only.
 */
#include <stdlib.h>

#include "base/json_build.h"
#include "monitor/command.h"
#include "monitor/pending.h"
#include "monitor/session.h"

struct pending *command_defer(struct monitor_context *context)
{
    context->pending = calloc(1, sizeof *context->pending);
    return context->pending;
}

void command_undefer(struct monitor_context *context)
{
    free(context->pending);
    context->pending = NULL;
}

void pending_finish(struct pending *pending, struct json_object *result, const struct error *error)
{
    if (!error && !result)
        result = json_new_object();
    if (pending->answer)
        pending->answer(pending->asker, pending->command, result, error);
    json_object_put(result);
    free(pending);
}

void pending_progress(struct pending *pending, const char *line)
{
    if (pending->progress)
        pending->progress(pending->asker, line);
}

void pending_cancel(struct pending *pending)
{
    if (pending->cancel)
        pending->cancel(pending->opaque);
}

void pending_forget(struct pending *pending)
{
    if (!pending)
        return;
    pending->answer = NULL;
    pending->progress = NULL;
}
