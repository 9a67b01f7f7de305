/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * events: what happens to a guest, a line each, until Ctrl-C or the guest's end.
 */
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/result.h"
#include "base/suggest.h"
#include "guest.h"

static bool wanted(const struct options *options, const char *event)
{
    for (unsigned i = 0; i < options->word_count; i++)
        if (strcmp(options->words[i], event) == 0)
            return true;
    return options->word_count == 0;
}

static bool event_exists(struct json_object *schema, const char *name, struct error *error)
{
    struct suggestion suggestion;
    char subject[160];

    suggestion_start(&suggestion, name);
    for (size_t i = 0; i < json_length(schema); i++) {
        struct json_object *entry = json_object_array_get_idx(schema, i);
        const char *event = json_text_of(entry, "name");

        if (strcmp(json_text_of(entry, "meta-type"), "event") != 0)
            continue;
        if (strcmp(event, name) == 0)
            return true;
        suggestion_offer(&suggestion, event);
    }
    if (!suggestion.names[0]) /* no schema of events */
        return true;
    words_format(subject, sizeof subject, "'%.80s' is no event of this guest", name);
    return suggestion_fail(&suggestion, subject, error);
}

/* Whether the guest's program has each event that is waited for: what it does not have would never come. One
 * that cannot be asked for its schema may have all. */
static bool all_exist(const struct options *options, struct qmp *qmp, struct error *error)
{
    struct json_object *schema = NULL;
    struct error ignored = { 0 };
    bool good = true;

    if (!options->word_count ||
        !qmp_ask(qmp, "query-qmp-schema", NULL, options->answer_timeout, &schema, NULL, &ignored))
        return true;
    for (unsigned i = 0; good && i < options->word_count; i++)
        good = event_exists(schema, options->words[i], error);
    json_object_put(schema);
    return good;
}

/* 2025-11-22 17:04:05.123456 EVENT {"data": 1} */
static void print_event(struct json_object *event)
{
    struct json_object *stamp = json_member(event, "timestamp"), *data = json_member(event, "data");
    time_t seconds = (time_t)json_number_of(stamp, "seconds");
    struct text text = { 0 };
    char time[64] = "-";
    struct tm local;

    if (localtime_r(&seconds, &local))
        strftime(time, sizeof time, "%Y-%m-%d %H:%M:%S", &local);
    text_printf(&text, "%s.%06" PRIu64 " %s", time, json_number_of(stamp, "microseconds") % 1000000,
                json_text_of(event, "event"));
    if (data) {
        text_string(&text, " ");
        text_json(&text, data, false);
    }
    text_string(&text, "\n");
    print_text(&text);
}

static void print_matching(const struct options *options, struct json_object *message)
{
    if (!json_has(message, "event") || !wanted(options, json_text_of(message, "event")))
        return;
    if (options->json)
        print_json(message, false);
    else
        print_event(message);
}

enum status run_events(struct options *options)
{
    struct json_object *message;
    struct error error = { 0 };
    struct guest guest;
    enum status status;
    struct qmp *qmp = guest_connect(options, &guest, &status);
    enum qmp_heard heard;
    bool ends = false;

    if (!qmp)
        return status;
    if (!all_exist(options, qmp, &error)) {
        qmp_close(qmp);
        return fail(options, STATUS_USAGE, "%s", error.text);
    }
    for (;;) {
        heard = qmp_next(qmp, now_ms() + 3600000, -1, &message, &error);
        if (heard == QMP_CLOSED)
            break;
        if (heard != QMP_MESSAGE)
            continue;
        ends = ends || strcmp(json_text_of(message, "event"), "SHUTDOWN") == 0;
        print_matching(options, message);
        json_object_put(message);
    }
    /* The end of a guest that said so is no error. */
    if (!ends)
        status = fail(options, STATUS_ERROR, "%s", error.text);
    qmp_close(qmp);
    return status;
}
