/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -fw_cfg: files that firmware and guest read from the firmware configuration device.
 */
#include <json-c/json.h>
#include <string.h>

#include "base/count_of.h"
#include "firmware/fw_cfg.h"
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
static bool keep(struct config *config, const struct fw_cfg_values *values, struct error *error)
{
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
                                   .string = is_given(values->string) ? string_copy(values->string) : NULL };
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
               keep(parser->config, &values, error);
        props_free(properties, COUNT_OF(properties), &values);
    }
    json_object_put(props.object);
    return good;
}
