/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -bios, -L, -boot: firmware, and what it boots; -fw_cfg: files that it and the guest read from the firmware
 * configuration device.
 */
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/count_of.h"
#include "base/text.h"
#include "firmware/fw_cfg.h"
#include "firmware/rom.h"
#include "options/parser.h"

struct fw_cfg_values {
    char *name, *file, *string, *gen_id;
};

static const struct property properties[] = {
    PROPERTY_ROW(fw_cfg_values, "name", PROPERTY_STRING, name, "name of the file; yours begins with opt/"),
    PROPERTY_ROW(fw_cfg_values, "file", PROPERTY_STRING, file, "a file of the host, whose bytes it has"),
    PROPERTY_ROW(fw_cfg_values, "string", PROPERTY_STRING, string, "a text, which it has"),
    PROPERTY_ROW(fw_cfg_values, "gen_id", PROPERTY_STRING, gen_id, "not supported"),
};

static bool is_given(const char *text)
{
    return text && *text;
}

/* The first sentences are QEMU's. */
static bool keep(const struct parser *parser, const struct fw_cfg_values *values, struct error *error)
{
    struct config *config = parser->config;
    struct fw_cfg_config *one;

    if (is_given(values->gen_id))
        return error_set(error, "gen_id=%s: hotram has no objects that generate files; use file= or string=",
                         values->gen_id);
    if (!is_given(values->name) || is_given(values->file) == is_given(values->string))
        return error_set(error, "name, plus exactly one of file and string, are needed");
    if (strlen(values->name) > FW_CFG_NAME_MAX)
        return error_set(error, "name too long (max. %u char): '%s' has %zu", FW_CFG_NAME_MAX, values->name,
                         strlen(values->name));
    for (size_t i = 0; i < config->fw_cfg_file_count; i++)
        if (strcmp(config->fw_cfg_files[i].name, values->name) == 0)
            return error_set(error, "duplicate fw_cfg file name: %s; choose another name", values->name);
    one = array_grow(&config->fw_cfg_files, config->fw_cfg_file_count++, sizeof *one);
    *one = (struct fw_cfg_config){ .name = string_copy(values->name),
                                   .file = is_given(values->file) ? string_copy(values->file) : NULL,
                                   .string = is_given(values->string) ? string_copy(values->string) : NULL,
                                   .stored = parser->restoring };
    config->fw_cfg = true;
    return true;
}

bool option_fw_cfg(struct parser *parser, const char *argument, struct error *error)
{
    struct props props = { keyval_parse(argument, "name", error), true };
    struct fw_cfg_values values = { 0 };
    bool good = props.object != NULL;

    if (good && is_given(keyval_get(props.object, "name")) && is_help(keyval_get(props.object, "name"))) {
        help_properties("fw_cfg", properties, COUNT_OF(properties) - 1);
        parser->done = true;
    } else if (good) {
        good = props_read(props, properties, COUNT_OF(properties), NULL, "fw_cfg", &values, error) &&
               keep(parser, &values, error);
        props_free(properties, COUNT_OF(properties), &values);
    }
    json_object_put(props.object);
    return good;
}

char *fw_cfg_absolute(const char *argument)
{
    struct error ignored;
    struct props props = { keyval_parse(argument, "name", &ignored), true };
    struct fw_cfg_values values = { 0 };
    struct text text = { 0 };
    char *path = NULL, *result = NULL;

    if (props.object &&
        props_read(props, properties, COUNT_OF(properties), NULL, "fw_cfg", &values, &ignored))
        path = is_given(values.file) ? realpath(values.file, NULL) : NULL;
    if (path) {
        replace_string(&values.file, path);
        property_print(&properties[0], &values, &text);
        property_print(&properties[1], &values, &text);
        result = text.failed ? NULL : string_copy(text.bytes + 1); /* without the first comma */
    }
    text_free(&text);
    free(path);
    props_free(properties, COUNT_OF(properties), &values);
    json_object_put(props.object);
    return result;
}

