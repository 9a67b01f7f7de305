/* SPDX-License-Identifier: BSD-2-Clause */
/* Types and objects of which the fake machine has the names, and nothing behind. */
#include "device/type.h"
#include "memory/object.h"
#include "monitor/command.h"
#include "virtio/balloon.h"
#include "virtio/iothread.h"
#include "virtio/net.h"

#define NO_DEVICE(symbol, text) \
    extern const struct device_type symbol; \
    const struct device_type symbol = { .name = text, .parent = "device" }
#define NO_CHIP(symbol, text) \
    extern const struct device_type symbol; \
    const struct device_type symbol = { .name = text, .build = no_chip }
#define NO_OBJECT(symbol, text) \
    extern const struct object_type symbol; \
    const struct object_type symbol = { .name = text, .parent = "object", .example_id = text "0" }

static bool no_chip(struct board *board, const struct chip_place *place, struct error *error)
{
    (void)board, (void)place;
    return error_set(error, "there is none");
}

NO_CHIP(gpex_host_type, "gpex-pcihost");
NO_CHIP(gpex_root_type, "gpex-root");
NO_CHIP(q35_host_type, "q35-pcihost");
NO_CHIP(q35_isa_type, "ICH9-LPC");
NO_CHIP(tco_type, "ich9-tco");
NO_CHIP(q35_mch_type, "mch");
NO_DEVICE(host_cpu_type, MONITOR_CPU_TYPE);
NO_DEVICE(pcie_root_port_type, "pcie-root-port");
NO_DEVICE(virtio_balloon_pci_type, "virtio-balloon-pci");
NO_DEVICE(virtio_balloon_pci_non_transitional_type, "virtio-balloon-pci-non-transitional");
NO_DEVICE(virtio_blk_pci_type, "virtio-blk-pci");
NO_DEVICE(virtio_blk_pci_non_transitional_type, "virtio-blk-pci-non-transitional");
NO_DEVICE(virtio_mem_pci_type, "virtio-mem-pci");
NO_DEVICE(virtio_net_pci_type, "virtio-net-pci");
NO_DEVICE(virtio_net_pci_non_transitional_type, "virtio-net-pci-non-transitional");
NO_DEVICE(virtio_rng_pci_type, "virtio-rng-pci");
NO_DEVICE(virtio_rng_pci_non_transitional_type, "virtio-rng-pci-non-transitional");
NO_DEVICE(virtio_serial_pci_type, "virtio-serial-pci");
NO_DEVICE(virtio_serial_pci_non_transitional_type, "virtio-serial-pci-non-transitional");
NO_DEVICE(vhost_user_blk_pci_type, "vhost-user-blk-pci");
NO_DEVICE(vhost_user_blk_pci_non_transitional_type, "vhost-user-blk-pci-non-transitional");
NO_DEVICE(vhost_user_fs_pci_type, "vhost-user-fs-pci");
NO_DEVICE(vhost_vsock_pci_type, "vhost-vsock-pci");
NO_DEVICE(vhost_vsock_pci_non_transitional_type, "vhost-vsock-pci-non-transitional");
NO_DEVICE(virtconsole_type, "virtconsole");
NO_DEVICE(virtserialport_type, "virtserialport");
NO_OBJECT(iothread_type, "iothread");
NO_OBJECT(rng_builtin_type, "rng-builtin");
NO_OBJECT(rng_random_type, "rng-random");

struct object *object_find(const struct backends *backends, const char *id)
{
    (void)backends, (void)id;
    return NULL;
}

struct object *object_next(const struct backends *backends, const struct object *object)
{
    (void)backends, (void)object;
    return NULL;
}

bool balloon_ask(const struct board *board, int64_t size, struct error *error)
{
    (void)board, (void)size;
    return error_set_class(error, ERROR_DEVICE_NOT_ACTIVE, "No balloon device has been activated");
}

bool balloon_kept(const struct board *board, uint64_t *size, struct error *error)
{
    (void)board, (void)size;
    return error_set_class(error, ERROR_DEVICE_NOT_ACTIVE, "No balloon device has been activated");
}

pid_t iothread_tid(const struct object *object)
{
    (void)object;
    return 0;
}

bool net_filter_of(struct device *device, struct net_filter *filter)
{
    (void)device, (void)filter;
    return false;
}
