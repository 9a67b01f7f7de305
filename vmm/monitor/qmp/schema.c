/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * query-qmp-schema: the commands with their arguments and what they return, the events with their data, and
 * the types of these, each under a name. Made anew for each query, from the tables that drive the commands
 * and from schema_types.c. A type is added when something refers to it for the first time.
 */
#include <stdio.h>
#include <string.h>

#include "base/host_nodes.h"
#include "base/result.h"
#include "monitor/qmp/schema.h"

struct schema {
    struct json_object *entities;
    struct json_object *types; /* the names of the types that are among them */
};

/* The type of what has no members. */
static const char nothing[] = "Empty";

static struct json_object *entity(struct schema *schema, const char *name, const char *meta_type)
{
    struct json_object *object = json_append_object(schema->entities);

    add_string(object, "name", name);
    add_string(object, "meta-type", meta_type);
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

/* An enumeration's values: both as QEMU has them now, and as it had them before 6.2. */
static void add_value(struct json_object *type, const char *value)
{
    struct json_object *values = json_object_object_get(type, "values");
    struct json_object *members = json_object_object_get(type, "members");
    struct json_object *member = json_new_object();

    if (!values) {
        members = json_add_array(type, "members");
        values = json_add_array(type, "values");
    }
    add_string(member, "name", value);
    json_append(members, member);
    json_append(values, json_new_string(value));
}

static struct json_object *new_object_type(struct schema *schema, const char *name)
{
    struct json_object *type = entity(schema, name, "object");

    json_add_array(type, "members");
    return type;
}

static void add_member(struct json_object *type, const char *name, const char *of, bool optional)
{
    struct json_object *member = json_new_object();

    add_string(member, "name", name);
    add_string(member, "type", of);
    if (optional)
        json_add(member, "default", NULL);
    json_append(json_object_object_get(type, "members"), member);
}

static void add_policies(struct schema *schema, const char *name)
{
    struct json_object *type = entity(schema, name, "enum");

    for (unsigned i = 0; i < HOST_POLICY_COUNT; i++)
        add_value(type, host_policy_names[i]);
}

static bool add_builtin(struct schema *schema, const char *name)
{
    static const char *const builtins[][2] = {
        { "str", "string" }, { "int", "int" }, { "bool", "boolean" }, { "any", "value" }
    };

    for (size_t i = 0; i < sizeof builtins / sizeof builtins[0]; i++) {
        if (strcmp(builtins[i][0], name) != 0)
            continue;
        add_string(entity(schema, name, "builtin"), "json-type", builtins[i][1]);
        return true;
    }
    return false;
}

/* A type's name, after the type and those that it consists of are in the schema. Types do not contain
 * themselves. */
static const char *refer(struct schema *schema, const char *name)
{
    const struct schema_type *type;
    struct json_object *object;
    char element[64];

    if (json_object_object_get_ex(schema->types, name, NULL))
        return name;
    json_add(schema->types, name, NULL);
    if (sscanf(name, "[%63[^]]]", element) == 1) {
        add_string(entity(schema, name, "array"), "element-type", refer(schema, element));
    } else if (strcmp(name, "HostMemPolicy") == 0) {
        add_policies(schema, name);
    } else if (!add_builtin(schema, name)) {
        object = new_object_type(schema, name);
        for (size_t i = 0; (type = schema_type_at(i)) != NULL; i++)
            for (const struct type_member *member = type->members;
                 strcmp(type->name, name) == 0 && member->name; member++)
                add_member(object, member->name + (member->name[0] == '*'), refer(schema, member->type),
                           member->name[0] == '*');
    }
    return name;
}

static void add_argument(struct schema *schema, struct json_object *type,
                         const struct command_argument *argument)
{
    add_member(type, argument->name, refer(schema, builtin_of(argument->type)), argument->optional);
}

static void add_properties(struct schema *schema, struct json_object *type, const struct property *table,
                           size_t count)
{
    for (size_t i = 0; i < count; i++)
        add_member(type, table[i].name, refer(schema, type_of(&table[i])), !table[i].missing);
}

/* ---- commands ---- */

/* One of several types, told apart by a member: an enumeration, and a variant for each. */
static void add_family(struct schema *schema, const struct command *command, const char *arguments)
{
    const struct type_family *family = command->family;
    const struct command_argument *argument = command->arguments;
    struct json_object *type = new_object_type(schema, arguments);
    struct json_object *variants;
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
            add_argument(schema, type, argument);
    add_string(type, "tag", family->key);
    variants = json_add_array(type, "variants");
    for (size_t i = 0; family->type(i, &name, &table, &count); i++) {
        struct json_object *variant = json_new_object();
        char properties[192];

        snprintf(properties, sizeof properties, "%s.%s", arguments, name);
        add_value(kinds, name);
        add_string(variant, "case", name);
        add_string(variant, "type", properties);
        json_append(variants, variant);
        add_properties(schema, new_object_type(schema, properties), table, count);
    }
}

static void add_arguments(struct schema *schema, const struct command *command, const char *name)
{
    const struct command_argument *argument = command->arguments;
    struct json_object *type;

    if (command->family) {
        add_family(schema, command, name);
        return;
    }
    type = new_object_type(schema, name);
    add_properties(schema, type, command->properties, command->property_count);
    for (; argument->name; argument++)
        add_argument(schema, type, argument);
}

static void add_command(struct schema *schema, const struct command *command)
{
    struct json_object *object = entity(schema, command->qmp, "command");
    bool arguments = command->family || command->properties || command->arguments[0].name;
    char name[96];

    snprintf(name, sizeof name, "%s-arg", command->qmp);
    add_string(object, "arg-type", arguments ? name : refer(schema, nothing));
    add_string(object, "ret-type", refer(schema, command->returns ? command->returns : nothing));
    add_bool(object, "allow-oob", false);
    if (command->feature) {
        struct json_object *features = json_new_array();

        json_append(features, json_new_string(command->feature));
        json_add(object, "features", features);
    }
    if (arguments)
        add_arguments(schema, command, name);
}

static bool run_schema(struct monitor_context *context, struct json_object *args, struct json_object **result,
                       struct error *error)
{
    struct schema schema = { .entities = json_new_array(), .types = json_new_object() };
    const struct command *command = NULL;
    const struct event_type *event;

    (void)context, (void)args, (void)error;
    while ((command = command_next(command)) != NULL)
        if (command->qmp)
            add_command(&schema, command);
    for (size_t i = 0; (event = event_type_at(i)) != NULL; i++)
        add_string(entity(&schema, event->name, "event"), "arg-type",
                   refer(&schema, event->data ? event->data : nothing));
    if (json_failed(schema.types)) /* a type may be there twice */
        json_fail(schema.entities);
    json_object_put(schema.types);
    *result = schema.entities;
    return true;
}

static const struct command commands[] = {
    { .qmp = "query-qmp-schema", .early = true, .run = run_schema, .returns = "[SchemaInfo]" },
};

const struct command_area commands_schema = { commands, sizeof commands / sizeof commands[0] };
