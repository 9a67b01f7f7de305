/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/type.h"

#include <string.h>

#include "base/suggest.h"

/* The rows are beside what they make. */
extern const struct device_type isa_serial_type, pc_dimm_type, pvpanic_type;
extern const struct object_type memory_backend_file_type, memory_backend_memfd_type, memory_backend_ram_type,
    secret_type;

static const struct device_type *const device_types[] = {
    &isa_serial_type, &pc_dimm_type,
#if defined(__x86_64__)
    &pvpanic_type, /* at an I/O port */
#endif
};

static const struct object_type *const object_types[] = {
    &memory_backend_ram_type,
    &memory_backend_file_type,
    &memory_backend_memfd_type,
    &secret_type,
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

const struct device_type *device_type_at(size_t index)
{
    return index < COUNT(device_types) ? device_types[index] : NULL;
}

const struct object_type *object_type_at(size_t index)
{
    return index < COUNT(object_types) ? object_types[index] : NULL;
}

const struct device_type *device_type_find(const char *name)
{
    for (size_t i = 0; i < COUNT(device_types); i++)
        if (strcmp(device_types[i]->name, name) == 0)
            return device_types[i];
    return NULL;
}

const struct object_type *object_type_find(const char *name)
{
    for (size_t i = 0; i < COUNT(object_types); i++)
        if (strcmp(object_types[i]->name, name) == 0)
            return object_types[i];
    return NULL;
}

/* QEMU's words, and the types that somebody may have meant. */
static void refuse(const char *name, const char *form, const char *(*name_at)(size_t index),
                   struct error *error)
{
    struct suggestion suggestion;
    char subject[160];
    const char *other;

    suggestion_start(&suggestion, name);
    for (size_t i = 0; (other = name_at(i)) != NULL; i++)
        suggestion_offer(&suggestion, other);
    words_format(subject, sizeof subject, form, name);
    suggestion_fail(&suggestion, subject, error);
}

static const char *device_name_at(size_t index)
{
    return index < COUNT(device_types) ? device_types[index]->name : NULL;
}

static const char *object_name_at(size_t index)
{
    return index < COUNT(object_types) ? object_types[index]->name : NULL;
}

const struct device_type *device_type_require(const char *name, struct error *error)
{
    const struct device_type *type = device_type_find(name);

    if (!type)
        refuse(name, "'%.80s' is not a valid device model name", device_name_at, error);
    return type;
}

const struct object_type *object_type_require(const char *name, struct error *error)
{
    const struct object_type *type = object_type_find(name);

    if (!type)
        refuse(name, "invalid object type: %.80s", object_name_at, error);
    return type;
}
