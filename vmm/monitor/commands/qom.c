/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * qom-list, qom-get, qom-set: the tree of what the machine consists of, by QEMU's paths. DIMMs, memory
 * objects, CPUs and the serial port are in it. What can be set says the device's table of live properties.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/config.h"
#include "base/json_reader.h"
#include "base/qom_path.h"
#include "base/result.h"
#include "device/device.h"
#include "machine/machine.h"
#include "memory/backend.h"
#include "memory/object.h"
#include "monitor/qmp/schema.h"
#include "options/parser.h"

#define QOM_PATH_SIZE 512

/* A node of the tree: what it is, its properties with their values, and its children, name to type. */
struct node {
    const char *type;
    struct json_object *values;
    struct json_object *children;
    struct device *device; /* or NULL: it is none */
};

static void add_child(struct node *node, const char *name, const char *type)
{
    add_string(node->children, name, type);
}

static const char *machine_type(const struct monitor_context *context)
{
    return machine_type_find(machine_config(context->machine)->machine)->qom_type;
}

static bool has_machine(const struct monitor_context *context)
{
    return strcmp(machine_config(context->machine)->machine, "none") != 0;
}

static void describe_root(struct monitor_context *context, const char *rest, struct node *node)
{
    (void)context, (void)rest;
    add_child(node, "machine", machine_type(context));
    add_child(node, "objects", "container");
}

static void describe_machine(struct monitor_context *context, const char *rest, struct node *node)
{
    const struct config *config = machine_config(context->machine);
    const char *key;
    bool is_bool;

    (void)rest;
    for (size_t i = 0; (key = machine_key_at(i, &is_bool)) != NULL; i++)
        json_add(node->values, key, qom_machine_value(config, key));
    add_child(node, "peripheral", "container");
    add_child(node, "peripheral-anon", "container");
    add_child(node, "unattached", "container");
}

static void describe_peripherals(struct monitor_context *context, bool with_id, struct node *node)
{
    const struct board *board = machine_board(context->machine);
    const struct device *device = NULL;
    char name[32];

    while ((device = device_next(board, device)) != NULL) {
        snprintf(name, sizeof name, "device[%u]", device->anon);
        if (with_id == (device->id != NULL))
            add_child(node, device->id ? device->id : name, device->type->name);
    }
}

static void describe_peripheral(struct monitor_context *context, const char *rest, struct node *node)
{
    (void)rest;
    describe_peripherals(context, true, node);
}

static void describe_anonymous(struct monitor_context *context, const char *rest, struct node *node)
{
    (void)rest;
    describe_peripherals(context, false, node);
}

static void describe_unattached(struct monitor_context *context, const char *rest, struct node *node)
{
    char name[32];

    (void)rest;
    for (uint32_t i = 0; has_machine(context) && i < machine_config(context->machine)->cpus; i++) {
        snprintf(name, sizeof name, "device[%u]", i);
        add_child(node, name, MONITOR_CPU_TYPE);
    }
}

static void describe_objects(struct monitor_context *context, const char *rest, struct node *node)
{
    const struct backends *backends = machine_backends(context->machine);
    const struct backend *backend = NULL;

    (void)rest;
    while (backends && (backend = backend_next(backends, backend)) != NULL)
        add_child(node, backend->id, backend_type(backend->kind)->name);
    for (const struct object *object = backends ? object_next(backends, NULL) : NULL; object;
         object = object->next)
        add_child(node, object->id, object->type->name);
}

/* The numbers of the first one's group, which are side by side. */
static void add_group(struct json_object *all, const struct live_number *numbers, size_t count)
{
    struct json_object *group = json_new_object();

    for (size_t i = 0; i < count && numbers[i].group == numbers[0].group; i++)
        add_number(group, numbers[i].name, numbers[i].value);
    json_add(all, numbers[0].group, group);
}

static struct json_object *describe_numbers(const struct device *device, const struct live_property *live)
{
    struct json_object *all = json_new_object();
    struct live_number numbers[LIVE_NUMBERS_MAX];
    const size_t count = live->get(device, numbers);

    for (size_t i = 0; i < count; i++)
        if (!numbers[i].group)
            add_number(all, numbers[i].name, numbers[i].value);
        else if (i == 0 || numbers[i - 1].group != numbers[i].group)
            add_group(all, numbers + i, count - i);
    return all;
}

