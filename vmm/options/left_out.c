/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What hotram lacks and a guest can do without: screens, keyboards, sound, USB, and bridges to conventional
 * PCI. -machine ignore-absent=on, anywhere on the command line, starts without them; otherwise each is an
 * error.
 */
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "base/words.h"
#include "device/absent_type.h"
#include "options/parser.h"

static void append(char ***list, size_t *count, const char *text)
{
    char **entry;

    for (size_t i = 0; i < *count; i++)
        if (strcmp((*list)[i], text) == 0)
            return;
    entry = array_grow(list, *count, sizeof *entry);
    *entry = string_copy(text);
    ++*count;
}

void leave_out(struct parser *parser, const char *sentence)
{
    struct error whole;

    error_set(&whole, "%s", sentence);
    if (parser->file)
        error_prefix(&whole, "-readconfig %.200s: line %u: ", parser->file, parser->line);
    append(&parser->config->left_out, &parser->config->left_out_count, whole.text);
}

bool leave_out_word(struct parser *parser, const char *words, const char *word, size_t length,
                    const char *reason)
{
    struct error sentence;
    char copy[32];

    if (length >= sizeof copy)
        return false;
    memcpy(copy, word, length);
    copy[length] = '\0';
    if (!words_contain(words, copy))
        return false;
    error_set(&sentence, "-%s %s: %s", parser->option, copy, reason);
    leave_out(parser, sentence.text);
    return true;
}

bool leave_out_device(struct parser *parser, struct json_object *properties)
{
    const char *driver = keyval_get(properties, "driver"), *id = keyval_get(properties, "id");
    const struct absent_type *type = absent_type_find(driver);
    struct error sentence;

    if (!type || type->how == ABSENT_NEEDED)
        return false;
    error_set(&sentence, "-device %.80s%s%.80s: %s%s", driver, id ? ",id=" : "", id ? id : "", type->reason,
              type->how == ABSENT_BRIDGE ? "; the devices on it come to the bus pcie.0" : "");
    leave_out(parser, sentence.text);
    if (type->how == ABSENT_BRIDGE && id)
        append(&parser->bridges, &parser->bridge_count, id);
    return true;
}

/* A device on a bridge that is left out, whose bus has the bridge's id, comes to where it would be without
 * bus= and addr=. */
static void move_device(const struct parser *parser, struct json_object *device)
{
    const char *bus = keyval_get(device, "bus");

    for (size_t i = 0; bus && i < parser->bridge_count; i++)
        if (strcmp(bus, parser->bridges[i]) == 0) {
            json_object_object_del(device, "bus");
            json_object_object_del(device, "addr");
            return;
        }
}

bool finish_left_out(struct parser *parser, bool good, struct error *error)
{
    const struct config *config = parser->config;

    for (size_t i = 0; i < config->left_out_count && !config->ignore_absent; i++) {
        struct error next;

        error_set(&next, "%s; -machine ignore-absent=on starts without it", config->left_out[i]);
        if (good)
            *error = next;
        else
            error_add_line(error, &next);
        good = false;
    }
    for (size_t i = 0; good && i < config->device_count; i++)
        move_device(parser, config->devices[i].object);
    return good;
}

void left_out_free(char **list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(list[i]);
    free(list);
}
