/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * x86-64: a vCPU's CPUID and registers.
 *
 * Reset works by snapshot: all that KVM says of a vCPU after creation is kept, and set again; then the first
 * vCPU gets the boot protocol's entry state.
 */
#include <errno.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "kvm/vcpu.h"
#include "kvm/x86_entry.h"

#define CPUID_ENTRIES 256
#define MSRS_MAX 512
#define MSR_TSC 0x10

struct vcpu_snapshot {
    struct kvm_regs regs;
    struct kvm_sregs sregs;
    uint32_t xsave[sizeof(struct kvm_xsave) / sizeof(uint32_t)];
    struct kvm_xcrs xcrs;
    struct kvm_debugregs debug;
    struct kvm_vcpu_events events;
    struct kvm_lapic_state lapic;
    struct kvm_mp_state mp;
    struct kvm_msrs *msrs; /* only those that this vCPU has */
};

/* ---- CPUID: the host's, as far as KVM supports it, with this vCPU's own numbers ---- */

static void number_entry(struct kvm_cpuid_entry2 *entry, unsigned index, const struct vcpus *group,
                         bool deadline_timer)
{
    /* CPUs in the package. Linux complains of a package whose CPUs are in two NUMA nodes. */
    unsigned count = group->spread ? 1 : group->total;

    switch (entry->function) {
    case 0x1:
        /* APIC id, number of logical CPUs in the package, "runs under a hypervisor"; and the in-kernel APIC's
         * deadline timer, which KVM leaves to its user to announce */
        entry->ecx |= deadline_timer ? 1u << 24 : 0;
        entry->ebx = (entry->ebx & 0x0000ffff) | index << 24 | (count < 255 ? count : 255) << 16;
        entry->ecx |= 1u << 31;
        if (count > 1)
            entry->edx |= 1u << 28;
        break;
    case 0x4:
    case 0x8000001d:
        /* Intel's and AMD's caches: how many CPUs share one, minus one. */
        if (group->spread)
            entry->eax &= ~(0xfffu << 14);
        break;
    case 0xb:
    case 0x1f:
        /* Each vCPU is a core of the package, without hyper-threads. */
        entry->edx = index;
        if (entry->index == 0) {
            entry->eax = 0;
            entry->ebx = 1;
            entry->ecx = 1 << 8;
        } else if (entry->index == 1) {
            unsigned bits = 0;

            while ((1u << bits) < count)
                bits++;
            entry->eax = bits;
            entry->ebx = count;
            entry->ecx = 2 << 8 | 1;
        }
        break;
    case 0x80000008:
        /* AMD: cores in the package, minus one */
        entry->ecx = (entry->ecx & ~0xf0ffu) | (count - 1 < 255 ? count - 1 : 255);
        break;
    case 0x8000001e:
        /* AMD: APIC id, core id, one thread for each core */
        entry->eax = index;
        entry->ebx = index & 0xff;
        entry->ecx = 0;
        break;
    default:
        break;
    }
}

static bool set_cpuid(struct vcpu *vcpu, struct error *error)
{
    struct kvm_cpuid2 *cpuid = calloc(1, sizeof *cpuid + CPUID_ENTRIES * sizeof *cpuid->entries);
    bool deadline_timer = ioctl(vcpu->group->vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_TSC_DEADLINE_TIMER) > 0;
    bool set = false;

    if (!cpuid)
        return error_set(error, "out of memory");
    cpuid->nent = CPUID_ENTRIES;
    if (ioctl(vcpu->group->vm->kvm_fd, KVM_GET_SUPPORTED_CPUID, cpuid) < 0) {
        error_set(error, "KVM_GET_SUPPORTED_CPUID: %s", strerror(errno));
    } else {
        for (uint32_t i = 0; i < cpuid->nent; i++)
            number_entry(&cpuid->entries[i], vcpu->index, vcpu->group, deadline_timer);
        set = ioctl(vcpu->fd, KVM_SET_CPUID2, cpuid) == 0;
        if (!set)
            error_set(error, "KVM_SET_CPUID2: %s", strerror(errno));
    }
    free(cpuid);
    return set;
}

/* ---- the snapshot ---- */

struct piece {
    const char *name;
    unsigned long get;
    unsigned long set;
    size_t offset;
};

/* In the order in which they are set: the system registers before what depends on them. */
static const struct piece pieces[] = {
    { "system registers", KVM_GET_SREGS, KVM_SET_SREGS, offsetof(struct vcpu_snapshot, sregs) },
    { "registers", KVM_GET_REGS, KVM_SET_REGS, offsetof(struct vcpu_snapshot, regs) },
    { "XCRs", KVM_GET_XCRS, KVM_SET_XCRS, offsetof(struct vcpu_snapshot, xcrs) },
    { "FPU state", KVM_GET_XSAVE, KVM_SET_XSAVE, offsetof(struct vcpu_snapshot, xsave) },
    { "debug registers", KVM_GET_DEBUGREGS, KVM_SET_DEBUGREGS, offsetof(struct vcpu_snapshot, debug) },
    { "local APIC", KVM_GET_LAPIC, KVM_SET_LAPIC, offsetof(struct vcpu_snapshot, lapic) },
    { "run state", KVM_GET_MP_STATE, KVM_SET_MP_STATE, offsetof(struct vcpu_snapshot, mp) },
    { "pending events", KVM_GET_VCPU_EVENTS, KVM_SET_VCPU_EVENTS, offsetof(struct vcpu_snapshot, events) },
};

