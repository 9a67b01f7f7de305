/* SPDX-License-Identifier: BSD-2-Clause */
#include "waiting.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/result.h"

#define REDRAW_MS 200

bool waiting_begin(struct waiting *waiting, const struct options *options, bool cancels)
{
    sigset_t ends;

    *waiting = (struct waiting){
        .options = options,
        .cancels = cancels,
        .signals = -1,
        .title = "",
    };
    waiting->qmp = guest_connect(options, &waiting->guest, &waiting->status);
    if (!waiting->qmp)
        return false;
    sigemptyset(&ends);
    sigaddset(&ends, SIGINT);
    sigaddset(&ends, SIGTERM);
    sigprocmask(SIG_BLOCK, &ends, NULL);
    waiting->signals = signalfd(-1, &ends, SFD_CLOEXEC | SFD_NONBLOCK);
    waiting->ours = json_new_array();
    waiting->heard = now_ms();
    progress_begin(&waiting->progress);
    return true;
}

void waiting_end(struct waiting *waiting)
{
    progress_clear(&waiting->progress);
    qmp_close(waiting->qmp);
    json_object_put(waiting->ours);
    if (waiting->signals >= 0)
        close(waiting->signals);
}

bool waiting_allowed(struct waiting *waiting, const char *way_out)
{
    const struct options *options = waiting->options;
    struct json_object *status = NULL;
    struct error error = { 0 };
    bool refused = false, stopped;
    const char *state;

    if (!qmp_ask(waiting->qmp, "query-status", NULL, options->answer_timeout, &status, &refused, &error)) {
        if (!refused)
            waiting->status = fail(options, STATUS_ERROR, "%s", error.text);
        return refused;
    }
    state = json_text_of(status, "status");
    stopped = json_has(status, "running") && !json_true(status, "running");
    if (stopped)
        waiting->status = fail(options, STATUS_ERROR,
                               "%s is stopped (%s) and answers nothing; %scont in its monitor lets it run%s",
                               guest_title(&waiting->guest, waiting->qmp), shown(state),
                               strcmp(state, "shutdown") == 0 || strcmp(state, "internal-error") == 0
                                   ? "system_reset and then "
                                   : "",
                               way_out);
    json_object_put(status);
    return !stopped;
}

static size_t find_ours(const struct waiting *waiting, uint64_t id)
{
    size_t at = 0;

    while (at < json_length(waiting->ours) && json_number_of(json_at(waiting->ours, at), "id") != id)
        at++;
    return at;
}

/* By a connection of its own: the first one may be waiting for an answer. `args` may be NULL. */
static bool cancel(struct waiting *waiting, const char *command, struct json_object *args,
                   struct error *error)
{
    struct json_object *result = NULL;
    struct qmp *qmp = qmp_connect(waiting->guest.path, waiting->options->answer_timeout, error);
    bool good;

    if (!qmp)
        json_object_put(args);
    good = qmp && qmp_ask(qmp, command, args, waiting->options->answer_timeout, &result, NULL, error);
    json_object_put(result);
    qmp_close(qmp);
    return good;
}

/* All of a `set`, which hotram knows as one thing. */
static void cancel_set(struct waiting *waiting)
{
    struct error error = { 0 };

    progress_clear(&waiting->progress);
    if (cancel(waiting, "memory-set-cancel", NULL, &error))
        fprintf(stderr, "hotramctl: asked to end: %s; Ctrl-C again leaves at once\n", waiting->title);
    else
        fprintf(stderr, "hotramctl: %s cannot be ended: %s; Ctrl-C again leaves at once\n", waiting->title,
                shown(error.text));
}

static void cancel_said(struct waiting *waiting, struct json_object *operation)
{
    struct json_object *args = json_new_object();
    struct error error = { 0 };
    struct text title = { 0 };

    operation_title(&title, operation);
    if (title.failed)
        end_without_memory();
    add_number(args, "id", json_number_of(operation, "id"));
    progress_clear(&waiting->progress);
    if (cancel(waiting, OPERATION_CANCEL, args, &error))
        fprintf(stderr, "hotramctl: asked to cancel: %s; Ctrl-C again leaves at once\n", title.bytes);
    else
        fprintf(stderr, "hotramctl: %s cannot be cancelled: %s; Ctrl-C again leaves at once\n", title.bytes,
                shown(error.text));
    text_free(&title);
}

