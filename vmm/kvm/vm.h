/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A virtual machine: its memory slots and its interrupt lines. KVM implements it (vm.c, x86.c), or, under
 * -accel qtest, kvm/without_kvm.c.
 *
 * Threads: creation and memory slots on the main thread; vm_irq_line() from any thread. Doorbells, and
 * interrupts that do not need a call: kvm/doorbell.h, kvm/interrupts.h.
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

/* The implementation of the vm_ functions of the same names. */
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
    /* NULL: the kernel does it. */
    bool (*ring_doorbell)(const struct vm *vm, bool port, uint64_t address, unsigned width, uint64_t value);
    /* kvm/interrupts.h. set_routes() gets the whole table, one call at a time. */
    bool (*set_routes)(const struct vm *vm, const struct vm_routed *routes, unsigned count,
                       struct error *error);
    bool (*add_irqfd)(const struct vm *vm, unsigned gsi, int fd, int resample_fd, struct error *error);
    void (*remove_irqfd)(const struct vm *vm, unsigned gsi, int fd);
    bool (*send_msi)(const struct vm *vm, const struct vm_msi *msi);
    bool (*acknowledge)(const struct vm *vm, unsigned gsi); /* NULL: the guest does it */
};

/* Without KVM: receives reports of interrupts, on the main thread. */
struct vm_watcher {
    void (*line)(void *opaque, unsigned gsi, bool high); /* its level changed */
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
    unsigned cpus;     /* of the machine at its start; set before vm_create_devices(), like */
    unsigned cpus_max; /* those that are possible */
    bool hides_pv_eoi; /* x86-64: vCPUs lack KVM's paravirtual EOI; set before they are created */
    bool has_pmu;      /* arm64: vCPUs have performance counters; known once they are created */
    bool wants_its;    /* arm64, set before vm_create_devices(): a GICv3 gets an ITS if KVM provides it */
    bool has_its;      /* arm64: devices' messages go to the GIC's ITS; known once the devices are created */
    unsigned gic_version; /* arm64: 2, 3, or 0 for the newest that the host supports; never 0 once the devices
                             are created */
    struct vm_arch *arch; /* the in-kernel devices (kvm/x86.c, kvm/arm64.c) */
    struct vm_interrupts *interrupts; /* GSIs and routes (kvm/interrupts.c) */
    struct vm_stand_in *stand_in;     /* without KVM (kvm/stand_in.h) */
    struct vm_watcher watcher;        /* without KVM; functions may be NULL. Main thread */
};

/* Open /dev/kvm, check its version and the capabilities that hotram requires, and create the VM. False and an
 * error that names what is missing and a remedy; vm_destroy() is to be called in both cases. Main thread. */
bool vm_create(struct vm *vm, struct error *error);
/* Create a VM that does not require /dev/kvm, for -accel qtest: guest memory exists, no vCPU runs, and
 * interrupts are reported to vm->watcher. False and an error: out of memory or file descriptors. Main thread.
 */
bool vm_create_without_kvm(struct vm *vm, struct loop *loop, struct error *error);
/* Destroy a VM, also one whose creation failed. All doorbells and eventfds have been removed before. Main
 * thread. */
void vm_destroy(struct vm *vm);

/* Whether /dev/kvm can be opened, for query-kvm. */
bool kvm_available(void);

/* Properties of a KVM slot. */
enum vm_kvm_slot_flags {
    VM_KVM_SLOT_READ_ONLY =
        1,               /* writes by the guest do not change the memory: they are accesses to the bus */
    VM_KVM_SLOT_LOG = 2, /* writes by the guest are in the dirty log; may change while the KVM slot exists */
};
/* Map host memory into the guest, or delete the KVM slot if `size` is 0. `guest_address` and `size` are in
 * bytes, multiples of the host's page size; `flags` are of enum vm_kvm_slot_flags. After this returns, no
 * vCPU can access the old mapping. False and an error: KVM refuses; the KVM slot is unchanged. Main thread.
 */
bool vm_set_kvm_slot(const struct vm *vm, unsigned kvm_slot, uint64_t guest_address, uint64_t size,
                     void *memory, unsigned flags, struct error *error);

/* Read and clear the dirty log of a KVM slot with VM_KVM_SLOT_LOG: one bit for each page of the host's page
 * size, the first page's being the lowest bit of the first word. The caller has zeroed `pages`. False and an
 * error: KVM refuses; the log is unchanged. Main thread (kvm/dirty_log.c). */
bool vm_get_dirty_log(const struct vm *vm, unsigned kvm_slot, uint64_t *pages, struct error *error);

/* Set an interrupt line (a global system interrupt) high or low. Any thread. Cannot fail. */
void vm_irq_line(const struct vm *vm, unsigned gsi, bool high);

/* Create the in-kernel interrupt controllers and timer, after the KVM slots and before the vCPUs; complete
 * them after the vCPUs have been created. False and an error: KVM refuses, or does not provide one. Main
 * thread. */
bool vm_create_devices(struct vm *vm, struct error *error);
bool vm_complete_devices(struct vm *vm, struct error *error);
/* Restore the state of the in-kernel interrupt controllers and timer after power-on, while vCPUs are paused.
 * False and an error: KVM refuses. Main thread. */
bool vm_reset_devices(const struct vm *vm, struct error *error);

/* What differs between architectures (kvm/x86.c, kvm/arm64.c). */
unsigned long vm_arch_type(int kvm_fd); /* KVM_CREATE_VM's argument */
unsigned vm_arch_irq(unsigned gsi);     /* KVM_IRQ_LINE's number of an interrupt */
unsigned vm_arch_gsi_base(void);        /* the GSI that has the number 0 in KVM's routes and irqfds */
unsigned vm_arch_gsi_count(void);       /* the first GSI that is not a line of the interrupt controller */
/* Write KVM's default routes of the controller's lines, which a table that replaces KVM's must include, to
 * `entries` (zeroed, or NULL). Returns their number. */
unsigned vm_arch_routes(struct kvm_irq_routing_entry *entries);
/* Whether messages include the requester (KVM_MSI_VALID_DEVID). */
bool vm_arch_msi_has_requester(const struct vm *vm);
unsigned vm_arch_address_bits(void); /* width of guest-physical addresses that the host supports */
bool vm_arch_create(struct vm *vm, struct error *error);
bool vm_arch_complete(struct vm *vm, struct error *error);
void vm_arch_destroy(struct vm *vm);
bool vm_arch_reset(const struct vm *vm, struct error *error);
/* A warning if the host's CPU reports no hardware virtualization although /dev/kvm could be opened; otherwise
 * NULL. */
const char *vm_arch_warning(void);

#endif
