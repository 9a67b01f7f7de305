/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands about the monitor itself.
 */
#include <stdlib.h>
#include <string.h>

#include "base/result.h"
#include "monitor/command.h"
#include "monitor/hmp/hmp.h"
#include "monitor/pending.h"
#include "monitor/session.h"

/* None is offered, so none can be enabled. */
static bool run_capabilities(struct monitor_context *context, struct json_object *args,
                             struct json_object **result, struct error *error)
{
    struct json_object *enable = json_object_object_get(args, "enable");
    struct json_object *first = enable ? json_object_array_get_idx(enable, 0) : NULL;

    (void)context, (void)result;
    if (enable && json_object_array_length(enable) > 0)
        return error_set(error, "Capability '%s' is not available; the greeting offers none",
                         json_object_get_string(first));
    return true;
}

static bool run_commands(struct monitor_context *context, struct json_object *args,
                         struct json_object **result, struct error *error)
{
    const struct command *command = NULL;

    (void)context, (void)args, (void)error;
    *result = json_new_array();
    while ((command = command_next(command)) != NULL) {
        struct json_object *entry;

        if (!command->qmp)
            continue;
        entry = json_new_object();
        add_string(entry, "name", command->qmp);
        json_append(*result, entry);
    }
    return true;
}

/* human-monitor-command of a command that is answered later: what it said so far, and who waits. */
struct human {
    struct pending *outer;
    struct pending *inner;
    struct text out;
};

static struct json_object *human_result(struct text *out)
{
    struct text lines = { 0 };

    text_lines(&lines, out->bytes, out->length);
    lines.failed |= out->failed;
    text_free(out);
    return text_result(&lines);
}

static void human_answer(void *asker, const struct command *command, struct json_object *result,
                         const struct error *error)
{
    struct human *human = asker;

    hmp_show(&human->out, command, result, error);
    pending_finish(human->outer, human_result(&human->out), NULL);
    free(human);
}

static void human_cancel(void *opaque)
{
    struct human *human = opaque;

    pending_cancel(human->inner);
}

static void wait_for_human(struct human *human, struct pending *inner)
{
    human->inner = inner;
    human->outer->cancel = human_cancel;
    human->outer->opaque = human;
    inner->answer = human_answer;
    inner->asker = human;
}

static bool run_human(struct monitor_context *context, struct json_object *args, struct json_object **result,
                      struct error *error)
{
    const char *line = json_object_get_string(json_object_object_get(args, "command-line"));
    struct human *human = calloc(1, sizeof *human); /* before the line has an effect */
    struct pending *inner;

    if (!human || !(human->outer = command_defer(context))) {
        free(human);
        return error_set(error, "out of memory");
    }
    inner = hmp_run(context->monitors, line, &human->out);
    if (inner) {
        wait_for_human(human, inner);
        return true;
    }
    *result = human_result(&human->out);
    command_undefer(context);
    free(human);
    return true;
}

/* "cont|c  -- resume emulation" */
static void print_help(struct text *out, const struct command *command)
{
    text_string(out, command->hmp);
    if (command->alias)
        text_printf(out, "|%s", command->alias);
    text_printf(out, " %s -- %s\n", command->parameters ? command->parameters : "", command->help);
}

static int compare(const void *a, const void *b)
{
    const struct command *const *first = a;
    const struct command *const *second = b;

    return strcmp((*first)->hmp, (*second)->hmp);
}

/* Either the commands or what `info` can show, by name. */
static void print_all(struct text *out, bool info)
{
    const struct command *sorted[128];
    const struct command *command = NULL;
    size_t count = 0;

    while ((command = command_next(command)) != NULL && count < sizeof sorted / sizeof sorted[0])
        if (command->hmp && (strncmp(command->hmp, "info ", 5) == 0) == info)
            sorted[count++] = command;
    qsort(sorted, count, sizeof sorted[0], compare);
    for (size_t i = 0; i < count; i++)
        print_help(out, sorted[i]);
}

static bool run_help(struct monitor_context *context, struct json_object *args, struct json_object **result,
                     struct error *error)
{
    struct json_object *name = json_object_object_get(args, "name");
    const char *text = name ? json_object_get_string(name) : "";
    const struct command *command = *text ? command_by_hmp_name(text) : NULL;
    struct text out = { 0 };

    (void)context, (void)error;
    if (*text && !command)
        hmp_unknown(&out, text);
    else if (!command || strcmp(command->hmp, "info") == 0)
        print_all(&out, command != NULL);
    else
        print_help(&out, command);
    *result = text_result(&out);
    return true;
}

static bool run_info(struct monitor_context *context, struct json_object *args, struct json_object **result,
                     struct error *error)
{
    struct text out = { 0 };

    (void)context, (void)args, (void)error;
    print_all(&out, true);
    *result = text_result(&out);
    return true;
}

static const struct command commands[] = {
    { .qmp = "qmp_capabilities",
      .migrating = COMMAND_WHILE_MIGRATING,
      .early = true,
      .run = run_capabilities,
      .arguments = { { "enable", json_type_array, true } } },
    { .qmp = "query-commands", .early = true, .run = run_commands, .returns = "[CommandInfo]" },
    { .qmp = "human-monitor-command",
      .migrating = COMMAND_WHILE_MIGRATING,
      .early = true,
      .run = run_human,
      .returns = "str",
      .arguments = { { "command-line", json_type_string, false }, { "cpu-index", json_type_int, true } } },
    { .hmp = "help",
      .early = true,
      .alias = "?",
      .run = run_help,
      .print = print_string,
      .completion = COMPLETE_COMMANDS,
      .arguments = { { "name", json_type_string, true } },
      .whole_line = true,
      .parameters = "[cmd]",
      .help = "show the help" },
    { .hmp = "info",
      .early = true,
      .run = run_info,
      .print = print_string,
      .parameters = "[subcommand]",
      .help = "show various information about the system state" },
};

const struct command_area commands_monitor = { commands, sizeof commands / sizeof commands[0] };
