/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arm64: a vCPU's features, its start, and PSCI, with which the guest starts the others: KVM answers it, but
 * for what is in arm64_psci.c.
 *
 * Reset works by KVM_ARM_VCPU_INIT, which puts all registers back (Linux
 * Documentation/virt/kvm/api.rst, 4.82).
 */
#include <errno.h>
#include <linux/kvm.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "kvm/arm64_entry.h"
#include "kvm/arm64_register.h"
#include "kvm/vcpu.h"
#include "layout/arm64.h"

/* EL1 with its own stack pointer; debug exceptions, SErrors and interrupts masked (Linux
 * Documentation/arch/arm64/booting.rst, "CPU mode") */
#define PSTATE_START 0x3c5u

struct vcpu_snapshot {
    struct kvm_vcpu_init init;
};

uint64_t vcpu_arch_mpidr(unsigned index)
{
    /* As KVM numbers them: 16 in a cluster, for the GICv3's software interrupts reach so many at a time. */
    return (index & 0xf) | (uint64_t)(index >> 4 & 0xff) << 8;
}

unsigned long vcpus_arch_id(const struct vcpus *vcpus, unsigned index)
{
    (void)vcpus;
    return index;
}

static void add_feature(struct vcpu *vcpu, struct kvm_vcpu_init *init, int capability, unsigned feature)
{
    if (ioctl(vcpu->group->vm->fd, KVM_CHECK_EXTENSION, capability) > 0)
        init->features[feature / 32] |= 1u << feature % 32;
}

static bool initialize(struct vcpu *vcpu, struct error *error)
{
    struct kvm_vcpu_init init = vcpu->snapshot->init;

    return ioctl(vcpu->fd, KVM_ARM_VCPU_INIT, &init) == 0 ||
           error_set(error, "vCPU %u: KVM_ARM_VCPU_INIT: %s", vcpu->index, strerror(errno));
}

bool vcpu_arch_create(struct vcpu *vcpu, struct error *error)
{
    struct kvm_vcpu_init *init;

    vcpu->snapshot = calloc(1, sizeof *vcpu->snapshot);
    if (!vcpu->snapshot)
        return error_set(error, "vCPU %u: out of memory", vcpu->index);
    vcpu->as_reset = true;
    init = &vcpu->snapshot->init;
    if (ioctl(vcpu->group->vm->fd, KVM_ARM_PREFERRED_TARGET, init) < 0)
        return error_set(error, "vCPU %u: KVM_ARM_PREFERRED_TARGET: %s", vcpu->index, strerror(errno));
    add_feature(vcpu, init, KVM_CAP_ARM_PSCI_0_2, KVM_ARM_VCPU_PSCI_0_2);
    add_feature(vcpu, init, KVM_CAP_ARM_PTRAUTH_ADDRESS, KVM_ARM_VCPU_PTRAUTH_ADDRESS);
    add_feature(vcpu, init, KVM_CAP_ARM_PTRAUTH_GENERIC, KVM_ARM_VCPU_PTRAUTH_GENERIC);
    if (vcpu->group->vm->has_pmu)
        init->features[0] |= 1u << KVM_ARM_VCPU_PMU_V3;
    if (vcpu->index > 0)
        init->features[0] |= 1u << KVM_ARM_VCPU_POWER_OFF; /* until PSCI's CPU_ON */
    return initialize(vcpu, error);
}

/* Counting events needs an interrupt and, in this order, to be initialized (Linux
 * Documentation/virt/kvm/devices/vcpu.rst). */
bool vcpu_arch_complete(struct vcpu *vcpu, struct error *error)
{
    int irq = ARM64_GSI_PMU;
    struct kvm_device_attr attr = { .group = KVM_ARM_VCPU_PMU_V3_CTRL,
                                    .attr = KVM_ARM_VCPU_PMU_V3_IRQ,
                                    .addr = (uintptr_t)&irq };

    if (!vcpu->group->vm->has_pmu)
        return true;
    if (ioctl(vcpu->fd, KVM_SET_DEVICE_ATTR, &attr) < 0)
        return error_set(error, "vCPU %u: its PMU's interrupt: %s", vcpu->index, strerror(errno));
    attr = (struct kvm_device_attr){ .group = KVM_ARM_VCPU_PMU_V3_CTRL, .attr = KVM_ARM_VCPU_PMU_V3_INIT };
    return ioctl(vcpu->fd, KVM_SET_DEVICE_ATTR, &attr) == 0 ||
           error_set(error, "vCPU %u: its PMU: %s", vcpu->index, strerror(errno));
}

void vcpu_arch_destroy(struct vcpu *vcpu)
{
    free(vcpu->snapshot);
    vcpu->snapshot = NULL;
}

bool arm64_set_register(const struct vcpu *vcpu, uint64_t id, uint64_t value)
{
    struct kvm_one_reg reg = { .id = id, .addr = (uintptr_t)&value };

    return ioctl(vcpu->fd, KVM_SET_ONE_REG, &reg) == 0;
}

