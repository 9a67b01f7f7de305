/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * x86-64: a vCPU's CPUID, clock, and start. At a reset all its state is as after power-on (x86_state.c); then
 * the first vCPU gets the boot protocol's entry state.
 */
#include <asm/kvm_para.h>
#include <errno.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <x86intrin.h>

#include "kvm/vcpu.h"
#include "kvm/x86_entry.h"
#include "kvm/x86_saved.h"
#include "kvm/x86_state.h"
#include "kvm/x86_topology.h"

#define CPUID_ENTRIES 256

/* ---- CPUID: the host's, as far as KVM supports it, with this machine's topology ---- */

static void adapt_entry(const struct vm *vm, struct kvm_cpuid_entry2 *entry, bool deadline_timer)
{
    switch (entry->function) {
    case KVM_CPUID_FEATURES:
        if (vm->hides_pv_eoi)
            entry->eax &= ~(1u << KVM_FEATURE_PV_EOI);
        break;
    case 0x1:
        /* "Runs under a hypervisor"; and the in-kernel APIC's deadline timer, which KVM leaves to its user to
         * announce. */
        entry->ecx |= 1u << 31 | (deadline_timer ? 1u << 24 : 0);
        break;
    case 0x80000007:
        /* No invariant TSC, as QEMU: it runs on while the guest is stopped, and a guest that took it for its
         * clock would see that. Without it Linux uses kvmclock, which stands still. */
        entry->edx &= ~(1u << 8);
        break;
    default:
        break;
    }
}

struct kvm_cpuid2 *x86_cpuid(const struct vcpu *vcpu, struct error *error)
{
    const struct vm *vm = vcpu->group->vm;
    struct kvm_cpuid2 *cpuid = calloc(1, sizeof *cpuid +
                                             (CPUID_ENTRIES + X86_TOPOLOGY_ENTRIES) * sizeof *cpuid->entries);
    bool deadline_timer = ioctl(vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_TSC_DEADLINE_TIMER) > 0;

    if (!cpuid) {
        error_set(error, "out of memory");
        return NULL;
    }
    cpuid->nent = CPUID_ENTRIES;
    if (ioctl(vm->kvm_fd, KVM_GET_SUPPORTED_CPUID, cpuid) < 0) {
        error_set(error, "KVM_GET_SUPPORTED_CPUID: %s", strerror(errno));
        free(cpuid);
        return NULL;
    }
    for (uint32_t i = 0; i < cpuid->nent; i++)
        adapt_entry(vm, &cpuid->entries[i], deadline_timer);
    x86_topology_apply(&vcpu->group->topology, vcpu->index, cpuid);
    return cpuid;
}

static bool set_cpuid(const struct vcpu *vcpu, struct error *error)
{
    struct kvm_cpuid2 *cpuid = x86_cpuid(vcpu, error);
    const bool set = cpuid && (ioctl(vcpu->fd, KVM_SET_CPUID2, cpuid) == 0 ||
                               error_set(error, "KVM_SET_CPUID2: %s", strerror(errno)));

    free(cpuid);
    return set;
}

unsigned long vcpus_arch_id(const struct vcpus *vcpus, unsigned index)
{
    return x86_apic_id(&vcpus->topology, index);
}

bool vcpu_arch_create(struct vcpu *vcpu, struct error *error)
{
    return (set_cpuid(vcpu, error) && x86_state_read(vcpu, error)) ||
           error_prefix(error, "vCPU %u: ", vcpu->index);
}

bool vcpu_arch_complete(struct vcpu *vcpu, struct error *error)
{
    (void)vcpu, (void)error;
    return true;
}

void vcpu_arch_destroy(struct vcpu *vcpu)
{
    x86_state_free(vcpu);
}

bool vcpus_arch_create_all(void)
{
    return false;
}

/* Absent ones have no thread in KVM_RUN, and what a guest sends to one is gone with its reset. */
bool vcpu_arch_set_absent(struct vcpu *vcpu, bool absent, struct error *error)
{
    (void)vcpu, (void)absent, (void)error;
    return true;
}

