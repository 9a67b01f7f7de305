/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of commands: looking up, and checking arguments before a command runs.
 */
#include "monitor/command.h"
#include "base/json_build.h"
#include "monitor/pending.h"
#include "monitor/session.h"

#include <string.h>

#include "base/json_reader.h"
#include "machine/machine.h"

static const struct command_area *const areas[] = {
    &commands_monitor, &commands_machine, &commands_memory,     &commands_memory_info,
    &commands_memslot, &commands_map,     &commands_operation,  &commands_set,
    &commands_query,   &commands_schema,  &commands_introspect, &commands_qom,
};
#define AREA_COUNT (sizeof areas / sizeof areas[0])

const struct command *command_next(const struct command *command)
{
    if (!command)
        return areas[0]->commands;
    for (size_t i = 0; i < AREA_COUNT; i++) {
        const struct command *end = areas[i]->commands + areas[i]->count;

        if (command < areas[i]->commands || command >= end)
            continue;
        if (command + 1 < end)
            return command + 1;
        return i + 1 < AREA_COUNT ? areas[i + 1]->commands : NULL;
    }
    return NULL;
}

const struct command *command_by_qmp_name(const char *name)
{
    const struct command *command = NULL;

    while ((command = command_next(command)) != NULL)
        if (command->qmp && strcmp(command->qmp, name) == 0)
            return command;
    return NULL;
}

const struct command *command_by_hmp_name(const char *name)
{
    const struct command *command = NULL;

    while ((command = command_next(command)) != NULL)
        if (command->hmp &&
            (strcmp(command->hmp, name) == 0 || (command->alias && strcmp(command->alias, name) == 0)))
            return command;
    return NULL;
}

bool command_is_prefix(const char *word)
{
    const struct command *command = NULL;
    size_t length = strlen(word);

    while ((command = command_next(command)) != NULL)
        if (command->hmp && strncmp(command->hmp, word, length) == 0 && command->hmp[length] == ' ')
            return true;
    return false;
}

static const char *type_name(enum json_type type)
{
    static const char *const names[] = {
        [json_type_boolean] = "boolean", [json_type_int] = "integer",   [json_type_object] = "object",
        [json_type_array] = "array",     [json_type_string] = "string",
    };

    return names[type];
}

static const struct command_argument *find_argument(const struct command *command, const char *name)
{
    for (const struct command_argument *argument = command->arguments; argument->name; argument++)
        if (strcmp(argument->name, name) == 0)
            return argument;
    return NULL;
}

/* Of the commands that make something: by which key its kind and name are given. */
static bool missing(const struct command *command, const char *name, struct error *error)
{
    static const char *const examples[][2] = {
        { "qom-type", "memory-backend-ram" },
        { "driver", "pc-dimm" },
        { "id", "mem1" },
    };

    for (size_t i = 0; command->family && i < sizeof examples / sizeof examples[0]; i++)
        if (strcmp(examples[i][0], name) == 0)
            return error_set(error, "Parameter '%s' is missing, such as %s=%s", name, name, examples[i][1]);
    return error_set(error, "Parameter '%s' is missing", name);
}

static bool check_argument(const struct command *command, const struct command_argument *argument,
                           struct json_object *args, struct error *error)
{
    struct json_object *value;

    if (!json_object_object_get_ex(args, argument->name, &value))
        return argument->optional || missing(command, argument->name, error);
    if (argument->type == json_type_int && json_is_huge(value))
        return error_set(error, "Parameter '%s' expects integer; got %.17g", argument->name,
                         json_object_get_double(value));
    if (json_object_get_type(value) != argument->type)
        return error_set(error, "Invalid parameter type for '%s', expected: %s", argument->name,
                         type_name(argument->type));
    return true;
}

static bool check_arguments(const struct command *command, struct json_object *args, struct error *error)
{
    for (const struct command_argument *argument = command->arguments; argument->name; argument++)
        if (!check_argument(command, argument, args, error))
            return false;
    if (command->family || command->properties)
        return true; /* whoever makes the object checks its properties */
    json_object_object_foreach(args, name, value)
    {
        (void)value;
        if (!find_argument(command, name))
            return error_set(error, "Parameter '%s' is unexpected", name);
    }
    return true;
}

bool command_run(const struct command *command, struct monitor_context *context, struct json_object *args,
                 struct json_object **result, struct error *error)
{
    *result = NULL;
    if (!command->early && machine_run_state(context->machine) == RUN_PRECONFIG)
        return error_set(error,
                         "The command '%s' is permitted only after machine initialization has completed; "
                         "x-exit-preconfig completes it",
                         command->qmp ? command->qmp : command->hmp);
    if (!check_arguments(command, args, error) || !command->run(context, args, result, error))
        return false;
    if (context->pending)
        context->pending->command = command;
    else if (!*result)
        *result = json_new_object();
    return true;
}
