/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * One vCPU starts another, where the guest's call for it comes to this program: arm64, kvm/arm64_psci.c.
 *
 * Threads: those of vCPUs, while they handle an exit. The group's lock protects the members of the struct
 * that say so; a vCPU that waits for another's answer waits with the lock released (kvm/vcpu_start.c).
 */
#ifndef VMM_KVM_VCPU_START_H
#define VMM_KVM_VCPU_START_H

#include <stdbool.h>
#include <stdint.h>

struct vcpu;

enum vcpu_start_result {
    VCPU_START_DONE,
    VCPU_START_RUNS,    /* it has been started before */
    VCPU_START_PENDING, /* another vCPU is starting it */
    VCPU_START_ABSENT,
    VCPU_START_FAILED, /* KVM refuses; it is still off */
};

struct vcpu_start {
    uint64_t entry, argument; /* address of the first instruction, and what the first register contains */
    bool big_endian;          /* data, as of the vCPU that calls */
    bool answered;            /* under the lock, like the next */
    enum vcpu_start_result result;
};

/* Start a vCPU at start->entry. `index` is that of a possible one. On the thread of `source`, which handles
 * an exit and holds no lock; `start` need live no longer than the call. */
enum vcpu_start_result vcpu_start(struct vcpu *source, unsigned index, struct vcpu_start *start);
/* Answer those that start this vCPU; on its own thread. */
void vcpu_answer_start(struct vcpu *vcpu);

#endif
