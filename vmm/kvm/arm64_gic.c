/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arm64: GICv2, GICv3 and ITS, saved and restored.
 *
 * Order of the restore, in which each step relies on the ones before:
 *
 * 1. distributor: revision (IIDR), which decides what other registers accept; CTLR
 * 2. for each vCPU, its private interrupts; a GICv3's LPI tables before the bit that enables LPIs
 * 3. shared interrupts; of both kinds, in the order of arm64_gic_bits.c
 * 4. CPU interfaces, whose active priorities are of the interrupts that are active
 * 5. ITS: CBASER, which sets the next two to 0, CREADR and CWRITER, the tables' addresses, the tables, and
 *    CTLR, after which it reads commands
 *
 * Lines of devices are not part of a GICv2's state: devices set them when they are restored.
 */
#include <errno.h>
#include <inttypes.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/count_of.h"
#include "kvm/arm64_gic.h"
#include "kvm/vcpu.h"
#include "layout/arm64.h"

/* ---- single registers ---- */

struct single {
    const char *name;
    uint32_t at; /* offset, or number of a system register */
};

/* 32 bits at a time, as KVM passes registers of distributor and redistributors. */
static const struct single of_lpis[] = {
    { "PROPBASER", GICR_PROPBASER },       { "PROPBASER, upper half", GICR_PROPBASER + 4 },
    { "PENDBASER", GICR_PENDBASER },       { "PENDBASER, upper half", GICR_PENDBASER + 4 },
    { "redistributor's CTLR", GICR_CTLR },
};

static const struct single gicv2_interface[] = {
    { "GICC_CTLR", GICC_CTLR }, { "GICC_PMR", GICC_PMR }, { "GICC_BPR", 0x08 },  { "GICC_ABPR", 0x1c },
    { "GICC_APR0", 0xd0 },      { "GICC_APR1", 0xd4 },    { "GICC_APR2", 0xd8 }, { "GICC_APR3", 0xdc },
};

/* SRE and CTLR are such that KVM takes no other value than its own, but for a few bits. */
static const struct single gicv3_interface[] = {
    { "ICC_SRE", SYSREG(3, 0, 12, 12, 5) },
    { "ICC_CTLR", SYSREG(3, 0, 12, 12, 4) },
    { "ICC_IGRPEN0", ICC_IGRPEN0 },
    { "ICC_IGRPEN1", ICC_IGRPEN1 },
    { "ICC_PMR", ICC_PMR },
    { "ICC_BPR0", SYSREG(3, 0, 12, 8, 3) },
    { "ICC_BPR1", SYSREG(3, 0, 12, 12, 3) },
};

/* Registers of active priorities there are 1, 2 or 4 of each, by the number of priority bits. */
static const struct single priorities[][2] = {
    { { "ICC_AP0R0", ICC_AP0R(0) }, { "ICC_AP1R0", ICC_AP1R(0) } },
    { { "ICC_AP0R1", ICC_AP0R(1) }, { "ICC_AP1R1", ICC_AP1R(1) } },
    { { "ICC_AP0R2", ICC_AP0R(2) }, { "ICC_AP1R2", ICC_AP1R(2) } },
    { { "ICC_AP0R3", ICC_AP0R(3) }, { "ICC_AP1R3", ICC_AP1R(3) } },
};

static const struct single its_registers[] = {
    { "CBASER", 0x80 },  { "CREADR", 0x90 },  { "CWRITER", 0x88 }, { "BASER0", 0x100 },
    { "BASER1", 0x108 }, { "BASER2", 0x110 }, { "BASER3", 0x118 }, { "BASER4", 0x120 },
    { "BASER5", 0x128 }, { "BASER6", 0x130 }, { "BASER7", 0x138 },
};
static const struct single distributor[] = { { "IIDR", IIDR }, { "CTLR", CTLR } };
static const struct single its_control = { "CTLR", 0x00 };

/* Where single registers are. */
struct place {
    int fd;
    uint32_t group;
    uint64_t which;
    bool wide; /* KVM passes 64 bits */
};

static bool pass_value(const struct place *place, unsigned long request, const struct single *single,
                       uint64_t *value, struct error *error)
{
    uint32_t word = (uint32_t)*value;
    const bool passed = gic_pass(place->fd, request, place->group, place->which | single->at,
                                 place->wide ? (void *)value : (void *)&word);

    if (!passed)
        return gic_refuse(request, single->name, error);
    if (!place->wide)
        *value = word;
    return true;
}

