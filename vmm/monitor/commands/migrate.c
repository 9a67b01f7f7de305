/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands about migration. Names and shapes are QEMU's (qapi/migration.json).
 */
#include "machine/migration.h"

#include <inttypes.h>
#include <string.h>

#include "base/loop.h"
#include "base/result.h"
#include "base/suggest.h"
#include "machine/snapshot.h"
#include "monitor/command.h"

/* ---- its course ---- */

static bool run_migrate(struct monitor_context *context, struct json_object *args,
                        struct json_object **result, struct error *error)
{
    const char *uri = get_string(args, "uri");

    (void)result;
    if (json_object_get_boolean(json_object_object_get(args, "blk")))
        return error_set(error, "Parameter 'blk': disks are not copied; both machines open the same image");
    if (json_object_get_boolean(json_object_object_get(args, "resume")))
        return error_set(error, "Parameter 'resume': there is no postcopy migration that could be resumed");
    return machine_migrate(context->machine, uri, error);
}

static bool run_incoming(struct monitor_context *context, struct json_object *args,
                         struct json_object **result, struct error *error)
{
    (void)result;
    return machine_incoming(context->machine, get_string(args, "uri"), error);
}

static bool run_cancel(struct monitor_context *context, struct json_object *args, struct json_object **result,
                       struct error *error)
{
    (void)args, (void)result, (void)error;
    machine_cancel_migration(context->machine);
    return true;
}

static bool run_continue(struct monitor_context *context, struct json_object *args,
                         struct json_object **result, struct error *error)
{
    (void)result;
    if (strcmp(get_string(args, "state"), "pre-switchover") != 0)
        return error_set(error,
                         "Parameter 'state' expects pre-switchover, the only state that waits; got "
                         "'%.80s'",
                         get_string(args, "state"));
    return machine_continue_migration(context->machine, error);
}

/* ---- what it has come to ---- */

static struct json_object *memory_result(const struct migration *migration, uint64_t time)
{
    const struct migration_counts counts = migration_count(migration);
    struct json_object *memory = json_new_object();

    add_number(memory, "transferred", counts.moved);
    add_number(memory, "remaining", counts.left);
    add_number(memory, "total", counts.total);
    add_number(memory, "duplicate", counts.zeros);
    add_number(memory, "skipped", 0);
    add_number(memory, "normal", counts.normal);
    add_number(memory, "normal-bytes", counts.normal * counts.page);
    add_number(memory, "dirty-pages-rate", 0);
    add_number(memory, "mbps", time ? counts.moved * 8 / 1000 / time : 0);
    add_number(memory, "dirty-sync-count", migration->passes);
    add_number(memory, "postcopy-requests", 0);
    add_number(memory, "page-size", counts.page);
    return memory;
}

static void add_statistics(const struct migration *migration, struct json_object *object)
{
    const bool runs = migration_runs(migration);
    const uint64_t end = runs ? loop_now() : migration->ended, time = end - migration->started;

    add_number(object, "total-time", time);
    add_number(object, "setup-time", migration->active - migration->started);
    if (migration->status == MIGRATION_COMPLETED)
        add_number(object, "downtime", migration->downtime);
    else if (runs && migration->expected_downtime > 0)
        add_number(object, "expected-downtime", migration->expected_downtime);
    if (migration->throttle.percent > 0)
        add_number(object, "cpu-throttle-percentage", migration->throttle.percent);
    json_add(object, "ram", memory_result(migration, time));
}

static bool run_query(struct monitor_context *context, struct json_object *args, struct json_object **result,
                      struct error *error)
{
    const struct migration *migration = machine_migration(context->machine);
    struct json_object *reasons;
    struct error reason;

    (void)args, (void)error;
    *result = json_new_object();
    if (migration->status != MIGRATION_NONE)
        add_string(*result, "status", migration_status_name(migration->status));
    if (migration->status == MIGRATION_FAILED)
        add_string(*result, "error-desc", migration->failure.text);
    if (migration->status != MIGRATION_NONE && migration->status != MIGRATION_SETUP && !migration->incoming)
        add_statistics(migration, *result);
    if (machine_has_saved_form(context->machine, &reason))
        return true;
    reasons = json_new_array();
    json_append(reasons, json_new_string(reason.text));
    json_add(*result, "blocked-reasons", reasons);
    return true;
}

