/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From a bag of properties to a struct, by a table of properties. One row of kinds[] per type says how a
 * value is read from text and from JSON; all messages about values are made here, so that every option,
 * object and device speaks the same way.
 */
#include "base/props.h"

#include <ctype.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/host_nodes.h"
#include "base/json_build.h"
#include "base/json_reader.h"
#include "base/json_string.h"
#include "base/suggest.h"

struct kind {
    enum json_type json_type; /* what a program must send */
    const char *json_name;    /* QMP's word for it */
    const char *help_name;    /* as -device NAME,help shows it */
    int64_t min;              /* of numbers */
    uint64_t max;
};

static const struct kind kinds[] = {
    [PROPERTY_STRING] = { json_type_string, "string", "str", 0, 0 },
    [PROPERTY_TEXTS] = { json_type_string, "array", "str", 0, 0 },
    [PROPERTY_SIZE] = { json_type_int, "integer", "size", 0, UINT64_MAX },
    [PROPERTY_SIZE32] = { json_type_int, "integer", "size32", 0, UINT32_MAX },
    [PROPERTY_UINT32] = { json_type_int, "integer", "uint32", 0, UINT32_MAX },
    [PROPERTY_UINT64] = { json_type_int, "integer", "uint64", 0, UINT64_MAX },
    [PROPERTY_INT32] = { json_type_int, "integer", "int32", INT32_MIN, INT32_MAX },
    [PROPERTY_BOOL] = { json_type_boolean, "boolean", "bool", 0, 0 },
    [PROPERTY_NODES] = { json_type_array, "array", "nodes", 0, 0 },
    [PROPERTY_POLICY] = { json_type_string, "string", "HostMemPolicy", 0, 0 },
};

const char *property_type_name(enum property_type type)
{
    return kinds[type].help_name;
}

static bool is_in_range(const struct number_range *range, bool negative, uint64_t magnitude)
{
    return !range || ((!negative || magnitude == 0) && magnitude >= range->min && magnitude <= range->max &&
                      (!range->power_of_two || (magnitude & (magnitude - 1)) == 0));
}

/* A number as sign and magnitude, so that both ends of every type's range can be compared. */
static bool store_number(const struct property *property, bool negative, uint64_t magnitude, void *value)
{
    const struct kind *kind = &kinds[property->type];
    uint64_t lowest = kind->min < 0 ? (uint64_t) - (kind->min + 1) + 1 : 0;
    uint64_t bits = negative ? 0 - magnitude : magnitude;
    uint32_t narrow = (uint32_t)bits;

    if (magnitude > (negative ? lowest : kind->max) || !is_in_range(property->range, negative, magnitude))
        return false;
    if (property->type == PROPERTY_UINT64 || property->type == PROPERTY_SIZE)
        memcpy(value, &bits, sizeof bits);
    else
        memcpy(value, &narrow, sizeof narrow);
    return true;
}

static bool number_expected(const struct property *property, const char *got, struct error *error)
{
    const struct kind *kind = &kinds[property->type];
    const struct number_range *range = property->range;
    const char *why = range && range->why ? range->why : "";

    if (range && range->min == range->max)
        return error_set(error, "expects %" PRIu64 "%s; got '%.80s'", range->min, why, got);
    if (range)
        return error_set(error, "expects a %s from %" PRIu64 " to %" PRIu64 "%s; got '%.80s'",
                         range->power_of_two ? "power of two" : "number", range->min, range->max, why, got);
    return error_set(error, "expects a number from %" PRId64 " to %" PRIu64 "; got '%.80s'", kind->min,
                     kind->max, got);
}

/* In bytes, with or without a suffix. */
static bool read_size32(const struct property *property, const char *text, void *value, struct error *error)
{
    struct error none;
    uint64_t bytes;

    return (size_parse(text, 1, &bytes, &none) && store_number(property, false, bytes, value)) ||
           number_expected(property, text, error);
}

bool bool_parse(const char *text, bool *value)
{
    static const char *const words[] = { "off", "on", "no", "yes", "false", "true", "n", "y" };

    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(text, words[i]) == 0) {
            *value = i % 2;
            return true;
        }
    }
    return false;
}

static bool read_bool(const char *text, bool *value, struct error *error)
{
    return bool_parse(text, value) || error_set(error, "expects 'on' or 'off'; got '%.80s'", text);
}

