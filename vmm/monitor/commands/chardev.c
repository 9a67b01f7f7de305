/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Chardevs that come and go while the program runs, for ports that are added later. QMP's shape is QEMU's
 * (qapi/char.json): {"type": KIND, "data": {...}}, within which a socket's address has the same shape. It
 * becomes the flat bag that -chardev has; the human monitor has that from the start.
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/count_of.h"
#include "base/result.h"
#include "chardev/chardev.h"
#include "chardev/tcp.h"
#include "host/passed.h"
#include "machine/machine.h"
#include "monitor/command.h"
#include "monitor/session.h"
#include "options/chardev_spec.h"

/* ---- QMP's shape ---- */

/* Members of "data": of these tables only the names, the types and what is required count. */
#define MEMBER(name, type) \
    { \
        name, type, 0, PROPERTY_NO_GIVEN, "", NULL, NULL, NULL \
    }
#define REQUIRED(name, type) \
    { \
        name, type, 0, PROPERTY_NO_GIVEN, "", "required", NULL, NULL \
    }
#define COMMON MEMBER("logfile", PROPERTY_STRING), MEMBER("logappend", PROPERTY_BOOL)

static const struct property plain_members[] = { COMMON };
static const struct property stdio_members[] = { COMMON, MEMBER("signal", PROPERTY_BOOL) };
static const struct property file_members[] = { COMMON, REQUIRED("out", PROPERTY_STRING),
                                                MEMBER("append", PROPERTY_BOOL) };
static const struct property socket_members[] = {
    COMMON,
    MEMBER("server", PROPERTY_BOOL),
    MEMBER("wait", PROPERTY_BOOL),
    MEMBER("telnet", PROPERTY_BOOL),
    MEMBER("nodelay", PROPERTY_BOOL),
    MEMBER("reconnect", PROPERTY_UINT32),
    MEMBER("reconnect-ms", PROPERTY_UINT32),
};
static const struct property unix_members[] = { REQUIRED("path", PROPERTY_STRING) };
static const struct property inet_members[] = { REQUIRED("host", PROPERTY_STRING),
                                                REQUIRED("port", PROPERTY_STRING) };
static const struct property fd_members[] = { REQUIRED("str", PROPERTY_STRING) };

struct shape {
    const char *name;
    const struct property *members;
    size_t count;
};
static const struct shape kinds[] = {
    { "null", plain_members, COUNT_OF(plain_members) },
    { "stdio", stdio_members, COUNT_OF(stdio_members) },
    { "pty", plain_members, COUNT_OF(plain_members) },
    { "file", file_members, COUNT_OF(file_members) },
    { "socket", socket_members, COUNT_OF(socket_members) },
};
static const struct shape addresses[] = {
    { "unix", unix_members, COUNT_OF(unix_members) },
    { "inet", inet_members, COUNT_OF(inet_members) },
    { "fd", fd_members, COUNT_OF(fd_members) },
};

static bool shape_at(const struct shape *shapes, size_t shape_count, size_t index, const char **name,
                     const struct property **table, size_t *count)
{
    if (index >= shape_count)
        return false;
    *name = shapes[index].name;
    *table = shapes[index].members;
    *count = shapes[index].count;
    return true;
}

static bool address_at(size_t index, const char **name, const struct property **table, size_t *count)
{
    return shape_at(addresses, COUNT_OF(addresses), index, name, table, count);
}

static bool kind_at(size_t index, const char **name, const struct property **table, size_t *count)
{
    return shape_at(kinds, COUNT_OF(kinds), index, name, table, count);
}

static const struct type_family address_family = { .what = "address", .key = "type", .type = address_at };
static const struct type_family kind_family = { .what = "chardev",
                                                .key = "type",
                                                .type = kind_at,
                                                .inner = &address_family,
                                                .inner_case = "socket",
                                                .inner_name = "addr" };
static const struct type_family words_family = { .what = "chardev",
                                                 .key = "backend",
                                                 .type = chardev_spec_at };

/* ---- from that shape to a flat bag ---- */