static void print_migration(struct text *out, struct json_object *result)
{
    struct json_object *memory, *reasons;

    if (*get_string(result, "status"))
        text_printf(out, "Migration status: %s\n", get_string(result, "status"));
    if (*get_string(result, "error-desc"))
        text_printf(out, "error: %s\n", get_string(result, "error-desc"));
    if (json_object_object_get_ex(result, "ram", &memory)) {
        text_printf(out, "total time: %" PRIu64 " ms\n", get_number(result, "total-time"));
        if (json_object_object_get_ex(result, "downtime", NULL))
            text_printf(out, "downtime: %" PRIu64 " ms\n", get_number(result, "downtime"));
        text_printf(out, "transferred ram: %" PRIu64 " kbytes\nremaining ram: %" PRIu64 " kbytes\n",
                    get_number(memory, "transferred") >> 10, get_number(memory, "remaining") >> 10);
        text_printf(out, "total ram: %" PRIu64 " kbytes\n", get_number(memory, "total") >> 10);
        text_printf(out, "duplicate: %" PRIu64 " pages\nnormal: %" PRIu64 " pages\n",
                    get_number(memory, "duplicate"), get_number(memory, "normal"));
        text_printf(out, "dirty sync count: %" PRIu64 "\n", get_number(memory, "dirty-sync-count"));
    }
    if (json_object_object_get_ex(result, "cpu-throttle-percentage", NULL))
        text_printf(out, "cpu throttle percentage: %" PRIu64 "\n",
                    get_number(result, "cpu-throttle-percentage"));
    if (json_object_object_get_ex(result, "blocked-reasons", &reasons))
        text_printf(out, "blocked: %s\n", json_object_get_string(json_object_array_get_idx(reasons, 0)));
}

/* ---- capabilities ---- */

static bool run_query_capabilities(struct monitor_context *context, struct json_object *args,
                                   struct json_object **result, struct error *error)
{
    const struct migration *migration = machine_migration(context->machine);

    (void)args, (void)error;
    *result = json_new_array();
    for (unsigned i = 0; i < MIGRATION_CAPABILITIES; i++) {
        struct json_object *capability = json_new_object();

        add_string(capability, "capability", migration_capabilities[i]);
        add_bool(capability, "state", migration->has_capability[i]);
        json_append(*result, capability);
    }
    return true;
}

static void print_capabilities(struct text *out, struct json_object *result)
{
    for (size_t i = 0; i < json_object_array_length(result); i++) {
        struct json_object *one = json_object_array_get_idx(result, i);

        text_printf(out, "%s: %s\n", get_string(one, "capability"),
                    json_object_get_boolean(json_object_object_get(one, "state")) ? "on" : "off");
    }
}

static bool find_capability(const char *name, unsigned *found, struct error *error)
{
    struct suggestion suggestion;
    char subject[200];

    suggestion_start(&suggestion, name);
    for (*found = 0; *found < MIGRATION_CAPABILITIES; (*found)++) {
        if (strcmp(migration_capabilities[*found], name) == 0)
            return true;
        suggestion_offer(&suggestion, migration_capabilities[*found]);
    }
    words_format(subject, sizeof subject, "capability '%.80s' is not supported", name);
    return suggestion_fail(&suggestion, subject, error);
}

static bool may_set(struct monitor_context *context, struct error *error)
{
    const struct migration *migration = machine_migration(context->machine);

    return migration->incoming || !migration_runs(migration) ||
           error_set(error, "There's a migration process in progress; migrate_cancel ends it");
}

static bool run_set_capabilities(struct monitor_context *context, struct json_object *args,
                                 struct json_object **result, struct error *error)
{
    struct json_object *list = json_object_object_get(args, "capabilities");
    struct migration *migration = machine_migration(context->machine);
    bool has_capability[MIGRATION_CAPABILITIES];
    unsigned found;

