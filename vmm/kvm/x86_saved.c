/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * x86-64: vCPUs, interrupt controllers, timer and clocks, saved. x86_restored.c is the counterpart.
 */
#include <errno.h>
#include <inttypes.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "kvm/saved.h"
#include "kvm/x86_saved.h"

#define MSR_TSC 0x10u
#define MSR_HV_VP_RUNTIME 0x40000010u
#define MSR_HV_TIME_REF_COUNT 0x40000020u
#define CR4_VMXE 0x2000u
#define EFER_SVME 0x1000u

const char *const x86_chips[X86_CHIPS] = { "first PIC", "second PIC", "IOAPIC" };

bool x86_refuse(const struct vcpu *vcpu, const char *verb, const char *what, struct error *error)
{
    return error_set(error, "vCPU %u: KVM does not %s its %s: %s", vcpu->index, verb, what, strerror(errno));
}

/* ---- what cannot be saved ---- */

bool vcpus_arch_can_save(const struct vcpus *vcpus, struct error *error)
{
    const int xsave = ioctl(vcpus->vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_XSAVE2);

    return xsave <= (int)sizeof(struct kvm_xsave) ||
           error_set(error,
                     "the FPU state of a vCPU has %d bytes on this host, and saved states have room for %zu",
                     xsave, sizeof(struct kvm_xsave));
}

/* AMD: whether the vCPU's use of virtualization is all in pieces that are saved (EFER.SVME and the host save
 * area's address, an MSR): it is between two runs of a guest of its own, and the global interrupt flag is
 * set, as it is after power-on. What is not needs more room than the header, and KVM says so (E2BIG). */
static bool svm_is_saved(const struct vcpu *vcpu)
{
    struct kvm_nested_state nested = { .size = sizeof nested };

    return ioctl(vcpu->fd, KVM_GET_NESTED_STATE, &nested) == 0 &&
           nested.format == KVM_STATE_NESTED_FORMAT_SVM && nested.flags == KVM_STATE_NESTED_GIF_SET;
}

/* A guest that runs guests itself has state that is not in any of the pieces. Linux 6.12 and later enable
 * virtualization on all CPUs when the kvm module is loaded, and udev loads it. */
static bool check_nested(const struct vcpu *vcpu, const struct vcpu_snapshot *state, struct error *error)
{
    const bool vmx = state->sregs.cr4 & CR4_VMXE, svm = state->sregs.efer & EFER_SVME;

    if (!vmx && (!svm || svm_is_saved(vcpu)))
        return true;
    return error_set(error, "vCPU %u %s, whose state cannot be saved; %s", vcpu->index,
                     vmx ? "uses VMX" : "runs a guest of its own",
                     vmx ? "unload the guest's kvm_intel module" : "end the guests in this guest");
}

/* ---- TSC ---- */

bool x86_pass_offset(const struct vcpu *vcpu, unsigned long request, uint64_t *offset, struct error *error)
{
    const struct kvm_device_attr attribute = {
        .group = KVM_VCPU_TSC_CTRL,
        .attr = KVM_VCPU_TSC_OFFSET,
        .addr = (uintptr_t)offset,
    };

    return ioctl(vcpu->fd, request, &attribute) == 0 ||
           x86_refuse(vcpu, request == KVM_GET_DEVICE_ATTR ? "tell" : "take", "TSC offset (Linux 5.16)",
                      error);
}

bool x86_tsc_khz(const struct vcpus *vcpus, uint64_t *khz, struct error *error)
{
    const int number = ioctl(vcpus->vcpu[0].fd, KVM_GET_TSC_KHZ, 0);

    *khz = (uint64_t)number;
    return number > 0 || x86_refuse(&vcpus->vcpu[0], "tell", "TSC frequency", error);
}

/* ---- saving ---- */

/* What counts time and is not set: the TSC, which its offset stands for, and the counters of Hyper-V's
 * interface (Hypervisor Top Level Functional Specification 6.0b, 7.8 and 12.4), which KVM computes. */
static bool is_counter(uint32_t msr)
{
    return msr == MSR_TSC || msr == MSR_HV_VP_RUNTIME || msr == MSR_HV_TIME_REF_COUNT;
}

static bool save_msrs(const struct vcpu *vcpu, struct stream_writer *writer, struct error *error)
{
    struct kvm_msrs *msrs = x86_copy_msrs(vcpu->snapshot->msrs);
    bool good = msrs || error_set(error, "out of memory");
    char name[STREAM_NAME_MAX + 1];
    int passed;

    for (uint32_t done = 0; good && done < msrs->nmsrs; done += (uint32_t)passed) {
        passed = x86_pass_msrs(vcpu->fd, KVM_GET_MSRS, msrs, done);
        if (passed == 0)
            errno = EINVAL;
        if (passed <= 0)
            good = passed > 0 || x86_refuse(vcpu, "tell", "MSRs", error);
    }
    for (uint32_t i = 0; good && i < msrs->nmsrs; i++) {
        snprintf(name, sizeof name, "msr 0x%08x", msrs->entries[i].index);
        if (!is_counter(msrs->entries[i].index))
            stream_number(writer, name, msrs->entries[i].data);
    }
    free(msrs);
    return good;
}

