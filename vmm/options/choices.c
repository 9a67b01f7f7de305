/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Small tools that the handlers of options share: keys with few values, numbers within limits, arrays.
 */
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json_build.h"
#include "base/message.h"
#include "base/suggest.h"
#include "options/parser.h"

/* Whether the word is one of "a|b|c". */
static bool in_list(const char *list, const char *word)
{
    size_t length = strcspn(word, "|");

    if (word[length])
        return false;
    while (list) {
        if (strncmp(list, word, length) == 0 && (list[length] == '|' || list[length] == '\0'))
            return true;
        list = strchr(list, '|');
        if (list)
            list++;
    }
    return false;
}

static bool choice_check(const struct choice *choice, const char *value, struct error *error)
{
    bool yes;

    if (!choice->values || in_list(choice->values, value))
        return true;
    /* A list with on or off in it is a boolean's, and QEMU's other words for them count; but where QEMU has
     * auto beside them, it takes the three words only. */
    if (!in_list(choice->values, "auto") && bool_parse(value, &yes) &&
        in_list(choice->values, yes ? "on" : "off"))
        return true;
    if (!*choice->values)
        return error_set(error, "Parameter '%s' has no effect (%s); leave it out; got '%.80s'", choice->key,
                         choice->otherwise, value);
    return error_set(error, "Parameter '%s' expects %s%s%s%s; got '%.80s'", choice->key, choice->values,
                     choice->otherwise ? " (" : "", choice->otherwise ? choice->otherwise : "",
                     choice->otherwise ? ")" : "", value);
}

static bool choice_unknown(const char *key, const struct choice *table, size_t count, const char *what,
                           struct error *error)
{
    struct suggestion suggestion;
    char subject[192];

    suggestion_start(&suggestion, key);
    for (size_t i = 0; i < count; i++)
        suggestion_offer(&suggestion, table[i].key);
    words_format(subject, sizeof subject, "%s has no property '%.80s'", what, key);
    return suggestion_fail(&suggestion, subject, error);
}

bool choices_check(struct json_object *object, const struct choice *table, size_t count, const char *what,
                   struct error *error)
{
    if (!json_check(object, error))
        return false;
    json_object_object_foreach(object, key, value)
    {
        const struct choice *choice = table;

        while (choice < table + count && strcmp(choice->key, key) != 0)
            choice++;
        if (choice == table + count)
            return choice_unknown(key, table, count, what, error);
        if (!choice_check(choice, json_object_get_string(value), error))
            return false;
    }
    return true;
}

const char *keyval_get(struct json_object *object, const char *key)
{
    struct json_object *value;

    return json_object_object_get_ex(object, key, &value) ? json_object_get_string(value) : NULL;
}

void keyval_get_bool(struct json_object *object, const char *key, bool *value)
{
    const char *text = keyval_get(object, key);

    if (text)
        bool_parse(text, value);
}

bool option_number(const char *key, const char *text, uint32_t min, uint32_t max, uint32_t *value,
                   struct error *error)
{
    uint64_t number;

    if (!number_parse(text, &number) || number < min || number > max)
        return error_set(error,
                         "Parameter '%s' expects a number from %" PRIu32 " to %" PRIu32 "; got '%.80s'", key,
                         min, max, text);
    *value = (uint32_t)number;
    return true;
}

bool is_help(const char *text)
{
    return strcmp(text, "help") == 0 || strcmp(text, "?") == 0;
}

/* Before anything was started: there is nothing to save. */
static void *or_end(void *memory)
{
    if (!memory) {
        message("out of memory while reading the command line");
        exit(EXIT_FAILURE);
    }
    return memory;
}

char *string_copy(const char *text)
{
    return text ? or_end(strdup(text)) : NULL;
}

void replace_string(char **string, const char *text)
{
    free(*string);
    *string = string_copy(text);
}

void *array_grow(void *array_address, size_t count, size_t size)
{
    void **array = array_address;
    char *grown = or_end(realloc(*array, (count + 1) * size));

    *array = grown;
    memset(grown + count * size, 0, size);
    return grown + count * size;
}
