/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The result of a command, built with base/json_build.h: access to its members, for output to a person.
 */
#ifndef VMM_BASE_RESULT_H
#define VMM_BASE_RESULT_H

#include <stdint.h>

#include "base/json_build.h"
#include "base/text.h"

/* A member that is a string, or "true" or "false" for a boolean; otherwise, or if it is absent, "". Borrowed.
 */
static inline const char *get_string(struct json_object *object, const char *name)
{
    struct json_object *value = json_object_object_get(object, name);

    if (json_object_is_type(value, json_type_boolean))
        return json_object_get_boolean(value) ? "true" : "false";
    return json_object_is_type(value, json_type_string) ? json_object_get_string(value) : "";
}

static inline uint64_t get_number(struct json_object *object, const char *name)
{
    return json_object_get_uint64(json_object_object_get(object, name));
}

/* Make a result of a text, which is freed. A text that has failed gives a value that is marked as failed. */
static inline struct json_object *text_result(struct text *text)
{
    struct json_object *object = text->failed ? json_new_string(NULL)
                                              : json_new_text(text->bytes ? text->bytes : "", text->length);

    text_free(text);
    return object;
}

/* Print a result that is a string. */
static inline void print_string(struct text *out, struct json_object *result)
{
    text_string(out, json_object_get_string(result));
}

#endif
