/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of commands: looking up, and checking arguments before a command runs.
 */
#include "monitor/command.h"
#include "base/json_build.h"
#include "monitor/pending.h"
#include "monitor/session.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json_reader.h"
#include "machine/machine.h"
#include "machine/migration.h"
#include "machine/snapshot.h"

static const struct command_area *const areas[] = {
    &commands_monitor,      &commands_machine,    &commands_memory,   &commands_memory_info,
    &commands_memory_slots, &commands_memslot,    &commands_map,      &commands_operation,
    &commands_set,          &commands_block,      &commands_iothread, &commands_net,
    &commands_cpus,         &commands_query,      &commands_pci,      &commands_balloon,
    &commands_schema,       &commands_introspect, &commands_qom,      &commands_descriptors,
    &commands_chardev,      &commands_snapshot,   &commands_migrate,  &commands_migrate_parameters,
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
static bool missing(const struct command *command, const char *name, struct json_object *args,
                    struct error *error)
{
    const struct type_family *family = command->family;
    const struct property *table;
    const char *example = NULL;
    size_t count;

    if (family && strcmp(name, family->key) == 0 && family->type(0, &example, &table, &count))
        return error_set(error, "Parameter '%s' is missing, such as %s=%s", name, name,
                         family->example ? family->example : example);
    if (family && family->example_id && strcmp(name, "id") == 0)
        return error_set(
            error, "Parameter 'id' is missing, such as id=%s",
            family->example_id(json_object_get_string(json_object_object_get(args, family->key))));
    return error_set(error, "Parameter '%s' is missing", name);
}

/* json-c would make INT64_MAX of what is more. */
static bool check_integer(const char *name, struct json_object *value, struct error *error)
{
    char text[JSON_NUMBER_TEXT_MAX];

    if (json_is_huge(value))
        snprintf(text, sizeof text, "%.17g", json_object_get_double(value));
    else if (json_object_is_type(value, json_type_int) && json_object_get_uint64(value) > INT64_MAX)
        snprintf(text, sizeof text, "%" PRIu64, json_object_get_uint64(value));
    else
        return true;
    return error_set(error, "Parameter '%s' expects integer from %" PRId64 " to %" PRId64 "; got %s", name,
                     INT64_MIN, INT64_MAX, text);
}

static bool check_argument(const struct command *command, const struct command_argument *argument,
                           struct json_object *args, struct error *error)
{
    struct json_object *value;

    if (!json_object_object_get_ex(args, argument->name, &value))
        return argument->optional || missing(command, argument->name, args, error);
    if (argument->type == COMMAND_ANY)
        return true;
    if (argument->type == json_type_int && !check_integer(argument->name, value, error))
        return false;
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

/* What may run while the machine is being saved: what changes nothing, and what is possible before there is a
 * machine. */
static bool is_harmless(const struct command *command)
{
    return command->early || (command->qmp && strncmp(command->qmp, "query-", 6) == 0) ||
           (command->hmp && strncmp(command->hmp, "info ", 5) == 0);
}

/* Devices and memory stay as they are while the guest moves; QEMU's words first. */
static bool check_migration(const struct command *command, struct machine *machine, struct error *error)
{
    const bool receiving = machine_run_state(machine) == RUN_INMIGRATE;
    const unsigned now = receiving ? COMMAND_WHILE_RECEIVING : COMMAND_WHILE_SENDING;

    if ((!receiving && !migration_runs(machine_migration(machine))) || (command->migrating & now) ||
        is_harmless(command))
        return true;
    return error_set(error, "%s not allowed while migrating; %s", command->qmp ? command->qmp : command->hmp,
                     receiving ? "it is possible when the guest has arrived"
                               : "migrate_cancel ends the migration");
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
    if (machine_is_saving(context->machine) && !is_harmless(command))
        return error_set(error, "a snapshot is being written; '%s' is possible when it is complete",
                         command->qmp ? command->qmp : command->hmp);
    if (!check_migration(command, context->machine, error) || !check_arguments(command, args, error) ||
        !command->run(context, args, result, error))
        return false;
    if (context->pending)
        context->pending->command = command;
    else if (!*result)
        *result = json_new_object();
    return true;
}
