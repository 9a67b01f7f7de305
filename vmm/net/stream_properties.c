/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The properties of -netdev stream, and which of them conflict.
 */
#include "net/stream_properties.h"

#include <string.h>

#include "base/count_of.h"

const struct property stream_properties[] = {
    PROPERTY_ROW_REQUIRED(stream_values, "addr.type", PROPERTY_STRING, type, "unix or inet",
                          "Parameter 'addr.type' is missing: unix with addr.path=, or inet with "
                          "addr.host= and addr.port="),
    PROPERTY_ROW(stream_values, "addr.path", PROPERTY_STRING, path, "path of a UNIX socket"),
    PROPERTY_ROW(stream_values, "addr.host", PROPERTY_STRING, host, "address or name of a host, for TCP"),
    PROPERTY_ROW(stream_values, "addr.port", PROPERTY_STRING, port, "its port, for TCP"),
    PROPERTY_ROW(stream_values, "server", PROPERTY_BOOL, server,
                 "wait for a client instead of connecting (default off)"),
    PROPERTY_ROW_GIVEN(
        stream_values, "reconnect", PROPERTY_UINT32, reconnect,
        "client: connect again so many seconds after the end of a connection (default 0: never)"),
    PROPERTY_ROW_GIVEN(stream_values, "reconnect-ms", PROPERTY_UINT32, reconnect_ms,
                       "the same in milliseconds"),
};

_Static_assert(COUNT_OF(stream_properties) == STREAM_PROPERTIES, "all of them");

/* Rules and words are QEMU's. */
static bool check_reconnect(const struct stream_values *values, struct error *error)
{
    const char *name = values->reconnect_given ? "reconnect" : "reconnect-ms";

    if (values->reconnect_given && values->reconnect_ms_given)
        return error_set(error, "'reconnect' and 'reconnect-ms' are mutually exclusive: give one of them");
    if (values->server && (values->reconnect_given || values->reconnect_ms_given))
        return error_set(
            error,
            "'%s' option is incompatible with socket in server mode, which accepts further clients in "
            "any case; leave it out",
            name);
    return true;
}

bool stream_check(const void *opaque, bool keyval, struct error *error)
{
    const struct stream_values *values = opaque;
    const bool is_unix = strcmp(values->type, "unix") == 0;
    uint64_t port;

    (void)keyval;
    if (!is_unix && strcmp(values->type, "inet") != 0)
        return error_set(error, "Parameter 'addr.type' does not accept value '%.80s': unix or inet",
                         values->type);
    if (!check_reconnect(values, error))
        return false;
    if (is_unix) {
        if (!values->path || !*values->path)
            return error_set(error, "Parameter 'addr.path' is missing: the path of the UNIX socket");
        if (values->host || values->port)
            return error_set(error, "'addr.host' and 'addr.port' are for addr.type=inet");
        return strlen(values->path) < STREAM_PATH_BYTES ||
               error_set(error, "socket path '%s' is too long: it has %zu bytes; the limit is %zu",
                         values->path, strlen(values->path), STREAM_PATH_BYTES - 1);
    }
    if (values->path)
        return error_set(error, "'addr.path' is for addr.type=unix");
    if (!values->host || !values->port)
        return error_set(error,
                         "Parameter 'addr.%s' is missing: addr.type=inet,addr.host=HOST,addr.port=PORT",
                         values->host ? "port" : "host");
    return (number_parse(values->port, &port) && port <= 65535) ||
           error_set(error, "Parameter 'addr.port' expects a port from 0 to 65535; got '%.80s'",
                     values->port);
}