/* Save, or restore from `part`. */
static bool pass_singles(const struct place *place, const struct single *singles, size_t count,
                         struct stream_writer *writer, const struct stream_part *part, struct error *error)
{
    const uint64_t most = place->wide ? UINT64_MAX : UINT32_MAX;
    uint64_t value = 0;

    for (size_t i = 0; i < count; i++) {
        if (part && !stream_get(part, singles[i].name, most, &value, error))
            return false;
        if (!pass_value(place, part ? KVM_SET_DEVICE_ATTR : KVM_GET_DEVICE_ATTR, &singles[i], &value, error))
            return false;
        if (!part)
            stream_number(writer, singles[i].name, value);
    }
    return true;
}

/* ---- the parts of a controller ---- */

static uint64_t gicv3_cpu(unsigned cpu)
{
    return vcpu_arch_mpidr(cpu) << KVM_DEV_ARM_VGIC_V3_MPIDR_SHIFT;
}

static bool pass_private(const struct vm *vm, unsigned cpu, struct stream_writer *writer,
                         const struct stream_part *part, struct error *error)
{
    const bool v3 = vm->arch->version == 3;
    const struct place lpis = { vm->arch->fd, KVM_DEV_ARM_VGIC_GRP_REDIST_REGS, gicv3_cpu(cpu), false };
    const struct gic_block block = {
        .group = v3 ? KVM_DEV_ARM_VGIC_GRP_REDIST_REGS : KVM_DEV_ARM_VGIC_GRP_DIST_REGS,
        .which = v3 ? gicv3_cpu(cpu) | SGI_FRAME : (uint64_t)cpu << KVM_DEV_ARM_VGIC_CPUID_SHIFT,
        .count = ARM64_SPI_BASE,
    };

    return (!vm->has_its || pass_singles(&lpis, of_lpis, COUNT_OF(of_lpis), writer, part, error)) &&
           gic_pass_block(vm, &block, writer, part, error);
}

static bool pass_shared(const struct vm *vm, struct stream_writer *writer, const struct stream_part *part,
                        struct error *error)
{
    const struct gic_block block = {
        .group = KVM_DEV_ARM_VGIC_GRP_DIST_REGS,
        .first = ARM64_SPI_BASE,
        .count = ARM64_GSI_COUNT - ARM64_SPI_BASE,
    };

    return gic_pass_block(vm, &block, writer, part, error);
}

static unsigned count_priorities(uint64_t control)
{
    const unsigned bits = (unsigned)(control >> 8 & 7) + 1; /* ICC_CTLR.PRIbits */

    return bits == 7 ? 4 : bits == 6 ? 2 : 1;
}

static bool pass_interface(const struct vm *vm, unsigned cpu, struct stream_writer *writer,
                           const struct stream_part *part, struct error *error)
{
    const struct place v2 = { vm->arch->fd, KVM_DEV_ARM_VGIC_GRP_CPU_REGS,
                              (uint64_t)cpu << KVM_DEV_ARM_VGIC_CPUID_SHIFT, false };
    const struct place v3 = { vm->arch->fd, KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS, gicv3_cpu(cpu), true };
    uint64_t control = 0;

    if (vm->arch->version == 2)
        return pass_singles(&v2, gicv2_interface, COUNT_OF(gicv2_interface), writer, part, error);
    if (!pass_singles(&v3, gicv3_interface, COUNT_OF(gicv3_interface), writer, part, error) ||
        !pass_value(&v3, KVM_GET_DEVICE_ATTR, &gicv3_interface[1], &control, error))
        return false;
    for (unsigned i = 0; i < count_priorities(control); i++)
        if (!pass_singles(&v3, priorities[i], 2, writer, part, error))
            return false;
    return true;
}

static void name_section(char name[STREAM_NAME_MAX + 1], unsigned cpu)
{
    snprintf(name, STREAM_NAME_MAX + 1, "GIC of cpu %u", cpu);
}

static struct place distributor_of(const struct vm *vm)
{
    return (struct place){ vm->arch->fd, KVM_DEV_ARM_VGIC_GRP_DIST_REGS, 0, false };
}

/* ---- saving ---- */

static bool save_its(const struct vm *vm, struct stream_writer *writer, struct error *error)
{
    const struct place its = { vm->arch->its_fd, KVM_DEV_ARM_VGIC_GRP_ITS_REGS, 0, true };

    if (!gic_pass(its.fd, KVM_SET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_ITS_SAVE_TABLES, NULL))
        return error_set(error, "KVM does not write the ITS's tables to guest memory: %s", strerror(errno));
    stream_open(writer, "ITS");
    return pass_singles(&its, its_registers, COUNT_OF(its_registers), writer, NULL, error) &&
           pass_singles(&its, &its_control, 1, writer, NULL, error) && stream_close(writer, error);
}

