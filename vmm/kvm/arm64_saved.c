/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arm64: vCPUs and the virtual counter, saved and restored; arm64_gic.c has the interrupt controller.
 *
 * A vCPU's registers are those that KVM lists (Linux Documentation/virt/kvm/api.rst, KVM_GET_REG_LIST), in
 * its order. Each is one of three kinds: what the guest sees of its processor is compared; the counters are
 * left out, as "clocks" has them once for all vCPUs, which share them; all else is set. Then follow whether
 * the vCPU runs, and pending events, which setting registers could clear. The guest's memory has been
 * restored before; the GIC follows, with its part for each possible vCPU: a guest can reach redistributors of
 * absent ones, too. The virtual counter is set when the vCPUs are resumed (vcpus_resume()),
 * and until then KVM does not look at timers.
 */
#include <errno.h>
#include <inttypes.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/count_of.h"
#include "kvm/arm64_gic.h"
#include "kvm/arm64_register.h"
#include "kvm/saved.h"
#include "kvm/vcpu.h"

/* Bytes of the largest register that KVM could list */
#define VALUE_MAX 256u
/* In a timer's control register: it has expired, which follows from the counter */
#define TIMER_ISTATUS 4u

/* Registers of the performance monitors that show the same bits under two numbers: what the guest writes to
 * one sets them, and to the other clears them (Arm Architecture Reference Manual, the registers named). */
static const struct {
    uint64_t set, clear;
} set_and_clear[] = {
    { ARM64_SYS_REG(3, 0, 9, 14, 1), ARM64_SYS_REG(3, 0, 9, 14, 2) }, /* PMINTENSET_EL1, PMINTENCLR_EL1 */
    { ARM64_SYS_REG(3, 3, 9, 12, 1), ARM64_SYS_REG(3, 3, 9, 12, 2) }, /* PMCNTENSET_EL0, PMCNTENCLR_EL0 */
    { ARM64_SYS_REG(3, 3, 9, 14, 3), ARM64_SYS_REG(3, 3, 9, 12, 3) }, /* PMOVSSET_EL0, PMOVSCLR_EL0 */
};

static bool refuse(const struct vcpu *vcpu, const char *verb, const char *what, struct error *error)
{
    return error_set(error, "vCPU %u: KVM does not %s its %s: %s", vcpu->index, verb, what, strerror(errno));
}

bool vcpus_arch_can_save(const struct vcpus *vcpus, struct error *error)
{
    return ioctl(vcpus->vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_VCPU_EVENTS) > 0 ||
           error_set(error, "this host's KVM lacks KVM_CAP_VCPU_EVENTS (Linux 4.19), without which a vCPU's "
                            "pending events cannot be saved");
}

/* ---- registers ---- */

static unsigned size_of(uint64_t id)
{
    return 1u << ((id & KVM_REG_SIZE_MASK) >> KVM_REG_SIZE_SHIFT);
}

static bool is_counter(uint64_t id)
{
    return id == KVM_REG_ARM_TIMER_CNT || id == KVM_REG_ARM_PTIMER_CNT;
}

/* Identification registers (op0 3, CRn 0, but for CSSELR_EL1, which selects a cache), and what is known of
 * caches. */
static bool is_identity(uint64_t id)
{
    const uint64_t coprocessor = id & KVM_REG_ARM_COPROC_MASK;
    const uint64_t op1 = (id & KVM_REG_ARM64_SYSREG_OP1_MASK) >> KVM_REG_ARM64_SYSREG_OP1_SHIFT;

    if (coprocessor == KVM_REG_ARM_DEMUX)
        return true;
    return coprocessor == KVM_REG_ARM64_SYSREG && (id & KVM_REG_ARM64_SYSREG_OP0_MASK) == 0xc000 &&
           (id & KVM_REG_ARM64_SYSREG_CRN_MASK) == 0 && (op1 == 0 || op1 == 1 || op1 == 3);
}

static bool get_register(const struct vcpu *vcpu, uint64_t id, uint8_t value[VALUE_MAX], struct error *error)
{
    const struct kvm_one_reg reg = { .id = id, .addr = (uintptr_t)value };
    char name[32];

    snprintf(name, sizeof name, "register 0x%016" PRIx64, id);
    memset(value, 0, VALUE_MAX);
    if (size_of(id) > VALUE_MAX)
        return error_set(error, "vCPU %u: its %s has %u bytes; saved states have room for %u", vcpu->index,
                         name, size_of(id), VALUE_MAX);
    if (ioctl(vcpu->fd, KVM_GET_ONE_REG, &reg) < 0)
        return refuse(vcpu, "tell", name, error);
    if (id == KVM_REG_ARM_TIMER_CTL || id == KVM_REG_ARM_PTIMER_CTL)
        value[0] &= (uint8_t)~TIMER_ISTATUS;
    return true;
}

/* NULL and an error: KVM does not tell, or out of memory. The caller frees it. */
static struct kvm_reg_list *list_registers(const struct vcpu *vcpu, struct error *error)
{
    struct kvm_reg_list none = { 0 }, *list;

