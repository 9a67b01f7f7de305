/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -object and -device: which kind, with which id. The properties themselves are read by those who make the
 * object, from the same tables that are listed here.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "base/json_build.h"
#include "base/suggest.h"
#include "hotplug/hotplug.h"
#include "memory/backend.h"
#include "options/parser.h"

/* libvirt always gives one to decrypt passwords with; hotram has no passwords. */
static const char ignored_object[] = "secret";

static bool add_pc_dimm(struct parser *parser, struct props props, struct error *error);

/* Every -device that there is. The counts are read through pointers: other files define them. */
static const struct device_type {
    const char *name;
    const struct property *table;
    const size_t *count;
    bool (*add)(struct parser *parser, struct props props, struct error *error);
} device_types[] = {
    { "isa-serial", isa_serial_properties, &isa_serial_property_count, console_add_isa_serial },
    { "pc-dimm", pc_dimm_properties, &pc_dimm_property_count, add_pc_dimm },
};
#define DEVICE_TYPE_COUNT (sizeof device_types / sizeof device_types[0])

bool device_is_known(const char *name)
{
    for (size_t i = 0; i < DEVICE_TYPE_COUNT; i++)
        if (strcmp(device_types[i].name, name) == 0)
            return true;
    return false;
}

/* "NAME,help": asks for the properties instead of making one. */
static bool wants_properties(struct props props)
{
    return props.keyval && (keyval_get(props.object, "help") || keyval_get(props.object, "?"));
}

/* A string that must be there. */
static const char *required(struct props props, const char *key, struct error *error)
{
    struct error reason;
    const char *text = props_string(props, key, &reason);

    if (text && *text)
        return text;
    error_set(error, "%s", reason.text);
    if (!reason.text[0])
        error_set(error, "Parameter '%s' is missing", key);
    return NULL;
}

/* Whether nothing in the list has the id. */
static bool id_is_free(const struct object_config *list, size_t count, const char *id, const char *what,
                       struct error *error)
{
    for (size_t i = 0; i < count; i++) {
        const char *taken = keyval_get(list[i].object, "id");

        if (taken && strcmp(taken, id) == 0)
            return error_set(error, "Duplicate ID '%.80s' for %s: an earlier one has it already", id, what);
    }
    return true;
}

static void keep(struct object_config **list, size_t *count, struct props props, const char *text)
{
    struct object_config *entry = array_grow(list, *count, sizeof *entry);

    entry->object = json_object_get(props.object);
    entry->keyval = props.keyval;
    entry->text = string_copy(text ? text : "");
    ++*count;
}

static void list_objects(void)
{
    puts("List of user creatable objects:");
    for (size_t i = 0; i < backend_type_count; i++)
        printf("  %s\n", backend_types[i].name);
    printf("  %-20s (accepted and not used)\n", ignored_object);
}

static const struct backend_type *find_object_type(const char *name, struct error *error)
{
    struct suggestion suggestion;
    char subject[160];

    suggestion_start(&suggestion, name);
    for (size_t i = 0; i < backend_type_count; i++) {
        if (strcmp(backend_types[i].name, name) == 0)
            return &backend_types[i];
        suggestion_offer(&suggestion, backend_types[i].name);
    }
    words_format(subject, sizeof subject, "'%.80s' is not an object that hotram has", name);
    suggestion_fail(&suggestion, subject, error);
    return NULL;
}

static bool read_object(struct parser *parser, struct props props, struct error *error)
{
    const char *type_name = required(props, "qom-type", error), *id;
    const struct backend_type *type = NULL;
    struct config *config = parser->config;

    if (!type_name)
        return false;
    if (props.keyval && is_help(type_name)) {
        list_objects();
        parser->done = true;
        return true;
    }
    if (strcmp(type_name, ignored_object) != 0 && !(type = find_object_type(type_name, error)))
        return false;
    if (type && wants_properties(props)) {
        help_properties(type->name, type->table, type->count);
        parser->done = true;
        return true;
    }
    id = required(props, "id", error);
    if (!id || !id_check(id, error) ||
        !id_is_free(config->objects, config->object_count, id, "object", error))
        return false;
    if (type)
        keep(&config->objects, &config->object_count, props, parser->argument);
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

const struct object_config *backend_config_find(const struct config *config, const char *id)
{
    for (size_t i = 0; i < config->object_count; i++)
        if (strcmp(keyval_get(config->objects[i].object, "id"), id) == 0)
            return &config->objects[i];
    return NULL;
}

bool backend_config_size(const struct object_config *backend, uint64_t *size, struct error *error)
{
    static const struct property table = { "size", PROPERTY_SIZE, 0, PROPERTY_NO_GIVEN, NULL, NULL };
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

static bool add_pc_dimm(struct parser *parser, struct props props, struct error *error)
{
    (void)error;
    keep(&parser->config->devices, &parser->config->device_count, props, parser->argument);
    return true;
}

static void list_devices(void)
{
    const char *names[DEVICE_TYPE_COUNT];

    for (size_t i = 0; i < DEVICE_TYPE_COUNT; i++)
        names[i] = device_types[i].name;
    help_names("Devices:", names, DEVICE_TYPE_COUNT);
}

static const struct device_type *find_device_type(const char *name, struct error *error)
{
    struct suggestion suggestion;
    char subject[160];

    suggestion_start(&suggestion, name);
    for (size_t i = 0; i < DEVICE_TYPE_COUNT; i++) {
        if (strcmp(device_types[i].name, name) == 0)
            return &device_types[i];
        suggestion_offer(&suggestion, device_types[i].name);
    }
    words_format(subject, sizeof subject, "'%.80s' is not a device that hotram has", name);
    suggestion_fail(&suggestion, subject, error);
    return NULL;
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
    if (config->serial_id && strcmp(config->serial_id, id) == 0)
        return error_set(error, "Duplicate ID '%.80s' for device: the serial port has it already", id);
    return id_is_free(config->devices, config->device_count, id, "device", error);
}

static bool read_device(struct parser *parser, struct props props, struct error *error)
{
    const char *driver = required(props, "driver", error);
    const struct device_type *type;

    if (!driver)
        return false;
    if (props.keyval && is_help(driver)) {
        list_devices();
        parser->done = true;
        return true;
    }
    type = find_device_type(driver, error);
    if (!type)
        return false;
    if (wants_properties(props)) {
        help_properties(type->name, type->table, *type->count);
        parser->done = true;
        return true;
    }
    return check_device_id(parser, props, error) && type->add(parser, props, error);
}

bool option_device(struct parser *parser, const char *argument, struct error *error)
{
    struct props props;
    bool good;

    props.object = props_parse(argument, "driver", &props.keyval, error);
    good = props.object && read_device(parser, props, error);
    json_object_put(props.object);
    return good;
}
