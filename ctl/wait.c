/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * wait and cancel: operations that somebody began, on memory or on CPUs.
 */
#include <inttypes.h>
#include <json-c/json.h>
#include <string.h>

#include "base/result.h"
#include "operation.h"
#include "waiting.h"

/* The one of that number, borrowed. */
static struct json_object *find(struct json_object *operations, uint64_t id)
{
    for (size_t i = 0; i < json_length(operations); i++)
        if (json_number_of(json_at(operations, i), "id") == id)
            return json_at(operations, i);
    return NULL;
}

/* Those that are to be waited for become `ours`; one that has ended already goes to `ended`. */
static bool choose(struct waiting *waiting, struct json_object *operations, struct json_object *ended)
{
    const struct options *options = waiting->options;
    const char *word = options->word_count ? options->words[0] : "all";
    struct json_object *operation;
    uint64_t id;

    for (size_t i = 0; strcmp(word, "all") == 0 && i < json_length(operations); i++)
        if (operation_in_progress(json_at(operations, i)))
            waiting_add(waiting, json_at(operations, i));
    if (strcmp(word, "all") == 0)
        return true;
    operation_number(word, &id);
    operation = find(operations, id);
    if (!operation) {
        waiting->status = fail(options, STATUS_ERROR,
                               "there is no operation %" PRIu64 " among the %zu that %s "
                               "knows; 'hotramctl status' shows those in progress",
                               id, json_length(operations), guest_title(&waiting->guest, waiting->qmp));
        return false;
    }
    if (operation_in_progress(operation))
        waiting_add(waiting, operation);
    else
        json_keep(ended, json_object_get(operation));
    return true;
}

/* Append those of a kind, of which the guest may have none. */
static bool add_optional(struct waiting *waiting, const char *query, struct json_object *all)
{
    struct json_object *some = NULL;

    if (!guest_ask_optional(waiting->options, waiting->qmp, query, &some, &waiting->status))
        return false;
    for (size_t i = 0; i < json_length(some); i++)
        json_keep(all, json_object_get(json_at(some, i)));
    json_object_put(some);
    return true;
}

/* Those on memory, on CPUs, and on other devices: a new array, or NULL. */
static struct json_object *ask_all(struct waiting *waiting)
{
    struct json_object *all;

    if (!guest_ask(waiting->options, waiting->qmp, "query-memory-operations", NULL, &all, &waiting->status))
        return NULL;
    if (add_optional(waiting, "query-cpu-operations", all) &&
        add_optional(waiting, "query-device-operations", all))
        return all;
    json_object_put(all);
    return NULL;
}

static bool collect(struct waiting *waiting, struct json_object *ended)
{
    struct json_object *operations = ask_all(waiting), *operation;
    bool good;

    if (!operations)
        return false;
    good = choose(waiting, operations, ended);
    json_object_put(operations);
    if (json_length(waiting->ours) > 0 && !waiting_allowed(waiting, ""))
        return false;
    while (good && json_length(waiting->ours) > 0) {
        good = waiting_next(waiting, &operation);
        if (good)
            json_keep(ended, operation);
    }
    return good;
}

/* The highest status stands for all: done is the lowest. */
static enum status print_ended(const struct options *options, struct json_object *ended)
{
    enum status worst = STATUS_DONE;
    struct text text = { 0 };

    for (size_t i = 0; i < json_length(ended); i++) {
        enum status status = operation_status(json_at(ended, i));

        operation_words(&text, json_at(ended, i));
        text_string(&text, "\n");
        worst = status > worst ? status : worst;
    }
    if (options->json)
        print_json(ended, true);
    if (options->json)
        text_free(&text);
    else
        print_text(&text);
    return worst;
}

static bool check_word(const struct options *options, bool all)
{
    uint64_t id;

    return options->word_count == 0 || (all && strcmp(options->words[0], "all") == 0) ||
           operation_number(options->words[0], &id);
}

enum status run_wait(struct options *options)
{
    struct json_object *ended;
    struct waiting waiting;
    enum status status;

    if (!check_word(options, true))
        return fail(options, STATUS_USAGE, "wait expects an operation's number, or all; got '%s'",
                    options->words[0]);
    /* They may be somebody else's: Ctrl-C only leaves. */
    if (!waiting_begin(&waiting, options, false))
        return waiting.status;
    ended = json_new_array();
    status = collect(&waiting, ended) ? print_ended(options, ended) : waiting.status;
    json_object_put(ended);
    waiting_end(&waiting);
    return status;
}

enum status run_cancel(struct options *options)
{
    struct json_object *args, *result = NULL;
    struct guest guest;
    enum status status;
    struct qmp *qmp;
    uint64_t id;

    if (!check_word(options, false))
        return fail(options, STATUS_USAGE, "cancel expects an operation's number; got '%s'",
                    options->words[0]);
    operation_number(options->words[0], &id);
    qmp = guest_connect(options, &guest, &status);
    if (!qmp)
        return status;
    args = json_new_object();
    add_number(args, "id", id);
    if (guest_ask(options, qmp, OPERATION_CANCEL, args, &result, &status) && options->json)
        print_json(result, true);
    json_object_put(result);
    qmp_close(qmp);
    return status;
}
