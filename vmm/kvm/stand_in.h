/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Doorbells and interrupts without KVM, for -accel qtest: the functions of vm_ops that kvm/doorbell.h and
 * kvm/interrupts.h describe.
 *
 * Threads: any, as with KVM. Reports for the watcher (vm->watcher) are queued and delivered on the main
 * thread, immediately if that is the calling thread. `lock`, a leaf, protects all state.
 */
#ifndef VMM_KVM_STAND_IN_H
#define VMM_KVM_STAND_IN_H

#include "kvm/doorbell.h"
#include "kvm/interrupts.h"

struct loop;
struct vm_stand_in;

/* Create the state of a VM. NULL and an error: out of memory or descriptors. Created and destroyed on the
 * main thread while no other thread uses `vm`; all doorbells and eventfds have been removed before the end.
 */
struct vm_stand_in *stand_in_create(const struct vm *vm, struct loop *loop, struct error *error);
void stand_in_destroy(struct vm_stand_in *all);

void stand_in_irq_line(const struct vm *vm, unsigned gsi, bool high);
bool stand_in_add_doorbell(const struct vm *vm, const struct vm_doorbell *doorbell, struct error *error);
void stand_in_remove_doorbell(const struct vm *vm, const struct vm_doorbell *doorbell);
bool stand_in_ring_doorbell(const struct vm *vm, bool port, uint64_t address, unsigned width, uint64_t value);
bool stand_in_set_routes(const struct vm *vm, const struct vm_routed *routes, unsigned count,
                         struct error *error);
bool stand_in_add_irqfd(const struct vm *vm, unsigned gsi, int fd, int resample_fd, struct error *error);
void stand_in_remove_irqfd(const struct vm *vm, unsigned gsi, int fd);
bool stand_in_send_msi(const struct vm *vm, const struct vm_msi *msi);
bool stand_in_acknowledge(const struct vm *vm, unsigned gsi);

#endif
