/* SPDX-License-Identifier: BSD-2-Clause */
#include "kvm/x86_state.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

/* Of the same numbers for Intel's and AMD's processors where both have them (Intel SDM volume 4; AMD APM
 * volume 2, appendix A) */
#define MSR_TSC 0x10u
#define MSR_FEATURE_CONTROL 0x3au
#define MSR_MTRR_DEF_TYPE 0x2ffu
#define MTRR_ENABLED_WRITE_BACK 0x806u

/* In XSAVE's header: the components that are not in their initial state (Intel SDM volume 1, 13.4.2) */
#define XSTATE_BV (512u / sizeof(uint32_t))
#define X87 1u
#define SSE 2u

/* ---- the list of state. What is not in it:
 *
 * state                          saved and reset by
 * PICs, IOAPIC, PIT              kvm/x86.c, one for all vCPUs
 * kvmclock                       vcpus_arch_get_clock() and its siblings (x86_vcpu.c); 0 at reset
 * VMX operation, nested guest    reset: IA32_FEATURE_CONTROL 0, written by the host, leaves both; AMD's guest
 *                                mode ends with EFER.SVME in the system registers. Not saved
 *                                (KVM_GET_NESTED_STATE): x86_saved.c refuses a guest in VMX operation, and
 *                                one that runs a guest of its own
 * VM_CR (AMD)                    not reset: KVM lets nobody clear SVMDIS once it is set, as on hardware
 * system management mode         the pending events have it; SMBASE is an MSR of KVM's list
 * MSRs that are features        put back where KVM allows it: of what it lists as a vCPU's features newer
 *                                kernels take no other value once the vCPU has run, though the guest may set
 *                                some (AMD's DE_CFG: LFENCE serializes)
 * AMX tiles                      guests do not get them: KVM_GET_XSAVE's 4 KiB have no room
 *
 * Machine-check banks keep their contents over a warm reset on hardware, for the next kernel to report (Intel
 * SDM, 16.3.2.2). Here nothing but the guest writes them, so they go back to zero like all else. ---- */

/* In the order in which they are set: the system registers before what depends on them, and pending events
 * last, for they may leave system management mode. */
#define PIECE(name_, get_, set_, member) \
    { \
        name_, get_, set_, offsetof(struct vcpu_snapshot, member), \
            sizeof(((struct vcpu_snapshot *)0)->member) \
    }
const struct x86_piece x86_pieces[] = {
    PIECE("system registers", KVM_GET_SREGS, KVM_SET_SREGS, sregs),
    PIECE("registers", KVM_GET_REGS, KVM_SET_REGS, regs),
    PIECE("XCRs", KVM_GET_XCRS, KVM_SET_XCRS, xcrs),
    PIECE("FPU state", KVM_GET_XSAVE, KVM_SET_XSAVE, xsave),
    PIECE("debug registers", KVM_GET_DEBUGREGS, KVM_SET_DEBUGREGS, debug),
    PIECE("local APIC", KVM_GET_LAPIC, KVM_SET_LAPIC, lapic),
    PIECE("run state", KVM_GET_MP_STATE, KVM_SET_MP_STATE, mp),
    PIECE("pending events", KVM_GET_VCPU_EVENTS, KVM_SET_VCPU_EVENTS, events),
};
const unsigned x86_piece_count = sizeof x86_pieces / sizeof *x86_pieces;

/* MSRs beside those of KVM_GET_MSR_INDEX_LIST, which leaves out what it expects its user to know. A vCPU that
 * does not have one refuses it. */
static const struct {
    const char *name;
    uint32_t first;
    uint32_t count;
} more_msrs[] = {
    { "IA32_FEATURE_CONTROL", MSR_FEATURE_CONTROL, 1 },
    { "machine check: MCG_STATUS, MCG_CTL", 0x17a, 2 },
    { "MTRRs of variable ranges", 0x200, 32 },
    { "MTRR of 512 KiB", 0x250, 1 },
    { "MTRRs of 128 KiB", 0x258, 2 },
    { "PAT", 0x277, 1 },
    { "MTRRs of 32 KiB", 0x268, 8 },
    { "machine check: MCi_CTL2", 0x280, 32 },
    { "IA32_MTRR_DEF_TYPE", MSR_MTRR_DEF_TYPE, 1 },
    { "machine check: banks", 0x400, 32 * 4 },
    { "OS visible workarounds (AMD)", 0xc0010140, 2 },
    { "DE_CFG (AMD)", 0xc0011029, 1 },
};

/* ---- MSRs ---- */

static struct kvm_msrs *allocate_msrs(uint32_t count)
{
    return calloc(1, sizeof(struct kvm_msrs) + count * sizeof(struct kvm_msr_entry));
}

