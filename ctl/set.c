/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * set: the guest's memory as a whole is to have a size. hotram plans which DIMMs and blocks come and go; here
 * it is asked for, waited for, and said how it ended.
 */
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "base/props.h"
#include "base/result.h"
#include "operation.h"
#include "waiting.h"

/* "2G", "+1G", "-1G": `sign` is 0 for a size that stands for itself. */
static bool read_size(const char *word, char *sign, uint64_t *size, struct error *error)
{
    *sign = *word == '+' || *word == '-' ? *word++ : '\0';
    return size_parse(word, 1 << 20, size, error);
}

/* What memory-set counts from: what a node has, RAM at start, DIMMs and plugged blocks. */
static uint64_t memory_of_node(struct json_object *map, uint64_t node)
{
    struct json_object *ranges = json_member(map, "ranges");
    uint64_t sum = 0;

    for (size_t i = 0; i < json_length(ranges); i++) {
        struct json_object *range = json_at(ranges, i);
        const char *type = json_text_of(range, "type");

        if ((strcmp(type, "ram") == 0 || strcmp(type, "dimm") == 0) && json_number_of(range, "node") == node)
            sum += json_number_of(range, "size");
        else if (strcmp(type, "virtio-mem") == 0 && json_number_of(range, "node") == node)
            sum += json_number_of(range, "plugged");
    }
    return sum;
}

/* How much memory there is now, in the node that --node names or in all of the guest. */
static bool ask_present(struct waiting *waiting, uint64_t *present)
{
    const struct options *options = waiting->options;
    const char *command = options->place.node_given ? "query-memory-map" : "query-memory-size-summary";
    struct json_object *answer;

    if (!guest_ask(options, waiting->qmp, command, NULL, &answer, &waiting->status))
        return false;
    *present = options->place.node_given
                   ? memory_of_node(answer, options->place.node)
                   : json_number_of(answer, "base-memory") + json_number_of(answer, "plugged-memory");
    json_object_put(answer);
    return true;
}

/* From the change to the size, by what there is now. */
static bool resolve(struct waiting *waiting, char sign, uint64_t *size)
{
    const struct options *options = waiting->options;
    char whose[32] = "the guest";
    uint64_t present;

    if (!ask_present(waiting, &present))
        return false;
    if (options->place.node_given)
        snprintf(whose, sizeof whose, "node %" PRIu32, options->place.node);
    if (sign == '-' ? *size > present : *size > UINT64_MAX - present) {
        waiting->status = fail(options, STATUS_USAGE, "set %c%s: %s has %s", sign, shown_size(*size), whose,
                               shown_size(present));
        return false;
    }
    *size = sign == '-' ? present - *size : present + *size;
    return true;
}

static struct json_object *arguments(const struct options *options, uint64_t size)
{
    struct json_object *args = json_new_object();

    add_number(args, "size", size);
    if (options->place.node_given)
        add_number(args, "node", options->place.node);
    if (options->at_most)
        add_bool(args, "at-most", true);
    if (options->dry_run)
        add_bool(args, "dry-run", true);
    if (options->template)
        add_string(args, "template", options->template);
    if (options->timeout_given)
        add_number(args, "timeout", options->timeout);
    if (!options->no_wait && !options->dry_run)
        add_bool(args, "wait", true);
    return args;
}

static void print_step(struct text *out, struct json_object *step)
{
    bool plug = strcmp(json_text_of(step, "action"), "plug") == 0;

    text_printf(out, "  %s ", shown(json_text_of(step, "action")));
    if (plug)
        text_printf(out, "%s at 0x%" PRIx64 ", node %" PRIu64 "\n", shown_size(json_number_of(step, "size")),
                    json_number_of(step, "addr"), json_number_of(step, "node"));
    else if (json_has(step, "current"))
        text_printf(out, "%s from %s to %s\n", shown(json_text_of(step, "device")),
                    shown_size(json_number_of(step, "current")), shown_size(json_number_of(step, "size")));
    else
        text_printf(out, "%s (%s)\n", shown(json_text_of(step, "device")),
                    shown_size(json_number_of(step, "size")));
}

static void print_result(const struct options *options, struct json_object *result)
{
    struct json_object *plan = json_member(result, "plan"), *operations = json_member(result, "operations");
    bool planned = options->dry_run || options->no_wait;
    struct text text = { 0 };

    text_printf(&text, "memory: %s, requested %s, %s %s\n", shown_size(json_number_of(result, "current")),
                shown_size(json_number_of(result, "requested")), planned ? "to become" : "now",
                shown_size(json_number_of(result, "result-size")));
    for (size_t i = 0; planned && i < json_length(plan); i++)
        print_step(&text, json_at(plan, i));
    for (size_t i = 0; !planned && i < json_length(operations); i++) {
        text_string(&text, "  ");
        operation_words(&text, json_at(operations, i));
        text_string(&text, "\n");
    }
    if (*json_text_of(result, "reason"))
        text_printf(&text, "%s\n", shown(json_text_of(result, "reason")));
    print_text(&text);
}

/* hotram does not wait any longer for a stopped guest; the set continues. */
static bool is_stalled(const struct options *options, struct json_object *operations)
{
    bool in_progress = false;

    for (size_t i = 0; !options->no_wait && i < json_length(operations); i++)
        in_progress = in_progress || operation_in_progress(json_at(operations, i));
    return in_progress;
}

/* Below the target counts with --at-most, unless it is so because something failed. */
static enum status result_status(const struct options *options, struct json_object *result, bool cancelled)
{
    uint64_t asked = json_number_of(result, "requested"), reached = json_number_of(result, "result-size");
    struct json_object *operations = json_member(result, "operations");
    bool good = reached == asked || (options->at_most && reached < asked);

    for (size_t i = 0; reached != asked && i < json_length(operations); i++) {
        struct json_object *operation = json_at(operations, i);

        good = good && (operation_in_progress(operation) || operation_status(operation) == STATUS_DONE);
    }
    if (!json_has(result, "requested") || !json_has(result, "result-size"))
        return STATUS_ERROR;
    if (is_stalled(options, operations))
        return STATUS_UNANSWERED;
    return good ? STATUS_DONE : cancelled ? STATUS_CANCELLED : STATUS_SIZE_MISMATCH;
}

enum status run_set(struct options *options)
{
    struct json_object *result = NULL;
    struct error error = { 0 };
    struct waiting waiting;
    char title[64], sign;
    uint64_t size;

    if (!read_size(options->words[0], &sign, &size, &error))
        return fail(options, STATUS_USAGE, "set %s", error.text);
    if (!waiting_begin(&waiting, options, true))
        return waiting.status;
    waiting.adopts = true;
    if ((!sign || resolve(&waiting, sign, &size))) {
        snprintf(title, sizeof title, "set %s", shown_size(size));
        waiting.title = title;
        if (waiting_ask(&waiting, "memory-set", arguments(options, size), &result)) {
            waiting.status = result_status(options, result, waiting.cancel_wanted);
            if (options->json)
                print_json(result, true);
            else
                print_result(options, result);
        }
    }
    json_object_put(result);
    waiting_end(&waiting);
    return waiting.status;
}
