/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * x86-64: all the state that a vCPU has in KVM, by name, and its state after power-on.
 *
 * Reset works by snapshot: what KVM says of a vCPU after its creation is kept, and set again. Whoever saves a
 * vCPU has to walk the same tables.
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
    struct kvm_msrs *msrs; /* those that this vCPU has and takes */
};

/* Read the state of a vCPU that has its CPUID and has not run: vcpu->snapshot. */
bool x86_state_read(struct vcpu *vcpu, struct error *error);
void x86_state_free(struct vcpu *vcpu);
/* Put it back to that. The error names what KVM does not take. */
bool x86_state_restore(struct vcpu *vcpu, struct error *error);

#endif
