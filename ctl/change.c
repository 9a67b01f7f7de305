/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * plug and unplug: one operation, and how it ended.
 */
#include <json-c/json.h>
#include <stdio.h>

#include "base/count_of.h"
#include "base/json_build.h"
#include "base/props.h"
#include "base/result.h"
#include "operation.h"
#include "waiting.h"

static void print_operation(const struct options *options, struct json_object *operation)
{
    struct text text = { 0 };

    if (options->json) {
        print_json(operation, true);
        return;
    }
    operation_words(&text, operation);
    text_string(&text, "\n");
    print_text(&text);
}

/* Ask for the operation and, unless --no-wait, wait for its end. The answer comes at once: with the
 * operation's number, by which its end is known, and by which it can be cancelled. */
static enum status run_operation(struct options *options, const char *command, struct json_object *args)
{
    struct json_object *operation = NULL, *ended;
    struct waiting waiting;
    enum status status;

    if (!waiting_begin(&waiting, options, true)) {
        json_object_put(args);
        return waiting.status;
    }
    waiting.title = command;
    if (!options->no_wait && !waiting_allowed(&waiting, ", and --no-wait asks without waiting")) {
        json_object_put(args);
        waiting_end(&waiting);
        return waiting.status;
    }
    if (options->timeout_given)
        add_number(args, "timeout", options->timeout);
    if (!waiting_ask(&waiting, command, args, &operation)) {
        waiting_end(&waiting);
        return waiting.status;
    }
    waiting.title = "";
    if (!options->no_wait && operation_in_progress(operation)) {
        waiting_add(&waiting, operation);
        if (!waiting_next(&waiting, &ended)) {
            json_object_put(operation);
            waiting_end(&waiting);
            return waiting.status;
        }
        json_object_put(operation);
        operation = ended;
    }
    waiting_end(&waiting);
    status = options->no_wait && operation_in_progress(operation) ? STATUS_DONE : operation_status(operation);
    print_operation(options, operation);
    json_object_put(operation);
    return status;
}

/* The place's members that were given. */
static void add_place(struct json_object *args, const struct options *options)
{
    static const struct property rows[] = { DIMM_PLACE_ROWS(DIMM_PLACE_PROPERTY, options, place) };

    for (size_t i = 0; i < COUNT_OF(rows); i++)
        if (*(const bool *)((const char *)options + rows[i].given))
            json_add(args, rows[i].name, property_value(&rows[i], options));
}

enum status run_plug(struct options *options)
{
    struct json_object *args;
    struct error error = { 0 };
    uint64_t size;

    /* As for -m: a number alone is MiB. */
    if (!size_parse(options->words[0], 1 << 20, &size, &error) ||
        (size == 0 && !error_set(&error, "expects a size above 0; got '%.80s'", options->words[0])))
        return fail(options, STATUS_USAGE, "plug %s", error.text);
    args = json_new_object();
    add_number(args, "size", size);
    if (options->id)
        add_string(args, "id", options->id);
    add_place(args, options);
    if (options->template)
        add_string(args, "template", options->template);
    return run_operation(options, "memory-plug", args);
}

enum status run_unplug(struct options *options)
{
    struct json_object *args;
    struct error error = { 0 };
    uint64_t size = 0;

    if (options->word_count > 1 &&
        (!size_parse(options->words[1], 1 << 20, &size, &error) ||
         (size == 0 && !error_set(&error, "expects a size above 0; got '%.80s'", options->words[1]))))
        return fail(options, STATUS_USAGE, "unplug %s", error.text);
    args = json_new_object();
    add_string(args, "id", options->words[0]);
    if (size > 0)
        add_number(args, "size", size);
    return run_operation(options, "memory-unplug", args);
}