    (void)result;
    memcpy(has_capability, migration->has_capability, sizeof has_capability);
    for (size_t i = 0; i < json_object_array_length(list); i++) {
        struct json_object *one = json_object_array_get_idx(list, i);

        if (!json_object_is_type(one, json_type_object) ||
            !json_object_is_type(json_object_object_get(one, "state"), json_type_boolean))
            return error_set(error, "Parameter 'capabilities' expects objects of capability and state");
        if (!find_capability(get_string(one, "capability"), &found, error))
            return false;
        has_capability[found] = json_object_get_boolean(json_object_object_get(one, "state"));
    }
    if (!may_set(context, error))
        return false;
    memcpy(migration->has_capability, has_capability, sizeof has_capability);
    return true;
}

static bool parse_state(const char *text, bool *state, struct error *error)
{
    return bool_parse(text, state) ||
           error_set(error, "Parameter 'state' expects on or off; got '%.80s'", text);
}

static bool run_set_capability(struct monitor_context *context, struct json_object *args,
                               struct json_object **result, struct error *error)
{
    unsigned found;
    bool state;

    (void)result;
    if (!find_capability(get_string(args, "capability"), &found, error) ||
        !parse_state(get_string(args, "state"), &state, error) || !may_set(context, error))
        return false;
    machine_migration(context->machine)->has_capability[found] = state;
    return true;
}

static const struct command commands[] = {
    { .qmp = "migrate",
      .hmp = "migrate",
      .run = run_migrate,
      .migrating = COMMAND_WHILE_MIGRATING,
      .whole_line = true,
      .flag = "-d", /* as in QEMU; the command never waits */
      .flag_argument = "detach",
      .arguments = { { "uri", json_type_string, false },
                     { "blk", json_type_boolean, true },
                     { "detach", json_type_boolean, true },
                     { "resume", json_type_boolean, true } },
      .parameters = "[-d] URI",
      .help =
          "send the guest to another program, over unix:PATH, fd:NAME or, with -sandbox off, tcp:ADDRESS:PORT or exec:COMMAND; info migrate shows the progress" },
    { .qmp = "migrate-incoming",
      .hmp = "migrate_incoming",
      .run = run_incoming,
      .migrating = COMMAND_WHILE_RECEIVING,
      .whole_line = true,
      .arguments = { { "uri", json_type_string, false } },
      .parameters = "URI",
      .help = "receive a guest, after a start with -incoming defer" },
    { .qmp = "migrate_cancel",
      .hmp = "migrate_cancel",
      .run = run_cancel,
      .migrating = COMMAND_WHILE_MIGRATING,
      .help = "cancel the migration; the guest continues here" },
    { .qmp = "migrate-continue",
      .hmp = "migrate_continue",
      .run = run_continue,
      .migrating = COMMAND_WHILE_MIGRATING,
      .completion = COMPLETE_PARAMETERS,
      .arguments = { { "state", json_type_string, false } },
      .parameters = "pre-switchover",
      .help = "continue a migration that pauses before it switches over" },
    { .qmp = "query-migrate",
      .hmp = "info migrate",
      .run = run_query,
      .returns = "MigrationInfo",
      .print = print_migration,
      .help = "show the state of the migration" },
    { .qmp = "query-migrate-capabilities",
      .hmp = "info migrate_capabilities",
      .run = run_query_capabilities,
      .returns = "[MigrationCapabilityStatus]",
      .print = print_capabilities,
      .help = "show how migrations are carried out" },
    { .qmp = "migrate-set-capabilities",
      .run = run_set_capabilities,
      .migrating = COMMAND_WHILE_MIGRATING,
      .arguments = { { "capabilities", json_type_array, false } } },
    { .hmp = "migrate_set_capability",
      .run = run_set_capability,
      .migrating = COMMAND_WHILE_MIGRATING,
      .arguments = { { "capability", json_type_string, false }, { "state", json_type_string, false } },
      .parameters = "NAME on|off",
      .help = "set how migrations are carried out" },
};

const struct command_area commands_migrate = { commands, sizeof commands / sizeof commands[0] };
