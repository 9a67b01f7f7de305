/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A command's result: put together with base/json_build.h, and taken apart again for a person.
 */
#ifndef VMM_BASE_RESULT_H
#define VMM_BASE_RESULT_H

#include <stdint.h>

#include "base/json_build.h"
#include "base/text.h"

/* "" when there is none or it is a number; true and false as words. */
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

/* The text as a result; the text is empty then. */
static inline struct json_object *text_result(struct text *text)
{
    struct json_object *object = text->failed ? json_new_string(NULL)
                                              : json_new_text(text->bytes ? text->bytes : "", text->length);

    text_free(text);
    return object;
}

/* Show a result that is a text already. */
static inline void print_string(struct text *out, struct json_object *result)
{
    text_string(out, json_object_get_string(result));
}

#endif
