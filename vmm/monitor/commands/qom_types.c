/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The types of QOM that hotram has something of, and the properties of their objects. Programs look for their
 * names to learn what there is.
 */
#include <string.h>

#include "base/config.h"
#include "monitor/qmp/schema.h"
#include "options/parser.h"

static const struct qom_type fixed[] = {
    { .name = "object", .abstract = true },
    { .name = "container", .parent = "object" },
    { .name = "memory-backend", .parent = "object", .abstract = true },
    { .name = "device", .parent = "object", .abstract = true },
    { .name = "cpu", .parent = "device", .abstract = true },
    { .name = MONITOR_CPU_TYPE, .parent = "cpu" },
    { .name = "accel", .parent = "object", .abstract = true },
    { .name = "kvm-accel", .parent = "accel" },
    { .name = "qtest-accel", .parent = "accel" },
    { .name = "machine", .parent = "object", .abstract = true },
    { .name = MACHINE_FAMILY, .parent = "machine", .abstract = true },
};
#define FIXED (sizeof fixed / sizeof fixed[0])

/* What can be made of a family. */
static bool made(const struct type_family *family, size_t index, const char *parent, struct qom_type *type)
{
    *type = (struct qom_type){ .parent = parent };
    return family->type(index, &type->name, &type->table, &type->count);
}

static size_t family_size(const struct type_family *family)
{
    struct qom_type type;
    size_t count = 0;

    while (made(family, count, NULL, &type))
        count++;
    return count;
}

static const char *parent_of_object(size_t index)
{
    struct qom_type type;

    made(&object_types, index, NULL, &type);
    return strncmp(type.name, "memory-backend-", 15) == 0 ? "memory-backend" : "object";
}

bool qom_type_at(size_t index, struct qom_type *type)
{
    const struct machine_type *machine;
    const size_t objects = family_size(&object_types), devices = family_size(&device_types);

    if (index < FIXED) {
        *type = fixed[index];
        return true;
    }
    index -= FIXED;
    if (index < objects)
        return made(&object_types, index, parent_of_object(index), type);
    index -= objects;
    if (index < devices)
        return made(&device_types, index, "device", type);
    index -= devices;
    if (index == 0)
        *type = (struct qom_type){ .name = "isa-serial",
                                   .parent = "device",
                                   .table = isa_serial_properties,
                                   .count = isa_serial_property_count };
    else if ((machine = machine_type_at(index - 1)) != NULL)
        *type = (struct qom_type){ .name = machine->qom_type, .parent = machine->qom_parent };
    else
        return false;
    return true;
}

bool qom_type_find(const char *name, struct qom_type *type)
{
    for (size_t i = 0; qom_type_at(i, type); i++)
        if (strcmp(type->name, name) == 0)
            return true;
    return false;
}

bool qom_type_is(const struct qom_type *type, const char *ancestor)
{
    struct qom_type at = *type;

    while (strcmp(at.name, ancestor) != 0)
        if (!at.parent || !qom_type_find(at.parent, &at))
            return false;
    return true;
}

/* ---- properties ---- */

/* As QEMU names a property's type. */
static const char *property_type(const struct property *property)
{
    if (strcmp(property->name, "memdev") == 0)
        return "link<memory-backend>";
    switch (property->type) {
    case PROPERTY_SIZE:
    case PROPERTY_NODES:
        return "int";
    default:
        return property_type_name(property->type);
    }
}

static bool machine_property(size_t index, struct qom_property *property)
{
    bool is_bool;
    const char *key = machine_key_at(index, &is_bool);

    if (key)
        *property = (struct qom_property){ key, is_bool ? "bool" : "string", NULL };
    return key != NULL;
}

/* What nobody gives, by the type that has it. */
static const struct {
    const char *of;
    struct qom_property property;
} read_only[] = {
    { "pc-dimm", { "size", "int", "bytes" } },
    { "device", { "realized", "bool", NULL } },
    { "device", { "hotplugged", "bool", "not there from the start" } },
    { "device", { "hotpluggable", "bool", NULL } },
    { "object", { "type", "string", NULL } },
};

bool qom_property_at(const struct qom_type *type, size_t index, struct qom_property *property)
{
    const bool is_machine = qom_type_is(type, "machine");
    size_t count = type->count;

    if (index < count) {
        *property = (struct qom_property){ type->table[index].name, property_type(&type->table[index]),
                                           type->table[index].help };
        return true;
    }
    for (size_t i = 0; is_machine && machine_property(i, property); i++)
        if (strcmp(property->name, "type") != 0 && count++ == index)
            return true;
    for (size_t i = 0; i < sizeof read_only / sizeof read_only[0]; i++)
        if (qom_type_is(type, read_only[i].of) && count++ == index) {
            *property = read_only[i].property;
            return true;
        }
    return false;
}