static bool fail_memory(struct error *error)
{
    return error_set(error, "out of memory");
}

/* One of KVM's two lists, of a length that KVM tells when there is no room for it. NULL: the error says why.
 */
static struct kvm_msr_list *list_msrs(int kvm_fd, unsigned long request, const char *name,
                                      struct error *error)
{
    struct kvm_msr_list count = { 0 };
    struct kvm_msr_list *list;

    if (ioctl(kvm_fd, request, &count) < 0 && errno != E2BIG) {
        error_set(error, "KVM does not list its MSRs: %s: %s", name, strerror(errno));
        return NULL;
    }
    list = calloc(1, sizeof *list + count.nmsrs * sizeof *list->indices);
    if (!list) {
        fail_memory(error);
        return NULL;
    }
    list->nmsrs = count.nmsrs;
    if (ioctl(kvm_fd, request, list) == 0)
        return list;
    error_set(error, "KVM does not list its MSRs: %s: %s", name, strerror(errno));
    free(list);
    return NULL;
}

static void add_msr(struct kvm_msrs *msrs, uint32_t index)
{
    for (uint32_t i = 0; i < msrs->nmsrs; i++)
        if (msrs->entries[i].index == index)
            return;
    msrs->entries[msrs->nmsrs++].index = index;
}

/* All that any vCPU of this host could have. */
static struct kvm_msrs *possible_msrs(int kvm_fd, struct error *error)
{
    struct kvm_msr_list *list = list_msrs(kvm_fd, KVM_GET_MSR_INDEX_LIST, "KVM_GET_MSR_INDEX_LIST", error);
    struct kvm_msrs *msrs;
    uint32_t count = 0;

    if (!list)
        return NULL;
    for (size_t i = 0; i < sizeof more_msrs / sizeof *more_msrs; i++)
        count += more_msrs[i].count;
    msrs = allocate_msrs(count + list->nmsrs);
    if (msrs) {
        for (size_t i = 0; i < sizeof more_msrs / sizeof *more_msrs; i++)
            for (uint32_t j = 0; j < more_msrs[i].count; j++)
                add_msr(msrs, more_msrs[i].first + j);
        for (uint32_t i = 0; i < list->nmsrs; i++)
            add_msr(msrs, list->indices[i]);
    } else {
        fail_memory(error);
    }
    free(list);
    return msrs;
}

/* KVM takes so many at a time. */
#define MSRS_AT_ONCE 255u

int x86_pass_msrs(int fd, unsigned long request, struct kvm_msrs *msrs, uint32_t first)
{
    uint64_t room[(sizeof(struct kvm_msrs) + MSRS_AT_ONCE * sizeof(struct kvm_msr_entry)) / 8];
    struct kvm_msrs *some = (struct kvm_msrs *)room;
    int accepted;

    *some = (struct kvm_msrs){ .nmsrs = msrs->nmsrs - first };
    if (some->nmsrs > MSRS_AT_ONCE)
        some->nmsrs = MSRS_AT_ONCE;
    memcpy(some->entries, msrs->entries + first, some->nmsrs * sizeof *some->entries);
    accepted = ioctl(fd, request, some);
    if (accepted > 0)
        memcpy(msrs->entries + first, some->entries, (uint32_t)accepted * sizeof *some->entries);
    return accepted;
}

struct kvm_msrs *x86_copy_msrs(const struct kvm_msrs *msrs)
{
    struct kvm_msrs *copy = allocate_msrs(msrs->nmsrs);

    if (copy)
        memcpy(copy, msrs, sizeof *msrs + msrs->nmsrs * sizeof *msrs->entries);
    return copy;
}

/* All of them; those that are refused are dropped from the list. */
static bool keep_accepted(int fd, unsigned long request, struct kvm_msrs *msrs, struct error *error)
{
    uint32_t done = 0;

    while (done < msrs->nmsrs) {
        uint32_t want = msrs->nmsrs - done < MSRS_AT_ONCE ? msrs->nmsrs - done : MSRS_AT_ONCE;
        int accepted = x86_pass_msrs(fd, request, msrs, done);

        if (accepted < 0)
            return error_set(error, "KVM does not %s its MSRs: %s", request == KVM_GET_MSRS ? "tell" : "take",
                             strerror(errno));
        done += (uint32_t)accepted;
        if ((uint32_t)accepted == want)
            continue;
        msrs->nmsrs--;
        memmove(msrs->entries + done, msrs->entries + done + 1, (msrs->nmsrs - done) * sizeof *msrs->entries);
    }
    return true;
}