bool gic_save(const struct vm *vm, unsigned cpus, struct stream_writer *writer, struct error *error)
{
    const struct place place = distributor_of(vm);
    char name[STREAM_NAME_MAX + 1];

    if (vm->has_its && !gic_pass(vm->arch->fd, KVM_SET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_CTRL,
                                 KVM_DEV_ARM_VGIC_SAVE_PENDING_TABLES, NULL))
        return error_set(error, "KVM does not write the LPI pending tables to guest memory: %s",
                         strerror(errno));
    stream_open(writer, "GIC");
    stream_number(writer, "version", vm->arch->version);
    stream_number(writer, "has ITS", vm->has_its);
    if (!pass_singles(&place, distributor, COUNT_OF(distributor), writer, NULL, error) ||
        !pass_shared(vm, writer, NULL, error) || !stream_close(writer, error))
        return false;
    for (unsigned cpu = 0; cpu < cpus; cpu++) {
        name_section(name, cpu);
        stream_open(writer, name);
        if (!pass_private(vm, cpu, writer, NULL, error) || !pass_interface(vm, cpu, writer, NULL, error) ||
            !stream_close(writer, error))
            return false;
    }
    return !vm->has_its || save_its(vm, writer, error);
}

/* ---- restoring ---- */

static bool same(const struct stream_part *part, const char *name, uint64_t here, struct error *error)
{
    uint64_t saved;

    return stream_get(part, name, UINT64_MAX, &saved, error) &&
           (saved == here ||
            error_set(error,
                      "GIC: '%s' is 0x%" PRIx64 " in the saved state, and 0x%" PRIx64 " in this machine",
                      name, saved, here));
}

/* A GICv2's revision is compared: to set it would let the guest change groups of interrupts, which it could
 * not before. */
static bool restore_distributor(const struct vm *vm, const struct stream_part *part, struct error *error)
{
    const struct place place = distributor_of(vm);
    uint64_t revision = 0;

    if (!same(part, "version", vm->arch->version, error) || !same(part, "has ITS", vm->has_its, error))
        return false;
    if (vm->arch->version == 2)
        return pass_value(&place, KVM_GET_DEVICE_ATTR, &distributor[0], &revision, error) &&
               same(part, "IIDR", revision, error) &&
               pass_singles(&place, &distributor[1], 1, NULL, part, error);
    return pass_singles(&place, distributor, COUNT_OF(distributor), NULL, part, error);
}

static bool restore_its(const struct vm *vm, const struct hotram_saved *stream, struct error *error)
{
    const struct place its = { vm->arch->its_fd, KVM_DEV_ARM_VGIC_GRP_ITS_REGS, 0, true };
    struct stream_part part;

    if (!stream_find(stream, "ITS", &part, error) ||
        !pass_singles(&its, its_registers, COUNT_OF(its_registers), NULL, &part, error))
        return false;
    if (!gic_pass(its.fd, KVM_SET_DEVICE_ATTR, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_ITS_RESTORE_TABLES,
                  NULL))
        return error_set(error, "KVM does not take the ITS's tables in guest memory: %s", strerror(errno));
    return pass_singles(&its, &its_control, 1, NULL, &part, error);
}

static bool restore_cpus(const struct vm *vm, unsigned cpus, const struct hotram_saved *stream,
                         bool (*restore)(const struct vm *vm, unsigned cpu, struct stream_writer *writer,
                                         const struct stream_part *part, struct error *error),
                         struct error *error)
{
    char name[STREAM_NAME_MAX + 1];
    struct stream_part part;

    for (unsigned cpu = 0; cpu < cpus; cpu++) {
        name_section(name, cpu);
        if (!stream_find(stream, name, &part, error) || !restore(vm, cpu, NULL, &part, error))
            return false;
    }
    return true;
}

bool gic_restore(const struct vm *vm, unsigned cpus, const struct hotram_saved *stream, struct error *error)
{
    struct stream_part part;

    return stream_find(stream, "GIC", &part, error) && restore_distributor(vm, &part, error) &&
           restore_cpus(vm, cpus, stream, pass_private, error) && pass_shared(vm, NULL, &part, error) &&
           restore_cpus(vm, cpus, stream, pass_interface, error) &&
           (!vm->has_its || restore_its(vm, stream, error));
}