static bool store_string(const char *text, char **value, struct error *error)
{
    free(*value);
    *value = strdup(text);
    return *value || error_set(error, "cannot be kept: out of memory");
}

static bool check_word(const struct property *property, const char *text, struct error *error)
{
    char all[160] = "";

    for (const char *const *word = property->words; word && *word; word++) {
        if (strcmp(*word, text) == 0)
            return true;
        snprintf(all + strlen(all), sizeof all - strlen(all), "%s'%s'", *all ? ", " : "", *word);
    }
    return !property->words || error_set(error, "expects one of %s; got '%.80s'", all, text);
}

size_t property_word(const char *const *words, const char *word)
{
    size_t number = 0;

    while (word && words[number] && strcmp(words[number], word) != 0)
        number++;
    return words[number] ? number : 0;
}

static bool read_text(const struct property *property, const char *text, void *value, struct error *error)
{
    bool negative = text[0] == '-';
    uint64_t magnitude;

    switch (property->type) {
    case PROPERTY_STRING:
    case PROPERTY_TEXTS:
        return check_word(property, text, error) && store_string(text, value, error);
    case PROPERTY_BOOL:
        return read_bool(text, value, error);
    case PROPERTY_SIZE:
        return size_parse(text, 1, value, error);
    case PROPERTY_SIZE32:
        return read_size32(property, text, value, error);
    case PROPERTY_NODES:
        return host_nodes_parse(text, value, error);
    case PROPERTY_POLICY:
        return host_policy_parse(text, value, error);
    default:
        return (number_parse(text + negative, &magnitude) &&
                store_number(property, negative, magnitude, value)) ||
               number_expected(property, text, error);
    }
}

static bool read_json_string(const struct property *property, struct json_object *json, char **value,
                             struct error *error)
{
    const char *text = json_object_get_string(json);
    const char *nul = strstr(text, JSON_NUL);

    if (nul)
        return error_set(error, "expects text without a NUL character; got one after '%.*s'",
                         nul - text < 80 ? (int)(nul - text) : 80, text);
    return check_word(property, text, error) && store_string(text, value, error);
}

static bool read_json(const struct property *property, struct json_object *json, void *value,
                      struct error *error)
{
    char text[JSON_NUMBER_TEXT_MAX];
    int64_t number;
    bool yes;

    switch (property->type) {
    case PROPERTY_STRING:
    case PROPERTY_TEXTS:
        return read_json_string(property, json, value, error);
    case PROPERTY_BOOL:
        yes = json_object_get_boolean(json);
        memcpy(value, &yes, sizeof yes);
        return true;
    case PROPERTY_NODES:
        return host_nodes_read_json(json, value, error);
    case PROPERTY_POLICY:
        return host_policy_parse(json_object_get_string(json), value, error);
    default:
        number = json_object_get_int64(json);
        return store_number(property, number < 0,
                            number < 0 ? 0 - (uint64_t)number : json_object_get_uint64(json), value) ||
               number_expected(property, json_number_text(json, text), error);
    }
}

static bool wrong_type(const struct property *property, struct json_object *json, struct error *error)
{
    const struct kind *kind = &kinds[property->type];
    char text[JSON_NUMBER_TEXT_MAX];

    if (kind->json_type != json_type_int || !json_is_huge(json))
        return error_set(error, "Invalid parameter type for '%s', expected: %s", property->name,
                         kind->json_name);
    snprintf(text, sizeof text, "%.17g", json_object_get_double(json));
    number_expected(property, text, error);
    return error_prefix(error, "Parameter '%s' ", property->name);
}

static bool read_property(struct props props, const struct property *property, struct json_object *json,
                          void *out, struct error *error)
{
    const struct kind *kind = &kinds[property->type];
    void *value = (char *)out + property->offset;
    bool good;

    if (!json_object_is_type(json, props.keyval ? json_type_string : kind->json_type))
        return wrong_type(property, json, error);
    good = props.keyval ? read_text(property, json_object_get_string(json), value, error)
                        : read_json(property, json, value, error);
    if (!good)
        return error_prefix(error, "Parameter '%s' ", property->name);
    if (property->given != PROPERTY_NO_GIVEN)
        *(bool *)((char *)out + property->given) = true;
    return true;
}

