/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/json_build.h"

#include <inttypes.h>
#include <json-c/json_object_iterator.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* Made by json_prepare(), kept to the end. */
static struct json_object *failed_object, *failed_array, *failed_string;

/* The user data of a container that lacks something. */
static char mark;

bool json_prepare(void)
{
    if (!failed_object)
        failed_object = json_object_new_object();
    if (!failed_array)
        failed_array = json_object_new_array();
    if (!failed_string)
        failed_string = json_object_new_string("");
    return failed_object && failed_array && failed_string;
}

static bool is_shared(struct json_object *value)
{
    return value && (value == failed_object || value == failed_array || value == failed_string);
}

static struct json_object *or_failed(struct json_object *value, struct json_object *failed)
{
    return value ? value : json_object_get(failed);
}

struct json_object *json_new_object(void)
{
    return or_failed(json_object_new_object(), failed_object);
}

struct json_object *json_new_array(void)
{
    return or_failed(json_object_new_array(), failed_array);
}

struct json_object *json_new_string(const char *text)
{
    return or_failed(text ? json_object_new_string(text) : NULL, failed_string);
}

struct json_object *json_new_text(const char *bytes, size_t length)
{
    bool fits = bytes && length <= INT_MAX;

    return or_failed(fits ? json_object_new_string_len(bytes, (int)length) : NULL, failed_string);
}

struct json_object *json_new_number(uint64_t number)
{
    return or_failed(json_object_new_uint64(number), failed_string);
}

struct json_object *json_new_signed(int64_t number)
{
    return or_failed(json_object_new_int64(number), failed_string);
}

struct json_object *json_new_bool(bool value)
{
    return or_failed(json_object_new_boolean(value), failed_string);
}

void json_fail(struct json_object *container)
{
    if (container && !is_shared(container))
        json_object_set_userdata(container, &mark, NULL);
}

/* False: the value is gone. */
static bool add(struct json_object *object, const char *name, struct json_object *value)
{
    if (object && !is_shared(object) && json_object_object_add(object, name, value) == 0)
        return true;
    json_fail(object);
    json_object_put(value);
    return false;
}

static bool append(struct json_object *array, struct json_object *value)
{
    if (array && !is_shared(array) && json_object_array_add(array, value) == 0)
        return true;
    json_fail(array);
    json_object_put(value);
    return false;
}

void json_add(struct json_object *object, const char *name, struct json_object *value)
{
    add(object, name, value);
}

void json_append(struct json_object *array, struct json_object *value)
{
    append(array, value);
}

struct json_object *json_add_array(struct json_object *object, const char *name)
{
    struct json_object *array = json_new_array();

    return add(object, name, array) ? array : failed_array;
}

struct json_object *json_append_object(struct json_object *array)
{
    struct json_object *object = json_new_object();

    return append(array, object) ? object : failed_object;
}

bool json_is_marked(struct json_object *value)
{
    return is_shared(value) || (value && json_object_get_userdata(value) == &mark);
}

static bool member_failed(struct json_object *object)
{
    struct json_object_iterator at = json_object_iter_begin(object);
    struct json_object_iterator end = json_object_iter_end(object);

    for (; !json_object_iter_equal(&at, &end); json_object_iter_next(&at))
        if (json_failed(json_object_iter_peek_value(&at)))
            return true;
    return false;
}

bool json_failed(struct json_object *value)
{
    if (json_is_marked(value))
        return true;
    if (json_object_is_type(value, json_type_object))
        return member_failed(value);
    if (json_object_is_type(value, json_type_array))
        for (size_t i = 0; i < json_object_array_length(value); i++)
            if (json_failed(json_object_array_get_idx(value, i)))
                return true;
    return false;
}

bool json_check(struct json_object *value, struct error *error)
{
    return !json_failed(value) || error_set(error, "out of memory");
}

const char *json_number_text(struct json_object *number, char text[JSON_NUMBER_TEXT_MAX])
{
    int64_t value = json_object_get_int64(number);

    if (value < 0)
        snprintf(text, JSON_NUMBER_TEXT_MAX, "%" PRId64, value);
    else
        snprintf(text, JSON_NUMBER_TEXT_MAX, "%" PRIu64, json_object_get_uint64(number));
    return text;
}
