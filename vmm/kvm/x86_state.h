/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * x86-64: the complete state of a vCPU in KVM, by name, and its state after power-on.
 *
 * A reset restores a snapshot of the state that KVM reports after a vCPU's creation. Code that saves a vCPU
 * must use the same tables.
 *
 * Threads: main thread, while the vCPU is parked.
 */
#ifndef VMM_KVM_X86_STATE_H
#define VMM_KVM_X86_STATE_H

#include <linux/kvm.h>

#include "kvm/vcpu.h"

struct vcpu_snapshot {
    struct kvm_regs regs;
    struct kvm_sregs sregs;
    uint32_t xsave[sizeof(struct kvm_xsave) / sizeof(uint32_t)];
    struct kvm_xcrs xcrs;
    struct kvm_debugregs debug;
    struct kvm_vcpu_events events;
    struct kvm_lapic_state lapic;
    struct kvm_mp_state mp;
    struct kvm_msrs *msrs; /* those that this vCPU has and that can be set */
};

/* Read the state of a vCPU that has not run, after its CPUID was set, into vcpu->snapshot. False and an
 * error: KVM refuses, or out of memory. */
bool x86_state_read(struct vcpu *vcpu, struct error *error);
void x86_state_free(struct vcpu *vcpu);
/* Restore the snapshot. False and an error that names the state that KVM refuses. */
bool x86_state_restore(struct vcpu *vcpu, struct error *error);

#endif