    if (ioctl(vcpu->fd, KVM_GET_REG_LIST, &none) < 0 && errno != E2BIG) {
        refuse(vcpu, "list", "registers", error);
        return NULL;
    }
    list = calloc(1, sizeof *list + none.n * sizeof *list->reg);
    if (!list) {
        error_set(error, "out of memory");
        return NULL;
    }
    list->n = none.n;
    if (ioctl(vcpu->fd, KVM_GET_REG_LIST, list) == 0)
        return list;
    refuse(vcpu, "list", "registers", error);
    free(list);
    return NULL;
}

static void name_register(char name[STREAM_NAME_MAX + 1], uint64_t id)
{
    snprintf(name, STREAM_NAME_MAX + 1, "register 0x%016" PRIx64, id);
}

/* ---- saving ---- */

static bool save_registers(const struct vcpu *vcpu, struct stream_writer *writer, struct error *error)
{
    struct kvm_reg_list *list = list_registers(vcpu, error);
    char name[STREAM_NAME_MAX + 1];
    uint8_t value[VALUE_MAX];
    bool saved = list != NULL;

    for (uint64_t i = 0; saved && i < list->n; i++) {
        if (is_counter(list->reg[i]))
            continue;
        saved = get_register(vcpu, list->reg[i], value, error);
        name_register(name, list->reg[i]);
        stream_bytes(writer, name, value, saved ? size_of(list->reg[i]) : 0);
    }
    free(list);
    return saved;
}

static bool save_vcpu(const struct vcpu *vcpu, struct stream_writer *writer, struct error *error)
{
    struct kvm_vcpu_events events;
    struct kvm_mp_state run_state;
    char name[STREAM_NAME_MAX + 1];

    snprintf(name, sizeof name, "cpu %u", vcpu->index);
    stream_open(writer, name);
    /* Registers first: of a vCPU that PSCI has just started, KVM makes them those of its start. */
    if (!save_registers(vcpu, writer, error))
        return false;
    if (ioctl(vcpu->fd, KVM_GET_MP_STATE, &run_state) < 0)
        return refuse(vcpu, "tell", "run state", error);
    stream_bytes(writer, "run state", &run_state, sizeof run_state);
    memset(&events, 0, sizeof events);
    if (ioctl(vcpu->fd, KVM_GET_VCPU_EVENTS, &events) < 0)
        return refuse(vcpu, "tell", "pending events", error);
    stream_bytes(writer, "pending events", &events, sizeof events);
    return stream_close(writer, error);
}

/* Of the counter, which the guest can read, too; the host's is the guest's. */
static uint64_t frequency(void)
{
    uint64_t hertz;

    __asm__ volatile("mrs %0, cntfrq_el0" : "=r"(hertz));
    return hertz;
}

bool vcpus_arch_save(const struct vcpus *vcpus, struct stream_writer *writer, struct error *error)
{
    if (!vcpus_arch_can_save(vcpus, error))
        return false;
    if (!vcpus->clock_known)
        return error_set(error, "KVM does not tell the guest's virtual counter");
    for (unsigned i = 0; i < vcpus->possible; i++)
        if (vcpus_has(vcpus, i) && !save_vcpu(&vcpus->vcpu[i], writer, error))
            return false;
    if (!gic_save(vcpus->vm, vcpus->possible, writer, error))
        return false;
    stream_open(writer, "clocks");
    stream_number(writer, "virtual counter", vcpus->clock.value);
    stream_number(writer, "counter Hz", frequency());
    return stream_close(writer, error);
}

/* ---- restoring ---- */

static uint64_t shown(const uint8_t *value, uint32_t size)
{
    uint64_t number = 0;

    memcpy(&number, value, size < sizeof number ? size : sizeof number);
    return number;
}

/*
 * KVM of Linux 6.12 (not 6.1) sets and clears bits of such registers as the guest's own writes do, instead
 * of taking the value: a new vCPU would keep what it began with, and the second of two that were saved would
 * clear what the first had set. So all bits are cleared before those are set that were, which leads to the
 * value wherever writes mean the one or the other.
 */
static bool clear_before_set(const struct vcpu *vcpu, uint64_t id, struct error *error)
{
    for (unsigned i = 0; i < COUNT_OF(set_and_clear); i++)
        if (id == set_and_clear[i].set && !arm64_set_register(vcpu, set_and_clear[i].clear, UINT64_MAX))
            return refuse(vcpu, "clear", "performance monitors' registers", error);
    return true;
}

/* It has the value of the one that sets. */
static bool is_clearing(uint64_t id)
{
    for (unsigned i = 0; i < COUNT_OF(set_and_clear); i++)
        if (id == set_and_clear[i].clear)
            return true;
    return false;
}

static bool restore_register(const struct vcpu *vcpu, uint64_t id, const struct stream_item *item,
                             struct error *error)
{
    uint8_t here[VALUE_MAX];
    const struct kvm_one_reg reg = { .id = id, .addr = (uintptr_t)item->value };

