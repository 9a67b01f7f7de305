/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * query-qmp-schema: the commands with their arguments, the events with their members, and the types of these,
 * each under a name. Made anew for each query, from the tables; what a command returns is not in them and is
 * "any".
 */
#include <stdio.h>
#include <string.h>

#include "monitor/result.h"
#include "monitor/schema.h"
#include "options/host_nodes.h"

struct schema {
    struct json_object *entities;
};

static struct json_object *entity(struct schema *schema, const char *name, const char *meta_type)
{
    struct json_object *object = json_object_new_object();

    add_string(object, "name", name);
    add_string(object, "meta-type", meta_type);
    json_object_array_add(schema->entities, object);
    return object;
}

/* ---- types ---- */

static const char *builtin_of(enum json_type type)
{
    switch (type) {
    case json_type_boolean:
        return "bool";
    case json_type_int:
        return "int";
    case json_type_string:
        return "str";
    case json_type_array:
        return "[any]";
    default:
        return "any";
    }
}

static const char *type_of(const struct property *property)
{
    switch (property->type) {
    case PROPERTY_STRING:
        return "str";
    case PROPERTY_BOOL:
        return "bool";
    case PROPERTY_NODES:
        return "[int]";
    case PROPERTY_POLICY:
        return "HostMemPolicy";
    default:
        return "int";
    }
}

static void add_builtins(struct schema *schema)
{
    static const char *const builtins[][2] = {
        { "str", "string" }, { "int", "int" }, { "bool", "boolean" }, { "any", "value" }
    };
    static const char *const arrays[][2] = { { "[any]", "any" }, { "[int]", "int" } };

    for (size_t i = 0; i < sizeof builtins / sizeof builtins[0]; i++)
        add_string(entity(schema, builtins[i][0], "builtin"), "json-type", builtins[i][1]);
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++)
        add_string(entity(schema, arrays[i][0], "array"), "element-type", arrays[i][1]);
}

/* An enumeration's values: both as QEMU has them now, and as it had them before 6.2. */
static void add_value(struct json_object *type, const char *value)
{
    struct json_object *values = json_object_object_get(type, "values");
    struct json_object *members = json_object_object_get(type, "members");
    struct json_object *member = json_object_new_object();

    if (!values) {
        values = json_object_new_array();
        members = json_object_new_array();
        json_object_object_add(type, "members", members);
        json_object_object_add(type, "values", values);
    }
    add_string(member, "name", value);
    json_object_array_add(members, member);
    json_object_array_add(values, json_object_new_string(value));
}

static struct json_object *new_object_type(struct schema *schema, const char *name)
{
    struct json_object *type = entity(schema, name, "object");

    json_object_object_add(type, "members", json_object_new_array());
    return type;
}

static void add_member(struct json_object *type, const char *name, const char *of, bool optional)
{
    struct json_object *member = json_object_new_object();

    add_string(member, "name", name);
    add_string(member, "type", of);
    if (optional)
        json_object_object_add(member, "default", NULL);
    json_object_array_add(json_object_object_get(type, "members"), member);
}

static void add_members(struct json_object *type, const struct command_argument *members)
{
    for (; members && members->name; members++)
        add_member(type, members->name, builtin_of(members->type), members->optional);
}

static void add_properties(struct json_object *type, const struct property *table, size_t count)
{
    for (size_t i = 0; i < count; i++)
        add_member(type, table[i].name, type_of(&table[i]), true);
}

/* ---- commands ---- */

/* One of several types, told apart by a member: an enumeration, and a variant for each. */
static void add_family(struct schema *schema, const struct command *command, const char *arguments)
{
    const struct type_family *family = command->family;
    const struct command_argument *argument = command->arguments;
    struct json_object *type = new_object_type(schema, arguments);
    struct json_object *variants = json_object_new_array();
    struct json_object *kinds;
    const struct property *table;
    const char *name;
    char kind[160];
    size_t count;

    snprintf(kind, sizeof kind, "%s.%s", arguments, family->key);
    kinds = entity(schema, kind, "enum");
    add_member(type, family->key, kind, false);
    for (; argument->name; argument++)
        if (strcmp(argument->name, family->key) != 0)
            add_member(type, argument->name, builtin_of(argument->type), argument->optional);
    add_string(type, "tag", family->key);
    json_object_object_add(type, "variants", variants);
    for (size_t i = 0; family->type(i, &name, &table, &count); i++) {
        struct json_object *variant = json_object_new_object();
        char properties[192];

        snprintf(properties, sizeof properties, "%s.%s", arguments, name);
        add_value(kinds, name);
        add_string(variant, "case", name);
        add_string(variant, "type", properties);
        json_object_array_add(variants, variant);
        add_properties(new_object_type(schema, properties), table, count);
    }
}

static void add_command(struct schema *schema, const struct command *command)
{
    struct json_object *object = entity(schema, command->qmp, "command");
    char arguments[96];

    snprintf(arguments, sizeof arguments, "%s-arg", command->qmp);
    add_string(object, "arg-type", arguments);
    add_string(object, "ret-type", "any");
    add_bool(object, "allow-oob", false);
    if (command->feature) {
        struct json_object *features = json_object_new_array();

        json_object_array_add(features, json_object_new_string(command->feature));
        json_object_object_add(object, "features", features);
    }
    if (command->family)
        add_family(schema, command, arguments);
    else if (command->properties)
        add_properties(new_object_type(schema, arguments), command->properties, command->property_count);
    else
        add_members(new_object_type(schema, arguments), command->arguments);
}

static void add_event(struct schema *schema, const struct event_type *type)
{
    char data[96];

    snprintf(data, sizeof data, "%s-data", type->name);
    add_string(entity(schema, type->name, "event"), "arg-type", data);
    add_members(new_object_type(schema, data), type->members);
}

static bool run_schema(struct monitor_context *context, struct json_object *args, struct json_object **result,
                       struct error *error)
{
    struct schema schema = { .entities = json_object_new_array() };
    const struct command *command = NULL;
    const struct event_type *event;
    struct json_object *policies;

    (void)context, (void)args, (void)error;
    add_builtins(&schema);
    policies = entity(&schema, "HostMemPolicy", "enum");
    for (unsigned i = 0; i < HOST_POLICY_COUNT; i++)
        add_value(policies, host_policy_names[i]);
    while ((command = command_next(command)) != NULL)
        if (command->qmp)
            add_command(&schema, command);
    for (size_t i = 0; (event = event_type_at(i)) != NULL; i++)
        add_event(&schema, event);
    *result = schema.entities;
    return true;
}

static const struct command commands[] = {
    { .qmp = "query-qmp-schema", .run = run_schema },
};

const struct command_area commands_schema = { commands, sizeof commands / sizeof commands[0] };
