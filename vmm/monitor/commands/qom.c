/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * qom-list, qom-get, qom-set: the properties of objects in the tree (qom_tree.h). Those that can be set are
 * in the tables of live properties of the devices' types.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/json_reader.h"
#include "base/result.h"
#include "device/device.h"
#include "monitor/commands/qom_tree.h"
#include "monitor/qmp/schema.h"

static void add_entry(struct json_object *list, const char *name, const char *type)
{
    struct json_object *entry = json_new_object();

    add_string(entry, "name", name);
    add_string(entry, "type", type);
    json_append(list, entry);
}

/* The value of a property that the type lists. Of devices, DIMMs alone say more than that they are there from
 * start to end. */
static struct json_object *value_of(const struct qom_node *node, const char *property)
{
    struct json_object *value;

    if (strcmp(property, "type") == 0)
        return json_new_string(node->type);
    if (json_object_object_get_ex(node->values, property, &value))
        return json_object_get(value);
    if (json_is_marked(node->values))
        return json_new_string(NULL); /* it may be what memory was short for */
    return json_new_bool(strcmp(property, "realized") == 0);
}

static bool run_list(struct monitor_context *context, struct json_object *args, struct json_object **result,
                     struct error *error)
{
    struct qom_property property;
    struct qom_type type;
    struct qom_node node;

    if (!qom_node_find(context, get_string(args, "path"), &node, error))
        return false;
    *result = json_new_array();
    qom_type_find(node.type, &type);
    for (size_t i = 0; qom_property_at(&type, i, &property); i++)
        add_entry(*result, property.name, property.type);
    json_object_object_foreach(node.children, child, child_type)
    {
        char text[160];

        snprintf(text, sizeof text, "child<%s>", json_object_get_string(child_type));
        add_entry(*result, child, text);
    }
    qom_node_release(&node);
    return true;
}

static bool run_get(struct monitor_context *context, struct json_object *args, struct json_object **result,
                    struct error *error)
{
    const char *name = get_string(args, "property");
    struct qom_property property;
    struct qom_type type;
    struct qom_node node;

    if (!qom_node_find(context, get_string(args, "path"), &node, error))
        return false;
    qom_type_find(node.type, &type);
    for (size_t i = 0; !*result && qom_property_at(&type, i, &property); i++)
        if (strcmp(property.name, name) == 0)
            *result = value_of(&node, name);
    qom_node_release(&node);
    return *result != NULL ||
           error_set(error, "Property '%s.%.100s' not found; qom-list lists the properties", type.name, name);
}

/* False: the object has no such property. */
static bool has_property(const struct qom_node *node, const char *name)
{
    struct qom_property property;
    struct qom_type type;

    qom_type_find(node->type, &type);
    for (size_t i = 0; qom_property_at(&type, i, &property); i++)
        if (strcmp(property.name, name) == 0)
            return true;
    return false;
}

static const struct live_property *find_settable(const struct qom_node *node, const char *name)
{
    const struct device_type *type = node->device ? node->device->type : NULL;

    for (size_t i = 0; type && i < type->live_count; i++)
        if ((type->live[i].set || type->live[i].try_set) && strcmp(type->live[i].name, name) == 0)
            return &type->live[i];
    return NULL;
}

static bool set_live(const struct qom_node *node, const struct live_property *live, struct json_object *value,
                     struct error *error)
{
    /* Of a number beyond INT64_MAX the signed form is that limit; of a negative one the unsigned form is 0.
     */
    const bool natural = json_object_is_type(value, json_type_int) && json_object_get_int64(value) >= 0;
    const uint64_t number = natural ? json_object_get_uint64(value) : 0;

    if (!natural || number > live->max)
        return error_set(error, "Property '%s.%s' expects an integer from 0 to %" PRIu64 "; got '%.80s'",
                         node->type, live->name, live->max, value ? json_object_get_string(value) : "null");
    if (live->try_set)
        return live->try_set(node->device, number, error);
    live->set(node->device, number);
    return true;
}

static bool run_set(struct monitor_context *context, struct json_object *args, struct json_object **result,
                    struct error *error)
{
    const char *name = get_string(args, "property");
    const struct live_property *live;
    struct qom_node node;
    bool has;

    (void)result;
    if (!qom_node_find(context, get_string(args, "path"), &node, error))
        return false;
    live = find_settable(&node, name);
    has = has_property(&node, name);
    qom_node_release(&node);
    if (live)
        return set_live(&node, live, json_object_object_get(args, "value"), error);
    if (!has)
        return error_set(error, "Property '%s.%.100s' not found; qom-list lists the properties", node.type,
                         name);
    return error_set(
        error,
        "Property '%s.%s' cannot be set: properties are set when an object or a device is created; what can be set later is a balloon's guest-stats-polling-interval and a virtio-mem's requested-size",
        node.type, name);
}

static const struct command commands[] = {
    { .qmp = "qom-list",
      .migrating = COMMAND_WHILE_MIGRATING,
      .early = true,
      .run = run_list,
      .returns = "[ObjectPropertyInfo]",
      .arguments = { { "path", json_type_string, false } } },
    { .qmp = "qom-get",
      .migrating = COMMAND_WHILE_MIGRATING,
      .early = true,
      .run = run_get,
      .returns = "any",
      .arguments = { { "path", json_type_string, false }, { "property", json_type_string, false } } },
    { .qmp = "qom-set",
      .run = run_set,
      .arguments = { { "path", json_type_string, false },
                     { "property", json_type_string, false },
                     { "value", COMMAND_ANY, false } } },
};

const struct command_area commands_qom = { commands, sizeof commands / sizeof commands[0] };
