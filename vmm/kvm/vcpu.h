/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Virtual CPUs: each has a thread, which runs the guest and passes its exits to the machine.
 *
 * Threads: vcpus_*() on the main thread, except vcpus_hold(), which any thread may call. The group's lock
 * protects the members so marked below and the sending of kicks, of which there are none after `quit`; it is
 * taken last (after the machine lock) and held briefly.
 */
#ifndef VMM_KVM_VCPU_H
#define VMM_KVM_VCPU_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "kvm/cpu_topology.h"
#include "kvm/vm.h"

struct kvm_run;
struct vcpu_snapshot;

/* What the machine does at exits. Called on the vCPU's thread. */
struct vcpu_ops {
    /* One port access of 1, 2 or 4 bytes, little endian in `data`. */
    void (*port)(void *opaque, uint16_t port, bool write, unsigned width, uint8_t *data);
    /* An access to a guest-physical address without memory: reads without a device give all ones. */
    void (*mmio)(void *opaque, uint64_t address, bool write, unsigned width, uint8_t *data);
    /* x86: a triple fault. arm64: PSCI's SYSTEM_RESET and SYSTEM_OFF. */
    void (*reset)(void *opaque);
    void (*power_off)(void *opaque);
    /* The host cannot provide memory that the guest accessed: at `address` of this program, or NULL if KVM
     * does not report it. */
    void (*memory_fault)(void *opaque, void *address);
    /* KVM can no longer run this vCPU, for the reason `why`. */
    void (*broken)(void *opaque, const char *why);
};

struct vcpu {
    struct vcpus *group;
    unsigned index;
    int fd;
    struct kvm_run *run;
    pthread_t thread;
    bool thread_started;            /* under the group's lock */
    atomic_int tid;                 /* Linux thread id, 0 before the thread runs */
    atomic_uint_fast64_t exits;     /* exits from KVM_RUN that this program handled */
    struct vcpu_snapshot *snapshot; /* state after power-on, for resets */
};

struct vcpus {
    const struct vm *vm;
    const struct vcpu_ops *ops;
    void *opaque;
    struct vcpu *vcpu;
    unsigned count; /* how many have been created */
    struct cpu_topology topology;
    atomic_bool hold;         /* no vCPU may enter the guest */
    atomic_bool unrestricted; /* the kernel refused the list of system calls for one of the threads */
    bool quit;                /* under lock: threads end */
    bool clock_known;         /* main thread, like the next: the guest's clock stands at */
    uint64_t clock;           /* this, since vCPUs were paused; the architecture's unit */
    unsigned parked;          /* under lock: threads that wait */
    pthread_mutex_t lock;
    pthread_cond_t changed;
};

/* What the guest's first CPU starts with: x86_entry.h, arm64_entry.h. */
struct vcpu_entry;

/* Create `count` vCPUs, held. False and an error: KVM refuses, or out of memory; vcpus_destroy() is to be
 * called in both cases. */
bool vcpus_create(struct vcpus *vcpus, const struct vm *vm, unsigned count, const struct vcpu_ops *ops,
                  void *opaque, const struct cpu_topology *topology, struct error *error);
/* Called after vm_complete_devices(): start the threads, which wait. False and an error: KVM refuses, or the
 * host cannot create threads. */
bool vcpus_complete(struct vcpus *vcpus, bool name_threads, struct error *error);
void vcpus_destroy(struct vcpus *vcpus);

/* Let no vCPU enter the guest until vcpus_resume(); does not wait. Any thread; a vCPU that calls this from an
 * exit does not return to the guest. */
void vcpus_hold(struct vcpus *vcpus);
/* Hold, and wait until every vCPU is parked outside the guest without an incomplete instruction. From then
 * until vcpus_resume(), KVM's clocks of the guest are stopped. */
void vcpus_pause(struct vcpus *vcpus);
void vcpus_resume(struct vcpus *vcpus);

/* Reset all vCPUs to their state after power-on; the first starts at `entry`, the others wait for INIT and
 * SIPI, or for PSCI's CPU_ON. Only while they are paused. False and an error: KVM refuses a part of the
 * state. */
bool vcpus_reset(struct vcpus *vcpus, const struct vcpu_entry *entry, struct error *error);

/* Send a non-maskable interrupt to each vCPU that accepts one. Only while they are paused. False and an
 * error: the architecture has no NMI, or KVM refuses; some vCPUs may have received it. */
bool vcpus_nmi(const struct vcpus *vcpus, struct error *error);

uint64_t vcpus_exits(const struct vcpus *vcpus);

/* What differs between architectures (kvm/x86_vcpu.c, kvm/arm64_vcpu.c). */
/* KVM's number of a vCPU; on x86 its APIC id. */
unsigned long vcpus_arch_id(const struct vcpus *vcpus, unsigned index);
bool vcpu_arch_create(struct vcpu *vcpu, struct error *error);
/* Called when the interrupt controller is complete. */
bool vcpu_arch_complete(struct vcpu *vcpu, struct error *error);
void vcpu_arch_destroy(struct vcpu *vcpu);
bool vcpu_arch_reset(struct vcpu *vcpu, const struct vcpu_entry *entry, struct error *error);
bool vcpu_arch_nmi(const struct vcpu *vcpu, struct error *error);
#if defined(__aarch64__)
/* Multiprocessor affinity (MPIDR) of a vCPU, by which GIC and tables identify it. */
uint64_t vcpu_arch_mpidr(unsigned index);
#endif
/* KVM's clocks of the guest, while all vCPUs are parked: read them, or set the value from which they
 * continue. False and an error: KVM refuses. */
bool vcpus_arch_get_clock(const struct vcpus *vcpus, uint64_t *clock, struct error *error);
bool vcpus_arch_set_clock(const struct vcpus *vcpus, uint64_t clock, struct error *error);
/* Their value after a reset. */
uint64_t vcpus_arch_reset_clock(uint64_t clock);
/* Write registers of a vCPU in one line, for a message about a vCPU that KVM cannot run. */
void vcpu_arch_describe(const struct vcpu *vcpu, char *text, size_t size);

#endif
