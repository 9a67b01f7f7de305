/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/type.h"

#include <string.h>

#include "base/count_of.h"
#include "base/suggest.h"
#include "device/absent_type.h"

/* The rows are beside what they make. */
extern const struct device_type host_cpu_type, isa_serial_type, pc_dimm_type, pcie_root_port_type,
    pvpanic_type, vhost_user_blk_pci_type, vhost_user_blk_pci_non_transitional_type, vhost_user_fs_pci_type,
    vhost_vsock_pci_type, vhost_vsock_pci_non_transitional_type, virtio_balloon_pci_type,
    virtio_balloon_pci_non_transitional_type, virtio_blk_pci_type, virtio_blk_pci_non_transitional_type,
    virtio_mem_pci_type, virtio_net_pci_type, virtio_net_pci_non_transitional_type, virtio_rng_pci_type,
    virtio_rng_pci_non_transitional_type, virtio_serial_pci_type, virtio_serial_pci_non_transitional_type,
    virtconsole_type, virtserialport_type, vmgenid_type;
/* Chips of the machine. */
extern const struct device_type flash_arm64_type, flash_x86_type, fw_cfg_type, ged_type, gpex_host_type,
    gpex_root_type, pl011_type, pl031_type, pm_type, q35_host_type, q35_isa_type, q35_mch_type, rtc_type,
    serial_type, sleep_type, tco_type;
extern const struct object_type iothread_type, memory_backend_file_type, memory_backend_memfd_type,
    memory_backend_ram_type, rng_builtin_type, rng_random_type, secret_type;

static const struct device_type *const device_types[] = {
    &host_cpu_type,
    &isa_serial_type,
    &pc_dimm_type,
    &pcie_root_port_type,
    &vhost_user_blk_pci_type,
    &vhost_user_blk_pci_non_transitional_type,
    &vhost_user_fs_pci_type,
    &vhost_vsock_pci_type,
    &vhost_vsock_pci_non_transitional_type,
    &virtconsole_type,
    &virtio_balloon_pci_type,
    &virtio_balloon_pci_non_transitional_type,
    &virtio_blk_pci_type,
    &virtio_blk_pci_non_transitional_type,
    &virtio_mem_pci_type,
    &virtio_net_pci_type,
    &virtio_net_pci_non_transitional_type,
    &virtio_rng_pci_type,
    &virtio_rng_pci_non_transitional_type,
    &virtio_serial_pci_type,
    &virtio_serial_pci_non_transitional_type,
    &virtserialport_type,
    &vmgenid_type,
#if defined(__x86_64__)
    &pvpanic_type, /* at an I/O port */
    /* chips */
    &pm_type,
    &sleep_type,
    &ged_type,
    &serial_type,
    &rtc_type,
    &q35_host_type,
    &q35_mch_type,
    &q35_isa_type,
    &tco_type,
    &fw_cfg_type,
    &flash_x86_type,
#else
    &pl011_type,
    &pl031_type,
    &ged_type,
    &gpex_host_type,
    &gpex_root_type,
    &fw_cfg_type,
    &flash_arm64_type,
#endif
};

static const struct object_type *const object_types[] = {
    &memory_backend_ram_type,
    &memory_backend_file_type,
    &memory_backend_memfd_type,
    &iothread_type,
    &rng_builtin_type,
    &rng_random_type,
    &secret_type,
};

const struct device_type *device_type_at(size_t index)
{
    return index < COUNT_OF(device_types) ? device_types[index] : NULL;
}

const struct object_type *object_type_at(size_t index)
{
    return index < COUNT_OF(object_types) ? object_types[index] : NULL;
}

const struct device_type *device_type_find(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(device_types); i++)
        if (strcmp(device_types[i]->name, name) == 0)
            return device_types[i];
    return NULL;
}

const struct object_type *object_type_find(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(object_types); i++)
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
        if (!strstr(other, "-non-transitional")) /* another name for one that is offered */
            suggestion_offer(&suggestion, other);
    words_format(subject, sizeof subject, form, name);
    suggestion_fail(&suggestion, subject, error);
}

/* Of those that -device makes. */
static const char *device_name_at(size_t index)
{
    for (size_t i = 0; i < COUNT_OF(device_types); i++)
        if (!device_types[i]->build && index-- == 0)
            return device_types[i]->name;
    return NULL;
}

static const char *object_name_at(size_t index)
{
    return index < COUNT_OF(object_types) ? object_types[index]->name : NULL;
}

/* "virtio-rng-pci-transitional": a device that old drivers of before virtio 1.0 can use, too. */
static bool is_transitional(const char *name, size_t *length)
{
    static const char end[] = "-transitional";
    const size_t whole = strlen(name);
    char rest[80];

    *length = whole < sizeof end ? 0 : whole - (sizeof end - 1);
    if (*length == 0 || *length >= sizeof rest || strcmp(name + *length, end) != 0)
        return false;
    memcpy(rest, name, *length);
    rest[*length] = '\0';
    return device_type_find(rest) != NULL;
}

const struct device_type *device_type_require(const char *name, struct error *error)
{
    const struct device_type *type = device_type_find(name);
    const struct absent_type *absent = type ? NULL : absent_type_find(name);
    size_t length;

    if (!type && is_transitional(name, &length))
        error_set(error, "'%s' is not a valid device model name: virtio devices are modern only; use '%.*s'",
                  name, (int)length, name);
    else if (absent)
        error_set(error, "'%s' is not a valid device model name: %s", name, absent->reason);
    else if (!type)
        refuse(name, "'%.80s' is not a valid device model name", device_name_at, error);
    if (type && type->build) {
        error_set(error,
                  "Parameter 'driver' expects a pluggable device type: '%s' is a part of the machine, which "
                  "has it without being asked",
                  type->name);
        return NULL;
    }
    return type;
}

const struct object_type *object_type_require(const char *name, struct error *error)
{
    const struct object_type *type = object_type_find(name);

    if (!type)
        refuse(name, "invalid object type: %.80s", object_name_at, error);
    return type;
}
