/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Short ways to put values into a command's result, and to get them out again for a person.
 */
#ifndef VMM_MONITOR_RESULT_H
#define VMM_MONITOR_RESULT_H

#include <json-c/json_object.h>
#include <stdint.h>

#include "monitor/text.h"

static inline void add_string(struct json_object *object, const char *name, const char *value)
{
    json_object_object_add(object, name, json_object_new_string(value));
}

static inline void add_number(struct json_object *object, const char *name, uint64_t value)
{
    json_object_object_add(object, name, json_object_new_uint64(value));
}

static inline void add_bool(struct json_object *object, const char *name, bool value)
{
    json_object_object_add(object, name, json_object_new_boolean(value));
}

/* "" when there is none; true and false as words. */
static inline const char *get_string(struct json_object *object, const char *name)
{
    struct json_object *value = json_object_object_get(object, name);

    return value ? json_object_get_string(value) : "";
}

static inline uint64_t get_number(struct json_object *object, const char *name)
{
    return json_object_get_uint64(json_object_object_get(object, name));
}

/* The text as a result; the text is empty then. */
static inline struct json_object *text_result(struct text *text)
{
    struct json_object *object = json_object_new_string_len(text->bytes ? text->bytes : "",
                                                            (int)text->length);

    text_free(text);
    return object;
}

/* Show a result that is a text already. */
static inline void print_string(struct text *out, struct json_object *result)
{
    text_string(out, json_object_get_string(result));
}

#endif
