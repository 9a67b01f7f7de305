/* SPDX-License-Identifier: BSD-2-Clause */
/* The kinds of chardevs and their properties. */
#include "options/chardev_spec.h"

#include <json-c/json.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/count_of.h"
#include "base/json_build.h"
#include "base/suggest.h"
#include "host/redial.h"
#include "options/parser.h"

/* What the properties are read into. */
struct spec {
    struct chardev_config chardev;
    uint32_t fd;
    bool fd_given;
    bool wait_given;
    uint32_t reconnect, reconnect_ms;
    bool reconnect_given, reconnect_ms_given;
};

#define MEMBER(name, type, member, help) PROPERTY_ROW(spec, name, type, member, help)
#define GIVEN(name, type, member, help) PROPERTY_ROW_GIVEN(spec, name, type, member, help)
#define COMMON \
    MEMBER("id", PROPERTY_STRING, chardev.id, "its name"), \
        MEMBER("mux", PROPERTY_BOOL, chardev.mux, \
               "several frontends share it; Ctrl-A c switches between them"), \
        MEMBER("logfile", PROPERTY_STRING, chardev.logfile, "file for a copy of all output"), \
        MEMBER("logappend", PROPERTY_BOOL, chardev.logappend, \
               "append to the log file instead of truncating it")

static const struct property plain_properties[] = { COMMON };
static const struct property stdio_properties[] = {
    COMMON,
    MEMBER("signal", PROPERTY_BOOL, chardev.signal, "Ctrl-C ends hotram (default on)"),
};
static const struct property file_properties[] = {
    COMMON,
    MEMBER("path", PROPERTY_STRING, chardev.path, "the output file"),
    MEMBER("append", PROPERTY_BOOL, chardev.append, "append to the file instead of truncating it"),
};
static const struct property socket_properties[] = {
    COMMON,
    MEMBER("path", PROPERTY_STRING, chardev.path, "a UNIX socket"),
    GIVEN("fd", PROPERTY_UINT32, fd, "an inherited file descriptor of a socket, instead of path"),
    MEMBER("host", PROPERTY_STRING, chardev.host,
           "over TCP: a name or an address; of a server \"\" is all addresses of this host"),
    MEMBER("port", PROPERTY_STRING, chardev.port, "of TCP: 0 to 65535; a server gets a free one for 0"),
    MEMBER("telnet", PROPERTY_BOOL, chardev.telnet,
           "of a TCP server: speak the telnet protocol (default off)"),
    MEMBER("nodelay", PROPERTY_BOOL, chardev.nodelay, "of TCP: send small pieces at once (default off)"),
    MEMBER("server", PROPERTY_BOOL, chardev.server, "listen instead of connecting"),
    GIVEN("reconnect", PROPERTY_UINT32, reconnect,
          "client: connect again so many seconds after the end of a connection (default 0: never)"),
    GIVEN("reconnect-ms", PROPERTY_UINT32, reconnect_ms, "the same in milliseconds"),
    { "wait", PROPERTY_BOOL, offsetof(struct spec, chardev.wait), offsetof(struct spec, wait_given),
      "server: wait for the first client before starting (default on)", NULL, NULL, NULL },
};

static const struct chardev_type {
    const char *name;
    enum chardev_kind kind;
    const struct property *table;
    size_t count;
} types[] = {
    { "null", CHARDEV_NULL, plain_properties, COUNT_OF(plain_properties) },
    { "stdio", CHARDEV_STDIO, stdio_properties, COUNT_OF(stdio_properties) },
    { "pty", CHARDEV_PTY, plain_properties, COUNT_OF(plain_properties) },
    { "file", CHARDEV_FILE, file_properties, COUNT_OF(file_properties) },
    { "socket", CHARDEV_SOCKET, socket_properties, COUNT_OF(socket_properties) },
};

static const char *const skipped[] = { "backend", NULL };

/* Of those that are there, if it is over TCP. */
static bool check_tcp(const struct chardev_config *chardev, struct error *error)
{
    uint64_t port;

    if (!chardev->host && (chardev->port || chardev->telnet || chardev->nodelay))
        return error_set(error, "%s=%s is for TCP: it needs host=HOST,port=PORT",
                         chardev->port     ? "port"
                         : chardev->telnet ? "telnet"
                                           : "nodelay",
                         chardev->port ? chardev->port : "on");
    if (!chardev->host)
        return true;
    if (!chardev->port)
        return error_set(error, "Parameter 'port' is missing: host=%.80s,port=PORT", chardev->host);
    if (!number_parse(chardev->port, &port) || port > 65535)
        return error_set(error, "Parameter 'port' expects a number from 0 to 65535; got '%.80s'",
                         chardev->port);
    if (!*chardev->host && !chardev->server)
        return error_set(error, "Parameter 'host' expects a name or an address to connect to; got ''");
    return chardev->server || !chardev->telnet ||
           error_set(error, "telnet=on requires server=on: hotram is no telnet client");
}