/* ---- -fw_cfg beside -restore ---- */

/* The file that the argument of a -fw_cfg names, on the heap; NULL: none. */
static char *name_of(const char *argument)
{
    struct error ignored;
    struct props props = { keyval_parse(argument, "name", &ignored), true };
    struct fw_cfg_values values = { 0 };
    char *name = NULL;

    if (props.object &&
        props_read(props, properties, COUNT_OF(properties), NULL, "fw_cfg", &values, &ignored))
        name = is_given(values.name) ? string_copy(values.name) : NULL;
    props_free(properties, COUNT_OF(properties), &values);
    json_object_put(props.object);
    return name;
}

static void file_to_end(struct config *config, size_t index)
{
    const struct fw_cfg_config moved = config->fw_cfg_files[index];

    for (size_t i = index + 1; i < config->fw_cfg_file_count; i++)
        config->fw_cfg_files[i - 1] = config->fw_cfg_files[i];
    config->fw_cfg_files[config->fw_cfg_file_count - 1] = moved;
    config->fw_cfg_files[config->fw_cfg_file_count - 1].stored = true;
}

/* The option of that file, as it is stored in the next snapshot. */
static void option_to_end(struct config *config, const char *name)
{
    for (size_t i = 0; i < config->given_count; i++) {
        const struct given_option moved = config->given[i];
        char *file = strcmp(moved.name, "fw_cfg") == 0 ? name_of(moved.argument) : NULL;
        const bool same = file && strcmp(file, name) == 0;

        free(file);
        if (!same)
            continue;
        for (i++; i < config->given_count; i++)
            config->given[i - 1] = config->given[i];
        config->given[config->given_count - 1] = moved;
    }
}

bool fw_cfg_is_replaced(struct config *config, const char *argument)
{
    char *name = name_of(argument);
    bool replaced = false;

    for (size_t i = 0; name && !replaced && i < config->fw_cfg_file_count; i++) {
        replaced = !config->fw_cfg_files[i].stored && strcmp(config->fw_cfg_files[i].name, name) == 0;
        if (replaced) {
            file_to_end(config, i);
            option_to_end(config, name);
        }
    }
    free(name);
    return replaced;
}

bool fw_cfg_check_restored(const struct config *config, struct error *error)
{
    for (size_t i = 0; i < config->fw_cfg_file_count; i++)
        if (!config->fw_cfg_files[i].stored)
            return error_set(error,
                             "-fw_cfg name=%s: the guest in the snapshot has no such file; beside -restore, "
                             "-fw_cfg replaces the contents of files that it has",
                             config->fw_cfg_files[i].name);
    return true;
}

/* ---- -bios, -L ---- */

bool option_bios(struct parser *parser, const char *argument, struct error *error)
{
    if (!*argument)
        return error_set(error, "expects the name of a file; got ''");
    replace_string(&parser->config->bios, argument);
    return true;
}

/* The folders that are searched, one a line, as QEMU's -L help has them. */
static void list_folders(const struct config *config)
{
    for (size_t i = 0; i < config->firmware_folder_count; i++)
        puts(config->firmware_folders[i]);
    for (size_t i = 0; rom_folder_at(i); i++)
        puts(rom_folder_at(i));
}

bool option_firmware_folder(struct parser *parser, const char *argument, struct error *error)
{
    struct config *config = parser->config;
    char **folder;

    (void)error;
    if (is_help(argument)) {
        list_folders(config);
        return parser->done = true;
    }
    folder = array_grow(&config->firmware_folders, config->firmware_folder_count++, sizeof *folder);
    *folder = string_copy(argument);
    return true;
}

/* ---- -boot ---- */

static const struct choice boot_keys[] = {
    { "order", NULL, NULL },
    { "once", NULL, NULL },
    { "menu", "on|off", NULL },
    { "strict", "on|off", NULL },
    { "splash-time", NULL, NULL },
    { "reboot-timeout", NULL, NULL },
    { "splash", "", "hotram has no display" },
};

