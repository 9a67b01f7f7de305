/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tree of QOM: the machine, DIMMs and other devices, memory objects and CPUs, by QEMU's paths.
 */
#include "monitor/commands/qom_tree.h"

#include <assert.h>
#include <stdalign.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/config.h"
#include "base/qom_path.h"
#include "base/result.h"
#include "device/device.h"
#include "hotplug/cpus.h"
#include "machine/machine.h"
#include "memory/backend.h"
#include "memory/object.h"
#include "monitor/qmp/schema.h"
#include "options/parser.h"

#define QOM_PATH_SIZE 512

static void add_child(struct qom_node *node, const char *name, const char *type)
{
    add_string(node->children, name, type);
}

static const char *machine_type(const struct monitor_context *context)
{
    return machine_type_find(machine_config(context->machine)->machine)->qom_type;
}

static void describe_root(struct monitor_context *context, const char *rest, struct qom_node *node)
{
    (void)context, (void)rest;
    add_child(node, "machine", machine_type(context));
    add_child(node, "objects", "container");
}

static void describe_machine(struct monitor_context *context, const char *rest, struct qom_node *node)
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

static void describe_peripherals(struct monitor_context *context, bool with_id, struct qom_node *node)
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

static void describe_peripheral(struct monitor_context *context, const char *rest, struct qom_node *node)
{
    (void)rest;
    describe_peripherals(context, true, node);
}

static void describe_anonymous(struct monitor_context *context, const char *rest, struct qom_node *node)
{
    (void)rest;
    describe_peripherals(context, false, node);
}

/* Those of the start, which have no id; others are devices. */
static bool is_unattached_cpu(struct monitor_context *context, uint32_t index)
{
    struct cpus *cpus = machine_cpus(context->machine);
    struct cpu_info info;

    if (!cpus || index >= cpus_possible(cpus))
        return false;
    cpus_inspect(cpus, index, &info);
    return info.path && (!info.device || info.device->unattached);
}

static void describe_unattached(struct monitor_context *context, const char *rest, struct qom_node *node)
{
    char name[32];

    (void)rest;
    for (uint32_t i = 0; i < CPUS_MAX; i++) {
        snprintf(name, sizeof name, "device[%u]", i);
        if (is_unattached_cpu(context, i))
            add_child(node, name, MONITOR_CPU_TYPE);
    }
}

static void describe_objects(struct monitor_context *context, const char *rest, struct qom_node *node)
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

static void add_live_values(struct qom_node *node)
{
    const struct device_type *type = node->device->type;

    for (size_t i = 0; i < type->live_count; i++)
        if (type->live[i].get)
            json_add(node->values, type->live[i].name, describe_numbers(node->device, &type->live[i]));
}

/* The device with an id, or without one: with a number. */
static void describe_device_node(struct monitor_context *context, const char *id, uint32_t anon,
                                 struct qom_node *node)
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

static void describe_anonymous_device(struct monitor_context *context, const char *rest,
                                      struct qom_node *node)
{
    unsigned index;

    if (read_index(rest, &index))
        describe_device_node(context, NULL, index, node);
}

static void describe_device(struct monitor_context *context, const char *rest, struct qom_node *node)
{
    describe_device_node(context, rest, 0, node);
}

static void describe_object(struct monitor_context *context, const char *rest, struct qom_node *node)
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

static void describe_cpu(struct monitor_context *context, const char *rest, struct qom_node *node)
{
    alignas(max_align_t) char values[64];
    struct cpu_info info;
    unsigned index;

    if (!read_index(rest, &index) || !is_unattached_cpu(context, index))
        return;
    cpus_inspect(machine_cpus(context->machine), index, &info);
    node->type = MONITOR_CPU_TYPE;
    assert(host_cpu_type.values_size <= sizeof values);
    cpu_info_values(&info, values);
    for (size_t i = 0; i < host_cpu_type.property_count; i++)
        json_add(node->values, host_cpu_type.properties[i].name,
                 property_value(&host_cpu_type.properties[i], values));
    add_bool(node->values, "hotplugged", false);
    add_bool(node->values, "hotpluggable", true);
}

static const struct {
    const char *path; /* a prefix, if `type` is NULL: then `describe` finds the type */
    const char *type;
    void (*describe)(struct monitor_context *context, const char *rest, struct qom_node *node);
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

static void start(struct qom_node *node)
{
    *node = (struct qom_node){ .values = json_new_object(), .children = json_new_object() };
}

void qom_node_release(struct qom_node *node)
{
    json_object_put(node->values);
    json_object_put(node->children);
}

/* What is at a whole path as the tree itself writes it. */
static void describe_place(struct monitor_context *context, const char *path, struct qom_node *node)
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
        struct qom_node node;
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
        qom_node_release(&node);
    }
    return whole;
}

bool qom_node_find(struct monitor_context *context, const char *name, struct qom_node *node,
                   struct error *error)
{
    struct qom_search search = { .path = name };
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
    qom_node_release(node);
    return false;
}
