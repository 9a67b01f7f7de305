/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Single registers of a vCPU, of 64 bits, by KVM's numbers.
 *
 * Threads: that of the vCPU outside KVM_RUN, or others while it is parked.
 */
#ifndef VMM_KVM_ARM64_REGISTER_H
#define VMM_KVM_ARM64_REGISTER_H

#include <linux/kvm.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct vcpu;

#define ARM64_CORE_REG(field) \
    (KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | \
     (offsetof(struct kvm_regs, regs.field) / sizeof(uint32_t)))

/* False: KVM refuses, and errno says why. */
bool arm64_get_register(const struct vcpu *vcpu, uint64_t id, uint64_t *value);
bool arm64_set_register(const struct vcpu *vcpu, uint64_t id, uint64_t value);

#endif
