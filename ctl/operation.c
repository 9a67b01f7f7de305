/* SPDX-License-Identifier: BSD-2-Clause */
#include "operation.h"

#include <inttypes.h>
#include <json-c/json_object.h>
#include <string.h>

#include "base/props.h"
#include "base/text.h"

static const struct {
    const char *result;
    const char *words;
    enum status status;
} results[] = {
    { "in-progress", "in progress for", STATUS_UNANSWERED },
    { "done", "done in", STATUS_DONE },
    { "refused", "refused after", STATUS_REFUSED },
    { "unanswered", "no answer after", STATUS_UNANSWERED },
    { "cancelled", "cancelled after", STATUS_CANCELLED },
};

#define RESULT_COUNT (sizeof results / sizeof results[0])

static size_t find_result(struct json_object *operation)
{
    const char *result = json_text_of(operation, "result");
    size_t at = 0;

    while (at < RESULT_COUNT && strcmp(results[at].result, result) != 0)
        at++;
    return at;
}

bool operation_in_progress(struct json_object *operation)
{
    return strcmp(json_text_of(operation, "result"), "in-progress") == 0;
}

bool operation_done_event(const char *event)
{
    return strcmp(event, "MEMORY_OPERATION_DONE") == 0 || strcmp(event, "CPU_OPERATION_DONE") == 0 ||
           strcmp(event, "DEVICE_OPERATION_DONE") == 0;
}

enum status operation_status(struct json_object *operation)
{
    size_t at = find_result(operation);

    return at < RESULT_COUNT ? results[at].status : STATUS_ERROR;
}

static bool is_of_cpu(struct json_object *operation)
{
    return json_has(operation, "cpu-index");
}

void operation_title(struct text *out, struct json_object *operation)
{
    const char *device = json_text_of(operation, "device");

    text_printf(out, "%s ", shown(json_text_of(operation, "operation")));
    if (*device)
        text_string(out, shown(device));
    else if (is_of_cpu(operation))
        text_printf(out, "CPU %" PRIu64, json_number_of(operation, "cpu-index"));
    else if (json_has(operation, "path"))
        text_string(out, shown(json_text_of(operation, "path")));
    else
        text_string(out, "a DIMM");
    if (json_has(operation, "size"))
        text_printf(out, " (%s", shown_size(json_number_of(operation, "size")));
    if (json_has(operation, "size") && json_has(operation, "slot"))
        text_printf(out, ", slot %" PRIu64, json_number_of(operation, "slot"));
    if (json_has(operation, "size"))
        text_string(out, ")");
}

void operation_words(struct text *out, struct json_object *operation)
{
    size_t at = find_result(operation);
    struct json_object *ost = json_member(operation, "ost");
    struct json_object *holders = json_member(operation, "waits-for");
    const char *reason = json_text_of(operation, "reason");

    operation_title(out, operation);
    text_printf(out, ": %s %s", at < RESULT_COUNT ? results[at].words : "ended in an unknown way after",
                shown_time(json_number_of(operation, "milliseconds")));
    if (json_true(operation, "late"))
        text_string(out, ", late");
    if (*reason)
        text_printf(out, ": %s", shown(reason));
    if (ost && at < RESULT_COUNT && results[at].status == STATUS_REFUSED)
        text_printf(out, " (_OST source 0x%" PRIx64 ", status 0x%" PRIx64 "%s%s)",
                    json_number_of(ost, "source"), json_number_of(ost, "status"),
                    *json_text_of(ost, "text") ? ": " : "", shown(json_text_of(ost, "text")));
    for (size_t i = 0; i < json_length(holders); i++)
        text_printf(out, "%s%s", i == 0 ? "; waits for " : ", ",
                    shown(json_object_get_string(json_at(holders, i))));
    if (json_has(operation, "gained"))
        text_printf(out, "; the guest has gained %s%s", shown_size(json_number_of(operation, "gained")),
                    strcmp(json_text_of(operation, "verified"), "yes") == 0
                        ? ""
                        : " of it, by its own statistics: its memory blocks are probably offline");
    if (at < RESULT_COUNT && results[at].status == STATUS_DONE && json_has(operation, "started") &&
        !json_true(operation, "started"))
        text_string(out, "; the guest has not started it yet");
    if (operation_in_progress(operation))
        text_printf(out, " (operation %" PRIu64 ")", json_number_of(operation, "id"));
}

size_t operations_in_progress(struct json_object *operations)
{
    size_t count = 0;

    for (size_t i = 0; i < json_length(operations); i++)
        count += operation_in_progress(json_at(operations, i));
    return count;
}

void operations_words(struct text *out, const char *indent, struct json_object *operations)
{
    for (size_t i = 0; i < json_length(operations); i++) {
        if (!operation_in_progress(json_at(operations, i)))
            continue;
        text_string(out, indent);
        operation_words(out, json_at(operations, i));
        text_string(out, "\n");
    }
}

bool operation_number(const char *word, uint64_t *id)
{
    return number_parse(word, id) && *id <= INT64_MAX;
}
