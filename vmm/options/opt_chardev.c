/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -chardev, and the short forms of -serial, -monitor and -qmp: "unix:/run/x.sock,server=on" is taken apart
 * into the same bag of properties that -chardev has, so that both go one way from there.
 */
#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/json_build.h"
#include "base/suggest.h"
#include "options/parser.h"

/* What the properties are read into. */
struct spec {
    struct chardev_config chardev;
    uint32_t fd;
    bool fd_given;
    bool wait_given;
};

#define MEMBER(name, type, member, help) \
    { \
        name, type, offsetof(struct spec, member), PROPERTY_NO_GIVEN, help, NULL \
    }
#define GIVEN(name, type, member, help) \
    { \
        name, type, offsetof(struct spec, member), offsetof(struct spec, member##_given), help, NULL \
    }
#define COMMON \
    MEMBER("id", PROPERTY_STRING, chardev.id, "its name"), \
        MEMBER("mux", PROPERTY_BOOL, chardev.mux, "several users share it, Ctrl-A c changes between them"), \
        MEMBER("logfile", PROPERTY_STRING, chardev.logfile, "file that gets a copy of all output"), \
        MEMBER("logappend", PROPERTY_BOOL, chardev.logappend, "add to the log file instead of emptying it")

static const struct property plain_properties[] = { COMMON };
static const struct property stdio_properties[] = {
    COMMON,
    MEMBER("signal", PROPERTY_BOOL, chardev.signal, "Ctrl-C ends hotram (default on)"),
};
static const struct property file_properties[] = {
    COMMON,
    MEMBER("path", PROPERTY_STRING, chardev.path, "the file that output goes to"),
    MEMBER("append", PROPERTY_BOOL, chardev.append, "add to the file instead of emptying it"),
};
static const struct property socket_properties[] = {
    COMMON,
    MEMBER("path", PROPERTY_STRING, chardev.path, "a UNIX socket"),
    GIVEN("fd", PROPERTY_UINT32, fd, "an inherited file descriptor of a socket, instead of path"),
    MEMBER("server", PROPERTY_BOOL, chardev.server, "listen instead of connecting"),
    { "wait", PROPERTY_BOOL, offsetof(struct spec, chardev.wait), offsetof(struct spec, wait_given),
      "server: start when the first client is there (default on)", NULL },
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])
static const struct chardev_type {
    const char *name;
    enum chardev_kind kind;
    const struct property *table;
    size_t count;
} types[] = {
    { "null", CHARDEV_NULL, plain_properties, COUNT(plain_properties) },
    { "stdio", CHARDEV_STDIO, stdio_properties, COUNT(stdio_properties) },
    { "pty", CHARDEV_PTY, plain_properties, COUNT(plain_properties) },
    { "file", CHARDEV_FILE, file_properties, COUNT(file_properties) },
    { "socket", CHARDEV_SOCKET, socket_properties, COUNT(socket_properties) },
};

/* The short forms: what stands before the colon (all of it where there is none), and what follows. */
static const struct short_form {
    const char *prefix;
    const char *backend;
    const char *implied_key; /* of the text behind the prefix; NULL: nothing may follow */
    bool options;            /* ",key=value" may follow; else all of it is the value */
} short_forms[] = {
    { "null", "null", NULL, false },    { "stdio", "stdio", NULL, false },   { "pty", "pty", NULL, false },
    { "file:", "file", "path", false }, { "unix:", "socket", "path", true },
};

static const char *const skipped[] = { "backend", NULL };

const struct chardev_config *chardev_config_find(const struct config *config, const char *id)
{
    for (size_t i = 0; i < config->chardev_count; i++) {
        if (strcmp(config->chardevs[i].id, id) == 0)
            return &config->chardevs[i];
    }
    return NULL;
}

static bool check_socket(struct spec *spec, struct error *error)
{
    struct chardev_config *chardev = &spec->chardev;
    size_t longest = sizeof((struct sockaddr_un *)0)->sun_path - 1;

    if (spec->fd_given == (chardev->path != NULL))
        return error_set(error,
                         "exactly one of 'path' and 'fd' is needed (hotram has UNIX sockets, not TCP)");
    if (spec->fd_given && spec->fd > INT_MAX)
        return error_set(error, "Parameter 'fd' expects a number from 0 to %d; got '%u'", INT_MAX, spec->fd);
    if (chardev->path && strlen(chardev->path) > longest)
        return error_set(error, "'path' has %zu characters; the path of a socket has at most %zu: %.200s",
                         strlen(chardev->path), longest, chardev->path);
    if (chardev->path && !*chardev->path)
        return error_set(error, "Parameter 'path' expects the path of a socket; got ''");
    if (!spec->wait_given)
        chardev->wait = chardev->server;
    if (chardev->wait && !chardev->server)
        return error_set(error, "wait=on is for servers; add server=on or leave it out");
    if (spec->fd_given)
        chardev->fd = (int)spec->fd;
    return true;
}

static bool check_spec(struct parser *parser, struct spec *spec, struct error *error)
{
    struct chardev_config *chardev = &spec->chardev;
    const struct chardev_config *other;

    if (!chardev->id)
        return error_set(error, "Parameter 'id' is missing");
    if (!id_check(chardev->id, error))
        return false;
    other = chardev_config_find(parser->config, chardev->id);
    if (other)
        return error_set(error, "Duplicate ID '%.80s' for chardev: %.200s has it already", chardev->id,
                         other->origin);
    if (chardev->logappend && !chardev->logfile)
        return error_set(error, "logappend=on needs logfile=PATH");
    if (chardev->kind == CHARDEV_FILE && (!chardev->path || !*chardev->path))
        return error_set(error, "Parameter 'path' is missing: the file that output goes to");
    return chardev->kind != CHARDEV_SOCKET || check_socket(spec, error);
}

