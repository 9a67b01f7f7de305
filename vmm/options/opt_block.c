/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -blockdev: block nodes. Their properties are read by block/driver.c, from the tables that are listed here.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "block/driver.h"
#include "block/image_format.h"
#include "block/node.h"
#include "options/parser.h"

static bool show_help(const char *driver, bool properties)
{
    const struct block_driver *row;
    const char *served;

    if (is_help(driver)) {
        puts("Block drivers:");
        for (size_t i = 0; (row = block_driver_at(i)) != NULL; i++)
            printf("  %s\n", row->name);
        printf("Formats of images that qemu-storage-daemon serves, which hotram starts:");
        for (size_t i = 0; (served = image_format_served(i)) != NULL; i++)
            printf("%s %s", i > 0 ? "," : "", served);
        puts("");
        return true;
    }
    for (size_t i = 0; properties && (row = block_driver_at(i)) != NULL; i++)
        if (strcmp(row->name, driver) == 0) {
            help_properties(row->name, row->properties, row->property_count);
            return true;
        }
    return false;
}

static bool is_taken(const struct config *config, const char *name)
{
    for (size_t i = 0; i < config->blockdev_count; i++) {
        const char *taken = keyval_get(config->blockdevs[i].object, "node-name");

        if (taken && strcmp(taken, name) == 0)
            return true;
    }
    return image_find(config, name) != NULL;
}

bool blockdev_add(struct parser *parser, struct props props, struct error *error)
{
    struct config *config = parser->config;
    const char *name;

    if (image_wants(props) ? !block_name_check(props_string(props, "node-name", NULL), error)
                           : !block_node_check(props, error))
        return false;
    name = props_string(props, "node-name", NULL);
    if (is_taken(config, name))
        return error_set(error, "Duplicate nodes with node-name='%s'; choose another name (with -drive: id)",
                         name);
    if (image_wants(props))
        return image_add(parser, props, error);
    keep_object(parser, &config->blockdevs, &config->blockdev_count, props);
    return true;
}

static bool read_blockdev(struct parser *parser, struct props props, struct error *error)
{
    const char *driver = props_string(props, "driver", NULL);

    if (driver && props.keyval && show_help(driver, keyval_get(props.object, "help") != NULL)) {
        parser->done = true;
        return true;
    }
    return blockdev_add(parser, props, error);
}

bool option_blockdev(struct parser *parser, const char *argument, struct error *error)
{
    struct props props;
    bool good;

    props.object = props_parse(argument, "driver", &props.keyval, error);
    good = props.object && read_blockdev(parser, props, error);
    json_object_put(props.object);
    return good;
}