static void add_live_values(struct node *node)
{
    const struct device_type *type = node->device->type;

    for (size_t i = 0; i < type->live_count; i++)
        if (type->live[i].get)
            json_add(node->values, type->live[i].name, describe_numbers(node->device, &type->live[i]));
}

/* The device with an id, or without one: with a number. */
static void describe_device_node(struct monitor_context *context, const char *id, uint32_t anon,
                                 struct node *node)
{
    const struct board *board = machine_board(context->machine);
    const struct device *device = NULL;

    while (!node->type && (device = device_next(board, device)) != NULL) {
        if (id ? !device->id || strcmp(device->id, id) != 0 : device->id || device->anon != anon)
            continue;
        node->type = device->type->name;
        json_object_put(node->values);
        node->values = describe_device_values(device);
        node->device = (struct device *)(uintptr_t)device;
        add_live_values(node);
    }
}

/* "7]": false when it is anything else. */
static bool read_index(const char *rest, unsigned *index)
{
    int end = 0;

    return sscanf(rest, "%u]%n", index, &end) == 1 && end > 0 && rest[end] == '\0';
}

static void describe_anonymous_device(struct monitor_context *context, const char *rest, struct node *node)
{
    unsigned index;

    if (read_index(rest, &index))
        describe_device_node(context, NULL, index, node);
}

static void describe_device(struct monitor_context *context, const char *rest, struct node *node)
{
    describe_device_node(context, rest, 0, node);
}

static void describe_object(struct monitor_context *context, const char *rest, struct node *node)
{
    const struct backends *backends = machine_backends(context->machine);
    const struct backend *backend = backends ? backend_find(backends, rest) : NULL;
    const struct object *object = backends && !backend ? object_find(backends, rest) : NULL;
    const void *values = object ? object->values : backend; /* NULL: a type without properties */
    const struct object_type *type;

    if (!object && !backend)
        return;
    type = object ? object->type : backend_type(backend->kind);
    node->type = type->name;
    for (size_t i = 0; i < type->property_count; i++)
        json_add(node->values, type->properties[i].name, property_value(&type->properties[i], values));
}

static void describe_cpu(struct monitor_context *context, const char *rest, struct node *node)
{
    unsigned index;

    if (!read_index(rest, &index) || !has_machine(context) || index >= machine_config(context->machine)->cpus)
        return;
    node->type = MONITOR_CPU_TYPE;
}

static const struct {
    const char *path; /* a prefix, if `type` is NULL: then `describe` finds the type */
    const char *type;
    void (*describe)(struct monitor_context *context, const char *rest, struct node *node);
} places[] = {
    { "/", "container", describe_root },
    { "/machine", "", describe_machine },
    { "/machine/peripheral", "container", describe_peripheral },
    { "/machine/peripheral-anon", "container", describe_anonymous },
    { "/machine/unattached", "container", describe_unattached },
    { "/objects", "container", describe_objects },
    { "/machine/peripheral/", NULL, describe_device },
    { "/machine/peripheral-anon/device[", NULL, describe_anonymous_device },
    { "/machine/unattached/device[", NULL, describe_cpu },
    { "/objects/", NULL, describe_object },
};

static void start(struct node *node)
{
    *node = (struct node){ .values = json_new_object(), .children = json_new_object() };
}

static void release(struct node *node)
{
    json_object_put(node->values);
    json_object_put(node->children);
}

/* What is at a whole path as the tree itself writes it. */
static void describe_place(struct monitor_context *context, const char *path, struct node *node)
{
    for (size_t i = 0; !node->type && i < sizeof places / sizeof places[0]; i++) {
        size_t length = strlen(places[i].path);

        if (strncmp(path, places[i].path, length) != 0 || (places[i].type && path[length] != '\0'))
            continue;
        node->type = places[i].type;
        places[i].describe(context, path + length, node);
    }
    if (node->type && !*node->type)
        node->type = machine_type(context);
}

/* The first of the tree that the search names becomes `found`, a whole path. False: memory is short, so
 * something of the tree may not have been seen. */
static bool search_tree(struct monitor_context *context, struct qom_search *search, char *found,
                        size_t length)
{
    bool whole = true;

    snprintf(found, length, "/");
    qom_search_try(search, found);
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        const char *parent = places[i].path + (places[i].path[1] == '\0');
        struct node node;
        char path[QOM_PATH_SIZE];

        if (!places[i].type)
            continue;
        start(&node);
        places[i].describe(context, "", &node);
        whole &= !json_failed(node.children);
        json_object_object_foreach(node.children, name, type)
        {
            (void)type;
            snprintf(path, sizeof path, "%s/%s", parent, name);
            if (qom_search_try(search, path))
                snprintf(found, length, "%s", path);
        }
        release(&node);
    }
    return whole;
}

