/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A device's properties, as its type's tables have them.
 */
#include <assert.h>
#include <stdalign.h>
#include <stddef.h>

#include "base/result.h"
#include "device/device.h"
#include "monitor/command.h"

#define VALUES_MAX 1024

static void add_values(struct json_object *data, const struct property *table, size_t count,
                       const void *values)
{
    for (size_t i = 0; i < count; i++)
        json_add(data, table[i].name, property_value(&table[i], values));
}

struct json_object *describe_device_values(const struct device *device)
{
    const struct device_type *type = device->type;
    alignas(max_align_t) char values[VALUES_MAX] = { 0 };
    struct json_object *data = json_new_object();

    assert(type->values_size <= sizeof values);
    if (type->describe)
        type->describe(device, values);
    if (device->id)
        add_string(data, "id", device->id);
    add_values(data, type->properties, type->property_count, values);
    add_values(data, type->shown, type->shown_count, values);
    add_bool(data, "hotplugged", device->hotplugged);
    add_bool(data, "hotpluggable", type->hot);
    return data;
}
