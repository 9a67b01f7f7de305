/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -netdev: network back ends. Their properties are read by net/, from the tables that are listed here.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "net/backend.h"
#include "net/type.h"
#include "options/parser.h"

static bool show_help(const char *name, bool properties)
{
    const struct net_type *type;

    if (is_help(name)) {
        puts("Network back ends:");
        for (size_t i = 0; (type = net_type_at(i)) != NULL; i++)
            printf("  %s\n", type->name);
        return true;
    }
    for (size_t i = 0; properties && (type = net_type_at(i)) != NULL; i++)
        if (strcmp(type->name, name) == 0) {
            help_properties(type->name, type->properties, type->property_count);
            return true;
        }
    return false;
}

bool netdev_option_is_taken(const struct config *config, const char *id)
{
    for (size_t i = 0; i < config->netdev_count; i++) {
        const char *taken = keyval_get(config->netdevs[i].object, "id");

        if (taken && strcmp(taken, id) == 0)
            return true;
    }
    return false;
}

bool netdev_option_add(struct parser *parser, struct props props, struct error *error)
{
    struct config *config = parser->config;
    const char *type = props_string(props, "type", NULL);
    const char *id;

    if (type && props.keyval && show_help(type, keyval_get(props.object, "help") != NULL)) {
        parser->done = true;
        return true;
    }
    if (!net_backend_check(props, error))
        return false;
    id = props_string(props, "id", NULL);
    if (netdev_option_is_taken(config, id))
        return error_set(error, "Duplicate ID '%.80s' for netdev", id);
    keep_object(parser, &config->netdevs, &config->netdev_count, props);
    return true;
}

bool option_netdev(struct parser *parser, const char *argument, struct error *error)
{
    struct props props;
    bool good;

    props.object = props_parse(argument, "type", &props.keyval, error);
    good = props.object && netdev_option_add(parser, props, error);
    json_object_put(props.object);
    return good;
}