static bool save_cpuid(const struct vcpu *vcpu, struct stream_writer *writer, struct error *error)
{
    struct kvm_cpuid2 *cpuid = x86_cpuid(vcpu, error);

    if (!cpuid)
        return false;
    stream_bytes(writer, "CPUID", cpuid->entries, cpuid->nent * sizeof *cpuid->entries);
    free(cpuid);
    return true;
}

/* Without KVM_CAP_EXCEPTION_PAYLOAD an exception that waits is shown as injected and as pending, and taken as
 * injected (KVM's API documentation, 4.31): one state would have two forms, before and after a restore. */
static void show_exception_once(struct kvm_vcpu_events *events)
{
    events->exception.pending = 0;
}

static bool save_pieces(const struct vcpu *vcpu, struct vcpu_snapshot *state, struct stream_writer *writer,
                        struct error *error)
{
    /* It takes note of INIT and SIPI, which change other pieces. */
    if (ioctl(vcpu->fd, KVM_GET_MP_STATE, &state->mp) < 0)
        return x86_refuse(vcpu, "tell", "run state", error);
    for (unsigned i = 0; i < x86_piece_count; i++) {
        const struct x86_piece *piece = &x86_pieces[i];
        char *at = (char *)state + piece->offset;

        if (ioctl(vcpu->fd, piece->get, at) < 0)
            return x86_refuse(vcpu, "tell", piece->name, error);
        if (at == (char *)&state->events)
            show_exception_once(&state->events);
        stream_bytes(writer, piece->name, at, piece->size);
    }
    return check_nested(vcpu, state, error);
}

static bool save_vcpu(const struct vcpu *vcpu, struct stream_writer *writer, struct error *error)
{
    struct vcpu_snapshot *state = calloc(1, sizeof *state);
    char name[STREAM_NAME_MAX + 1];
    uint64_t offset;
    bool saved;

    if (!state)
        return error_set(error, "out of memory");
    snprintf(name, sizeof name, "cpu %u", vcpu->index);
    stream_open(writer, name);
    saved = save_cpuid(vcpu, writer, error) && save_pieces(vcpu, state, writer, error) &&
            x86_pass_offset(vcpu, KVM_GET_DEVICE_ATTR, &offset, error);
    free(state);
    if (!saved)
        return false;
    stream_number(writer, "TSC offset", offset);
    return save_msrs(vcpu, writer, error) && stream_close(writer, error);
}

static bool save_chips(const struct vcpus *vcpus, struct stream_writer *writer, struct error *error)
{
    struct kvm_pit_state2 pit;

    stream_open(writer, "interrupt controllers");
    for (unsigned i = 0; i < X86_CHIPS; i++) {
        struct kvm_irqchip chip = { .chip_id = i };

        if (ioctl(vcpus->vm->fd, KVM_GET_IRQCHIP, &chip) < 0)
            return error_set(error, "KVM does not tell the state of the %s: %s", x86_chips[i],
                             strerror(errno));
        stream_bytes(writer, x86_chips[i], &chip.chip, sizeof chip.chip);
    }
    if (ioctl(vcpus->vm->fd, KVM_GET_PIT2, &pit) < 0)
        return error_set(error, "KVM does not tell the state of the timer: %s", strerror(errno));
    stream_bytes(writer, "timer", &pit, sizeof pit);
    return stream_close(writer, error);
}

bool vcpus_arch_save(const struct vcpus *vcpus, struct stream_writer *writer, struct error *error)
{
    uint64_t khz;

    if (!vcpus_arch_can_save(vcpus, error) || !x86_tsc_khz(vcpus, &khz, error))
        return false;
    if (!vcpus->clock_known)
        return error_set(error, "KVM does not tell the guest's clock");
    for (unsigned i = 0; i < vcpus->possible; i++)
        if (vcpus_has(vcpus, i) && !save_vcpu(&vcpus->vcpu[i], writer, error))
            return false;
    if (!save_chips(vcpus, writer, error))
        return false;
    stream_open(writer, "clocks");
    stream_number(writer, "kvmclock", vcpus->clock.value);
    stream_number(writer, "TSC kHz", khz);
    stream_number(writer, "host TSC", vcpus->clock.host_tsc);
    return stream_close(writer, error);
}

bool vcpus_arch_save_config(const struct vcpus *vcpus, struct stream_writer *writer, struct error *error)
{
    char name[STREAM_NAME_MAX + 1];
    uint64_t khz;

    if (!x86_tsc_khz(vcpus, &khz, error))
        return false;
    for (unsigned i = 0; i < vcpus->possible; i++) {
        if (!vcpus_has(vcpus, i))
            continue;
        snprintf(name, sizeof name, "cpu %u", vcpus->vcpu[i].index);
        stream_open(writer, name);
        if (!save_cpuid(&vcpus->vcpu[i], writer, error) || !stream_close(writer, error))
            return false;
    }
    stream_open(writer, "clocks");
    stream_number(writer, "TSC kHz", khz);
    return stream_close(writer, error);
}