/* INIT takes it out of the state after power-on. */
bool vcpu_arch_is_started(const struct vcpu *vcpu)
{
    struct kvm_mp_state state;

    return ioctl(vcpu->fd, KVM_GET_MP_STATE, &state) == 0 && state.mp_state != KVM_MP_STATE_UNINITIALIZED;
}

/* KVM_RUN returns with EAGAIN when a vCPU leaves the state after power-on, or with EINTR if a signal has
 * come, too (Linux arch/x86/kvm/x86.c, kvm_arch_vcpu_ioctl_run()). */
bool vcpus_arch_starts_silently(void)
{
    return false;
}

/* KVM does INIT and SIPI itself, and no other call comes here. */
bool vcpus_arch_take_starts(const struct vcpus *vcpus)
{
    (void)vcpus;
    return false;
}

bool vcpu_arch_hypercall(struct vcpu *vcpu)
{
    (void)vcpu;
    return false;
}

bool vcpu_arch_start(struct vcpu *vcpu, const struct vcpu_start *start)
{
    (void)vcpu, (void)start;
    return false;
}

/* ---- clocks: kvmclock, nanoseconds. While a guest is stopped its TSC runs on, as QEMU lets it: see
 * adapt_entry(). After a restore it continues with the clock, however long that took ---- */

/* Of the host's TSC, some 100 microseconds. */
#define PROMPT 250000u
#define PROMPT_TRIES 10u

/* KVM_GET_CLOCK or KVM_SET_CLOCK, and the host's TSC at that moment. It is in the middle of the call, which
 * is made again, up to `tries` times, if something else has come between: a guest that compares its clocks
 * sees 500 microseconds. */
static bool pass_clock(const struct vcpus *vcpus, unsigned long request, struct kvm_clock_data *data,
                       unsigned tries, uint64_t *tsc)
{
    uint64_t begun, took = PROMPT;

    for (unsigned i = 0; i < tries && took >= PROMPT; i++) {
        begun = __rdtsc();
        if (ioctl(vcpus->vm->fd, request, data) < 0)
            return false;
        took = __rdtsc() - begun;
        *tsc = begun + took / 2;
    }
    return true;
}

bool vcpus_arch_get_clock(const struct vcpus *vcpus, struct vcpu_clock *clock, struct error *error)
{
    struct kvm_clock_data data = { 0 };

    *clock = (struct vcpu_clock){ 0 };
    if (!pass_clock(vcpus, KVM_GET_CLOCK, &data, PROMPT_TRIES, &clock->host_tsc))
        return error_set(error, "KVM_GET_CLOCK: %s", strerror(errno));
    clock->value = data.clock;
    return true;
}

bool vcpus_arch_set_clock(const struct vcpus *vcpus, const struct vcpu_clock *clock, struct error *error)
{
    struct kvm_clock_data data = { .clock = clock->value };
    uint64_t tsc;

    if (!pass_clock(vcpus, KVM_SET_CLOCK, &data, clock->restored ? PROMPT_TRIES : 1, &tsc))
        return error_set(error, "KVM_SET_CLOCK: %s", strerror(errno));
    /* So that the guest's watchdogs know. A guest that does not use the clock gives EINVAL. */
    for (unsigned i = 0; i < vcpus->possible; i++)
        if (vcpus_has(vcpus, i) && ioctl(vcpus->vcpu[i].fd, KVM_KVMCLOCK_CTRL, 0) < 0 && errno != EINVAL)
            return error_set(error, "vCPU %u: KVM_KVMCLOCK_CTRL: %s", i, strerror(errno));
    /* KVM relates TSC and clock to each other when the vCPUs enter the guest. */
    return !clock->restored || x86_shift_tsc(vcpus, clock->host_tsc - tsc, error);
}

/* A rebooted kernel counts its uptime from zero again. */
uint64_t vcpus_arch_reset_clock(uint64_t value)
{
    (void)value;
    return 0;
}

