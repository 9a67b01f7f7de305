/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * x86-64: vCPUs, interrupt controllers, timer and clocks, restored.
 *
 * The order in which KVM gets them back matters, since each step may act on what is there:
 *
 * 1. system registers, registers, FPU, debug registers, local APIC, run state: the order of x86_pieces[]
 * 2. MSRs, without the next two. Before the local APIC, a deadline would be dropped without an error, as its
 *    timer is not in that mode yet
 * 3. the TSC, by its offset, for all vCPUs from one reading of the host's: written as MSRs one after the
 *    other, they would differ by the time between the writes
 * 4. IA32_TSC_DEADLINE: whether it has passed depends on the TSC
 * 5. pending events, which may leave system management mode and which setting registers would clear
 * 6. IOAPIC and PICs, of which pending interrupts go to the local APICs; the PIT
 * 7. kvmclock, when the vCPUs are resumed (vcpus_resume()), and with it the TSC and its deadlines once more:
 *    a guest that compares the two would see how long 3 to 7 took
 */
#include <errno.h>
#include <inttypes.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <x86intrin.h>

#include "kvm/saved.h"
#include "kvm/x86_saved.h"

#define MSR_TSC_DEADLINE 0x6e0u

/* Parts of a million by which the TSC's frequency may differ; guests measure it as exactly as that. */
#define TSC_TOLERANCE 250u

/* Pending events are the last of x86_pieces[], and are set last. */
#define PIECES_FIRST (x86_piece_count - 1)

static const struct kvm_cpuid_entry2 *find_leaf(const struct kvm_cpuid_entry2 *entries, uint32_t count,
                                                const struct kvm_cpuid_entry2 *like)
{
    for (uint32_t i = 0; i < count; i++)
        if (entries[i].function == like->function && entries[i].index == like->index)
            return &entries[i];
    return NULL;
}

static bool same_leaf(const struct vcpu *vcpu, const struct kvm_cpuid_entry2 *saved,
                      const struct kvm_cpuid_entry2 *here, struct error *error)
{
    const uint32_t theirs[] = { saved->eax, saved->ebx, saved->ecx, saved->edx };
    const uint32_t ours[] = { here->eax, here->ebx, here->ecx, here->edx };
    static const char letters[] = "abcd";

    for (unsigned i = 0; i < 4; i++)
        if (theirs[i] != ours[i])
            return error_set(error,
                             "vCPU %u: CPUID 0x%x, %u: e%cx is 0x%x in the saved state, and 0x%x in this "
                             "machine; the guest needs a host with the same processor and kernel",
                             vcpu->index, saved->function, saved->index, letters[i], theirs[i], ours[i]);
    return true;
}

/* What the guest has seen of its processor stays as it was. */
static bool check_cpuid(const struct vcpu *vcpu, const struct stream_part *part, struct error *error)
{
    struct kvm_cpuid2 *here = x86_cpuid(vcpu, error);
    struct kvm_cpuid_entry2 saved;
    const struct kvm_cpuid_entry2 *own;
    struct stream_item item;
    bool same = here && stream_find_item(part, "CPUID", STREAM_BYTES, &item, error);

    if (same && item.length != here->nent * sizeof saved)
        same = error_set(error, "vCPU %u: CPUID has %zu leaves in the saved state, and %u in this machine",
                         vcpu->index, item.length / sizeof saved, here->nent);
    for (uint32_t i = 0; same && i < here->nent; i++) {
        memcpy(&saved, item.value + i * sizeof saved, sizeof saved);
        own = find_leaf(here->entries, here->nent, &saved);
        same = own ? same_leaf(vcpu, &saved, own, error)
                   : error_set(error, "vCPU %u: this machine's CPUID has no leaf 0x%x, %u", vcpu->index,
                               saved.function, saved.index);
    }
    free(here);
    return same;
}

/* A list of one, in the caller's room. */
#define ONE_MSR ((sizeof(struct kvm_msrs) + sizeof(struct kvm_msr_entry)) / sizeof(uint64_t))

static struct kvm_msrs *one_msr(uint64_t room[ONE_MSR], const struct kvm_msr_entry *entry)
{
    struct kvm_msrs *one = (struct kvm_msrs *)room;

    *one = (struct kvm_msrs){ .nmsrs = 1 };
    one->entries[0] = *entry;
    return one;
}

