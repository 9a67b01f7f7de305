/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Getting members out of JSON that may be anything.
 */
#include <json-c/json.h>

#include "base/json_build.h"
#include "ctl.h"

void json_keep(struct json_object *array, struct json_object *value)
{
    json_append(array, value);
    if (json_is_marked(array))
        end_without_memory();
}

struct json_object *json_member(struct json_object *object, const char *name)
{
    struct json_object *member;

    if (!json_object_is_type(object, json_type_object) || !json_object_object_get_ex(object, name, &member))
        return NULL;
    return member;
}

const char *json_text_of(struct json_object *object, const char *name)
{
    struct json_object *member = json_member(object, name);

    return json_object_is_type(member, json_type_string) ? json_object_get_string(member) : "";
}

uint64_t json_number_of(struct json_object *object, const char *name)
{
    struct json_object *member = json_member(object, name);

    return json_object_is_type(member, json_type_int) ? json_object_get_uint64(member) : 0;
}

bool json_has(struct json_object *object, const char *name)
{
    /* A null is there, too. */
    return json_object_is_type(object, json_type_object) && json_object_object_get_ex(object, name, NULL);
}

bool json_true(struct json_object *object, const char *name)
{
    struct json_object *member = json_member(object, name);

    return json_object_is_type(member, json_type_boolean) && json_object_get_boolean(member);
}

size_t json_length(struct json_object *array)
{
    return json_object_is_type(array, json_type_array) ? json_object_array_length(array) : 0;
}

struct json_object *json_at(struct json_object *array, size_t index)
{
    return index < json_length(array) ? json_object_array_get_idx(array, index) : NULL;
}