/* What is at the path of the arguments, whole or partial. Its values and children are new objects. */
static bool find(struct monitor_context *context, struct json_object *args, struct node *node,
                 struct error *error)
{
    struct qom_search search = { .path = get_string(args, "path") };
    char path[QOM_PATH_SIZE];

    if (!search_tree(context, &search, path, sizeof path))
        return error_set(error, "out of memory");
    if (search.found == 0)
        return error_set_class(error, ERROR_DEVICE_NOT_FOUND, "Device '%.200s' not found", search.path);
    if (!qom_search_end(&search, error))
        return false;
    start(node);
    describe_place(context, path, node);
    if (json_check(node->values, error) && json_check(node->children, error))
        return true;
    release(node);
    return false;
}

static void add_entry(struct json_object *list, const char *name, const char *type)
{
    struct json_object *entry = json_new_object();

    add_string(entry, "name", name);
    add_string(entry, "type", type);
    json_append(list, entry);
}

/* The value of a property that the type lists. Of devices, DIMMs alone say more than that they are there from
 * start to end. */
static struct json_object *value_of(const struct node *node, const char *property)
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
    struct node node;

    if (!find(context, args, &node, error))
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
    release(&node);
    return true;
}

static bool run_get(struct monitor_context *context, struct json_object *args, struct json_object **result,
                    struct error *error)
{
    const char *name = get_string(args, "property");
    struct qom_property property;
    struct qom_type type;
    struct node node;

    if (!find(context, args, &node, error))
        return false;
    qom_type_find(node.type, &type);
    for (size_t i = 0; !*result && qom_property_at(&type, i, &property); i++)
        if (strcmp(property.name, name) == 0)
            *result = value_of(&node, name);
    release(&node);
    return *result != NULL ||
           error_set(error, "Property '%s.%.100s' not found; qom-list lists the properties", type.name, name);
}

/* False: the object has no such property. */
static bool has_property(const struct node *node, const char *name)
{
    struct qom_property property;
    struct qom_type type;

    qom_type_find(node->type, &type);
    for (size_t i = 0; qom_property_at(&type, i, &property); i++)
        if (strcmp(property.name, name) == 0)
            return true;
    return false;
}

static const struct live_property *find_settable(const struct node *node, const char *name)
{
    const struct device_type *type = node->device ? node->device->type : NULL;

    for (size_t i = 0; type && i < type->live_count; i++)
        if (type->live[i].set && strcmp(type->live[i].name, name) == 0)
            return &type->live[i];
    return NULL;
}

static bool set_live(const struct node *node, const struct live_property *live, struct json_object *value,
                     struct error *error)
{
    const int64_t number = json_object_get_int64(value);

    if (!json_object_is_type(value, json_type_int) || json_is_huge(value) || number < 0 ||
        (uint64_t)number > live->max)
        return error_set(error, "Property '%s.%s' expects an integer from 0 to %" PRIu64 "; got '%.80s'",
                         node->type, live->name, live->max, value ? json_object_get_string(value) : "null");
    live->set(node->device, (uint64_t)number);
    return true;
}

static bool run_set(struct monitor_context *context, struct json_object *args, struct json_object **result,
                    struct error *error)
{
    const char *name = get_string(args, "property");
    const struct live_property *live;
    struct node node;
    bool has;

    (void)result;
    if (!find(context, args, &node, error))
        return false;
    live = find_settable(&node, name);
    has = has_property(&node, name);
    release(&node);
    if (live)
        return set_live(&node, live, json_object_object_get(args, "value"), error);
    if (!has)
        return error_set(error, "Property '%s.%.100s' not found; qom-list lists the properties", node.type,
                         name);
    return error_set(
        error,
        "Property '%s.%s' cannot be set: properties are set when an object or a device is created; what can be set later is a balloon's guest-stats-polling-interval",
        node.type, name);
}

static const struct command commands[] = {
    { .qmp = "qom-list",
      .early = true,
      .run = run_list,
      .returns = "[ObjectPropertyInfo]",
      .arguments = { { "path", json_type_string, false } } },
    { .qmp = "qom-get",
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
