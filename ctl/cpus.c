/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * cpus NUMBER: so many CPUs are to be there. hotram decides which come and go; here they are asked for, their
 * operations are waited for, and their results are printed.
 */
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>

#include "base/props.h"
#include "base/result.h"
#include "cpu_list.h"
#include "operation.h"
#include "view.h"
#include "waiting.h"

#define TITLE_SIZE 32

/* "4", "+1", "-1": `sign` is 0 for a number that stands for itself. */
static bool read_number(const char *word, char *sign, uint64_t *number)
{
    *sign = *word == '+' || *word == '-' ? *word++ : '\0';
    return number_parse(word, number) && *number <= UINT32_MAX;
}

static bool ask_present(struct waiting *waiting, uint64_t *present)
{
    struct json_object *cpus;

    if (!guest_ask(waiting->options, waiting->qmp, "query-hotpluggable-cpus", NULL, &cpus, &waiting->status))
        return false;
    *present = view_present_cpus(cpus);
    json_object_put(cpus);
    return true;
}

/* From the change to the number, by what there is now. */
static bool resolve(struct waiting *waiting, char sign, uint64_t present, uint64_t *number)
{
    if (sign == '-' && *number > present) {
        waiting->status = fail(waiting->options, STATUS_USAGE, "cpus -%" PRIu64 ": the guest has %" PRIu64,
                               *number, present);
        return false;
    }
    if (sign)
        *number = sign == '-' ? present - *number : present + *number;
    return true;
}

/* The operations, which hotram names when it begins them. False: *operations is NULL. */
static bool request_cpus(struct waiting *waiting, uint64_t number, struct json_object **operations)
{
    struct json_object *args = json_new_object(), *answer = NULL;
    bool good;

    *operations = NULL;
    add_number(args, "cpus", number);
    if (waiting->options->timeout_given)
        add_number(args, "timeout", waiting->options->timeout);
    if (!waiting_ask(waiting, "cpus-set", args, &answer))
        return false;
    good = json_object_is_type(json_member(answer, "operations"), json_type_array);
    if (good)
        *operations = json_object_get(json_member(answer, "operations"));
    else
        waiting->status = fail(waiting->options, STATUS_ERROR,
                               "the answer to cpus-set contains no operations; it is not known what it did");
    json_object_put(answer);
    return good;
}

/* The one with the same number, or the operation itself. */
static struct json_object *find_end(struct json_object *ended, struct json_object *operation)
{
    for (size_t i = 0; i < json_length(ended); i++)
        if (json_number_of(json_at(ended, i), "id") == json_number_of(operation, "id"))
            return json_at(ended, i);
    return operation;
}

/* Until none of these is in progress. Each end is kept in `ended`. */
static bool collect_ends(struct waiting *waiting, struct json_object *operations, struct json_object *ended)
{
    struct json_object *operation;

    for (size_t i = 0; i < json_length(operations); i++)
        if (operation_in_progress(json_at(operations, i)))
            waiting_add(waiting, json_at(operations, i));
    waiting->title = "";
    while (json_length(waiting->ours) > 0) {
        if (!waiting_next(waiting, &operation))
            return false;
        json_keep(ended, operation);
    }
    return true;
}

/* They end in any order; their results replace them in the order in which they began. */
static bool wait_for_ends(struct waiting *waiting, struct json_object **operations)
{
    struct json_object *ended = json_new_array(), *results = json_new_array();
    bool good = collect_ends(waiting, *operations, ended);

    for (size_t i = 0; i < json_length(*operations); i++)
        json_keep(results, json_object_get(find_end(ended, json_at(*operations, i))));
    json_object_put(ended);
    json_object_put(*operations);
    *operations = results;
    return good;
}

struct outcome {
    uint64_t requested;
    uint64_t before, after; /* CPUs that are present */
    struct json_object *operations;
};

static void print_outcome(const struct options *options, const struct outcome *outcome)
{
    struct text text = { 0 };

    if (options->json) {
        struct json_object *document = json_new_object();

        add_number(document, "requested", outcome->requested);
        add_number(document, "current", outcome->before);
        add_number(document, "cpus", outcome->after);
        json_add(document, "operations", json_object_get(outcome->operations));
        print_json(document, true);
        json_object_put(document);
        return;
    }
    text_printf(&text, "cpus: %" PRIu64 ", requested %" PRIu64, outcome->before, outcome->requested);
    if (!options->no_wait)
        text_printf(&text, ", now %" PRIu64, outcome->after);
    text_string(&text, "\n");
    for (size_t i = 0; i < json_length(outcome->operations); i++) {
        text_string(&text, "  ");
        operation_words(&text, json_at(outcome->operations, i));
        text_string(&text, "\n");
    }
    print_text(&text);
}

/* A CPU that the guest did not take is present nevertheless, so the number alone does not tell. */
static enum status outcome_status(const struct waiting *waiting, const struct outcome *outcome)
{
    bool good = outcome->after == outcome->requested;

    if (waiting->options->no_wait)
        return STATUS_DONE;
    for (size_t i = 0; i < json_length(outcome->operations); i++)
        good = good && operation_status(json_at(outcome->operations, i)) == STATUS_DONE;
    return good ? STATUS_DONE : waiting->cancel_wanted ? STATUS_CANCELLED : STATUS_SIZE_MISMATCH;
}

static bool reach(struct waiting *waiting, char sign, struct outcome *outcome, char title[TITLE_SIZE])
{
    const bool waits = !waiting->options->no_wait;

    if ((waits && !waiting_allowed(waiting, ", and --no-wait asks without waiting")) ||
        !ask_present(waiting, &outcome->before) ||
        !resolve(waiting, sign, outcome->before, &outcome->requested))
        return false;
    snprintf(title, TITLE_SIZE, "cpus %" PRIu64, outcome->requested);
    waiting->title = title;
    return request_cpus(waiting, outcome->requested, &outcome->operations) &&
           (!waits || wait_for_ends(waiting, &outcome->operations)) && ask_present(waiting, &outcome->after);
}

enum status run_cpus(struct options *options)
{
    struct outcome outcome = { 0 };
    char title[TITLE_SIZE], sign;
    struct waiting waiting;

    if (options->word_count == 0 && (options->no_wait || options->timeout_given))
        return fail(options, STATUS_USAGE, "cpus supports --%s only together with a number",
                    options->no_wait ? "no-wait" : "timeout");
    if (options->word_count == 0)
        return cpu_list_print(options);
    if (!read_number(options->words[0], &sign, &outcome.requested))
        return fail(options, STATUS_USAGE,
                    "cpus expects a number of CPUs, such as 4, +1 or -1, of at most %" PRIu32 "; got '%.80s'",
                    UINT32_MAX, options->words[0]);
    if (!waiting_begin(&waiting, options, true))
        return waiting.status;
    if (reach(&waiting, sign, &outcome, title)) {
        print_outcome(options, &outcome);
        waiting.status = outcome_status(&waiting, &outcome);
    }
    json_object_put(outcome.operations);
    waiting_end(&waiting);
    return waiting.status;
}