/* Drives are checked so that a slip does not go unseen. */
static bool check_drives(const char *key, const char *drives, struct error *error)
{
    for (const char *p = drives; p && *p; p++) {
        if (*p < 'a' || *p > 'p')
            return error_set(error, "Parameter '%s' expects drive letters from a to p; got '%.80s'", key,
                             drives);
        if (strchr(p + 1, *p))
            return error_set(error, "Parameter '%s' lists drive '%c' twice; got '%.80s'", key, *p, drives);
    }
    return true;
}

static bool read_times(struct json_object *object, struct config *config, struct error *error)
{
    const char *splash = keyval_get(object, "splash-time"), *reboot = keyval_get(object, "reboot-timeout");
    uint32_t number;

    if (splash) {
        if (!option_number("splash-time", splash, 0, UINT16_MAX, &config->boot.splash_time, error))
            return false;
        config->boot.splash_given = true;
    }
    if (reboot && strcmp(reboot, "-1") == 0) {
        config->boot.reboot_timeout = -1;
    } else if (reboot) {
        if (!option_number("reboot-timeout", reboot, 0, UINT16_MAX, &number, NULL))
            return error_set(
                error, "Parameter 'reboot-timeout' expects -1 (never) or a number from 0 to %u; got '%.80s'",
                UINT16_MAX, reboot);
        config->boot.reboot_timeout = (int32_t)number;
    }
    return true;
}

bool option_boot(struct parser *parser, const char *argument, struct error *error)
{
    struct json_object *object = keyval_parse(argument, "order", error);
    struct config *config = parser->config;
    bool good;

    if (!object)
        return false;
    good = choices_check(object, boot_keys, COUNT_OF(boot_keys), "-boot", error) &&
           check_drives("order", keyval_get(object, "order"), error) &&
           check_drives("once", keyval_get(object, "once"), error) && read_times(object, config, error);
    if (good && keyval_get(object, "order"))
        replace_string(&config->boot.order, keyval_get(object, "order"));
    if (good && keyval_get(object, "once"))
        replace_string(&config->boot.once, keyval_get(object, "once"));
    if (good) {
        keyval_get_bool(object, "menu", &config->boot.menu);
        keyval_get_bool(object, "strict", &config->boot.strict);
    }
    json_object_put(object);
    return good;
}

/* ---- which of both boots ---- */

/* A machine with a kernel, or that a test plays the guest of, has none unless it is named. */
static enum firmware_source choose_firmware(const struct config *config)
{
    if (config->pflash[0])
        return FIRMWARE_FLASH;
    return config->bios || (config->accel == ACCEL_KVM && !config->kernel) ? FIRMWARE_ROM : FIRMWARE_NONE;
}

bool finish_firmware(struct parser *parser, struct error *error)
{
    struct config *config = parser->config;

    if (strcmp(config->machine, "none") == 0 && config->fw_cfg)
        return error_set(error, "-fw_cfg: fw_cfg device not available: -machine none has no devices");
    if (strcmp(config->machine, "none") == 0)
        return !config->bios || error_set(error, "-bios: -machine none has no memory; omit either");
    if (config->bios && config->pflash[0])
        return error_set(error,
                         "-bios '%s' and pflash0 '%.80s' are both firmware, and both " ROM_PLACE
                         "; omit -bios to "
                         "start what is in flash, or -pflash and pflash0",
                         config->bios, config->pflash[0]);
    config->firmware = choose_firmware(config);
    if (config->boot.menu && config->kernel && config->firmware == FIRMWARE_NONE)
        return error_set(error, "-boot menu=on: a kernel given by -kernel is booted without firmware, which "
                                "would show the menu; omit menu=on or -kernel, or name firmware by -bios");
    config->fw_cfg = config->fw_cfg || config->firmware != FIRMWARE_NONE;
    return true;
}
