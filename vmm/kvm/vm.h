/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A virtual machine: its memory slots and its interrupt lines. It is KVM's (vm.c, x86.c), or under -accel
 * qtest one without hardware (kvm/without_kvm.c).
 *
 * Threads: creation and memory slots on the main thread; vm_irq_line() from any thread.
 */
#ifndef VMM_KVM_VM_H
#define VMM_KVM_VM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct vm;

/* What is done with the machine's hardware: the vm_ functions of the same names. */
struct vm_ops {
    bool (*set_memslot)(const struct vm *vm, unsigned memslot, uint64_t guest_address, uint64_t size,
                        void *memory, unsigned flags, struct error *error);
    bool (*get_dirty_log)(const struct vm *vm, unsigned memslot, uint64_t *pages, struct error *error);
    void (*irq_line)(const struct vm *vm, unsigned gsi, bool high);
    bool (*create_devices)(struct vm *vm, struct error *error);
    bool (*complete_devices)(struct vm *vm, struct error *error);
    bool (*reset_devices)(const struct vm *vm, struct error *error);
};

struct vm {
    const struct vm_ops *ops;
    int kvm_fd;            /* /dev/kvm, or -1 */
    int fd;                /* KVM's virtual machine, or -1 */
    size_t run_size;       /* bytes of a vCPU's shared page (struct kvm_run and more) */
    unsigned memslots_max; /* KVM memslots that one VM can have */
    unsigned vcpus_max;
    unsigned cpus;        /* that the machine has; before vm_create_devices() */
    bool has_pmu;         /* arm64: vCPUs count events; known when they are made */
    unsigned gic_version; /* arm64: 2, 3, or 0 for the newest that the host has; the devices know it then */
    struct vm_arch *arch; /* the in-kernel devices (kvm/x86.c, kvm/arm64.c) */
    /* Without KVM: who is told of interrupt lines, on the main thread; or NULL. */
    void (*irq_watch)(void *opaque, unsigned gsi, bool high);
    void *irq_opaque;
};

/* Open /dev/kvm, check its version and the capabilities that hotram needs, create the VM. Errors say which
 * thing is missing and what to do about it. */
bool vm_create(struct vm *vm, struct error *error);
/* One that needs no /dev/kvm, for -accel qtest: guest memory is there, no vCPU runs, and interrupt lines end
 * at machine_watch_irqs(). Cannot fail. */
void vm_create_without_kvm(struct vm *vm);
void vm_destroy(struct vm *vm);

/* Whether /dev/kvm can be opened: what query-kvm answers. */
bool kvm_available(void);

/* What a memslot is besides plain memory. */
enum vm_memslot_flags {
    VM_MEMSLOT_READ_ONLY =
        1,              /* what the guest writes leaves the memory as it is: it is an access to the bus */
    VM_MEMSLOT_LOG = 2, /* what the guest writes is in the dirty log; may change while the memslot is there */
};
/* Map host memory into the guest, or with size 0 take the memslot away. When it returns, no vCPU
 * reaches the old mapping any more. `flags` are of enum vm_memslot_flags. */
bool vm_set_memslot(const struct vm *vm, unsigned memslot, uint64_t guest_address, uint64_t size,
                    void *memory, unsigned flags, struct error *error);

/* Which pages of a memslot with VM_MEMSLOT_LOG the guest has written since the last time: a bit each, of the
 * host's page size, the first page's the lowest of the first word. `pages` is zero before. False: KVM fails,
 * and nothing is lost. kvm/dirty_log.c. */
bool vm_get_dirty_log(const struct vm *vm, unsigned memslot, uint64_t *pages, struct error *error);

/* Set an interrupt line (a global system interrupt) high or low. */
void vm_irq_line(const struct vm *vm, unsigned gsi, bool high);

/* Create the in-kernel interrupt controllers and timer: after the memslots, before the vCPUs; and complete
 * them when the vCPUs are there. */
bool vm_create_devices(struct vm *vm, struct error *error);
bool vm_complete_devices(struct vm *vm, struct error *error);
/* Put the in-kernel interrupt controllers and timer back into their state after power-on. */
bool vm_reset_devices(const struct vm *vm, struct error *error);

/* What differs between architectures (kvm/x86.c, kvm/arm64.c). */
unsigned long vm_arch_type(int kvm_fd); /* KVM_CREATE_VM's argument */
unsigned vm_arch_irq(unsigned gsi);     /* KVM_IRQ_LINE's number of an interrupt */
unsigned vm_arch_address_bits(void);    /* of guest-physical addresses, as this host allows them */
bool vm_arch_create(struct vm *vm, struct error *error);
bool vm_arch_complete(struct vm *vm, struct error *error);
void vm_arch_destroy(struct vm *vm);
bool vm_arch_reset(const struct vm *vm, struct error *error);
/* A sentence when this host's CPU shows no hardware virtualization although KVM opened; else NULL. */
const char *vm_arch_warning(void);

#endif
