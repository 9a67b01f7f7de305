/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -object and -device: which kind, with which id. The properties themselves are read by those who make the
 * object, from the same tables that are listed here.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "base/json_build.h"
#include "base/qom_path.h"
#include "device/type.h"
#include "options/parser.h"

/* "NAME,help": asks for the properties instead of making one. */
static bool wants_properties(struct props props)
{
    return props.keyval && (keyval_get(props.object, "help") || keyval_get(props.object, "?"));
}

/* A string that must be there. */
static const char *required(struct props props, const char *key, const char *example, struct error *error)
{
    struct error reason;
    const char *text = props_string(props, key, &reason);

    if (text && *text)
        return text;
    error_set(error, "%s", reason.text);
    if (!reason.text[0])
        error_set(error, "Parameter '%s' is missing, such as %s=%s", key, key, example);
    return NULL;
}

/* Whether nothing in the list has the id. */
static bool id_is_free(const struct object_config *list, size_t count, const char *id, const char *what,
                       struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        const char *taken = keyval_get(list[i].object, "id");

        if (taken && strcmp(taken, id) == 0)
            return error_set(error, "Duplicate ID '%.80s' for %s: already in use by an earlier one", id,
                             what);
    }
    return true;
}

void keep_object(const struct parser *parser, struct object_config **list, size_t *count, struct props props)
{
    struct object_config *entry = array_grow(list, *count, sizeof *entry);

    entry->object = json_object_get(props.object);
    entry->keyval = props.keyval;
    entry->option = parser->option;
    entry->text = string_copy(parser->argument ? parser->argument : "");
    ++*count;
}

static void list_objects(void)
{
    const struct object_type *type;

    puts("List of user creatable objects:");
    for (size_t i = 0; (type = object_type_at(i)) != NULL; i++)
        printf(type->unused ? "  %-20s (accepted but not used)\n" : "  %s\n", type->name);
}

static bool read_object(struct parser *parser, struct props props, struct error *error)
{
    const char *type_name = required(props, "qom-type", "memory-backend-ram", error), *id;
    const struct object_type *type;
    struct config *config = parser->config;

    if (!type_name)
        return false;
    if (props.keyval && is_help(type_name)) {
        list_objects();
        parser->done = true;
        return true;
    }
    type = object_type_require(type_name, error);
    if (!type)
        return false;
    if (wants_properties(props)) {
        help_properties(type->name, type->properties, type->property_count);
        parser->done = true;
        return true;
    }
    id = required(props, "id", type->example_id, error);
    if (!id || !id_check(id, error) ||
        !id_is_free(config->objects, config->object_count, id, "object", error))
        return false;
    if (!type->unused)
        keep_object(parser, &config->objects, &config->object_count, props);
    return true;
}

bool option_object(struct parser *parser, const char *argument, struct error *error)
{
    struct props props;
    bool good;

    props.object = props_parse(argument, "qom-type", &props.keyval, error);
    good = props.object && read_object(parser, props, error);
    json_object_put(props.object);
    return good;
}

const struct object_config *backend_config_find(const struct config *config, const char *reference)
{
    char path[300];

    for (size_t i = 0; i < config->object_count; i++) {
        /* An id longer than that is cut, and is found by nothing. */
        snprintf(path, sizeof path, "/objects/%s", backend_config_id(&config->objects[i]));
        if (qom_path_names(reference, path))
            return &config->objects[i];
    }
    return NULL;
}

const char *backend_config_id(const struct object_config *backend)
{
    return keyval_get(backend->object, "id");
}

bool backend_config_size(const struct object_config *backend, uint64_t *size, struct error *error)
{
    static const struct property table = {
        "size", PROPERTY_SIZE, 0, PROPERTY_NO_GIVEN, NULL, NULL, NULL, NULL
    };
    const char *type = keyval_get(backend->object, "qom-type");
    struct json_object *value, *alone;
    bool good;

    if (!json_object_object_get_ex(backend->object, "size", &value))
        return error_set(error, "%.80s: Parameter 'size' is missing", type);
    alone = json_new_object();
    json_add(alone, "size", json_object_get(value));
    good = props_read((struct props){ alone, backend->keyval }, &table, 1, NULL, type, size, error);
    json_object_put(alone);
    return good;
}

static void list_devices(void)
{
    const struct device_type *type;

    puts("Devices:");
    for (size_t i = 0; (type = device_type_at(i)) != NULL; i++)
        if (!type->build)
            printf(type->bus ? "  %s (on a %s)\n" : "  %s\n", type->name, type->bus);
}

/* An id may be left out; a given one must be well-formed and free. */
static bool check_device_id(const struct parser *parser, struct props props, struct error *error)
{
    const struct config *config = parser->config;
    struct error reason;
    const char *id = props_string(props, "id", &reason);

    if (!id && reason.text[0])
        return error_set(error, "%s", reason.text);
    if (!id)
        return true;
    if (!id_check(id, error))
        return false;
    return id_is_free(config->devices, config->device_count, id, "device", error);
}

bool device_option_add(struct parser *parser, struct props props, struct error *error)
{
    const char *driver = required(props, "driver", "virtio-rng-pci", error);
    const struct device_type *type;

    if (!driver)
        return false;
    if (props.keyval && is_help(driver)) {
        list_devices();
        parser->done = true;
        return true;
    }
    if (!wants_properties(props) && leave_out_device(parser, props.object))
        return true;
    type = device_type_require(driver, error);
    if (!type)
        return false;
    if (wants_properties(props)) {
        help_properties(type->name, type->properties, type->property_count);
        parser->done = true;
        return true;
    }
    if (!check_device_id(parser, props, error) || (type->check && !type->check(props, error)) ||
        (type->serial_port && !console_add_serial(parser, keyval_get(props.object, "chardev"), error)))
        return false;
    keep_object(parser, &parser->config->devices, &parser->config->device_count, props);
    return true;
}

bool option_device(struct parser *parser, const char *argument, struct error *error)
{
    struct props props;
    bool good;

    props.object = props_parse(argument, "driver", &props.keyval, error);
    good = props.object && device_option_add(parser, props, error);
    json_object_put(props.object);
    return good;
}