/* What power-on or, where a kernel is started directly, firmware leaves in an MSR. */
static void set_start_values(struct kvm_msrs *msrs)
{
    for (uint32_t i = 0; i < msrs->nmsrs; i++)
        if (msrs->entries[i].index == MSR_TSC)
            msrs->entries[i].data = 0; /* with this value KVM keeps the counters of all vCPUs together */
        else if (msrs->entries[i].index == MSR_MTRR_DEF_TYPE)
            msrs->entries[i].data = MTRR_ENABLED_WRITE_BACK; /* without it Linux has no write-combining */
}

static bool read_msrs(struct vcpu *vcpu, struct error *error)
{
    struct kvm_msrs *msrs = possible_msrs(vcpu->group->vm->kvm_fd, error);

    vcpu->snapshot->msrs = msrs;
    if (!msrs || !keep_accepted(vcpu->fd, KVM_GET_MSRS, msrs, error))
        return false;
    set_start_values(msrs);
    return keep_accepted(vcpu->fd, KVM_SET_MSRS, msrs, error);
}

/* ---- the whole ---- */

bool x86_state_read(struct vcpu *vcpu, struct error *error)
{
    vcpu->snapshot = calloc(1, sizeof *vcpu->snapshot);
    if (!vcpu->snapshot)
        return fail_memory(error);
    if (!read_msrs(vcpu, error))
        return false;
    for (unsigned i = 0; i < x86_piece_count; i++)
        if (ioctl(vcpu->fd, x86_pieces[i].get, (char *)vcpu->snapshot + x86_pieces[i].offset) < 0)
            return error_set(error, "KVM does not tell its %s: %s", x86_pieces[i].name, strerror(errno));
    vcpu->snapshot->xsave[XSTATE_BV] |= X87 | SSE; /* else MXCSR would not be set */
    return true;
}

void x86_state_free(struct vcpu *vcpu)
{
    if (vcpu->snapshot)
        free(vcpu->snapshot->msrs);
    free(vcpu->snapshot);
    vcpu->snapshot = NULL;
}

/* Whether KVM counts an MSR among the features of vCPUs. Asked when it has refused one, which is rare. */
static bool is_feature(int kvm_fd, uint32_t index)
{
    struct error ignored;
    struct kvm_msr_list *list = list_msrs(kvm_fd, KVM_GET_MSR_FEATURE_INDEX_LIST,
                                          "KVM_GET_MSR_FEATURE_INDEX_LIST", &ignored);
    bool found = false;

    for (uint32_t i = 0; list && i < list->nmsrs && !found; i++)
        found = list->indices[i] == index;
    free(list);
    return found;
}

static bool set_msrs(struct vcpu *vcpu, struct kvm_msrs *msrs, struct error *error)
{
    int taken;

    for (uint32_t done = 0; done < msrs->nmsrs; done += (uint32_t)taken) {
        taken = x86_pass_msrs(vcpu->fd, KVM_SET_MSRS, msrs, done);
        if (taken < 0)
            return error_set(error, "KVM does not take its MSRs: %s", strerror(errno));
        if (taken == 0 && is_feature(vcpu->group->vm->kvm_fd, msrs->entries[done].index))
            taken = 1; /* see the list of state */
        if (taken == 0)
            return error_set(error, "KVM does not take its MSR 0x%x with 0x%llx, which it had at the start",
                             msrs->entries[done].index, (unsigned long long)msrs->entries[done].data);
    }
    return true;
}

/* While a guest is in VMX operation, KVM refuses system registers without it. Not every vCPU has the MSR,
 * which is the first of more_msrs[]. */
static bool leave_vmx(struct vcpu *vcpu, struct error *error)
{
    struct kvm_msrs *one;
    bool left;

    if (vcpu->snapshot->msrs->nmsrs == 0 || vcpu->snapshot->msrs->entries[0].index != MSR_FEATURE_CONTROL)
        return true;
    one = allocate_msrs(1);
    if (!one)
        return fail_memory(error);
    one->nmsrs = 1;
    one->entries[0] = vcpu->snapshot->msrs->entries[0];
    left = set_msrs(vcpu, one, error);
    free(one);
    return left;
}

bool x86_state_restore(struct vcpu *vcpu, struct error *error)
{
    if (!leave_vmx(vcpu, error))
        return false;
    for (unsigned i = 0; i < x86_piece_count; i++)
        if (ioctl(vcpu->fd, x86_pieces[i].set, (char *)vcpu->snapshot + x86_pieces[i].offset) < 0)
            return error_set(error, "KVM does not take its %s: %s", x86_pieces[i].name, strerror(errno));
    return set_msrs(vcpu, vcpu->snapshot->msrs, error);
}