/* An MSR that KVM does not let anybody set may have the saved value all the same. */
static bool has_value(const struct vcpu *vcpu, const struct kvm_msr_entry *wanted)
{
    uint64_t room[ONE_MSR];
    struct kvm_msrs *one = one_msr(room, &(struct kvm_msr_entry){ .index = wanted->index });

    return x86_pass_msrs(vcpu->fd, KVM_GET_MSRS, one, 0) == 1 && one->entries[0].data == wanted->data;
}

static bool set_msrs(const struct vcpu *vcpu, struct kvm_msrs *msrs, struct error *error)
{
    int taken;

    for (uint32_t done = 0; done < msrs->nmsrs; done += (uint32_t)taken) {
        const struct kvm_msr_entry *refused = &msrs->entries[done];

        taken = x86_pass_msrs(vcpu->fd, KVM_SET_MSRS, msrs, done);
        if (taken < 0)
            return x86_refuse(vcpu, "take", "MSRs", error);
        if (taken == 0 && !has_value(vcpu, refused))
            return error_set(error, "vCPU %u: KVM does not take its MSR 0x%x with the saved value 0x%llx",
                             vcpu->index, refused->index, (unsigned long long)refused->data);
        taken += taken == 0;
    }
    return true;
}

/* The MSRs of the section; the deadline is not among them. */
static struct kvm_msrs *saved_msrs(const struct stream_part *part, struct kvm_msr_entry *deadline,
                                   struct error *error)
{
    struct hotram_saved rest = part->contents;
    struct kvm_msrs *msrs = calloc(1, sizeof *msrs + STREAM_ITEMS_MAX * sizeof *msrs->entries);
    struct stream_item item;
    unsigned index;
    int used;

    if (!msrs)
        error_set(error, "out of memory");
    *deadline = (struct kvm_msr_entry){ .index = MSR_TSC_DEADLINE };
    while (msrs && stream_next_item(&rest, &item)) {
        if (item.type != STREAM_NUMBER || sscanf(item.name, "msr 0x%8x%n", &index, &used) != 1 ||
            item.name[used])
            continue;
        if (index == MSR_TSC_DEADLINE)
            deadline->data = item.number;
        else
            msrs->entries[msrs->nmsrs++] = (struct kvm_msr_entry){ .index = index, .data = item.number };
    }
    return msrs;
}

static bool set_deadline(const struct vcpu *vcpu, const struct kvm_msr_entry *deadline, struct error *error)
{
    uint64_t room[ONE_MSR];

    return deadline->data == 0 || set_msrs(vcpu, one_msr(room, deadline), error);
}

static bool shift_tsc(const struct vcpu *vcpu, uint64_t shift, struct error *error)
{
    uint64_t offset, room[ONE_MSR];
    struct kvm_msrs *deadline = one_msr(room, &(struct kvm_msr_entry){ .index = MSR_TSC_DEADLINE });

    if (!x86_pass_offset(vcpu, KVM_GET_DEVICE_ATTR, &offset, error))
        return false;
    offset += shift;
    /* KVM has a timer of the host's for a deadline, which does not follow the offset. */
    return x86_pass_offset(vcpu, KVM_SET_DEVICE_ATTR, &offset, error) &&
           (x86_pass_msrs(vcpu->fd, KVM_GET_MSRS, deadline, 0) != 1 ||
            set_deadline(vcpu, deadline->entries, error));
}

bool x86_shift_tsc(const struct vcpus *vcpus, uint64_t shift, struct error *error)
{
    for (unsigned i = 0; i < vcpus->possible; i++)
        if (vcpus->vcpu[i].fd >= 0 && !shift_tsc(&vcpus->vcpu[i], shift, error))
            return false;
    return true;
}

/* `shift` is what the host's TSC has to be corrected by. */
static bool set_clocks(const struct vcpu *vcpu, const struct stream_part *part, uint64_t shift,
                       struct error *error)
{
    struct kvm_msr_entry deadline;
    struct kvm_msrs *msrs = saved_msrs(part, &deadline, error);
    uint64_t offset;
    bool set = msrs && set_msrs(vcpu, msrs, error) &&
               stream_get(part, "TSC offset", UINT64_MAX, &offset, error);

    free(msrs);
    if (!set)
        return false;
    offset += shift;
    return x86_pass_offset(vcpu, KVM_SET_DEVICE_ATTR, &offset, error) && set_deadline(vcpu, &deadline, error);
}

static bool set_piece(const struct vcpu *vcpu, const struct stream_part *part, unsigned index,
                      struct vcpu_snapshot *state, struct error *error)
{
    const struct x86_piece *piece = &x86_pieces[index];
    char *at = (char *)state + piece->offset;

