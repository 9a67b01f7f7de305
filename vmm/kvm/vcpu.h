/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Virtual CPUs: a thread each, which runs the guest and hands its exits to the machine.
 *
 * Threads: vcpus_*() on the main thread, but for vcpus_hold(), which any thread may call. The group's lock
 * protects what says so below, and the sending of kicks, which none is after `quit`; it is taken last (after
 * the machine lock) and held for moments only.
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
    /* Access to guest-physical memory where there is none: reads give all ones. */
    void (*mmio)(void *opaque, uint64_t address, bool write, unsigned width, uint8_t *data);
    /* x86: a triple fault. arm64: PSCI's SYSTEM_RESET and SYSTEM_OFF. */
    void (*reset)(void *opaque);
    void (*power_off)(void *opaque);
    /* The host cannot give memory that the guest touched: at `address` of this program, or NULL when KVM does
     * not say where. */
    void (*memory_fault)(void *opaque, void *address);
    /* KVM cannot run this vCPU any more: `why` in words. */
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
    unsigned count; /* how many are made so far */
    struct cpu_topology topology;
    atomic_bool hold;         /* no vCPU is to enter the guest */
    atomic_bool unrestricted; /* the kernel took no list of system calls for one of the threads */
    bool quit;                /* under lock: threads end */
    bool clock_known;         /* main thread, like the next: the guest's clock stands at */
    uint64_t clock;           /* this, since vCPUs were paused; the architecture's unit */
    unsigned parked;          /* under lock: threads that wait */
    pthread_mutex_t lock;
    pthread_cond_t changed;
};

/* What the guest's first CPU starts with: x86_entry.h, arm64_entry.h. */
struct vcpu_entry;

/* Create the vCPUs, held. */
bool vcpus_create(struct vcpus *vcpus, const struct vm *vm, unsigned count, const struct vcpu_ops *ops,
                  void *opaque, const struct cpu_topology *topology, struct error *error);
/* After vm_complete_devices(): their threads are started, and wait. */
bool vcpus_complete(struct vcpus *vcpus, bool name_threads, struct error *error);
void vcpus_destroy(struct vcpus *vcpus);

/* Any thread: no vCPU enters the guest again until vcpus_resume(); does not wait. A vCPU that calls this
 * from an exit does not return to the guest. */
void vcpus_hold(struct vcpus *vcpus);
/* Hold, and wait until every vCPU is parked outside the guest with no half-done instruction. From then until
 * vcpus_resume() the clocks that KVM has for the guest stand still. */
void vcpus_pause(struct vcpus *vcpus);
void vcpus_resume(struct vcpus *vcpus);

/* All vCPUs back to power-on; the first starts at `entry`, the others wait for INIT and SIPI, or for PSCI's
 * CPU_ON. Paused only. */
bool vcpus_reset(struct vcpus *vcpus, const struct vcpu_entry *entry, struct error *error);

/* An interrupt that cannot be masked, for each vCPU that lets it in. Paused only. False: the architecture has
 * none, or KVM refuses; others may have got it. */
bool vcpus_nmi(const struct vcpus *vcpus, struct error *error);

uint64_t vcpus_exits(const struct vcpus *vcpus);

/* What differs between architectures (kvm/x86_vcpu.c, kvm/arm64_vcpu.c). */
/* KVM's number of a vCPU; on x86 its APIC id. */
unsigned long vcpus_arch_id(const struct vcpus *vcpus, unsigned index);
bool vcpu_arch_create(struct vcpu *vcpu, struct error *error);
/* With the interrupt controller complete. */
bool vcpu_arch_complete(struct vcpu *vcpu, struct error *error);
void vcpu_arch_destroy(struct vcpu *vcpu);
bool vcpu_arch_reset(struct vcpu *vcpu, const struct vcpu_entry *entry, struct error *error);
bool vcpu_arch_nmi(const struct vcpu *vcpu, struct error *error);
#if defined(__aarch64__)
/* Multiprocessor affinity of a vCPU: what GIC and tables know it by. */
uint64_t vcpu_arch_mpidr(unsigned index);
#endif
/* The clocks that KVM has for the guest, while all vCPUs are parked: read, and set to go on from there.
 * False: the error says why. */
bool vcpus_arch_get_clock(const struct vcpus *vcpus, uint64_t *clock, struct error *error);
bool vcpus_arch_set_clock(const struct vcpus *vcpus, uint64_t clock, struct error *error);
/* What they stand at after a reset. */
uint64_t vcpus_arch_reset_clock(uint64_t clock);
/* Registers of a vCPU in one line, for a message about one that broke. */
void vcpu_arch_describe(const struct vcpu *vcpu, char *text, size_t size);

#endif
