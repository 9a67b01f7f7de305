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

/* A name that is being looked up, and those that led to it. */
struct referring {
    const char *name;
    const struct referring *outer;
};

struct schema {
    struct json_object *entities;
    struct json_object *types;         /* the names of the types that are among them */
    const struct referring *referring; /* the innermost; NULL: none */
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
    case PROPERTY_TEXTS:
        return "[String]";
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

/* Types may contain themselves (a PCI bus has devices that are buses). That is seen here, since the schema
 * may lack a name that there was no memory to add. */
static bool is_being_referred(const struct schema *schema, const char *name)
{
    for (const struct referring *at = schema->referring; at; at = at->outer)
        if (strcmp(at->name, name) == 0)
            return true;
    return false;
}

/* A type's name, after the type and those that it consists of are in the schema. */
static const char *refer(struct schema *schema, const char *name)
{
    const struct referring self = { name, schema->referring };
    const struct schema_type *type;
    struct json_object *object;
    char element[64];

    if (is_being_referred(schema, name) || json_object_object_get_ex(schema->types, name, NULL))
        return name;
    json_add(schema->types, name, NULL);
    schema->referring = &self;
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
    schema->referring = self.outer;
    return name;
}

static void add_argument(struct schema *schema, struct json_object *type,
                         const struct command_argument *argument)
{
    add_member(type, argument->name, refer(schema, builtin_of(argument->type)), argument->optional);
}

/* The name of a property's type, after that is in the schema; `name` has room for one that only this property
 * of `owner` has. */
#define OWN_TYPE_MAX 256
static const char *refer_property(struct schema *schema, struct json_object *owner,
                                  const struct property *property, char name[OWN_TYPE_MAX])
{
    struct json_object *type;

    if (!property->words)
        return refer(schema, type_of(property));
    snprintf(name, OWN_TYPE_MAX, "%s.%s", json_object_get_string(json_object_object_get(owner, "name")),
             property->name);
    type = entity(schema, name, "enum");
    for (const char *const *word = property->words; *word; word++)
        add_value(type, *word);
    return name;
}

/* Whether the rows before number `index` have begun the object that is before the dot of its name. */
static bool has_begun(const struct property *table, size_t index, size_t length)
{
    for (size_t i = 0; i < index; i++)
        if (strncmp(table[i].name, table[index].name, length + 1) == 0)
            return true;
    return false;
}

/* "cache.direct" and "cache.no-flush" are members of an object, "cache". */
static void add_nested(struct schema *schema, struct json_object *type, const struct property *table,
                       size_t count, size_t index)
{
    const size_t length = strcspn(table[index].name, ".");
    char member[64], name[224], own[OWN_TYPE_MAX];
    struct json_object *inner;

    if (has_begun(table, index, length))
        return;
    snprintf(member, sizeof member, "%.*s", (int)length, table[index].name);
    snprintf(name, sizeof name, "%s.%s", json_object_get_string(json_object_object_get(type, "name")),
             member);
    inner = new_object_type(schema, name);
    for (size_t i = index; i < count; i++)
        if (strncmp(table[i].name, table[index].name, length + 1) == 0)
            add_member(inner, table[i].name + length + 1, refer_property(schema, inner, &table[i], own),
                       true);
    add_member(type, member, name, true);
}

static bool is_argument(const struct command *command, const char *name)
{
    for (const struct command_argument *argument = command->arguments; argument->name; argument++)
        if (strcmp(argument->name, name) == 0)
            return true;
    return false;
}

/* But for those that are arguments of the command already. */
static void add_properties(struct schema *schema, struct json_object *type, const struct command *command,
                           const struct property *table, size_t count)
{
    char own[OWN_TYPE_MAX];

    for (size_t i = 0; i < count; i++)
        if (is_argument(command, table[i].name))
            continue;
        else if (strchr(table[i].name, '.'))
            add_nested(schema, type, table, count, i);
        else
            add_member(type, table[i].name, refer_property(schema, type, &table[i], own), !table[i].missing);
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
        add_string(variant, "type", count > 0 ? properties : refer(schema, nothing));
        json_append(variants, variant);
        if (count > 0)
            add_properties(schema, new_object_type(schema, properties), command, table, count);
    }
}

/* {"type": KIND, "data": {...}}: a name for it, after it is in the schema. */
static const char *add_wrapped(struct schema *schema, const struct command *command,
                               const struct type_family *family, const char *name)
{
    struct json_object *type = new_object_type(schema, name), *variants, *kinds;
    const struct property *table;
    const char *kind;
    char own[OWN_TYPE_MAX], data[OWN_TYPE_MAX], inner[OWN_TYPE_MAX];
    size_t count;

    snprintf(own, sizeof own, "%.100s.%s", name, family->key);
    kinds = entity(schema, own, "enum");
    add_member(type, family->key, own, false);
    add_string(type, "tag", family->key);
    variants = json_add_array(type, "variants");
    for (size_t i = 0; family->type(i, &kind, &table, &count); i++) {
        struct json_object *variant = json_append_object(variants), *object;

        snprintf(own, sizeof own, "%.100s.%.20s-wrapper", name, kind);
        snprintf(data, sizeof data, "%.100s.%.20s", name, kind);
        add_value(kinds, kind);
        add_string(variant, "case", kind);
        add_string(variant, "type", own);
        add_member(new_object_type(schema, own), "data", data, false);
        object = new_object_type(schema, data);
        add_properties(schema, object, command, table, count);
        if (!family->inner || strcmp(kind, family->inner_case) != 0)
            continue;
        snprintf(inner, sizeof inner, "%.120s.%.20s", data, family->inner_name);
        add_member(object, family->inner_name, add_wrapped(schema, command, family->inner, inner), false);
    }
    return name;
}

static void add_arguments(struct schema *schema, const struct command *command, const char *name)
{
    const struct command_argument *argument = command->arguments;
    char own[OWN_TYPE_MAX];
    struct json_object *type;

    if (command->family) {
        add_family(schema, command, name);
        return;
    }
    type = new_object_type(schema, name);
    add_properties(schema, type, command, command->properties, command->property_count);
    for (; argument->name; argument++)
        if (command->variant && strcmp(command->variant, argument->name) == 0) {
            snprintf(own, sizeof own, "%.80s.%s", name, argument->name);
            add_member(type, argument->name, add_wrapped(schema, command, command->variants, own),
                       argument->optional);
        } else {
            add_argument(schema, type, argument);
        }
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
