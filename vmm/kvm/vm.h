/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A virtual machine: its memory slots and its interrupt lines. It is KVM's (vm.c, x86.c), or under -accel
 * qtest one without hardware (qtest/vm.c).
 *
 * Threads: creation and memory slots on the main thread; vm_irq_line() from any thread.
 */
#ifndef VMM_KVM_VM_H
#define VMM_KVM_VM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "host/error.h"

struct vm;

/* What is done with the machine's hardware: the vm_ functions of the same names. */
struct vm_ops {
    bool (*set_memslot)(const struct vm *vm, unsigned memslot, uint64_t guest_address, uint64_t size,
                        void *memory, struct error *error);
    void (*irq_line)(const struct vm *vm, unsigned gsi, bool high);
    bool (*create_devices)(struct vm *vm, struct error *error);
    void (*reset_devices)(const struct vm *vm);
};

struct vm {
    const struct vm_ops *ops;
    int kvm_fd;            /* /dev/kvm, or -1 */
    int fd;                /* KVM's virtual machine, or -1 */
    size_t run_size;       /* bytes of a vCPU's shared page (struct kvm_run and more) */
    unsigned memslots_max; /* KVM memslots that one VM can have */
    unsigned vcpus_max;
    struct vm_arch *arch; /* state of the in-kernel devices after power-on (kvm/x86.c) */
    /* Without KVM: who is told of interrupt lines, under the machine lock; or NULL. */
    void (*irq_watch)(void *opaque, unsigned gsi, bool high);
    void *irq_opaque;
};

/* Open /dev/kvm, check its version and the capabilities that hotram needs, create the VM. Errors say which
 * thing is missing and what to do about it. */
bool vm_create(struct vm *vm, struct error *error);
void vm_destroy(struct vm *vm);

/* Whether /dev/kvm can be opened: what query-kvm answers. */
bool kvm_available(void);

/* Map host memory into the guest, or with size 0 take the memslot away. When it returns, no vCPU
 * reaches the old mapping any more. */
bool vm_set_memslot(const struct vm *vm, unsigned memslot, uint64_t guest_address, uint64_t size,
                    void *memory, struct error *error);

/* Set an interrupt line (a global system interrupt) high or low. */
void vm_irq_line(const struct vm *vm, unsigned gsi, bool high);

/* Create the in-kernel interrupt controllers and timer: after the memslots, before the vCPUs. */
bool vm_create_devices(struct vm *vm, struct error *error);
/* Put the in-kernel interrupt controllers and timer back into their state after power-on. */
void vm_reset_devices(const struct vm *vm);

/* What differs between architectures (kvm/x86.c). */
bool vm_arch_create(struct vm *vm, struct error *error);
void vm_arch_destroy(struct vm *vm);
void vm_arch_reset(const struct vm *vm);
/* A sentence when this host's CPU shows no hardware virtualization although KVM opened; else NULL. */
const char *vm_arch_warning(void);

#endif
