/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bags of properties that the program makes itself. See props.h.
 */
#include <stdio.h>

#include "base/json_build.h"
#include "base/props.h"

struct props props_new(void)
{
    return (struct props){ .object = json_new_object() };
}

struct props props_new_parsed(const char *text, const char *implied_key, struct error *error)
{
    struct props props;

    props.object = props_parse(text, implied_key, &props.keyval, error);
    return props;
}

bool props_has(struct props props, const char *name)
{
    return json_object_object_get(props.object, name) != NULL;
}

void props_set_string(struct props props, const char *name, const char *value)
{
    add_string(props.object, name, value);
}

void props_set_size(struct props props, const char *name, uint64_t bytes)
{
    char number[24];

    snprintf(number, sizeof number, "%llu", (unsigned long long)bytes);
    if (props.keyval)
        add_string(props.object, name, number);
    else
        add_number(props.object, name, bytes);
}

bool props_check(struct props props, struct error *error)
{
    return json_check(props.object, error);
}

void props_release(struct props props)
{
    json_object_put(props.object);
}