    if (!stream_get_bytes(part, piece->name, at, piece->size, error))
        return false;
    return ioctl(vcpu->fd, piece->set, at) == 0 || x86_refuse(vcpu, "take", piece->name, error);
}

static bool restore_vcpu(struct vcpu *vcpu, const struct hotram_saved *stream, uint64_t shift,
                         struct error *error)
{
    struct vcpu_snapshot *state = calloc(1, sizeof *state);
    char name[STREAM_NAME_MAX + 1];
    struct stream_part part;
    bool good;

    snprintf(name, sizeof name, "cpu %u", vcpu->index);
    good = state ? stream_find(stream, name, &part, error) && check_cpuid(vcpu, &part, error)
                 : error_set(error, "out of memory");
    for (unsigned i = 0; good && i < PIECES_FIRST; i++)
        good = set_piece(vcpu, &part, i, state, error);
    good = good && set_clocks(vcpu, &part, shift, error) &&
           set_piece(vcpu, &part, PIECES_FIRST, state, error);
    atomic_store(&vcpu->started, good && vcpu_arch_is_started(vcpu));
    free(state);
    return good;
}

static bool restore_chips(const struct vcpus *vcpus, const struct hotram_saved *stream, struct error *error)
{
    struct stream_part part;
    struct kvm_pit_state2 pit;

    if (!stream_find(stream, "interrupt controllers", &part, error))
        return false;
    for (unsigned i = 0; i < X86_CHIPS; i++) {
        struct kvm_irqchip chip = { .chip_id = i };

        if (!stream_get_bytes(&part, x86_chips[i], &chip.chip, sizeof chip.chip, error))
            return false;
        if (ioctl(vcpus->vm->fd, KVM_SET_IRQCHIP, &chip) < 0)
            return error_set(error, "KVM does not take the state of the %s: %s", x86_chips[i],
                             strerror(errno));
    }
    if (!stream_get_bytes(&part, "timer", &pit, sizeof pit, error))
        return false;
    return ioctl(vcpus->vm->fd, KVM_SET_PIT2, &pit) == 0 ||
           error_set(error, "KVM does not take the state of the timer: %s", strerror(errno));
}

static bool check_frequency(const struct vcpus *vcpus, const struct stream_part *clocks, struct error *error)
{
    uint64_t saved, here;

    if (!stream_get(clocks, "TSC kHz", INT32_MAX, &saved, error) || !x86_tsc_khz(vcpus, &here, error))
        return false;
    return (saved > here ? saved - here : here - saved) <= here * TSC_TOLERANCE / 1000000 ||
           error_set(error,
                     "the TSC's frequency is %" PRIu64 " kHz in the saved state, and %" PRIu64
                     " kHz on this host",
                     saved, here);
}

bool vcpus_arch_check_config(const struct vcpus *vcpus, const struct hotram_saved *stream,
                             struct error *error)
{
    char name[STREAM_NAME_MAX + 1];
    struct stream_part part;

    if (!stream_find(stream, "clocks", &part, error) || !check_frequency(vcpus, &part, error))
        return false;
    for (unsigned i = 0; i < vcpus->possible; i++) {
        if (!vcpus_has(vcpus, i))
            continue;
        snprintf(name, sizeof name, "cpu %u", vcpus->vcpu[i].index);
        if (!stream_find(stream, name, &part, error) || !check_cpuid(&vcpus->vcpu[i], &part, error))
            return false;
    }
    return true;
}

bool vcpus_arch_restore(struct vcpus *vcpus, const struct hotram_saved *stream, struct error *error)
{
    struct stream_part clocks;
    uint64_t tsc, clock, now;

    if (!stream_find(stream, "clocks", &clocks, error) || !check_frequency(vcpus, &clocks, error) ||
        !stream_get(&clocks, "host TSC", UINT64_MAX, &tsc, error) ||
        !stream_get(&clocks, "kvmclock", INT64_MAX, &clock, error))
        return false;
    now = __rdtsc(); /* one reading for all: their distances stay as they were */
    for (unsigned i = 0; i < vcpus->possible; i++)
        if (vcpus_has(vcpus, i) && !restore_vcpu(&vcpus->vcpu[i], stream, tsc - now, error))
            return false;
    if (!restore_chips(vcpus, stream, error))
        return false;
    /* From which it continues when they are resumed. */
    vcpus->clock = (struct vcpu_clock){ .value = clock, .host_tsc = now, .restored = true };
    vcpus->clock_known = true;
    return true;
}