/* Rules and words are QEMU's. */
static bool check_reconnect(struct spec *spec, struct error *error)
{
    const struct chardev_config *chardev = &spec->chardev;
    const char *name = spec->reconnect_given ? "reconnect" : "reconnect-ms";

    spec->chardev.reconnect_ms = spec->reconnect_given ? UINT64_C(1000) * spec->reconnect
                                                       : spec->reconnect_ms;
    if (!spec->reconnect_given && !spec->reconnect_ms_given)
        return true;
    if (spec->reconnect_given && spec->reconnect_ms_given)
        return error_set(error, "'reconnect' and 'reconnect-ms' are mutually exclusive: give one of them");
    if (spec->fd_given)
        return error_set(error, "'%s' option is incompatible with 'fd' address type: give path= instead",
                         name);
    if (chardev->server)
        return error_set(
            error,
            "'%s' option is incompatible with socket in server listen mode, which accepts further "
            "clients in any case; leave it out",
            name);
    return true;
}

static bool check_socket(struct spec *spec, struct error *error)
{
    struct chardev_config *chardev = &spec->chardev;
    size_t longest = sizeof((struct sockaddr_un *)0)->sun_path - 1;

    if (spec->fd_given + (chardev->path != NULL) + (chardev->host != NULL) != 1 &&
        (spec->fd_given || chardev->path || chardev->host || !chardev->port))
        return error_set(error, "exactly one of 'path', 'fd' and 'host' (with 'port') is required");
    if (!check_tcp(chardev, error) || !check_reconnect(spec, error))
        return false;
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
        return error_set(error, "wait=on requires server=on; add it or omit wait");
    if (spec->fd_given)
        chardev->fd = (int)spec->fd;
    chardev->fd_given = spec->fd_given;
    return true;
}

static bool check_spec(struct spec *spec, struct error *error)
{
    struct chardev_config *chardev = &spec->chardev;

    if (!chardev->id)
        return error_set(error, "Parameter 'id' is missing");
    if (!id_check(chardev->id, error))
        return false;
    if (chardev->logappend && !chardev->logfile)
        return error_set(error, "logappend=on needs logfile=PATH");
    if (chardev->kind == CHARDEV_FILE && (!chardev->path || !*chardev->path))
        return error_set(error, "Parameter 'path' is missing: the output file");
    return chardev->kind != CHARDEV_SOCKET || check_socket(spec, error);
}

static const struct chardev_type *find_type(const char *name, struct error *error)
{
    struct suggestion suggestion;
    char subject[160];

    suggestion_start(&suggestion, name);
    for (size_t i = 0; i < COUNT_OF(types); i++) {
        if (strcmp(types[i].name, name) == 0)
            return &types[i];
        suggestion_offer(&suggestion, types[i].name);
    }
    words_format(subject, sizeof subject, "'%.80s' is not a chardev of hotram", name);
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

bool chardev_spec_read(struct props props, struct chardev_config *config, struct error *error)
{
    struct spec spec = { .chardev = { .fd = -1, .signal = true } };
    const char *backend = keyval_get(props.object, "backend");
    const struct chardev_type *type;
    char what[32];

    if (!json_check(props.object, error))
        return false;
    if (!backend)
        return error_set(error, "Parameter 'backend' is missing: the kind of chardev");
    type = find_type(backend, error);
    if (!type)
        return false;
    if (props.keyval)
        translate_nowait(props.object);
    snprintf(what, sizeof what, "chardev %s", type->name);
    if (!props_read(props, type->table, type->count, skipped, what, &spec, error))
        return false;
    spec.chardev.kind = type->kind;
    if (!check_spec(&spec, error)) {
        props_free(type->table, type->count, &spec);
        return false;
    }
    *config = spec.chardev;
    return true;
}

void chardev_config_free(struct chardev_config *chardev)
{
    free(chardev->id);
    free(chardev->path);
    free(chardev->host);
    free(chardev->port);
    free(chardev->logfile);
    free(chardev->origin);
    redial_release(chardev->redial);
}

bool chardev_spec_at(size_t index, const char **name, const struct property **table, size_t *count)
{
    if (index >= COUNT_OF(types))
        return false;
    *name = types[index].name;
    *table = types[index].table;
    *count = types[index].count;
    return true;
}
