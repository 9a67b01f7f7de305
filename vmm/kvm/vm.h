/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A virtual machine: its memory slots and its interrupt lines. It is KVM's (vm.c, x86.c), or under -accel
 * qtest one without hardware (kvm/without_kvm.c).
 *
 * Threads: creation and memory slots on the main thread; vm_irq_line() from any thread. Doorbells, and
 * interrupts that need no call: kvm/doorbell.h, kvm/interrupts.h.
 */
#ifndef VMM_KVM_VM_H
#define VMM_KVM_VM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct loop;
struct vm;
struct vm_doorbell;
struct vm_msi;
struct vm_routed;
struct kvm_irq_routing_entry;

/* What is done with the machine's hardware: the vm_ functions of the same names. */
struct vm_ops {
    bool (*set_kvm_slot)(const struct vm *vm, unsigned kvm_slot, uint64_t guest_address, uint64_t size,
                         void *memory, unsigned flags, struct error *error);
    bool (*get_dirty_log)(const struct vm *vm, unsigned kvm_slot, uint64_t *pages, struct error *error);
    void (*irq_line)(const struct vm *vm, unsigned gsi, bool high);
    bool (*create_devices)(struct vm *vm, struct error *error);
    bool (*complete_devices)(struct vm *vm, struct error *error);
    bool (*reset_devices)(const struct vm *vm, struct error *error);
    /* kvm/doorbell.h */
    bool (*add_doorbell)(const struct vm *vm, const struct vm_doorbell *doorbell, struct error *error);
    void (*remove_doorbell)(const struct vm *vm, const struct vm_doorbell *doorbell);
    /* NULL: the kernel does. */
    bool (*ring_doorbell)(const struct vm *vm, bool port, uint64_t address, unsigned width, uint64_t value);
    /* kvm/interrupts.h. set_routes() gets the whole table, one call at a time. */
    bool (*set_routes)(const struct vm *vm, const struct vm_routed *routes, unsigned count,
                       struct error *error);
    bool (*add_irqfd)(const struct vm *vm, unsigned gsi, int fd, int resample_fd, struct error *error);
    void (*remove_irqfd)(const struct vm *vm, unsigned gsi, int fd);
    bool (*send_msi)(const struct vm *vm, const struct vm_msi *msi);
    bool (*acknowledge)(const struct vm *vm, unsigned gsi); /* NULL: the guest does */
};

/* Without KVM: who is told of interrupts, on the main thread. */
struct vm_watcher {
    void (*line)(void *opaque, unsigned gsi, bool high); /* it has changed */
    void (*message)(void *opaque, const struct vm_msi *msi);
    void *opaque;
};

struct vm {
    const struct vm_ops *ops;
    int kvm_fd;             /* /dev/kvm, or -1 */
    int fd;                 /* KVM's virtual machine, or -1 */
    size_t run_size;        /* bytes of a vCPU's shared page (struct kvm_run and more) */
    unsigned kvm_slots_max; /* KVM slots that one VM can have */
    unsigned vcpus_max;
    unsigned cpus;        /* that the machine has; before vm_create_devices() */
    bool has_pmu;         /* arm64: vCPUs count events; known when they are made */
    bool wants_its;       /* arm64, before vm_create_devices(): a GICv3 has one where KVM has it */
    bool has_its;         /* arm64: devices' messages go to the GIC's ITS; known when the devices are made */
    unsigned gic_version; /* arm64: 2, 3, or 0 for the newest that the host has; the devices know it then */
    struct vm_arch *arch; /* the in-kernel devices (kvm/x86.c, kvm/arm64.c) */
    struct vm_interrupts *interrupts; /* GSIs and routes (kvm/interrupts.c) */
    struct vm_stand_in *stand_in;     /* without KVM (kvm/stand_in.h) */
    struct vm_watcher watcher;        /* without KVM; functions are NULL: nobody. Main thread */
};

/* Open /dev/kvm, check its version and the capabilities that hotram needs, create the VM. Errors say which
 * thing is missing and what to do about it. */
bool vm_create(struct vm *vm, struct error *error);
/* One that needs no /dev/kvm, for -accel qtest: guest memory is there, no vCPU runs, and interrupts end at
 * vm->watcher. False: out of memory or file descriptors. Main thread; so is vm_destroy(). */
bool vm_create_without_kvm(struct vm *vm, struct loop *loop, struct error *error);
/* All doorbells and eventfds have been removed. Of one that was not made, or only in part, too. */
void vm_destroy(struct vm *vm);

/* Whether /dev/kvm can be opened: what query-kvm answers. */
bool kvm_available(void);

/* What a KVM slot is besides plain memory. */
enum vm_kvm_slot_flags {
    VM_KVM_SLOT_READ_ONLY =
        1, /* what the guest writes leaves the memory as it is: it is an access to the bus */
    VM_KVM_SLOT_LOG =
        2, /* what the guest writes is in the dirty log; may change while the KVM slot is there */
};
/* Map host memory into the guest, or with size 0 take the KVM slot away. When it returns, no vCPU
 * reaches the old mapping any more. `flags` are of enum vm_kvm_slot_flags. */
bool vm_set_kvm_slot(const struct vm *vm, unsigned kvm_slot, uint64_t guest_address, uint64_t size,
                     void *memory, unsigned flags, struct error *error);

/* Which pages of a KVM slot with VM_KVM_SLOT_LOG the guest has written since the last time: a bit each, of
 * the host's page size, the first page's the lowest of the first word. `pages` is zero before. False: KVM
 * fails, and nothing is lost. kvm/dirty_log.c. */
bool vm_get_dirty_log(const struct vm *vm, unsigned kvm_slot, uint64_t *pages, struct error *error);

/* Set an interrupt line (a global system interrupt) high or low. */
void vm_irq_line(const struct vm *vm, unsigned gsi, bool high);

/* Create the in-kernel interrupt controllers and timer: after the KVM slots, before the vCPUs; and complete
 * them when the vCPUs are there. */
bool vm_create_devices(struct vm *vm, struct error *error);
bool vm_complete_devices(struct vm *vm, struct error *error);
/* Put the in-kernel interrupt controllers and timer back into their state after power-on. */
bool vm_reset_devices(const struct vm *vm, struct error *error);

/* What differs between architectures (kvm/x86.c, kvm/arm64.c). */
unsigned long vm_arch_type(int kvm_fd); /* KVM_CREATE_VM's argument */
unsigned vm_arch_irq(unsigned gsi);     /* KVM_IRQ_LINE's number of an interrupt */
unsigned vm_arch_gsi_base(void);        /* the GSI that is 0 in KVM's routes and irqfds */
unsigned vm_arch_gsi_count(void);       /* the first GSI that is no line of the interrupt controller */
/* The routes that KVM makes by itself for the controller's lines: a table that replaces its own needs them,
 * too. How many; into `entries`, which are zeros, or NULL. */
unsigned vm_arch_routes(struct kvm_irq_routing_entry *entries);
/* Whose messages are told apart by who sends them (KVM_MSI_VALID_DEVID). */
bool vm_arch_msi_has_requester(const struct vm *vm);
unsigned vm_arch_address_bits(void); /* of guest-physical addresses, as this host allows them */
bool vm_arch_create(struct vm *vm, struct error *error);
bool vm_arch_complete(struct vm *vm, struct error *error);
void vm_arch_destroy(struct vm *vm);
bool vm_arch_reset(const struct vm *vm, struct error *error);
/* A sentence when this host's CPU shows no hardware virtualization although KVM opened; else NULL. */
const char *vm_arch_warning(void);

#endif
