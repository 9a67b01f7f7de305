/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The walk over the command line: find each option's row, hand its argument to the row's handler, and check
 * at the end what ties several options together.
 */
#include "options/options.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/suggest.h"
#include "options/chardev_spec.h"
#include "options/parser.h"

/* The one way in which an option that hotram has not is accepted, or NULL. */
static const char *harmless_form(const char *name, char text[32])
{
    size_t length = strlen(name);

    for (size_t i = 0; option_harmless_at(i, text); i++)
        if (strncmp(text + 1, name, length) == 0 && text[1 + length] == ' ')
            return text;
    return NULL;
}

/* An option that is not in the table: QEMU's, mistyped, or with its argument tied to it by '='. */
static bool unknown_option(const char *word, const char *name, struct error *error)
{
    const char *reason = option_absent(name), *equals = strchr(name, '=');
    struct suggestion suggestion;
    char before[32], form[32];

    if (reason)
        return error_set(error, "%.80s: QEMU option not supported by hotram (%s)%s%s", word, reason,
                         harmless_form(name, form) ? "; hotram accepts " : "",
                         harmless_form(name, form) ? form : "");
    if (equals && (size_t)(equals - name) < sizeof before) {
        snprintf(before, sizeof before, "%.*s", (int)(equals - name), name);
        if (option_find(before))
            return error_set(error, "%.80s: an option's argument follows after a space: -%s %.80s", word,
                             before, equals + 1);
    }
    suggestion_start(&suggestion, name);
    for (size_t i = 0; i < options_count; i++)
        suggestion_offer(&suggestion, options_table[i].name);
    if (suggestion.best)
        return error_set(error, "%.80s: unknown option; did you mean -%s? -help shows all", word,
                         suggestion.best);
    return error_set(error, "%.80s: unknown option; -help shows all", word);
}

/* A row with neither handler nor place is accepted and means nothing. */
static bool means_nothing(const struct option *option)
{
    return !option->handle && !option->argument && option->offset == 0;
}

/* A row without a handler says where in the config its argument belongs. */
static void store(const struct option *option, struct config *config, const char *argument)
{
    char *place = (char *)config + option->offset;

    if (argument)
        replace_string((char **)place, argument);
    else
        *(bool *)place = true;
}

bool apply_option(struct parser *parser, const struct option *option, const char *word, const char *argument,
                  struct error *error)
{
    if (means_nothing(option))
        return true;
    parser->option = option->name;
    parser->argument = argument;
    if (!option->handle)
        store(option, parser->config, argument);
    if (!option->handle || option->handle(parser, argument, error)) {
        note_option(parser, option, argument);
        return true;
    }
    if (!argument)
        return error_prefix(error, "%.80s: ", word);
    parser->lost = *argument == '-'; /* rather the next option than this one's argument */
    return error_prefix(error, "%.80s %.200s: ", word, argument);
}

/* Take one option and its argument; *at is moved behind them. */
static bool take_option(struct parser *parser, int argc, char *const argv[], int *at, struct error *error)
{
    const char *word = argv[(*at)++], *argument = NULL;
    const char *name = word + 1 + (word[0] == '-' && word[1] == '-');
    const struct option *option;
    bool takes_argument;

    if (word[0] != '-') /* as QEMU: an image */
        return apply_option(parser, option_find("hda"), "-hda", word, error);
    option = option_find(name);
    if (!option && option_harmless(name, *at < argc ? argv[*at] : NULL, &takes_argument)) {
        *at += takes_argument;
        return true;
    }
    if (!option && option_extra(name, *at < argc ? argv[*at] : NULL, &takes_argument)) {
        *at += takes_argument;
        unknown_option(word, name, error);
        leave_out(parser, error->text);
        return true;
    }
    if (!option && option_absent(name) && *at < argc && argv[*at][0] != '-')
        ++*at;                                      /* most have an argument, and none that begins with '-' */
    parser->lost = !option && !option_absent(name); /* whether what follows is its argument */
    if (!option)
        return unknown_option(word, name, error);
    parser->lost = option->argument && *at >= argc;
    if (parser->lost)
        return error_set(error, "%s: requires an argument: %.*s", word, (int)strcspn(option->argument, "\n"),
                         option->argument);
    if (option->argument)
        argument = argv[(*at)++];
    return apply_option(parser, option, word, argument, error);
}

void error_add_line(struct error *error, const struct error *next)
{
    static const char more[] = "\nhotram: further options were not checked";
    size_t length = strlen(error->text), left = sizeof error->text - length;

    if (strstr(error->text, next->text) || strstr(error->text, more))
        return;
    if (strlen(next->text) + sizeof more + 16 < left)
        snprintf(error->text + length, left, "\nhotram: %s", next->text);
    else if (left > sizeof more)
        snprintf(error->text + length, left, "%s", more);
}

