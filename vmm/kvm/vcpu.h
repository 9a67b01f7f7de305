/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Virtual CPUs: each has a thread, which runs the guest and passes its exits to the machine (vcpu.c). The
 * group has one for each possible CPU of the machine (vcpu_group.c).
 *
 * KVM cannot delete a vCPU. One that leaves the machine becomes absent: descriptor and thread stay, the
 * thread waits outside the guest, and both are used again when the CPU comes back, with the state after
 * power-on. x86-64: a vCPU is created when it is added for the first time. arm64: all are created at the
 * start, since KVM accepts none afterwards, and PSCI's CPU_ON fails for absent ones: either the program
 * answers it (kvm/vcpu_start.h), or they are kept in a state in which KVM refuses.
 *
 * Threads: vcpus_*() on the main thread, except vcpus_hold(), which any thread may call. The group's lock
 * protects the members so marked below and the sending of kicks, of which there are none after `quit`; it is
 * taken last (after the machine lock) and held briefly. vcpus_pause(), vcpus_add(), vcpus_remove() and
 * vcpus_look() wait for threads of vCPUs, which handle exits meanwhile: the caller holds no lock that an exit
 * may take. No vCPU waits for the main thread but in park(), where it counts as parked; one that starts
 * another waits for that one's thread, and answers meanwhile.
 *
 * A vCPU's thread waits while `hold`, `rest` or its own `absent` is set. They are set before the kick; the
 * thread clears immediate_exit, then looks at them, so that a kick between the two is not lost. Whoever sets
 * one of them back does so under the lock, under which the thread looks again before it leaves park().
 *
 * A guest is slowed by `rest`, which a timer of the main thread sets and takes back (machine/throttle.h): the
 * vCPUs park as for a pause, except that nobody waits for them and that the guest's clocks continue. So a
 * vCPU that does not rest pays one load for it each time that it enters the guest. `hold` and `rest` do not
 * know of each other: a guest that is resumed while it is to rest does so first.
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
struct vcpu_start;

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
    int fd; /* -1: KVM has not created it */
    struct kvm_run *run;
    pthread_t thread;
    bool thread_started; /* under the group's lock, like the next */
    bool parked;         /* its thread waits, and the vCPU is whole */
    atomic_bool absent;  /* not part of the machine; written under the lock by the main thread */
    atomic_bool look;    /* the main thread waits to hear whether the guest has started it; cleared
                            under the lock */
    atomic_bool started; /* the guest has started it since it came or was reset */
    _Atomic(struct vcpu_start *) start; /* another vCPU waits to hear whether it starts this one; written
                                           under the lock */
    bool as_reset;              /* arm64: its registers are those after power-on; its own thread, or others
                                   while it is parked */
    atomic_int tid;             /* Linux thread id, 0 before the thread runs */
    atomic_uint_fast64_t exits; /* exits from KVM_RUN that this program handled */
    struct vcpu_snapshot *snapshot; /* state after power-on, for resets */
};

/* KVM's clock of the guest, read while all vCPUs are parked. */
struct vcpu_clock {
    uint64_t value;    /* in the architecture's unit: kvmclock's nanoseconds, or the virtual counter */
    uint64_t host_tsc; /* x86: the host's TSC at that moment */
    bool restored;     /* x86: the TSC continues with the clock, since this was restored */
};

struct vcpus {
    const struct vm *vm;
    const struct vcpu_ops *ops;
    void *opaque;
    struct vcpu *vcpu;
    unsigned possible; /* how many there are room for; 0: no guest runs */
    struct cpu_topology topology;
    bool name_threads;
    bool takes_starts; /* the guest's calls that start vCPUs come to this program; fixed before they run */
    atomic_bool hold;  /* no vCPU may enter the guest */
    atomic_bool rest;  /* the same, for a moment, as the guest is slowed; written under the lock */
    atomic_bool unrestricted; /* the kernel refused the list of system calls for one of the threads */
    bool quit;                /* under lock: threads end */
    bool clock_known;         /* main thread, like the next: the guest's clock stands at */
    struct vcpu_clock clock;  /* this, since vCPUs were paused */
    unsigned threads;         /* under lock: how many have started, and how many */
    unsigned parked;          /* of them wait */
    pthread_mutex_t lock;
    pthread_cond_t changed;
};

/* What the guest's first CPU starts with: x86_entry.h, arm64_entry.h. */
struct vcpu_entry;

/* Create the first `count` of `possible` vCPUs, held; the others are absent. False and an error: KVM refuses,
 * or out of memory; vcpus_destroy() is to be called in both cases. */
bool vcpus_create(struct vcpus *vcpus, const struct vm *vm, unsigned count, unsigned possible,
                  const struct vcpu_ops *ops, void *opaque, const struct cpu_topology *topology,
                  struct error *error);
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
/* Let no vCPU enter the guest until this is taken back; does not wait. Paused or not, they stay so. */
void vcpus_rest(struct vcpus *vcpus, bool rest);

