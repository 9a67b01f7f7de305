/* SPDX-License-Identifier: BSD-2-Clause */
/* Doorbells and interrupts by KVM's ioctls: the functions of vm_ops that kvm/doorbell.h and kvm/interrupts.h
 * describe. */
#ifndef VMM_KVM_KERNEL_WIRES_H
#define VMM_KVM_KERNEL_WIRES_H

#include "kvm/doorbell.h"
#include "kvm/interrupts.h"

bool kernel_add_doorbell(const struct vm *vm, const struct vm_doorbell *doorbell, struct error *error);
void kernel_remove_doorbell(const struct vm *vm, const struct vm_doorbell *doorbell);
bool kernel_set_routes(const struct vm *vm, const struct vm_routed *routes, unsigned count,
                       struct error *error);
bool kernel_add_irqfd(const struct vm *vm, unsigned gsi, int fd, int resample_fd, struct error *error);
void kernel_remove_irqfd(const struct vm *vm, unsigned gsi, int fd);
bool kernel_send_msi(const struct vm *vm, const struct vm_msi *msi);

#endif
