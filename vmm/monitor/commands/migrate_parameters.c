/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parameters of migrations: limits. Names, ranges and starting values are QEMU's (qapi/migration.json).
 */
#include <inttypes.h>
#include <string.h>

#include "base/props.h"
#include "base/result.h"
#include "base/suggest.h"
#include "machine/migration.h"
#include "monitor/command.h"

static const struct parameter {
    const char *name;
    size_t offset; /* of an uint64_t in struct migration */
    int64_t least, most;
    const char *expects; /* or NULL: an integer in that range */
    const char *unit;    /* for people */
    bool is_size;        /* people may give it one */
} parameters[] = {
    { "max-bandwidth", offsetof(struct migration, max_bandwidth), 0, INT64_MAX,
      "bytes per second, or 0 for no limit", " bytes/second", true },
    { "downtime-limit", offsetof(struct migration, downtime_limit), 0, 2000000, NULL, " ms", false },
    { "throttle-trigger-threshold", offsetof(struct migration, limits.trigger), 1, 100, NULL, "%", false },
    { "cpu-throttle-initial", offsetof(struct migration, limits.initial), 1, 99, NULL, "%", false },
    { "cpu-throttle-increment", offsetof(struct migration, limits.increment), 1, 99, NULL, "%", false },
    { "max-cpu-throttle", offsetof(struct migration, limits.max), 1, 99, NULL, "%", false },
};
#define PARAMETERS (sizeof parameters / sizeof parameters[0])

static uint64_t *value_of(struct migration *migration, const struct parameter *parameter)
{
    return (void *)((char *)migration + parameter->offset);
}

static bool run_query(struct monitor_context *context, struct json_object *args, struct json_object **result,
                      struct error *error)
{
    struct migration *migration = machine_migration(context->machine);

    (void)args, (void)error;
    *result = json_new_object();
    for (size_t i = 0; i < PARAMETERS; i++)
        add_number(*result, parameters[i].name, *value_of(migration, &parameters[i]));
    return true;
}

static void print(struct text *out, struct json_object *result)
{
    for (size_t i = 0; i < PARAMETERS; i++)
        text_printf(out, "%s: %" PRIu64 "%s\n", parameters[i].name, get_number(result, parameters[i].name),
                    parameters[i].unit);
}

static bool check(const struct parameter *parameter, int64_t value, struct error *error)
{
    if (value >= parameter->least && value <= parameter->most)
        return true;
    if (parameter->expects)
        return error_set(error, "Parameter '%s' expects %s; got %" PRId64, parameter->name,
                         parameter->expects, value);
    return error_set(
        error, "Parameter '%s' expects an integer in the range of %" PRId64 " to %" PRId64 "; got %" PRId64,
        parameter->name, parameter->least, parameter->most, value);
}

static void set_all(struct machine *machine, const uint64_t values[PARAMETERS])
{
    struct migration *migration = machine_migration(machine);

    for (size_t i = 0; i < PARAMETERS; i++)
        *value_of(migration, &parameters[i]) = values[i];
    machine_set_bandwidth(machine, migration->max_bandwidth);
}

/* All that are given, or none. */
static bool run_set_all(struct monitor_context *context, struct json_object *args,
                        struct json_object **result, struct error *error)
{
    struct migration *migration = machine_migration(context->machine);
    uint64_t values[PARAMETERS];
    struct json_object *given;

    (void)result;
    for (size_t i = 0; i < PARAMETERS; i++) {
        values[i] = *value_of(migration, &parameters[i]);
        if (!json_object_object_get_ex(args, parameters[i].name, &given))
            continue;
        if (!check(&parameters[i], json_object_get_int64(given), error))
            return false;
        values[i] = (uint64_t)json_object_get_int64(given);
    }
    set_all(context->machine, values);
    return true;
}

static bool find(const char *name, size_t *found, struct error *error)
{
    struct suggestion suggestion;
    char subject[200];

    suggestion_start(&suggestion, name);
    for (*found = 0; *found < PARAMETERS; (*found)++) {
        if (strcmp(parameters[*found].name, name) == 0)
            return true;
        suggestion_offer(&suggestion, parameters[*found].name);
    }
    words_format(subject, sizeof subject, "parameter '%.80s' is not supported", name);
    return suggestion_fail(&suggestion, subject, error);
}

/* As in QEMU, a bandwidth without a unit is in MiB per second. */
static bool parse(const struct parameter *parameter, const char *text, uint64_t *value, struct error *error)
{
    if (parameter->is_size)
        return size_parse(text, UINT64_C(1) << 20, value, error) ||
               error_prefix(error, "Parameter '%s': ", parameter->name);
    return number_parse(text, value) ||
           error_set(error, "Parameter '%s' expects an integer; got '%.80s'", parameter->name, text);
}

static bool run_set_one(struct monitor_context *context, struct json_object *args,
                        struct json_object **result, struct error *error)
{
    struct migration *migration = machine_migration(context->machine);
    uint64_t values[PARAMETERS], value;
    size_t found;

    (void)result;
    if (!find(get_string(args, "parameter"), &found, error) ||
        !parse(&parameters[found], get_string(args, "value"), &value, error) ||
        !check(&parameters[found], value > INT64_MAX ? INT64_MAX : (int64_t)value, error))
        return false;
    for (size_t i = 0; i < PARAMETERS; i++)
        values[i] = *value_of(migration, &parameters[i]);
    values[found] = value;
    set_all(context->machine, values);
    return true;
}

static const struct command commands[] = {
    { .qmp = "query-migrate-parameters",
      .hmp = "info migrate_parameters",
      .run = run_query,
      .returns = "MigrationParameters",
      .print = print,
      .help = "show the limits of migrations" },
    { .qmp = "migrate-set-parameters",
      .run = run_set_all,
      .migrating = COMMAND_WHILE_MIGRATING,
      .arguments = { { "max-bandwidth", json_type_int, true },
                     { "downtime-limit", json_type_int, true },
                     { "throttle-trigger-threshold", json_type_int, true },
                     { "cpu-throttle-initial", json_type_int, true },
                     { "cpu-throttle-increment", json_type_int, true },
                     { "max-cpu-throttle", json_type_int, true } } },
    { .hmp = "migrate_set_parameter",
      .run = run_set_one,
      .migrating = COMMAND_WHILE_MIGRATING,
      .arguments = { { "parameter", json_type_string, false }, { "value", json_type_string, false } },
      .parameters = "NAME VALUE",
      .help = "set a limit of migrations, as info migrate_parameters shows them" },
};

const struct command_area commands_migrate_parameters = { commands, sizeof commands / sizeof commands[0] };