bool arm64_get_register(const struct vcpu *vcpu, uint64_t id, uint64_t *value)
{
    struct kvm_one_reg reg = { .id = id, .addr = (uintptr_t)value };

    return ioctl(vcpu->fd, KVM_GET_ONE_REG, &reg) == 0;
}

bool vcpu_arch_reset(struct vcpu *vcpu, const struct vcpu_entry *entry, struct error *error)
{
    if (!initialize(vcpu, error))
        return false;
    vcpu->as_reset = !entry;
    if (!entry)
        return true;
    return (arm64_set_register(vcpu, ARM64_CORE_REG(pstate), PSTATE_START) &&
            arm64_set_register(vcpu, ARM64_CORE_REG(pc), entry->pc) &&
            arm64_set_register(vcpu, ARM64_CORE_REG(regs[0]), entry->x0) &&
            arm64_set_register(vcpu, ARM64_CORE_REG(regs[1]), 0) &&
            arm64_set_register(vcpu, ARM64_CORE_REG(regs[2]), 0) &&
            arm64_set_register(vcpu, ARM64_CORE_REG(regs[3]), 0)) ||
           error_set(error, "vCPU %u: KVM does not take the entry state: %s", vcpu->index, strerror(errno));
}

bool vcpus_arch_create_all(void)
{
    return true;
}

static bool set_run_state(struct vcpu *vcpu, uint32_t value, struct error *error)
{
    struct kvm_mp_state state = { .mp_state = value };

    return ioctl(vcpu->fd, KVM_SET_MP_STATE, &state) == 0 ||
           error_set(error, "vCPU %u: KVM_SET_MP_STATE: %s", vcpu->index, strerror(errno));
}

/* Where KVM answers CPU_ON, it starts a vCPU that is stopped, after having reset it, and fails for one that
 * runs (ALREADY_ON). An absent one is said to run and has no thread in KVM_RUN; if it were stopped, CPU_ON
 * would succeed and nothing would follow, for which Linux waits 5 seconds. Where this program answers
 * (kvm/arm64_psci.c), it is stopped, which PSCI's AFFINITY_INFO then says. */
bool vcpu_arch_set_absent(struct vcpu *vcpu, bool absent, struct error *error)
{
    return set_run_state(
        vcpu, absent && !vcpu->group->takes_starts ? KVM_MP_STATE_RUNNABLE : KVM_MP_STATE_STOPPED, error);
}

bool vcpu_arch_is_started(const struct vcpu *vcpu)
{
    struct kvm_mp_state state;

    return ioctl(vcpu->fd, KVM_GET_MP_STATE, &state) == 0 && state.mp_state != KVM_MP_STATE_STOPPED;
}

/* A vCPU that is off sleeps in KVM_RUN, and PSCI's CPU_ON makes it enter the guest there (Linux
 * arch/arm64/kvm/arm.c, kvm_vcpu_sleep()). */
bool vcpus_arch_starts_silently(void)
{
    return true;
}

/* The virtual counter. KVM has one for all vCPUs, which each of them sets (Linux
 * Documentation/virt/kvm/api.rst, 4.68). */
bool vcpus_arch_get_clock(const struct vcpus *vcpus, struct vcpu_clock *clock, struct error *error)
{
    *clock = (struct vcpu_clock){ 0 };
    return arm64_get_register(&vcpus->vcpu[0], KVM_REG_ARM_TIMER_CNT, &clock->value) ||
           error_set(error, "KVM does not tell the virtual counter: %s", strerror(errno));
}

bool vcpus_arch_set_clock(const struct vcpus *vcpus, const struct vcpu_clock *clock, struct error *error)
{
    return arm64_set_register(&vcpus->vcpu[0], KVM_REG_ARM_TIMER_CNT, clock->value) ||
           error_set(error, "KVM does not take the virtual counter: %s", strerror(errno));
}

/* As on hardware, it continues across a warm reset. */
uint64_t vcpus_arch_reset_clock(uint64_t value)
{
    return value;
}

/* FEAT_NMI is not KVM's yet. */
bool vcpu_arch_nmi(const struct vcpu *vcpu, struct error *error)
{
    (void)vcpu;
    return error_set(
        error,
        "no vCPU of this architecture has a non-maskable interrupt; to have a hung guest dump its state, use pvpanic or SysRq on its console");
}

void vcpu_arch_describe(const struct vcpu *vcpu, char *text, size_t size)
{
    uint64_t pc, sp, pstate;

    if (arm64_get_register(vcpu, ARM64_CORE_REG(pc), &pc) &&
        arm64_get_register(vcpu, ARM64_CORE_REG(sp), &sp) &&
        arm64_get_register(vcpu, ARM64_CORE_REG(pstate), &pstate))
        snprintf(text, size, "pc 0x%llx sp 0x%llx pstate 0x%llx", (unsigned long long)pc,
                 (unsigned long long)sp, (unsigned long long)pstate);
    else
        snprintf(text, size, "registers unknown");
}
