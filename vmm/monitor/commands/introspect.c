/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What there is: machines, types and their properties, options and their keys. For libvirt above all, which
 * asks all of it before it starts a guest.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/config.h"
#include "base/result.h"
#include "machine/machine.h"
#include "monitor/qmp/schema.h"
#include "monitor/session.h"
#include "options/parser.h"

static bool run_machines(struct monitor_context *context, struct json_object *args,
                         struct json_object **result, struct error *error)
{
    const struct machine_type *type;

    (void)context, (void)args, (void)error;
    *result = json_new_array();
    for (size_t i = 0; (type = machine_type_at(i)) != NULL; i++) {
        struct json_object *machine = json_new_object();
        bool none = strcmp(type->name, "none") == 0;

        add_string(machine, "name", type->name);
        if (type->alias)
            add_string(machine, "alias", type->alias);
        add_number(machine, "cpu-max", none ? 1 : CPUS_MAX);
        add_bool(machine, "hotpluggable-cpus", !none);
        /* Though there is mem=: libvirt takes memdev= then, and objects can be all that it may ask for
         * (prealloc, huge pages, files), where with mem= it would have -mem-prealloc and -mem-path. */
        add_bool(machine, "numa-mem-supported", false);
        add_bool(machine, "deprecated", false);
        if (i == 0)
            add_bool(machine, "is-default", true);
        if (!none) {
            add_string(machine, "default-cpu-type", MONITOR_CPU_TYPE);
            add_string(machine, "default-ram-id", "hotram.ram");
        }
        json_append(*result, machine);
    }
    return true;
}

/* One model. libvirt 9.0 dies of an emulator that names none when a domain asks for one by name or
 * host-model; so it says that there is no such model. */
static bool run_cpu_definitions(struct monitor_context *context, struct json_object *args,
                                struct json_object **result, struct error *error)
{
    struct json_object *cpu = json_new_object();

    (void)context, (void)args, (void)error;
    add_string(cpu, "name", "host");
    add_string(cpu, "typename", MONITOR_CPU_TYPE);
    json_add(cpu, "unavailable-features", json_new_array());
    add_bool(cpu, "migration-safe", false);
    add_bool(cpu, "static", false);
    add_bool(cpu, "deprecated", false);
    *result = json_new_array();
    json_append(*result, cpu);
    return true;
}

static bool run_list_types(struct monitor_context *context, struct json_object *args,
                           struct json_object **result, struct error *error)
{
    const char *implements = get_string(args, "implements");
    bool abstract = json_object_get_boolean(json_object_object_get(args, "abstract"));
    struct qom_type type;

    (void)context, (void)error;
    *result = json_new_array();
    for (size_t i = 0; qom_type_at(i, &type); i++) {
        struct json_object *object;

        if ((type.abstract && !abstract) || (*implements && !qom_type_is(&type, implements)))
            continue;
        object = json_new_object();
        add_string(object, "name", type.name);
        if (type.parent)
            add_string(object, "parent", type.parent);
        if (type.abstract)
            add_bool(object, "abstract", true);
        json_append(*result, object);
    }
    return true;
}

/* The properties of a type that descends from `ancestor`: all, or those that can be given. */
static bool list_properties(struct json_object *args, const char *ancestor, bool all,
                            struct json_object **result, struct error *error)
{
    const char *name = get_string(args, "typename");
    struct qom_property property;
    struct qom_type type;
    size_t most;

    if (!qom_type_find(name, &type))
        return error_set_class(error, ERROR_DEVICE_NOT_FOUND,
                               "Device '%.100s' not found; qom-list-types lists all types", name);
    if (!qom_type_is(&type, ancestor))
        return error_set(error, "Parameter 'typename' expects a %s type; got '%.100s'", ancestor, name);
    most = all ? SIZE_MAX : type.count;
    *result = json_new_array();
    for (size_t i = 0; i < most && qom_property_at(&type, i, &property); i++) {
        struct json_object *object = json_new_object();

        add_string(object, "name", property.name);
        add_string(object, "type", property.type);
        if (property.description)
            add_string(object, "description", property.description);
        json_append(*result, object);
    }
    return true;
}

