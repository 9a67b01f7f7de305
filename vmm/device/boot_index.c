/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/boot_index.h"

#include <assert.h>
#include <inttypes.h>
#include <stdalign.h>
#include <string.h>

#define VALUES_MAX 1024 /* bytes of any type's values */

/* By the type's table; NULL: its devices have none. */
static const struct property *property_of(const struct device_type *type)
{
    for (size_t i = 0; i < type->property_count; i++)
        if (strcmp(type->properties[i].name, "bootindex") == 0)
            return &type->properties[i];
    return NULL;
}

static bool read_index(const struct device_type *type, const uint8_t *values, int32_t *index)
{
    const struct property *property = property_of(type);

    *index = BOOT_INDEX_NONE;
    if (property)
        memcpy(index, values + property->offset, sizeof *index);
    return *index >= 0;
}

static bool index_of(const struct device *device, int32_t *index)
{
    alignas(max_align_t) uint8_t values[VALUES_MAX] = { 0 };

    if (!property_of(device->type))
        return false;
    assert(device->type->values_size <= sizeof values);
    device->type->describe(device, values);
    return read_index(device->type, values, index);
}

const struct device *boot_index_next(const struct board *board, const struct device *device)
{
    const struct device *next = NULL;
    int32_t last = 0, index, best = 0;
    const bool first = !device || !index_of(device, &last);

    for (const struct device *other = board->devices; other; other = other->next)
        if (index_of(other, &index) && (first || index > last) && (!next || index < best)) {
            next = other;
            best = index;
        }
    return next;
}

bool boot_index_check(const struct board *board, const struct device_type *type, const void *values,
                      struct error *error)
{
    char path[DEVICE_PATH_SIZE];
    int32_t index, taken;

    if (!read_index(type, values, &index))
        return true;
    for (const struct device *other = device_any(board, NULL); other; other = device_any(board, other))
        if (index_of(other, &taken) && taken == index)
            return error_set(
                error, "The bootindex %" PRId32 " has already been used: '%.200s' has it; choose another",
                index, other->id ? other->id : device_path(other, path));
    return true;
}
