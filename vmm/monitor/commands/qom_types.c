/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The types of QOM that hotram has something of, and the properties of their objects. Programs look for their
 * names to learn what there is.
 */
#include <string.h>

#include "base/config.h"
#include "device/type.h"
#include "monitor/qmp/schema.h"
#include "options/parser.h"

/* Keys of -cpu max, which is the same as host; no object has the type, so the rows are not used to read
 * values. */
struct max_cpu {
    bool migratable, pmu, host_phys_bits, pv_eoi;
};
static const struct property max_cpu_keys[] = {
    PROPERTY_ROW(max_cpu, "migratable", PROPERTY_BOOL, migratable,
                 "without effect: the guest has the host's CPU"),
    PROPERTY_ROW(max_cpu, "pmu", PROPERTY_BOOL, pmu, "without effect: the guest has the host's PMU"),
    PROPERTY_ROW(max_cpu, "host-phys-bits", PROPERTY_BOOL, host_phys_bits, "on"),
#if !defined(__aarch64__)
    PROPERTY_ROW(max_cpu, "kvm-pv-eoi", PROPERTY_BOOL, pv_eoi,
                 "off: the guest does not see KVM's paravirtual EOI"),
#endif
};

#if !defined(__aarch64__)
/* What -global accepts of the ISA bridge. */
struct bridge {
    bool no_s3, no_s4, no_reboot;
};
static const struct property bridge_properties[] = {
    PROPERTY_ROW(bridge, "disable_s3", PROPERTY_BOOL, no_s3, "on: the guest has no suspend to RAM"),
    PROPERTY_ROW(bridge, "disable_s4", PROPERTY_BOOL, no_s4, "on: the guest has no suspend to disk"),
    PROPERTY_ROW(bridge, "noreboot", PROPERTY_BOOL, no_reboot, "on: the watchdog never acts"),
};
#endif

static const struct qom_type fixed[] = {
    { .name = "object", .abstract = true },
    { .name = "container", .parent = "object" },
    { .name = "memory-backend", .parent = "object", .abstract = true },
    { .name = "rng-backend", .parent = "object", .abstract = true },
    { .name = "device", .parent = "object", .abstract = true },
    { .name = "pci-device", .parent = "device", .abstract = true },
    { .name = "virtio-pci", .parent = "pci-device", .abstract = true },
    { .name = "virtio-serial-port", .parent = "device", .abstract = true },
    /* By these types libvirt sees that there are vhost-vsock-pci and vhost-user-fs-pci; in QEMU they are the
     * parts behind PCI. */
    { .name = "vhost-vsock-device", .parent = "device" },
    { .name = "vhost-user-fs-device", .parent = "device" },
    { .name = "cpu", .parent = "device", .abstract = true },
    /* By this type libvirt sees that -cpu host has migratable=. */
    { .name = "max-" MONITOR_CPUS "-cpu",
      .parent = "cpu",
      .table = max_cpu_keys,
      .count = sizeof max_cpu_keys / sizeof max_cpu_keys[0] },
#if !defined(__aarch64__)
    /* And by this one that -machine has vmport=; off is all that it accepts. */
    { .name = "vmport", .parent = "object" },
    { .name = "ICH9-LPC",
      .parent = "pci-device",
      .table = bridge_properties,
      .count = sizeof bridge_properties / sizeof bridge_properties[0] },
#endif
    { .name = "accel", .parent = "object", .abstract = true },
    { .name = "kvm-accel", .parent = "accel" },
    { .name = "qtest-accel", .parent = "accel" },
    { .name = "machine", .parent = "object", .abstract = true },
    { .name = MACHINE_FAMILY, .parent = "machine", .abstract = true },
};
#define FIXED (sizeof fixed / sizeof fixed[0])

bool qom_type_at(size_t index, struct qom_type *type)
{
    const struct machine_type *machine;
    const struct object_type *object;
    const struct device_type *device;

    if (index < FIXED) {
        *type = fixed[index];
        return true;
    }
    index -= FIXED;
    for (size_t i = 0; (object = object_type_at(i)) != NULL; i++)
        if (index-- == 0) {
            *type = (struct qom_type){ .name = object->name,
                                       .parent = object->parent,
                                       .table = object->properties,
                                       .count = object->property_count };
            return true;
        }
    for (size_t i = 0; (device = device_type_at(i)) != NULL; i++)
        if (device->parent && index-- == 0) {
            *type = (struct qom_type){ .name = device->name,
                                       .parent = device->parent,
                                       .table = device->properties,
                                       .count = device->property_count,
                                       .device = device };
            return true;
        }
    machine = machine_type_at(index);
    if (machine)
        *type = (struct qom_type){ .name = machine->qom_type, .parent = machine->qom_parent };
    return machine != NULL;
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
    { "device", { "realized", "bool", NULL } },
    { "device", { "hotplugged", "bool", "not present from the start" } },
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
    for (size_t i = 0; type->device && i < type->device->shown_count; i++)
        if (count++ == index) {
            *property = (struct qom_property){ type->device->shown[i].name,
                                               property_type(&type->device->shown[i]),
                                               type->device->shown[i].help };
            return true;
        }
    for (size_t i = 0; type->device && i < type->device->live_count; i++)
        if (type->device->live[i].get && count++ == index) {
            *property = (struct qom_property){ type->device->live[i].name, type->device->live[i].type,
                                               type->device->live[i].help };
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
