/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -chardev, and the short forms of -serial, -monitor and -qmp: "unix:/run/x.sock,server=on" is taken apart
 * into the same bag of properties that -chardev has, so that both go one way from there.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/count_of.h"
#include "base/json_build.h"
#include "options/chardev_spec.h"
#include "options/parser.h"

/* The short forms: what stands before the colon (all of it where there is none), and what follows. */
static const struct short_form {
    const char *prefix;
    const char *backend;
    const char *implied_key; /* of the text behind the prefix; NULL: nothing may follow */
    bool options;            /* ",key=value" may follow; else all of it is the value */
    bool tcp, telnet;        /* the value is HOST:PORT */
} short_forms[] = {
    { .prefix = "null", .backend = "null" },
    { .prefix = "stdio", .backend = "stdio" },
    { .prefix = "pty", .backend = "pty" },
    { .prefix = "file:", .backend = "file", .implied_key = "path" },
    { .prefix = "unix:", .backend = "socket", .implied_key = "path", .options = true },
    { .prefix = "tcp:", .backend = "socket", .implied_key = "host", .options = true, .tcp = true },
    { .prefix = "telnet:",
      .backend = "socket",
      .implied_key = "host",
      .options = true,
      .tcp = true,
      .telnet = true },
};

const struct chardev_config *chardev_config_find(const struct config *config, const char *id)
{
    for (size_t i = 0; i < config->chardev_count; i++) {
        if (strcmp(config->chardevs[i].id, id) == 0)
            return &config->chardevs[i];
    }
    return NULL;
}

/* From the bag to one more element of config->chardevs. */
static bool add_chardev(struct parser *parser, struct json_object *object, const char *origin,
                        struct error *error)
{
    struct config *config = parser->config;
    const struct chardev_config *other;
    struct chardev_config chardev;

    if (!chardev_spec_read((struct props){ object, true }, &chardev, error))
        return false;
    other = chardev_config_find(config, chardev.id);
    if (other) {
        error_set(error, "Duplicate ID '%.80s' for chardev: already in use by %.200s", chardev.id,
                  other->origin);
        chardev_config_free(&chardev);
        return false;
    }
    chardev.origin = string_copy(origin);
    *(struct chardev_config *)array_grow(&config->chardevs, config->chardev_count, sizeof chardev) = chardev;
    config->chardev_count++;
    return true;
}

#define TYPES_MAX 16u

static void list_types(void)
{
    const char *names[TYPES_MAX];
    const struct property *table;
    size_t count = 0, properties;

    while (count < TYPES_MAX && chardev_spec_at(count, &names[count], &table, &properties))
        count++;
    help_names("Available chardev backend types:", names, count);
}

/* Help that was asked for in place of a chardev: "help" and "NAME,help". */
static bool chardev_help(struct json_object *object)
{
    const char *backend = keyval_get(object, "backend"), *name;
    const bool wanted = backend && keyval_get(object, "help");
    const struct property *table;
    size_t count;

    if (backend && is_help(backend)) {
        list_types();
        return true;
    }
    for (size_t i = 0; wanted && chardev_spec_at(i, &name, &table, &count); i++)
        if (strcmp(name, backend) == 0) {
            help_properties(name, table, count);
            return true;
        }
    return false;
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
    for (size_t i = 0; i < COUNT_OF(short_forms); i++) {
        const struct short_form *form = &short_forms[i];
        size_t length = strlen(form->prefix);

        if (strncmp(text, form->prefix, length) == 0 && (form->implied_key || text[length] == '\0'))
            return form;
    }
    return NULL;
}

/* HOST:PORT, [ADDRESS]:PORT or :PORT, as host and port. */
static bool split_address(struct json_object *object, const char *text, struct error *error)
{
    char *address = string_copy(keyval_get(object, "host")), *host = address;
    char *colon = address ? strrchr(address, ':') : NULL;

    if (!colon) {
        free(address);
        return error_set(error, "'%.80s' lacks a port: HOST:PORT, such as 127.0.0.1:4444, is expected", text);
    }
    *colon = '\0';
    if (host[0] == '[' && colon > host && colon[-1] == ']') {
        host++;
        colon[-1] = '\0';
    }
    add_string(object, "host", host);
    add_string(object, "port", colon + 1);
    free(address);
    return true;
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
    if (object && form->telnet)
        add_string(object, "telnet", "on");
    if (object && form->tcp && !split_address(object, text, error)) {
        json_object_put(object);
        return NULL;
    }
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
            "'%.80s' is not a character device of hotram; expected none, null, stdio, pty, "
            "file:PATH, unix:PATH, tcp:HOST:PORT or telnet:HOST:PORT[,server=on][,wait=off], chardev:ID, and "
            "mon:DEVICE for -serial",
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