static const struct chardev_type *find_type(const char *name, struct error *error)
{
    struct suggestion suggestion;
    char subject[160];

    suggestion_start(&suggestion, name);
    for (size_t i = 0; i < COUNT(types); i++) {
        if (strcmp(types[i].name, name) == 0)
            return &types[i];
        suggestion_offer(&suggestion, types[i].name);
    }
    words_format(subject, sizeof subject, "'%.80s' is not a chardev that hotram has", name);
    suggestion_fail(&suggestion, subject, error);
    return NULL;
}

/* QEMU's old spelling of wait=off. */
static void translate_nowait(struct json_object *object)
{
    bool nowait;

    /* Any other word stays, and is refused as a property that there is not. */
    if (!keyval_get(object, "nowait") || !bool_parse(keyval_get(object, "nowait"), &nowait))
        return;
    add_string(object, "wait", nowait ? "off" : "on");
    json_object_object_del(object, "nowait");
}

/* From the bag to one more element of config->chardevs. */
static bool add_chardev(struct parser *parser, struct json_object *object, const char *origin,
                        struct error *error)
{
    struct spec spec = { .chardev = { .fd = -1, .signal = true } };
    const char *backend = keyval_get(object, "backend");
    const struct chardev_type *type;
    struct config *config = parser->config;
    char what[32];

    if (!json_check(object, error))
        return false;
    if (!backend)
        return error_set(error, "Parameter 'backend' is missing: the kind of chardev");
    type = find_type(backend, error);
    if (!type)
        return false;
    translate_nowait(object);
    snprintf(what, sizeof what, "chardev %s", type->name);
    if (!props_read((struct props){ object, true }, type->table, type->count, skipped, what, &spec, error))
        return false;
    spec.chardev.kind = type->kind;
    if (!check_spec(parser, &spec, error)) {
        props_free(type->table, type->count, &spec);
        return false;
    }
    spec.chardev.origin = string_copy(origin);
    *(struct chardev_config *)array_grow(&config->chardevs, config->chardev_count,
                                         sizeof spec.chardev) = spec.chardev;
    config->chardev_count++;
    return true;
}

static void list_types(void)
{
    const char *names[COUNT(types)];

    for (size_t i = 0; i < COUNT(types); i++)
        names[i] = types[i].name;
    help_names("Available chardev backend types:", names, COUNT(types));
}

/* Help that was asked for in place of a chardev: "help" and "NAME,help". */
static bool chardev_help(struct json_object *object)
{
    const char *backend = keyval_get(object, "backend");
    const struct chardev_type *type;

    if (backend && is_help(backend)) {
        list_types();
        return true;
    }
    type = backend && keyval_get(object, "help") ? find_type(backend, NULL) : NULL;
    if (type)
        help_properties(type->name, type->table, type->count);
    return type != NULL;
}

bool option_chardev(struct parser *parser, const char *argument, struct error *error)
{
    struct json_object *object = keyval_parse(argument, "backend", error);
    char origin[256];
    bool good;

    if (!object)
        return false;
    snprintf(origin, sizeof origin, "-chardev %s", argument);
    if (chardev_help(object))
        good = parser->done = true;
    else
        good = add_chardev(parser, object, origin, error);
    json_object_put(object);
    return good;
}

static const struct short_form *find_short_form(const char *text)
{
    for (size_t i = 0; i < COUNT(short_forms); i++) {
        const struct short_form *form = &short_forms[i];
        size_t length = strlen(form->prefix);

        if (strncmp(text, form->prefix, length) == 0 && (form->implied_key || text[length] == '\0'))
            return form;
    }
    return NULL;
}

/* The bag that -chardev would have made of the short form. */
static struct json_object *short_form_props(const struct short_form *form, const char *text,
                                            struct error *error)
{
    const char *rest = text + strlen(form->prefix);
    struct json_object *object = form->options ? keyval_parse(rest, form->implied_key, error)
                                               : json_new_object();

    if (object && form->implied_key && !form->options)
        add_string(object, form->implied_key, rest);
    return object;
}

bool chardev_from_short(struct parser *parser, const char *text, const char *id, bool mux, const char *origin,
                        struct error *error)
{
    const struct short_form *form = find_short_form(text);
    struct json_object *object;
    bool good;

    if (!form)
        return error_set(
            error,
            "'%.80s' is not a character device that hotram has; it has: none, null, stdio, pty, "
            "file:PATH, unix:PATH[,server=on][,wait=off], chardev:ID, and mon:DEVICE for -serial",
            text);
    object = short_form_props(form, text, error);
    if (!object)
        return false;
    add_string(object, "backend", form->backend);
    add_string(object, "id", id);
    if (mux)
        add_string(object, "mux", "on");
    /* With the monitor a key away, Ctrl-C belongs to the guest. */
    if (mux && strcmp(form->backend, "stdio") == 0)
        add_string(object, "signal", "off");
    good = add_chardev(parser, object, origin, error);
    json_object_put(object);
    return good;
}
