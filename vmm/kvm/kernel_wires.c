/* SPDX-License-Identifier: BSD-2-Clause */
/* Linux Documentation/virt/kvm/api.rst: 4.59 KVM_IOEVENTFD, 4.52 KVM_SET_GSI_ROUTING, 4.75 KVM_IRQFD,
 * 4.70 KVM_SIGNAL_MSI. */
#include "kvm/kernel_wires.h"

#include <errno.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "kvm/vm.h"

/* ---- doorbells ---- */

static int ioeventfd(const struct vm *vm, const struct vm_doorbell *doorbell, unsigned flags)
{
    struct kvm_ioeventfd call = {
        .datamatch = doorbell->value,
        .addr = doorbell->address,
        .len = doorbell->width,
        .fd = doorbell->fd,
        .flags = flags | (doorbell->port ? KVM_IOEVENTFD_FLAG_PIO : 0) |
                 (doorbell->match ? KVM_IOEVENTFD_FLAG_DATAMATCH : 0),
    };

    return ioctl(vm->fd, KVM_IOEVENTFD, &call);
}

bool kernel_add_doorbell(const struct vm *vm, const struct vm_doorbell *doorbell, struct error *error)
{
    if (ioeventfd(vm, doorbell, 0) == 0)
        return true;
    if (errno == EEXIST)
        return doorbell_is_taken(doorbell, error);
    return error_set(error, "KVM does not take a doorbell at %s 0x%llx: KVM_IOEVENTFD: %s",
                     doorbell->port ? "port" : "guest address", (unsigned long long)doorbell->address,
                     strerror(errno));
}

void kernel_remove_doorbell(const struct vm *vm, const struct vm_doorbell *doorbell)
{
    RESULT_DOES_NOT_MATTER(ioeventfd(vm, doorbell, KVM_IOEVENTFD_FLAG_DEASSIGN),
                           "it fails only for one that is not there");
}

/* ---- routes and messages ---- */

bool kernel_set_routes(const struct vm *vm, const struct vm_routed *routes, unsigned count,
                       struct error *error)
{
    const bool requester = vm_arch_msi_has_requester(vm);
    struct kvm_irq_routing *table = calloc(1, sizeof *table +
                                                  (vm_arch_routes(NULL) + count) * sizeof table->entries[0]);
    bool good;

    if (!table)
        return error_set(error, "out of memory");
    table->nr = vm_arch_routes(table->entries);
    for (unsigned i = 0; i < count; i++) {
        const struct vm_msi *msi = &routes[i].msi;
        struct kvm_irq_routing_entry *entry = &table->entries[table->nr++];

        entry->gsi = routes[i].gsi - vm_arch_gsi_base();
        entry->type = KVM_IRQ_ROUTING_MSI;
        entry->flags = requester ? KVM_MSI_VALID_DEVID : 0;
        entry->u.msi.address_lo = (uint32_t)msi->address;
        entry->u.msi.address_hi = (uint32_t)(msi->address >> 32);
        entry->u.msi.data = msi->data;
        entry->u.msi.devid = requester ? msi->requester : 0;
    }
    good = ioctl(vm->fd, KVM_SET_GSI_ROUTING, table) == 0 ||
           error_set(error, "KVM does not take %u routes of interrupts: KVM_SET_GSI_ROUTING: %s", table->nr,
                     strerror(errno));
    free(table);
    return good;
}

bool kernel_send_msi(const struct vm *vm, const struct vm_msi *msi)
{
    const bool requester = vm_arch_msi_has_requester(vm);
    struct kvm_msi call = {
        .address_lo = (uint32_t)msi->address,
        .address_hi = (uint32_t)(msi->address >> 32),
        .data = msi->data,
        .flags = requester ? KVM_MSI_VALID_DEVID : 0,
        .devid = requester ? msi->requester : 0,
    };

    return ioctl(vm->fd, KVM_SIGNAL_MSI, &call) > 0;
}

/* ---- eventfds that raise interrupts ---- */

bool kernel_add_irqfd(const struct vm *vm, unsigned gsi, int fd, int resample_fd, struct error *error)
{
    struct kvm_irqfd call = {
        .fd = (uint32_t)fd,
        .gsi = gsi - vm_arch_gsi_base(),
        .flags = resample_fd >= 0 ? KVM_IRQFD_FLAG_RESAMPLE : 0,
        .resamplefd = resample_fd >= 0 ? (uint32_t)resample_fd : 0,
    };

    if (ioctl(vm->fd, KVM_IRQFD, &call) == 0)
        return true;
    if (errno == EBUSY)
        return irqfd_is_taken(gsi, error);
    return error_set(error, "KVM does not take an eventfd for interrupt %u: KVM_IRQFD: %s", gsi,
                     strerror(errno));
}

void kernel_remove_irqfd(const struct vm *vm, unsigned gsi, int fd)
{
    struct kvm_irqfd call = {
        .fd = (uint32_t)fd,
        .gsi = gsi - vm_arch_gsi_base(),
        .flags = KVM_IRQFD_FLAG_DEASSIGN,
    };

    RESULT_DOES_NOT_MATTER(ioctl(vm->fd, KVM_IRQFD, &call), "it fails only for one that is not there");
}