static struct kvm_msrs *allocate_msrs(uint32_t count)
{
    return calloc(1, sizeof(struct kvm_msrs) + count * sizeof(struct kvm_msr_entry));
}

/* Pass the list through KVM_GET_MSRS or KVM_SET_MSRS, dropping those that are refused: KVM stops at the first
 * one and says how many came before it. */
static void keep_accepted(int fd, unsigned long request, struct kvm_msrs *msrs)
{
    uint32_t total = msrs->nmsrs;
    uint32_t done = 0;

    while (done < total) {
        struct kvm_msrs *rest = allocate_msrs(total - done);
        int accepted;

        if (!rest)
            break;
        rest->nmsrs = total - done;
        memcpy(rest->entries, msrs->entries + done, rest->nmsrs * sizeof *rest->entries);
        accepted = ioctl(fd, request, rest);
        if (accepted < 0)
            accepted = 0;
        memcpy(msrs->entries + done, rest->entries, (uint32_t)accepted * sizeof *rest->entries);
        free(rest);
        done += (uint32_t)accepted;
        if (done < total) {
            total--;
            memmove(msrs->entries + done, msrs->entries + done + 1, (total - done) * sizeof *msrs->entries);
        }
    }
    msrs->nmsrs = done;
}

/* The MSRs that KVM lists are those of all its guests; keep the ones that this vCPU can read and write. */
static struct kvm_msrs *read_msrs(struct vcpu *vcpu)
{
    struct kvm_msr_list *list = calloc(1, sizeof *list + MSRS_MAX * sizeof *list->indices);
    struct kvm_msrs *msrs = allocate_msrs(MSRS_MAX);

    if (list && msrs) {
        list->nmsrs = MSRS_MAX;
        if (ioctl(vcpu->group->vm->kvm_fd, KVM_GET_MSR_INDEX_LIST, list) < 0)
            list->nmsrs = 0;
        msrs->nmsrs = list->nmsrs;
        for (uint32_t i = 0; i < list->nmsrs; i++)
            msrs->entries[i].index = list->indices[i];
        keep_accepted(vcpu->fd, KVM_GET_MSRS, msrs);
        for (uint32_t i = 0; i < msrs->nmsrs; i++)
            if (msrs->entries[i].index == MSR_TSC)
                msrs->entries[i].data = 0; /* with this value KVM keeps the counters of all vCPUs together */
        keep_accepted(vcpu->fd, KVM_SET_MSRS, msrs);
    }
    free(list);
    return msrs;
}

bool vcpu_arch_create(struct vcpu *vcpu, struct error *error)
{
    if (!set_cpuid(vcpu, error))
        return error_prefix(error, "vCPU %u: ", vcpu->index);
    vcpu->snapshot = calloc(1, sizeof *vcpu->snapshot);
    if (!vcpu->snapshot || !(vcpu->snapshot->msrs = read_msrs(vcpu)))
        return error_set(error, "vCPU %u: out of memory", vcpu->index);
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
        if (ioctl(vcpu->fd, pieces[i].get, (char *)vcpu->snapshot + pieces[i].offset) < 0)
            return error_set(error, "vCPU %u: KVM does not tell its %s: %s", vcpu->index, pieces[i].name,
                             strerror(errno));
    return true;
}

bool vcpu_arch_complete(struct vcpu *vcpu, struct error *error)
{
    (void)vcpu, (void)error;
    return true;
}

void vcpu_arch_destroy(struct vcpu *vcpu)
{
    if (vcpu->snapshot)
        free(vcpu->snapshot->msrs);
    free(vcpu->snapshot);
    vcpu->snapshot = NULL;
}

static bool restore(struct vcpu *vcpu, struct error *error)
{
    struct kvm_msrs *msrs = vcpu->snapshot->msrs;

    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
        if (ioctl(vcpu->fd, pieces[i].set, (char *)vcpu->snapshot + pieces[i].offset) < 0)
            return error_set(error, "vCPU %u: KVM does not take its %s: %s", vcpu->index, pieces[i].name,
                             strerror(errno));
    if (ioctl(vcpu->fd, KVM_SET_MSRS, msrs) != (int)msrs->nmsrs)
        return error_set(error, "vCPU %u: KVM does not take its MSRs", vcpu->index);
    return true;
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
    return restore(vcpu, error) && (!entry || set_entry(vcpu, entry, error));
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