    if (item->length != size_of(id))
        return error_set(error, "vCPU %u: '%s' has %" PRIu32 " bytes in the saved state, and %u here",
                         vcpu->index, item->name, item->length, size_of(id));
    if (is_clearing(id))
        return true;
    if (!clear_before_set(vcpu, id, error))
        return false;
    if (!is_identity(id) && ioctl(vcpu->fd, KVM_SET_ONE_REG, &reg) == 0)
        return true;
    /* One that KVM does not let anybody set may have the saved value all the same. */
    if (!get_register(vcpu, id, here, error))
        return false;
    return memcmp(here, item->value, item->length) == 0 ||
           error_set(error,
                     "vCPU %u: %s is 0x%" PRIx64 " in the saved state, and 0x%" PRIx64 " in this machine%s",
                     vcpu->index, item->name, shown(item->value, item->length), shown(here, item->length),
                     is_identity(id) ? "; the guest needs a host with the same processor and kernel" : "");
}

/* The next item that is a register. False: there is none. */
static bool next_register(struct hotram_saved *rest, struct stream_item *item)
{
    while (stream_next_item(rest, item))
        if (item->type == STREAM_BYTES && strncmp(item->name, "register ", 9) == 0)
            return true;
    return false;
}

/* Those that KVM lists here, and no others. */
static bool restore_registers(const struct vcpu *vcpu, const struct stream_part *part, struct error *error)
{
    struct kvm_reg_list *list = list_registers(vcpu, error);
    struct hotram_saved rest = part->contents;
    char name[STREAM_NAME_MAX + 1];
    struct stream_item item;
    bool good = list != NULL, found;

    for (uint64_t i = 0; good && i < list->n; i++) {
        if (is_counter(list->reg[i]))
            continue;
        name_register(name, list->reg[i]);
        found = next_register(&rest, &item);
        if (found && strcmp(item.name, name) == 0)
            good = restore_register(vcpu, list->reg[i], &item, error);
        else
            good = error_set(error,
                             "vCPU %u: KVM lists %s here, and the saved state has %s in its place; the guest "
                             "needs a host with the same processor and kernel",
                             vcpu->index, name, found ? item.name : "none");
    }
    if (good && next_register(&rest, &item))
        good = error_set(error,
                         "vCPU %u: the saved state has %s, which KVM does not list here; the guest "
                         "needs a host with the same processor and kernel",
                         vcpu->index, item.name);
    free(list);
    return good;
}

static bool restore_vcpu(struct vcpu *vcpu, const struct hotram_saved *stream, struct error *error)
{
    struct kvm_vcpu_events events;
    struct kvm_mp_state run_state;
    char name[STREAM_NAME_MAX + 1];
    struct stream_part part;

    snprintf(name, sizeof name, "cpu %u", vcpu->index);
    vcpu->as_reset = false;
    if (!stream_find(stream, name, &part, error) || !restore_registers(vcpu, &part, error) ||
        !stream_get_bytes(&part, "run state", &run_state, sizeof run_state, error) ||
        !stream_get_bytes(&part, "pending events", &events, sizeof events, error))
        return false;
    if (ioctl(vcpu->fd, KVM_SET_MP_STATE, &run_state) < 0)
        return refuse(vcpu, "take", "run state", error);
    return ioctl(vcpu->fd, KVM_SET_VCPU_EVENTS, &events) == 0 ||
           refuse(vcpu, "take", "pending events", error);
}

bool vcpus_arch_restore(struct vcpus *vcpus, const struct hotram_saved *stream, struct error *error)
{
    struct stream_part clocks;
    uint64_t clock, hertz;

    if (!stream_find(stream, "clocks", &clocks, error) ||
        !stream_get(&clocks, "virtual counter", UINT64_MAX, &clock, error) ||
        !stream_get(&clocks, "counter Hz", UINT64_MAX, &hertz, error))
        return false;
    if (hertz != frequency())
        return error_set(error,
                         "the counter's frequency is %" PRIu64 " Hz in the saved state, and %" PRIu64
                         " Hz on this host",
                         hertz, frequency());
    for (unsigned i = 0; i < vcpus->possible; i++)
        if (vcpus_has(vcpus, i) && !restore_vcpu(&vcpus->vcpu[i], stream, error))
            return false;
    if (!gic_restore(vcpus->vm, vcpus->possible, stream, error))
        return false;
    vcpus->clock = (struct vcpu_clock){ .value = clock }; /* from which it continues when they are resumed */
    vcpus->clock_known = true;
    return true;
}

/* Processors that differ are found when their registers are restored: before the source gives its guest up.
 */
bool vcpus_arch_save_config(const struct vcpus *vcpus, struct stream_writer *writer, struct error *error)
{
    (void)writer;
    return vcpus_arch_can_save(vcpus, error);
}

bool vcpus_arch_check_config(const struct vcpus *vcpus, const struct hotram_saved *stream,
                             struct error *error)
{
    (void)stream;
    return vcpus_arch_can_save(vcpus, error);
}