void waiting_add(struct waiting *waiting, struct json_object *operation)
{
    json_keep(waiting->ours, json_object_get(operation));
    if (waiting->cancel_wanted && !waiting->adopts)
        cancel_said(waiting, operation);
}

/* Not waiting any longer. `why` is "" or ends with "; ". */
static bool leave(struct waiting *waiting, const char *why)
{
    const char *more = json_length(waiting->ours) > 1 ? "operations continue" : "operation continues";
    char hint[80] = "";

    if (json_length(waiting->ours) == 1)
        snprintf(hint, sizeof hint, "; 'hotramctl wait %" PRIu64 "' waits for it",
                 json_number_of(json_at(waiting->ours, 0), "id"));
    progress_clear(&waiting->progress);
    waiting->status = fail(waiting->options, STATUS_UNANSWERED, "not waiting any longer: %sthe %s%s", why,
                           more, hint);
    return false;
}

/* hotram itself ends the waiting of a `set`. */
static bool is_stalled(const struct waiting *waiting)
{
    uint64_t most = 0;

    for (size_t i = 0; i < json_length(waiting->ours); i++) {
        uint64_t deadline = json_number_of(json_at(waiting->ours, i), "deadline");

        most = deadline > most ? deadline : most;
    }
    return waiting->stopped && !waiting->adopts && most > 0 &&
           (uint64_t)(now_ms() - waiting->stopped_since) >= most;
}

/* Ctrl-C once cancels what can be cancelled; twice, or SIGTERM, leaves. */
static bool consume_signal(struct waiting *waiting)
{
    struct signalfd_siginfo info;

    if (read(waiting->signals, &info, sizeof info) != (ssize_t)sizeof info)
        return true;
    if (info.ssi_signo != SIGINT || waiting->cancel_wanted || !waiting->cancels)
        return leave(waiting, "");
    waiting->cancel_wanted = true;
    if (waiting->adopts) {
        cancel_set(waiting);
        return true;
    }
    for (size_t i = 0; i < json_length(waiting->ours); i++)
        cancel_said(waiting, json_at(waiting->ours, i));
    if (json_length(waiting->ours) == 0) {
        progress_clear(&waiting->progress);
        fprintf(stderr, "hotramctl: cancelling as soon as it has begun; Ctrl-C again leaves at once\n");
    }
    return true;
}

static bool lost(struct waiting *waiting, const struct error *error)
{
    progress_clear(&waiting->progress);
    if (qmp_process_lives(waiting->qmp))
        waiting->status = fail(waiting->options, STATUS_ERROR, "%s while waiting; the operation continues",
                               error->text);
    else
        waiting->status = fail(waiting->options, STATUS_ERROR, "%s while waiting: the guest has ended",
                               error->text);
    return false;
}

/* A monitor that said nothing for long: another connection tells whether it is still there. */
static bool still_there(struct waiting *waiting)
{
    struct error error = { 0 };
    struct qmp *qmp;

    if (now_ms() - waiting->heard < (int64_t)waiting->options->answer_timeout)
        return true;
    qmp = qmp_connect(waiting->guest.path, waiting->options->answer_timeout, &error);
    if (!qmp)
        return lost(waiting, &error);
    qmp_close(qmp);
    waiting->heard = now_ms();
    return true;
}

