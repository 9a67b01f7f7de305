/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -add-fd: a descriptor that whoever starts the program has left open, as part of a set (/dev/fdset/SET).
 */
#include <fcntl.h>
#include <json-c/json.h>
#include <limits.h>

#include "base/count_of.h"
#include "host/passed.h"
#include "options/parser.h"

struct add_fd {
    uint32_t fd, set;
    bool fd_given, set_given;
    char *opaque;
};

static const struct property properties[] = {
    PROPERTY_ROW_GIVEN(add_fd, "fd", PROPERTY_UINT32, fd, "number of the descriptor, which is open"),
    PROPERTY_ROW_GIVEN(add_fd, "set", PROPERTY_UINT32, set,
                       "number of the set: files are named /dev/fdset/SET"),
    PROPERTY_ROW(add_fd, "opaque", PROPERTY_STRING, opaque, "words that query-fdsets shows"),
};

static bool read_add_fd(struct parser *parser, const struct add_fd *values, struct error *error)
{
    struct config *config = parser->config;
    struct descriptor_config *one;

    if (!values->fd_given || !values->set_given)
        return error_set(error, "Parameter '%s' is missing: fd=NUMBER,set=NUMBER",
                         values->fd_given ? "set" : "fd");
    if (values->fd <= 2 || values->fd > INT_MAX)
        return error_set(error, "Parameter 'fd' expects the number of a descriptor above 2; got '%u'",
                         values->fd);
    if (fcntl((int)values->fd, F_GETFD) < 0)
        return error_set(error, "fd=%u: it is not open: the program that starts hotram must leave it open",
                         values->fd);
    for (size_t i = 0; i < config->descriptor_count; i++)
        if (config->descriptors[i].fd == (int)values->fd)
            return error_set(error, "fd=%u is in set %u already", values->fd,
                             (unsigned)config->descriptors[i].set);
    if (config->descriptor_count == PASSED_MAX)
        return error_set(error, "%u descriptors are in sets, which is the limit", PASSED_MAX);
    one = array_grow(&config->descriptors, config->descriptor_count++, sizeof *one);
    *one = (struct descriptor_config){ .fd = (int)values->fd,
                                       .set = values->set,
                                       .opaque = string_copy(values->opaque) };
    return true;
}

bool option_add_fd(struct parser *parser, const char *argument, struct error *error)
{
    struct props props = { keyval_parse(argument, NULL, error), true };
    struct add_fd values = { 0 };
    bool good = props.object != NULL;

    if (good && keyval_get(props.object, "help")) {
        help_properties("add-fd", properties, COUNT_OF(properties));
        parser->done = true;
    } else if (good) {
        good = props_read(props, properties, COUNT_OF(properties), NULL, "add-fd", &values, error) &&
               read_add_fd(parser, &values, error);
        props_free(properties, COUNT_OF(properties), &values);
    }
    json_object_put(props.object);
    return good;
}
