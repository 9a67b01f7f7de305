/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * From the text of an option to a bag of properties: "key=value,key=value" or JSON.
 */
#include "base/json_build.h"
#include "base/props.h"

#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/count_of.h"
#include "base/json_reader.h"

/* Options are flat; this leaves room for lists and nested addresses, and none for an attack on the stack. */
#define JSON_DEPTH_MAX 32

/* Copy up to the next single comma into `value` (which has room), ",," giving ','. Returns the place behind
 * the comma, or the end. */
static const char *copy_value(const char *text, char *value)
{
    while (*text) {
        if (*text == ',' && *++text != ',')
            break;
        *value++ = *text++;
    }
    *value = '\0';
    return text;
}

/* The properties that are lists. QEMU spells the elements of the first "host-nodes.0=0"; its manual, and
 * older versions, repeat the key, as is the way of the others. */
static const char *const lists[] = { "host-nodes", "hostfwd", "guestfwd" };

/* The list of which this is a key, or NULL. */
static const char *list_of(const char *key)
{
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        const size_t length = strlen(lists[i]);

        if (strncmp(key, lists[i], length) == 0 &&
            (key[length] == '\0' || (key[length] == '.' && key[length + 1] != '\0' &&
                                     strspn(key + length + 1, "0123456789") == strlen(key + length + 1))))
            return lists[i];
    }
    return NULL;
}

static struct json_object *join(const char *first, const char *second)
{
    struct json_object *joined;
    char *text;

    if (asprintf(&text, "%s,%s", first, second) < 0)
        return json_new_string(NULL);
    joined = json_new_string(text);
    free(text);
    return joined;
}

static void add(struct json_object *object, const char *key, const char *value)
{
    const char *list = list_of(key);
    struct json_object *before = NULL;

    if (!list) {
        add_string(object, key, value);
        return;
    }
    if (!json_object_object_get_ex(object, list, &before)) {
        add_string(object, list, value);
        return;
    }
    json_add(object, list, join(json_object_get_string(before), value));
}

/* "memory-backend-ram id=a": a comma is missing. */
static void blank_in_key(const char *key, const char *value, struct error *error)
{
    const size_t length = strcspn(key, " \t");

    error_set(error,
              "there is no property '%.80s': properties are separated by commas, without blanks: "
              "%.*s,%.80s=%.80s",
              key, (int)(length < 80 ? length : 80), key, key + length + strspn(key + length, " \t"), value);
}

/* One "key=value", flag or implied value. Returns the place behind it, or NULL and an error. `word` has room
 * for the whole text twice: for the key and for the value. */
static const char *parse_word(const char *text, const char *implied_key, char *word,
                              struct json_object *object, struct error *error)
{
    size_t key_length = strcspn(text, "=,");
    const char *key = word;
    char *value = word + key_length + 1;

    memcpy(word, text, key_length);
    word[key_length] = '\0';
    if (text[key_length] == '=') {
        text = copy_value(text + key_length + 1, value);
    } else if (implied_key) {
        key = implied_key;
        text = copy_value(text, value = word);
    } else {
        strcpy(value, "on");
        text += key_length + (text[key_length] == ',');
    }
    if (*key == '\0') {
        error_set(error, "a parameter name is expected before '%.40s'", value);
        return NULL;
    }
    if (strpbrk(key, " \t")) {
        blank_in_key(key, value, error);
        return NULL;
    }
    add(object, key, value);
    return text;
}

struct json_object *keyval_parse(const char *text, const char *implied_key, struct error *error)
{
    struct json_object *object = json_new_object();
    char *word = malloc(strlen(text) + sizeof "=on");

    if (!word)
        json_fail(object);
    while (word && text && *text) {
        text = parse_word(text, implied_key, word, object, error);
        implied_key = NULL;
    }
    free(word);
    if (text && json_check(object, error))
        return object;
    json_object_put(object);
    return NULL;
}

static struct json_object *json_parse(const char *text, struct error *error)
{
    static const struct json_limits limits = { .depth = JSON_DEPTH_MAX,
                                               .bytes = SIZE_MAX,
                                               .tokens = SIZE_MAX };
    struct json_object *object = NULL;

    return json_read_text(text, strlen(text), &limits, &object, error) ? object : NULL;
}

struct json_object *props_parse(const char *text, const char *implied_key, bool *keyval, struct error *error)
{
    *keyval = text[0] != '{';
    return *keyval ? keyval_parse(text, implied_key, error) : json_parse(text, error);
}

static bool flatten(struct json_object *object, const char *prefix, struct json_object *flat,
                    struct error *error)
{
    json_object_object_foreach(object, name, value)
    {
        char *whole;
        bool good = true;

        if (asprintf(&whole, "%s%s%s", prefix, *prefix ? "." : "", name) < 0) {
            json_fail(flat);
            continue;
        }
        /* Depth is the reader's limit (json_reader.h). */
        if (json_object_is_type(value, json_type_object))
            good = flatten(value, whole, flat, error);
        else if (json_object_object_get_ex(flat, whole, NULL))
            good = error_set(
                error,
                "Parameter '%.80s' is given twice, as a member of an object and by its name with "
                "dots; leave one out",
                whole);
        else
            json_add(flat, whole, json_object_get(value));
        free(whole);
        if (!good)
            return false;
    }
    return true;
}

struct json_object *props_flatten(struct json_object *object, struct error *error)
{
    struct json_object *flat = json_new_object();

    if (flatten(object, "", flat, error))
        return flat;
    json_object_put(flat);
    return NULL;
}