static bool run_device_properties(struct monitor_context *context, struct json_object *args,
                                  struct json_object **result, struct error *error)
{
    (void)context;
    return list_properties(args, "device", false, result, error);
}

static bool run_qom_properties(struct monitor_context *context, struct json_object *args,
                               struct json_object **result, struct error *error)
{
    (void)context;
    return list_properties(args, "object", true, result, error);
}

/* ---- options: their keys are those of the help text ---- */

static bool is_key(char character)
{
    return isalnum((unsigned char)character) || character == '-' || character == '_';
}

static bool has_key(struct json_object *parameters, const char *name)
{
    for (size_t i = 0; i < json_object_array_length(parameters); i++)
        if (strcmp(get_string(json_object_array_get_idx(parameters, i), "name"), name) == 0)
            return true;
    return false;
}

static void add_key(struct json_object *parameters, const char *name, const char *type)
{
    struct json_object *parameter = json_new_object();

    add_string(parameter, "name", name);
    add_string(parameter, "type", type);
    json_append(parameters, parameter);
}

/* "[size=]N[,slots=S]": size, slots. What is in quotes is JSON, the same in other words. */
static struct json_object *list_keys(const char *argument)
{
    struct json_object *parameters = json_new_array();

    for (const char *at = argument; at && (at = strchr(at, '=')) != NULL; at++) {
        const char *start = at;
        char name[64];

        while (start > argument && is_key(start[-1]))
            start--;
        snprintf(name, sizeof name, "%.*s", (int)(at - start), start);
        if (!name[0] || isupper((unsigned char)name[0]) || has_key(parameters, name))
            continue;
        add_key(parameters, name, strncmp(at, "=on|off", 7) == 0 ? "boolean" : "string");
    }
    return parameters;
}

static bool run_options(struct monitor_context *context, struct json_object *args,
                        struct json_object **result, struct error *error)
{
    const char *wanted = get_string(args, "option");

    (void)context;
    *result = json_new_array();
    for (size_t i = 0; i < options_count; i++) {
        struct json_object *option;

        if (*wanted && strcmp(options_table[i].name, wanted) != 0)
            continue;
        option = json_new_object();
        add_string(option, "option", options_table[i].name);
        json_add(option, "parameters", list_keys(options_table[i].argument));
        json_append(*result, option);
    }
    if (*wanted && json_object_array_length(*result) == 0 && !json_failed(*result)) {
        json_object_put(*result);
        *result = NULL;
        return error_set(error, "invalid option name: %.100s", wanted);
    }
    return true;
}

/* ---- what there is none of ---- */

static bool run_none(struct monitor_context *context, struct json_object *args, struct json_object **result,
                     struct error *error)
{
    (void)context, (void)args, (void)error;
    *result = json_new_array();
    return true;
}

static const struct command commands[] = {
    { .qmp = "query-machines", .early = true, .run = run_machines, .returns = "[MachineInfo]" },
    { .qmp = "query-cpu-definitions",
      .early = true,
      .run = run_cpu_definitions,
      .returns = "[CpuDefinitionInfo]" },
    { .qmp = "query-command-line-options",
      .early = true,
      .run = run_options,
      .returns = "[CommandLineOptionInfo]",
      .arguments = { { "option", json_type_string, true } } },
    { .qmp = "qom-list-types",
      .early = true,
      .run = run_list_types,
      .returns = "[ObjectTypeInfo]",
      .arguments = { { "implements", json_type_string, true }, { "abstract", json_type_boolean, true } } },
    { .qmp = "device-list-properties",
      .early = true,
      .run = run_device_properties,
      .returns = "[ObjectPropertyInfo]",
      .arguments = { { "typename", json_type_string, false } } },
    { .qmp = "qom-list-properties",
      .early = true,
      .run = run_qom_properties,
      .returns = "[ObjectPropertyInfo]",
      .arguments = { { "typename", json_type_string, false } } },
    /* libvirt asks for it of every guest: there are no jobs, and the answer says so. */
    { .qmp = "query-jobs", .run = run_none, .returns = "[any]" },
};

const struct command_area commands_introspect = { commands, sizeof commands / sizeof commands[0] };
