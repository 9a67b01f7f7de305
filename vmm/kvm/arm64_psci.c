/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * PSCI's CPU_ON (Arm DEN 0022, 5.6) of machines with absent CPUs. KVM answers all calls of PSCI, and knows no
 * absent CPUs. Since Linux 6.4 it can pass single calls to its user (Linux
 * Documentation/virt/kvm/devices/vm.rst, KVM_ARM_VM_SMCCC_FILTER): CPU_ON then is answered here, and for an
 * absent CPU with DENIED, which Linux passes over without a word when it tries all possible CPUs as it boots.
 * Older kernels: arm64_vcpu.c, vcpu_arch_set_absent().
 */
#include <linux/kvm.h>
#include <linux/psci.h>
#include <sys/ioctl.h>

#include "kvm/arm64_register.h"
#include "kvm/vcpu.h"
#include "kvm/vcpu_start.h"

/* Linux include/uapi, asm/kvm.h; headers older than 6.4 lack them. */
#define SMCCC_CTRL 0 /* a group of the VM's attributes */
#define SMCCC_FILTER 0
#define FORWARD_TO_USER 2
struct smccc_filter {
    uint32_t base;
    uint32_t functions;
    uint8_t action;
    uint8_t zero[15];
};

/* Affinity levels of an MPIDR */
#define AFFINITY 0xff00ffffffull
#define SCTLR_EL1 ARM64_SYS_REG(3, 0, 1, 0, 0)
#define SCTLR_EE (1ull << 25)

static bool forward(const struct vm *vm, uint32_t function)
{
    struct smccc_filter filter = { .base = function, .functions = 1, .action = FORWARD_TO_USER };
    struct kvm_device_attr attr = { .group = SMCCC_CTRL, .attr = SMCCC_FILTER, .addr = (uintptr_t)&filter };

    return ioctl(vm->fd, KVM_SET_DEVICE_ATTR, &attr) == 0;
}

/* What a kernel has that forwards one, the other needs, too. */
bool vcpus_arch_take_starts(const struct vcpus *vcpus)
{
    const struct kvm_device_attr attr = { .group = SMCCC_CTRL, .attr = SMCCC_FILTER };

    return ioctl(vcpus->vm->fd, KVM_HAS_DEVICE_ATTR, &attr) == 0 && forward(vcpus->vm, PSCI_0_2_FN_CPU_ON) &&
           forward(vcpus->vm, PSCI_0_2_FN64_CPU_ON);
}

static int64_t answer_of(enum vcpu_start_result result)
{
    switch (result) {
    case VCPU_START_DONE:
        return PSCI_RET_SUCCESS;
    case VCPU_START_RUNS:
        return PSCI_RET_ALREADY_ON;
    case VCPU_START_PENDING:
        return PSCI_RET_ON_PENDING;
    case VCPU_START_ABSENT:
        return PSCI_RET_DENIED;
    case VCPU_START_FAILED:
        break;
    }
    return PSCI_RET_INTERNAL_FAILURE;
}

static int64_t cpu_on(struct vcpu *vcpu, uint64_t target, struct vcpu_start *start)
{
    for (unsigned i = 0; i < vcpu->group->possible; i++)
        if (vcpu_arch_mpidr(i) == target)
            return answer_of(vcpu_start(vcpu, i, start));
    return PSCI_RET_INVALID_PARAMS;
}

bool vcpu_arch_hypercall(struct vcpu *vcpu)
{
    const uint64_t function = vcpu->run->hypercall.nr;
    struct vcpu_start start = { 0 };
    uint64_t target, control;
    int64_t answer;

    if ((function != PSCI_0_2_FN_CPU_ON && function != PSCI_0_2_FN64_CPU_ON) ||
        !arm64_get_register(vcpu, ARM64_CORE_REG(regs[1]), &target) ||
        !arm64_get_register(vcpu, ARM64_CORE_REG(regs[2]), &start.entry) ||
        !arm64_get_register(vcpu, ARM64_CORE_REG(regs[3]), &start.argument) ||
        !arm64_get_register(vcpu, SCTLR_EL1, &control))
        return false;
    if (function == PSCI_0_2_FN_CPU_ON) {
        target = (uint32_t)target;
        start.entry = (uint32_t)start.entry;
        start.argument = (uint32_t)start.argument;
    }
    start.big_endian = control & SCTLR_EE;
    answer = target & ~AFFINITY ? PSCI_RET_INVALID_PARAMS : cpu_on(vcpu, target, &start);
    return arm64_set_register(vcpu, ARM64_CORE_REG(regs[0]), (uint64_t)answer);
}

bool vcpu_arch_start(struct vcpu *vcpu, const struct vcpu_start *start)
{
    struct kvm_mp_state run = { .mp_state = KVM_MP_STATE_RUNNABLE };
    struct error error;
    uint64_t control;

    /* To put registers back that are as after power-on already would cost: hosts without FEAT_S2FWB unmap all
     * of the guest's memory. */
    if (!vcpu->as_reset && !vcpu_arch_reset(vcpu, NULL, &error))
        return false;
    vcpu->as_reset = false;
    if (start->big_endian && !(arm64_get_register(vcpu, SCTLR_EL1, &control) &&
                               arm64_set_register(vcpu, SCTLR_EL1, control | SCTLR_EE)))
        return false;
    if (!arm64_set_register(vcpu, ARM64_CORE_REG(pc), start->entry) ||
        !arm64_set_register(vcpu, ARM64_CORE_REG(regs[0]), start->argument))
        return false;
    return ioctl(vcpu->fd, KVM_SET_MP_STATE, &run) == 0;
}
