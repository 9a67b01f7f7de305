/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What x86_saved.c and x86_restored.c share. Main thread, while all vCPUs are paused.
 */
#ifndef VMM_KVM_X86_SAVED_H
#define VMM_KVM_X86_SAVED_H

#include "kvm/x86_state.h"

/* The PICs and the IOAPIC, by KVM's numbers. */
#define X86_CHIPS 3u
extern const char *const x86_chips[X86_CHIPS];

/* Set the error that KVM does not `verb` a part of a vCPU's state, with errno's reason. Returns false. */
bool x86_refuse(const struct vcpu *vcpu, const char *verb, const char *what, struct error *error);
/* The offset of a vCPU's TSC, by KVM_GET_DEVICE_ATTR or KVM_SET_DEVICE_ATTR. */
bool x86_pass_offset(const struct vcpu *vcpu, unsigned long request, uint64_t *offset, struct error *error);
/* Advance the TSCs of all vCPUs by `shift`, modulo 2^64. False and an error: KVM refuses. */
bool x86_shift_tsc(const struct vcpus *vcpus, uint64_t shift, struct error *error);
/* The frequency of the guest's TSC, kHz. */
bool x86_tsc_khz(const struct vcpus *vcpus, uint64_t *khz, struct error *error);

#endif
