/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -restore: the options that define the machine come out of the snapshot, in which machine/saved_options.c
 * has stored them; those of the command line say what is the host's: monitors, back ends, files.
 */
#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/count_of.h"
#include "host/file.h"
#include "options/parser.h"
#include "state/stream.h"

/* ---- which options ---- */

/* What differs from the rule: those of the groups MACHINE and KERNEL are stored, and beside -restore refused;
 * all others are neither. */
static const struct {
    const char *name;
    bool stored, refused;
} exceptions[] = {
    /* The host's */
    { "accel", false, false },
    { "enable-kvm", false, false },
    { "name", false, false },
    { "overcommit", false, false },
    { "object", false, false }, /* one of an id that is stored replaces it */
    { "blockdev", false, false },
    { "netdev", false, false },
    { "pflash", false, false }, /* an image, like a -blockdev; what it contains is compared or restored */
    { "add-fd", false, false },
    { "readconfig", false, false }, /* its sections follow the rule */
    /* Files of the host: where they are now, if they are no longer where they were */
    { "kernel", true, false },
    { "initrd", true, false },
    { "bios", true, false },
    { "L", true, false },
    { "fw_cfg", true, false }, /* files that tell the guest what it is to be now: name, addresses */
    /* Devices are stored as those that the machine has when it is saved */
    { "device", false, true },
    { "drive", false, true },
    { "hda", false, true },
    { "hdb", false, true },
    { "hdc", false, true },
    { "hdd", false, true },
    { "nic", false, true },
};

static bool follows(const struct option *option, bool refusal)
{
    for (size_t i = 0; i < COUNT_OF(exceptions); i++)
        if (strcmp(exceptions[i].name, option->name) == 0)
            return refusal ? exceptions[i].refused : exceptions[i].stored;
    return option->group == GROUP_MACHINE || option->group == GROUP_KERNEL;
}

/* A file's name is stored so that it is found from any folder. */
static char *absolute(const struct option *option, const char *argument)
{
    static const char *const files[] = { "kernel", "initrd", "bios", "L" };
    char *path = NULL;

    for (size_t i = 0; argument && i < COUNT_OF(files); i++)
        if (strcmp(files[i], option->name) == 0)
            path = realpath(argument, NULL);
    if (strcmp(option->name, "fw_cfg") == 0)
        path = fw_cfg_absolute(argument);
    return path ? path : string_copy(argument ? argument : "");
}

void note_option(struct parser *parser, const struct option *option, const char *argument)
{
    struct config *config = parser->config;
    struct given_option *given;

    if (!parser->restoring && follows(option, true) && !parser->conflict)
        parser->conflict = option->name;
    if (!follows(option, false))
        return;
    given = array_grow(&config->given, config->given_count, sizeof *given);
    config->given_count++;
    given->name = string_copy(option->name);
    given->argument = absolute(option, argument);
}

/* ---- the file ---- */

bool option_restore(struct parser *parser, const char *argument, struct error *error)
{
    if (!*argument)
        return error_set(error, "expects the file of a snapshot that machine-snapshot wrote");
    parser->restore = argument;
    return true;
}

/* The beginning of the file, which has the stream; on the heap. NULL and an error. */
static uint8_t *read_stream(const char *path, size_t *length, struct error *error)
{
    char why[FILE_WHY_SIZE] = "";
    const int fd = file_open_regular(path, O_RDONLY, 0, why);
    uint8_t *bytes = fd >= 0 ? stream_read_file(fd, length) : NULL;

    if (!bytes)
        error_set(error, "%s", *why ? why : strerror(errno));
    if (fd >= 0)
        close(fd);
    return bytes;
}

/* Memory that belongs to no file of the host, and that no -object of the command line replaces. */
static bool take_object(struct parser *parser, const char *argument, const char *item, struct error *error)
{
    const struct config *config = parser->config;
    bool keyval, good, given = false;
    struct json_object *object = props_parse(argument, "qom-type", &keyval, error);
    const char *type = object ? keyval_get(object, "qom-type") : NULL;
    const char *id = object ? keyval_get(object, "id") : NULL;

    good = object || error_prefix(error, "object %.200s: ", argument);
    if (object && (!type || strcmp(type, "memory-backend-ram") != 0 || !id))
        good = error_set(error, "section 'options' of the saved state: '%s' is not the memory of a machine",
                         item);
    for (size_t i = 0; good && i < config->object_count; i++)
        given = given || strcmp(backend_config_id(&config->objects[i]), id) == 0;
    json_object_put(object);
    return good && (given || apply_option(parser, option_find("object"), "object", argument, error));
}

/* Whether the command line says where the host has this file. */
static bool is_replaced(const struct config *config, const char *name)
{
    return (strcmp(name, "kernel") == 0 && config->kernel) ||
           (strcmp(name, "initrd") == 0 && config->initrd) || (strcmp(name, "bios") == 0 && config->bios);
}

/* "12 device" */
static bool take_stored(struct parser *parser, const struct stream_item *item, struct error *error)
{
    const char *name = strchr(item->name, ' ');
    const struct option *option = name ? option_find(name + 1) : NULL;
    char *argument;
    bool taken;

    if (!option || item->type == STREAM_NUMBER ||
        !(follows(option, false) || strcmp(option->name, "object") == 0 ||
          strcmp(option->name, "device") == 0))
        return error_set(error, "section 'options' of the saved state: '%s' is not an option of a machine",
                         item->name);
    /* The parser borrows arguments, so this stays as argv does. */
    argument = strndup((const char *)item->value, item->length);
    if (!argument)
        return error_set(error, "out of memory");
    *(char **)array_grow(&parser->config->sections, parser->config->section_count, sizeof(char *)) = argument;
    parser->config->section_count++;
    if (is_replaced(parser->config, option->name) ||
        (strcmp(option->name, "fw_cfg") == 0 && fw_cfg_is_replaced(parser->config, argument)))
        return true;
    if (strcmp(option->name, "object") == 0)
        return take_object(parser, argument, item->name, error);
    taken = apply_option(parser, option, option->name, option->argument ? argument : NULL, error);
    if (taken && parser->done)
        return error_set(error, "section 'options' of the saved state: '%s' asks for help", item->name);
    return taken;
}

static bool take_section(struct parser *parser, const struct stream_part *part, struct error *error)
{
    struct hotram_saved rest = part->contents;
    struct stream_item item;

    while (stream_next_item(&rest, &item))
        if (!take_stored(parser, &item, error))
            return false;
    return true;
}

bool finish_restore(struct parser *parser, struct error *error)
{
    struct config *config = parser->config;
    struct hotram_saved stream;
    struct stream_part part;
    size_t length = 0;
    uint8_t *bytes;
    bool good;

    if (!parser->restore)
        return true;
    if (config->incoming || config->snapshot_file)
        return error_set(error,
                         "-restore and -incoming exclude each other: -restore takes the machine's options "
                         "from the snapshot, -incoming from the command line");
    if (parser->conflict)
        return error_set(error,
                         "-%s: with -restore, the machine's options come from the snapshot; leave it out, or "
                         "give all of them, and -incoming 'file:%s'",
                         parser->conflict, parser->restore);
    parser->restoring = true;
    bytes = read_stream(parser->restore, &length, error);
    good = bytes && stream_accept(bytes, length, &stream, error) &&
           stream_find(&stream, "options", &part, error) && take_section(parser, &part, error) &&
           fw_cfg_check_restored(config, error);
    free(bytes);
    replace_string(&config->snapshot_file, parser->restore);
    config->restore = true;
    return good || error_prefix(error, "-restore '%.200s': ", parser->restore);
}