static void show_progress(struct waiting *waiting)
{
    struct json_object *first = json_at(waiting->ours, 0);
    struct text line = { 0 };

    if (!waiting->progress.on)
        return;
    text_string(&line, waiting->title);
    if (first) {
        text_string(&line, *waiting->title ? ": " : "");
        operation_title(&line, first);
    }
    if (json_length(waiting->ours) > 1)
        text_printf(&line, " and %zu more", json_length(waiting->ours) - 1);
    if (waiting->to_allocate)
        text_printf(&line, ", allocated %s of %s", shown_size(waiting->allocated),
                    shown_size(waiting->to_allocate));
    else if (first && json_number_of(first, "deadline"))
        text_printf(&line, ", the guest has %s", shown_time(json_number_of(first, "deadline")));
    if (waiting->stopped)
        text_string(&line, "; it is stopped");
    if (waiting->cancel_wanted)
        text_string(&line, ", cancelling");
    progress_show(&waiting->progress, line.bytes ? line.bytes : "");
    text_free(&line);
}

/* What events tell about the operations. */
static void handle_event(struct waiting *waiting, struct json_object *message)
{
    const char *event = json_text_of(message, "event");
    struct json_object *data = json_member(message, "data");
    size_t at = find_ours(waiting, json_number_of(data, "id"));

    if (strcmp(event, "STOP") == 0 || strcmp(event, "RESUME") == 0) {
        waiting->stopped = strcmp(event, "STOP") == 0;
        waiting->stopped_since = now_ms();
    } else if (strcmp(event, "MEMORY_PREALLOC") == 0) {
        waiting->allocated = json_number_of(data, "done");
        waiting->to_allocate = json_number_of(data, "size");
        if (waiting->allocated >= waiting->to_allocate)
            waiting->to_allocate = 0;
    } else if (strcmp(event, "MEMORY_OPERATION_STARTED") == 0 && waiting->adopts) {
        waiting_add(waiting, data);
    } else if (operation_done_event(event) && waiting->adopts && at < json_length(waiting->ours)) {
        json_object_array_del_idx(waiting->ours, at, 1);
    }
}

/* The next message; false when there is none any more. */
static bool next_message(struct waiting *waiting, struct json_object **message)
{
    struct error error = { 0 };

    for (;;) {
        show_progress(waiting);
        switch (qmp_next(waiting->qmp, now_ms() + REDRAW_MS, waiting->signals, message, &error)) {
        case QMP_MESSAGE:
            waiting->heard = now_ms();
            handle_event(waiting, *message);
            return true;
        case QMP_LATE:
            if (is_stalled(waiting))
                return leave(waiting, "the guest is stopped, and has been for as long as it was given; ");
            if (!still_there(waiting))
                return false;
            break;
        case QMP_WOKEN:
            if (!consume_signal(waiting))
                return false;
            break;
        case QMP_CLOSED:
            return lost(waiting, &error);
        }
    }
}

bool waiting_ask(struct waiting *waiting, const char *command, struct json_object *args,
                 struct json_object **result)
{
    struct error error = { 0 };
    struct json_object *message;
    bool good = false, answered = false;

    *result = NULL;
    if (!qmp_send(waiting->qmp, command, args, waiting->options->answer_timeout, &error)) {
        waiting->status = fail(waiting->options, STATUS_ERROR, "%s", error.text);
        return false;
    }
    while (!answered) {
        if (!next_message(waiting, &message))
            return false;
        answered = qmp_is_answer(waiting->qmp, message, &good, result, &error);
        json_object_put(message);
    }
    progress_clear(&waiting->progress);
    if (!good)
        waiting->status = fail(waiting->options, STATUS_ERROR, "%s", error.text);
    return good;
}

bool waiting_next(struct waiting *waiting, struct json_object **operation)
{
    struct json_object *message, *data;
    size_t at;

    for (;;) {
        if (!next_message(waiting, &message))
            return false;
        data = json_member(message, "data");
        at = find_ours(waiting, json_number_of(data, "id"));
        if (operation_done_event(json_text_of(message, "event")) && at < json_length(waiting->ours)) {
            json_object_array_del_idx(waiting->ours, at, 1);
            *operation = json_object_get(data);
            json_object_put(message);
            progress_clear(&waiting->progress);
            return true;
        }
        json_object_put(message);
    }
}