static bool take_all(struct parser *parser, int argc, char *const argv[], struct error *error)
{
    struct error next;
    bool good = true;

    /* All that hotram has not is said in one run: a line each. */
    for (int at = 1; at < argc && !parser->done;) {
        if (take_option(parser, argc, argv, &at, &next))
            continue;
        if (good)
            *error = next;
        else
            error_add_line(error, &next);
        good = false;
        if (parser->lost)
            break;
    }
    if (parser->done)
        return true;
    return finish_left_out(parser, good, error) &&
           (finish_restore(parser, error) && finish_smp(parser, error) && finish_memory(parser, error) &&
            finish_numa(parser, error) && finish_images(parser, error) && finish_console(parser, error) &&
            finish_machine(parser, error));
}

enum config_result config_parse(struct config *config, int argc, char *const argv[], struct error *error)
{
    struct parser parser = { .config = config };
    bool good;

    memset(config, 0, sizeof *config);
    config->machine = string_copy("hotram-1");
    config->dump_guest_core = true;
    config->mem_merge = true;
    config->acpi = true;
    config->its = true;
    config->pv_eoi = true;
    config->ged = GED_BY_DEFAULT;
    config->boot.reboot_timeout = -1;
    config->dimms = (struct dimm_config){ .map_limit = 25, .plug_timeout = 30, .unplug_timeout = 60 };
    good = take_all(&parser, argc, argv, error);
    free(parser.accels);
    free(parser.drives);
    writes_free(parser.writes, parser.write_count);
    free(parser.dimm_node);
    left_out_free(parser.bridges, parser.bridge_count);
    free(parser.numa);
    if (!good)
        return CONFIG_ERROR;
    error->text[0] = '\0'; /* of an option that -help overrules */
    return parser.done ? CONFIG_DONE : CONFIG_RUN;
}

static void free_objects(struct object_config *objects, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        json_object_put(objects[i].object);
        free(objects[i].text);
    }
    free(objects);
}

static void free_chardevs(struct chardev_config *chardevs, size_t count)
{
    for (size_t i = 0; i < count; i++)
        chardev_config_free(&chardevs[i]);
    free(chardevs);
}

static void free_monitors(struct monitor_config *monitors, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        free(monitors[i].id);
        free(monitors[i].chardev);
    }
    free(monitors);
}

void config_free(struct config *config)
{
    char *const strings[] = { config->machine,       config->kernel,         config->initrd,
                              config->append,        config->serial_chardev, config->name,
                              config->incoming,      config->snapshot_file,  config->pidfile,
                              config->qtest_chardev, config->ram_backend,    config->dimms.template,
                              config->qtest_log,     config->memory,         config->bios,
                              config->boot.order,    config->boot.once };

    for (size_t i = 0; i < sizeof strings / sizeof strings[0]; i++)
        free(strings[i]);
    left_out_free(config->left_out, config->left_out_count);
    smbios_config_free(&config->smbios);
    for (unsigned bank = 0; bank < FLASH_BANKS; bank++)
        free(config->pflash[bank]);
    for (uint32_t node = 0; node < NUMA_NODES_MAX; node++)
        free(config->numa.memdev[node]);
    for (size_t i = 0; i < config->memslot_count; i++)
        free(config->memslots[i].id);
    free(config->memslots);
    free_objects(config->objects, config->object_count);
    free_objects(config->devices, config->device_count);
    free_objects(config->blockdevs, config->blockdev_count);
    images_free(config->images, config->image_count);
    for (size_t i = 0; i < config->descriptor_count; i++)
        free(config->descriptors[i].opaque);
    free(config->descriptors);
    for (size_t i = 0; i < config->section_count; i++)
        free(config->sections[i]);
    free(config->sections);
    for (size_t i = 0; i < config->fw_cfg_file_count; i++) {
        free(config->fw_cfg_files[i].name);
        free(config->fw_cfg_files[i].file);
        free(config->fw_cfg_files[i].string);
    }
    free(config->fw_cfg_files);
    for (size_t i = 0; i < config->firmware_folder_count; i++)
        free(config->firmware_folders[i]);
    free(config->firmware_folders);
    for (size_t i = 0; i < config->given_count; i++) {
        free(config->given[i].name);
        free(config->given[i].argument);
    }
    free(config->given);
    free_objects(config->netdevs, config->netdev_count);
    free_chardevs(config->chardevs, config->chardev_count);
    free_monitors(config->monitors, config->monitor_count);
    memset(config, 0, sizeof *config);
}