static bool unknown_property(const char *key, const struct property *table, size_t count,
                             const char *const *skip, const char *what, struct error *error)
{
    struct suggestion suggestion;
    char subject[256];

    suggestion_start(&suggestion, key);
    for (; skip && *skip; skip++)
        suggestion_offer(&suggestion, *skip);
    for (size_t i = 0; i < count; i++)
        suggestion_offer(&suggestion, table[i].name);
    words_format(subject, sizeof subject, "%s has no property '%.80s'", what, key);
    return suggestion_fail(&suggestion, subject, error);
}

static const struct property *find_property(const struct property *table, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(table[i].name, name) == 0)
            return &table[i];
    }
    return NULL;
}

static bool is_skipped(const char *const *skip, const char *key)
{
    for (; skip && *skip; skip++) {
        if (strcmp(*skip, key) == 0)
            return true;
    }
    return false;
}

bool props_read(struct props props, const struct property *table, size_t count, const char *const *skip,
                const char *what, void *out, struct error *error)
{
    struct json_object_iterator at = json_object_iter_begin(props.object);
    struct json_object_iterator end = json_object_iter_end(props.object);

    if (!json_check(props.object, error))
        return false;
    for (; !json_object_iter_equal(&at, &end); json_object_iter_next(&at)) {
        const char *key = json_object_iter_peek_name(&at);
        const struct property *property = find_property(table, count, key);
        bool good = true;

        if (property)
            good = read_property(props, property, json_object_iter_peek_value(&at), out, error);
        else if (!is_skipped(skip, key))
            good = unknown_property(key, table, count, skip, what, error);
        if (!good) {
            props_free(table, count, out);
            return false;
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (table[i].missing && !json_object_object_get_ex(props.object, table[i].name, NULL)) {
            props_free(table, count, out);
            return error_set(error, "%s", table[i].missing);
        }
    }
    return true;
}

static struct json_object *nodes_value(const struct host_nodes *nodes)
{
    struct json_object *array = json_new_array();

    for (unsigned node = 0; node < HOST_NODES_MAX; node++)
        if (host_nodes_has(nodes, node))
            json_append(array, json_new_number(node));
    return array;
}

struct json_object *property_value(const struct property *property, const void *from)
{
    const void *value = (const char *)from + property->offset;
    const char *text;

    switch (property->type) {
    case PROPERTY_STRING:
    case PROPERTY_TEXTS:
        text = *(char *const *)value;
        return json_new_string(text ? text : "");
    case PROPERTY_BOOL:
        return json_new_bool(*(const bool *)value);
    case PROPERTY_NODES:
        return nodes_value(value);
    case PROPERTY_POLICY:
        return json_new_string(host_policy_names[*(const enum host_policy *)value]);
    case PROPERTY_UINT32:
    case PROPERTY_SIZE32:
        return json_new_number(*(const uint32_t *)value);
    case PROPERTY_INT32:
        return json_new_signed(*(const int32_t *)value);
    default:
        return json_new_number(*(const uint64_t *)value);
    }
}

void props_free(const struct property *table, size_t count, void *out)
{
    for (size_t i = 0; i < count; i++) {
        char **string = (char **)((char *)out + table[i].offset);

        if (table[i].type != PROPERTY_STRING && table[i].type != PROPERTY_TEXTS)
            continue;
        free(*string);
        *string = NULL;
    }
}

const char *props_string(struct props props, const char *key, struct error *error)
{
    struct json_object *value;
    const char *text;

    if (error)
        error->text[0] = '\0';
    if (!json_object_object_get_ex(props.object, key, &value))
        return NULL;
    text = json_object_is_type(value, json_type_string) ? json_object_get_string(value) : NULL;
    if (!text || strstr(text, JSON_NUL)) {
        error_set(error, "Invalid parameter type for '%s', expected: string", key);
        return NULL;
    }
    return text;
}

bool id_well_formed(const char *id)
{
    if (!isalpha((unsigned char)*id))
        return false;
    for (; *id; id++) {
        if (!isalnum((unsigned char)*id) && !strchr("-._", *id))
            return false;
    }
    return true;
}

bool id_check(const char *id, struct error *error)
{
    return id_well_formed(id) || error_set(error,
                                           "Parameter 'id' expects an identifier: letters, digits, '-', '.', "
                                           "'_', starting with a letter; "
                                           "got '%.80s'",
                                           id);
}
