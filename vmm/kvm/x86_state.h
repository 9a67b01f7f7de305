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

/* Its pieces besides MSRs, in the order in which they are set; pending events are the last. */
struct x86_piece {
    const char *name;
    unsigned long get;
    unsigned long set;
    size_t offset, size; /* in struct vcpu_snapshot */
};
extern const struct x86_piece x86_pieces[];
extern const unsigned x86_piece_count;

/* Pass MSRs from `first` on through KVM_GET_MSRS or KVM_SET_MSRS, a limited number at a time. Returns how
 * many were accepted: KVM stops at the first one that it refuses. -1 and errno: none can be passed at all. */
int x86_pass_msrs(int fd, unsigned long request, struct kvm_msrs *msrs, uint32_t first);
/* A copy, which the caller frees. NULL: out of memory. */
struct kvm_msrs *x86_copy_msrs(const struct kvm_msrs *msrs);
/* x86_vcpu.c: the CPUID that a vCPU is given; the caller frees it. NULL and an error: KVM does not tell, or
 * out of memory. */
struct kvm_cpuid2 *x86_cpuid(const struct vcpu *vcpu, struct error *error);

/* Read the state of a vCPU that has not run, after its CPUID was set, into vcpu->snapshot. False and an
 * error: KVM refuses, or out of memory. */
bool x86_state_read(struct vcpu *vcpu, struct error *error);
void x86_state_free(struct vcpu *vcpu);
/* Restore the snapshot. False and an error that names the state that KVM refuses. */
bool x86_state_restore(struct vcpu *vcpu, struct error *error);

#endif