/* Take {"type": ..., "data": {...}} apart. */
static bool unwrap(struct json_object *object, const char *where, const struct shape *shapes, size_t count,
                   const struct shape **shape, struct json_object **data, struct error *error)
{
    const char *type = props_string((struct props){ object, false }, "type", NULL);
    char names[80] = "";

    *shape = NULL;
    for (size_t i = 0; i < count; i++) {
        if (type && strcmp(shapes[i].name, type) == 0)
            *shape = &shapes[i];
        snprintf(names + strlen(names), sizeof names - strlen(names), "%s%s", i ? ", " : "", shapes[i].name);
    }
    if (!type)
        return error_set(error, "Parameter '%s.type' is missing: %s", where, names);
    if (!*shape)
        return error_set(error, "Parameter '%s.type' does not accept value '%.80s': %s", where, type, names);
    if (!json_object_object_get_ex(object, "data", data) || !json_object_is_type(*data, json_type_object))
        return error_set(error, "Parameter '%s.data' is missing: an object, such as {}", where);
    json_object_object_foreach(object, name, value)
    {
        (void)value;
        if (strcmp(name, "type") != 0 && strcmp(name, "data") != 0)
            return error_set(error, "Parameter '%s.%.80s' is unexpected", where, name);
    }
    return true;
}

static bool has_member(const struct shape *shape, const char *name)
{
    for (size_t i = 0; i < shape->count; i++)
        if (strcmp(shape->members[i].name, name) == 0)
            return true;
    return false;
}

/* All of `data`, but for `left_out`, which may be NULL; and that nothing that is required lacks. */
static bool copy_members(struct json_object *bag, const struct shape *shape, struct json_object *data,
                         const char *where, const char *left_out, struct error *error)
{
    json_object_object_foreach(data, name, value)
    {
        if (left_out && strcmp(name, left_out) == 0)
            continue;
        if (!has_member(shape, name))
            return error_set(error, "Parameter '%s.data.%.80s' is unexpected", where, name);
        json_add(bag, strcmp(name, "out") == 0 ? "path" : name, json_object_get(value));
    }
    for (size_t i = 0; i < shape->count; i++)
        if (shape->members[i].missing && !json_object_object_get_ex(data, shape->members[i].name, NULL))
            return error_set(error, "Parameter '%s.data.%s' is missing", where, shape->members[i].name);
    return true;
}

/* A socket's; a server is the default here. */
static bool copy_address(struct json_object *bag, struct json_object *data, struct error *error)
{
    const struct shape *shape;
    struct json_object *address, *inner;

    if (!json_object_object_get_ex(bag, "server", NULL))
        add_bool(bag, "server", true);
    if (!json_object_object_get_ex(bag, "wait", NULL))
        add_bool(bag, "wait", false);
    if (!json_object_object_get_ex(data, "addr", &address) || !json_object_is_type(address, json_type_object))
        return error_set(error, "Parameter 'backend.data.addr' is missing: "
                                "{\"type\": \"unix\", \"data\": {\"path\": PATH}}, or of type inet or fd");
    return unwrap(address, "backend.data.addr", addresses, COUNT_OF(addresses), &shape, &inner, error) &&
           copy_members(bag, shape, inner, "backend.data.addr", NULL, error);
}

static bool flatten(struct json_object *bag, struct json_object *args, struct error *error)
{
    struct json_object *data;
    const struct shape *kind;
    const bool good = unwrap(json_object_object_get(args, "backend"), "backend", kinds, COUNT_OF(kinds),
                             &kind, &data, error);

    if (!good)
        return false;
    add_string(bag, "id", get_string(args, "id"));
    add_string(bag, "backend", kind->name);
    return copy_members(bag, kind, data, "backend", strcmp(kind->name, "socket") == 0 ? "addr" : NULL,
                        error) &&
           (strcmp(kind->name, "socket") != 0 || copy_address(bag, data, error));
}

/* ---- commands ---- */

/* A copy of the descriptor that getfd gave the name. Not by a number: now that the program runs, that may be
 * one of its own. */
static bool take_descriptor(struct chardev_config *config, const char *name, struct error *error)
{
    if (!name || !id_well_formed(name))
        return error_set(
            error, "fd: a descriptor is passed by QMP's getfd, and named by chardev-add in QMP; got '%.80s'",
            name ? name : "a number");
    config->fd = passed_copy("fd", name, error);
    return config->fd >= 0;
}