/* Add a vCPU that is absent, with its state after power-on: it waits for INIT and SIPI, or for PSCI's CPU_ON,
 * and runs and is held with the others. They may run meanwhile. False and an error: KVM refuses, the host
 * cannot create a thread, or out of memory; the vCPU is still absent, and another attempt is possible. */
bool vcpus_add(struct vcpus *vcpus, unsigned index, struct error *error);
/* Make a vCPU absent; waits until it has left the guest. */
void vcpus_remove(struct vcpus *vcpus, unsigned index);
/* Whether a vCPU is part of the machine. */
bool vcpus_has(const struct vcpus *vcpus, unsigned index);
/* Whether the guest has started a vCPU since it was added or reset. On x86 its thread has noted it; on arm64
 * a vCPU that is not known to have started is woken to be asked. */
bool vcpus_look(struct vcpus *vcpus, unsigned index);

/* Reset all vCPUs to their state after power-on; the first starts at `entry`, the others wait for INIT and
 * SIPI, or for PSCI's CPU_ON. Only while they are paused. False and an error: KVM refuses a part of the
 * state. */
bool vcpus_reset(struct vcpus *vcpus, const struct vcpu_entry *entry, struct error *error);

/* Send a non-maskable interrupt to each vCPU that accepts one. Only while they are paused. False and an
 * error: the architecture has no NMI, or KVM refuses; some vCPUs may have received it. */
bool vcpus_nmi(const struct vcpus *vcpus, struct error *error);

uint64_t vcpus_exits(const struct vcpus *vcpus);

/* ---- between vcpu.c and vcpu_group.c ---- */

/* Start a vCPU's thread, which waits. False and an error: the host cannot create one. */
bool vcpu_start_thread(struct vcpu *vcpu, struct error *error);
/* The handler of the signal that takes threads out of KVM_RUN. False and an error: the kernel refuses. */
bool vcpu_catch_kicks(struct error *error);
/* Under the group's lock: take a vCPU's thread out of the guest, unless it calls this itself. */
void vcpu_kick(const struct vcpu *vcpu);

/* What differs between architectures (kvm/x86_vcpu.c, kvm/arm64_vcpu.c). */
/* KVM's number of a vCPU; on x86 its APIC id. */
unsigned long vcpus_arch_id(const struct vcpus *vcpus, unsigned index);
bool vcpu_arch_create(struct vcpu *vcpu, struct error *error);
/* Called when the interrupt controller is complete. */
bool vcpu_arch_complete(struct vcpu *vcpu, struct error *error);
void vcpu_arch_destroy(struct vcpu *vcpu);
bool vcpu_arch_reset(struct vcpu *vcpu, const struct vcpu_entry *entry, struct error *error);
/* Whether absent vCPUs are created at the start, too. */
bool vcpus_arch_create_all(void);
/* While its thread is parked, or has not started: make the guest's attempts to start a vCPU fail, or let them
 * succeed again; it does not run then. False and an error: KVM refuses. */
bool vcpu_arch_set_absent(struct vcpu *vcpu, bool absent, struct error *error);
/* Before any vCPU runs: have KVM pass the guest's calls that start vCPUs to vcpu_arch_hypercall(). False: it
 * answers them itself. */
bool vcpus_arch_take_starts(const struct vcpus *vcpus);
/* Answer a call of the guest's that KVM has passed on; the vCPU's own thread. False: it is none that was
 * asked for, or KVM does not tell or take registers. */
bool vcpu_arch_hypercall(struct vcpu *vcpu);
/* Have a vCPU that is off run as the struct says. By its own thread, or while that is parked. False: KVM
 * refuses. */
bool vcpu_arch_start(struct vcpu *vcpu, const struct vcpu_start *start);
/* Whether the guest has started it. By its own thread, or while that is parked. */
bool vcpu_arch_is_started(const struct vcpu *vcpu);
/* Whether KVM_RUN may continue with the guest's code when the guest starts a vCPU, so that its thread does
 * not hear of it. */
bool vcpus_arch_starts_silently(void);
bool vcpu_arch_nmi(const struct vcpu *vcpu, struct error *error);
#if defined(__aarch64__)
/* Multiprocessor affinity (MPIDR) of a vCPU, by which GIC and tables identify it. */
uint64_t vcpu_arch_mpidr(unsigned index);
#endif
/* KVM's clocks of the guest, while all vCPUs are parked: read them, or set the value from which they
 * continue. False and an error: KVM refuses. */
bool vcpus_arch_get_clock(const struct vcpus *vcpus, struct vcpu_clock *clock, struct error *error);
bool vcpus_arch_set_clock(const struct vcpus *vcpus, const struct vcpu_clock *clock, struct error *error);
/* The clock's value after a reset. */
uint64_t vcpus_arch_reset_clock(uint64_t value);
/* Write registers of a vCPU in one line, for a message about a vCPU that KVM cannot run. */
void vcpu_arch_describe(const struct vcpu *vcpu, char *text, size_t size);

#endif
