/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Bags of properties that the program makes itself. See props.h.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/host_nodes.h"
#include "base/json_build.h"
#include "base/props.h"
#include "base/text.h"

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

/* A comma in a value is doubled. */
static void print_value(const char *value, struct text *text)
{
    for (size_t part; *value; value += part) {
        part = strcspn(value, ",") + (strchr(value, ',') != NULL);
        text_append(text, value, part);
        if (value[part - 1] == ',')
            text_string(text, ",");
    }
}

void property_print(const struct property *property, const void *from, struct text *text)
{
    const void *value = (const char *)from + property->offset;
    const char *string;

    if (property->type == PROPERTY_NODES)
        return;
    text_printf(text, ",%s=", property->name);
    switch (property->type) {
    case PROPERTY_STRING:
    case PROPERTY_TEXTS:
        string = *(char *const *)value;
        print_value(string ? string : "", text);
        break;
    case PROPERTY_BOOL:
        text_string(text, *(const bool *)value ? "on" : "off");
        break;
    case PROPERTY_POLICY:
        text_string(text, host_policy_names[*(const enum host_policy *)value]);
        break;
    case PROPERTY_UINT32:
    case PROPERTY_SIZE32:
        text_printf(text, "%" PRIu32, *(const uint32_t *)value);
        break;
    case PROPERTY_INT32:
        text_printf(text, "%" PRId32, *(const int32_t *)value);
        break;
    default:
        text_printf(text, "%" PRIu64, *(const uint64_t *)value);
    }
}