/* What a program that runs may not do, or cannot. */
static bool check_running(const struct config *config, const struct chardev_config *chardev,
                          struct error *error)
{
    if (chardev->kind == CHARDEV_STDIO && config->daemonize)
        return error_set(error, "cannot use stdio with -daemonize: a daemon has no stdio");
    return !chardev->host || config->sandbox == SANDBOX_OFF ||
           error_set(error,
                     "TCP is not possible while the program runs, because of -sandbox on (the default); give "
                     "-chardev when it is started, or use a UNIX socket (path)");
}

static bool open_it(struct monitor_context *context, struct chardev_config *config, const char *fd,
                    struct json_object **result, struct error *error)
{
    struct chardev *chardev;
    const char *name;

    if (chardev_find(context->monitors->chardevs, config->id))
        return error_set(error, "Chardev with id '%.80s' already exists; chardev-remove frees it",
                         config->id);
    if (!check_running(machine_config(context->machine), config, error) ||
        (config->host && !tcp_open(config, error)) ||
        ((fd || (config->fd >= 0 && !config->host)) && !take_descriptor(config, fd, error)))
        return error_prefix(error, "Failed to add chardev '%.80s': ", config->id);
    chardev = chardev_open(context->monitors->chardevs, config, error);
    if (!chardev)
        return error_prefix(error, "Failed to add chardev '%.80s': ", config->id);
    if (fd)
        passed_used(fd);
    *result = json_new_object();
    name = chardev_filename(chardev);
    if (config->kind == CHARDEV_PTY)
        add_string(*result, "pty", name + strlen("pty:"));
    return true;
}

static bool add(struct monitor_context *context, struct props props, const char *fd,
                struct json_object **result, struct error *error)
{
    struct chardev_config config;
    bool good;

    if (!chardev_spec_read(props, &config, error))
        return false;
    good = open_it(context, &config, fd, result, error);
    chardev_config_free(&config);
    return good;
}

static bool run_add(struct monitor_context *context, struct json_object *args, struct json_object **result,
                    struct error *error)
{
    struct json_object *bag = json_new_object(), *text = NULL;
    bool good = flatten(bag, args, error);

    /* Until the name becomes a descriptor, its place is held by a number. */
    if (good && json_object_object_get_ex(bag, "str", &text)) {
        good = json_object_is_type(text, json_type_string) ||
               error_set(error, "Invalid parameter type for 'backend.data.addr.data.str', expected: string");
        json_object_get(text);
        json_object_object_del(bag, "str");
        add_number(bag, "fd", 0);
    }
    good = good && add(context, (struct props){ bag, false }, text ? json_object_get_string(text) : NULL,
                       result, error);
    json_object_put(text);
    json_object_put(bag);
    return good;
}

static bool run_add_words(struct monitor_context *context, struct json_object *args,
                          struct json_object **result, struct error *error)
{
    return add(context, (struct props){ args, context->keyval }, NULL, result, error);
}

static bool run_remove(struct monitor_context *context, struct json_object *args, struct json_object **result,
                       struct error *error)
{
    (void)result;
    return chardev_remove(context->monitors->chardevs, get_string(args, "id"), error);
}

/* A terminal's name; there is nothing else to say. */
static void print_added(struct text *out, struct json_object *result)
{
    struct json_object *name;

    if (json_object_object_get_ex(result, "pty", &name))
        text_printf(out, "char device redirected to %s\n", json_object_get_string(name));
}

static const struct command commands[] = {
    { .qmp = "chardev-add",
      .run = run_add,
      .arguments = { { "id", json_type_string, false }, { "backend", json_type_object, false } },
      .variant = "backend",
      .variants = &kind_family,
      .returns = "ChardevReturn" },
    { .hmp = "chardev-add",
      .family = &words_family,
      .run = run_add_words,
      .print = print_added,
      .arguments = { { "backend", json_type_string, false }, { "id", json_type_string, false } },
      .parameters = "backend,id=name[,prop=value][,...]",
      .help = "create a character device, like -chardev on the command line" },
    { .qmp = "chardev-remove",
      .hmp = "chardev-remove",
      .run = run_remove,
      .completion = COMPLETE_CHARDEVS,
      .arguments = { { "id", json_type_string, false } },
      .parameters = "id",
      .help = "remove a character device that nothing uses" },
};

const struct command_area commands_chardev = { commands, COUNT_OF(commands) };