/* ---- entry: 32-bit protected mode (Linux Documentation/arch/x86/boot.rst, "32-bit boot protocol"; Xen
 * docs/misc/pvh.pandoc) ---- */

static bool set_entry(struct vcpu *vcpu, const struct vcpu_entry *entry, struct error *error)
{
    const struct kvm_segment code = {
        .limit = 0xffffffff,
        .selector = 0x10,
        .type = 0xb,
        .present = 1,
        .db = 1,
        .s = 1,
        .g = 1,
    };
    const struct kvm_segment data = {
        .limit = 0xffffffff,
        .selector = 0x18,
        .type = 0x3,
        .present = 1,
        .db = 1,
        .s = 1,
        .g = 1,
    };
    const struct kvm_segment task = { .limit = 0x67, .selector = 0x20, .type = 0xb, .present = 1 };
    struct kvm_sregs sregs = vcpu->snapshot->sregs;
    struct kvm_regs regs = {
        .rip = entry->ip,
        .rsi = entry->si,
        .rbx = entry->bx,
        .rflags = 0x2,
    };

    sregs.cs = code;
    sregs.ds = sregs.es = sregs.fs = sregs.gs = sregs.ss = data;
    sregs.tr = task;
    sregs.cr0 = 0x11; /* protection, and the bit that is always one */
    sregs.cr4 = 0;
    sregs.efer = 0;
    sregs.gdt.base = entry->gdt;
    sregs.gdt.limit = entry->gdt_limit;
    if (ioctl(vcpu->fd, KVM_SET_SREGS, &sregs) < 0 || ioctl(vcpu->fd, KVM_SET_REGS, &regs) < 0)
        return error_set(error, "vCPU %u: KVM does not take the entry state: %s", vcpu->index,
                         strerror(errno));
    return true;
}

bool vcpu_arch_reset(struct vcpu *vcpu, const struct vcpu_entry *entry, struct error *error)
{
    if (!x86_state_restore(vcpu, error))
        return error_prefix(error, "vCPU %u: ", vcpu->index);
    return !entry || entry->reset_vector || set_entry(vcpu, entry, error);
}

/* ---- non-maskable interrupts: by the local APIC's pin LINT1, as on a PC (Intel SDM volume 3, 11.5.1) ----
 */

#define LVT_LINT1 0x360
#define LVT_MODE 0x700u
#define LVT_NMI 0x400u
#define LVT_MASKED 0x10000u

/* Only a guest that has the pin open expects one: Linux has, on its first processor. */
bool vcpu_arch_nmi(const struct vcpu *vcpu, struct error *error)
{
    struct kvm_lapic_state lapic;
    uint32_t lvt;

    if (ioctl(vcpu->fd, KVM_GET_LAPIC, &lapic) < 0)
        return error_set(error, "vCPU %u: KVM_GET_LAPIC: %s", vcpu->index, strerror(errno));
    memcpy(&lvt, lapic.regs + LVT_LINT1, sizeof lvt);
    if ((lvt & LVT_MASKED) || (lvt & LVT_MODE) != LVT_NMI)
        return true;
    return ioctl(vcpu->fd, KVM_NMI) == 0 ||
           error_set(error, "vCPU %u: KVM_NMI: %s", vcpu->index, strerror(errno));
}

void vcpu_arch_describe(const struct vcpu *vcpu, char *text, size_t size)
{
    struct kvm_regs regs;
    struct kvm_sregs sregs;

    if (ioctl(vcpu->fd, KVM_GET_REGS, &regs) < 0 || ioctl(vcpu->fd, KVM_GET_SREGS, &sregs) < 0) {
        snprintf(text, size, "registers unknown");
        return;
    }
    snprintf(text, size, "rip 0x%llx rsp 0x%llx cr0 0x%llx cr3 0x%llx cr4 0x%llx efer 0x%llx", regs.rip,
             regs.rsp, sregs.cr0, sregs.cr3, sregs.cr4, sregs.efer);
}
