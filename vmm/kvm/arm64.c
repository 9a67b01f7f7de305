/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arm64: the size of the guest's address space, and the in-kernel interrupt controller (Linux
 * Documentation/virt/kvm/devices/arm-vgic.rst, arm-vgic-v3.rst).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kvm/arm64_gic.h"
#include "kvm/vcpu.h"
#include "kvm/vm.h"
#include "layout/arm64.h"

#define IPA_BITS 40u /* of a VM that is made without saying how many */

static unsigned ipa_bits(int kvm_fd)
{
    int bits = ioctl(kvm_fd, KVM_CHECK_EXTENSION, KVM_CAP_ARM_VM_IPA_SIZE);

    return bits > 0 ? (unsigned)bits : IPA_BITS;
}

unsigned vm_arch_address_bits(void)
{
    int fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    unsigned bits = fd >= 0 ? ipa_bits(fd) : IPA_BITS;

    if (fd >= 0)
        close(fd);
    return bits;
}

unsigned long vm_arch_type(int kvm_fd)
{
    unsigned bits = ipa_bits(kvm_fd);

    return bits == IPA_BITS ? 0 : KVM_VM_TYPE_ARM_IPA_SIZE(bits);
}

unsigned vm_arch_irq(unsigned gsi)
{
    return (unsigned)KVM_ARM_IRQ_TYPE_SPI << KVM_ARM_IRQ_TYPE_SHIFT | gsi;
}

/* KVM's routes know shared interrupts only. */
unsigned vm_arch_gsi_base(void)
{
    return ARM64_SPI_BASE;
}

unsigned vm_arch_gsi_count(void)
{
    return ARM64_GSI_COUNT;
}

/* As KVM does when the controller is initialized: each shared interrupt is a pin of it. */
unsigned vm_arch_routes(struct kvm_irq_routing_entry *entries)
{
    const unsigned count = ARM64_GSI_COUNT - ARM64_SPI_BASE;

    for (unsigned pin = 0; entries && pin < count; pin++) {
        entries[pin].gsi = pin;
        entries[pin].type = KVM_IRQ_ROUTING_IRQCHIP;
        entries[pin].u.irqchip.pin = pin;
    }
    return count;
}

/* ---- making the controller ---- */

static bool set(int fd, uint32_t group, uint64_t attribute, const void *value)
{
    struct kvm_device_attr attr = { .group = group, .attr = attribute, .addr = (uintptr_t)value };

    return ioctl(fd, KVM_SET_DEVICE_ATTR, &attr) == 0;
}

/* A file descriptor, or -1 and errno. */
static int create_device(const struct vm *vm, uint32_t type, uint32_t flags)
{
    struct kvm_create_device device = { .type = type, .flags = flags };

    return ioctl(vm->fd, KVM_CREATE_DEVICE, &device) < 0 ? -1 : (int)device.fd;
}

static bool has_gic(const struct vm *vm, unsigned version)
{
    return create_device(vm, version == 3 ? KVM_DEV_TYPE_ARM_VGIC_V3 : KVM_DEV_TYPE_ARM_VGIC_V2,
                         KVM_CREATE_DEVICE_TEST) >= 0;
}

/* The newest that the host has, or the one that was asked for. 0: none, and an error. */
static unsigned choose_version(const struct vm *vm, struct error *error)
{
    if (vm->gic_version == 0) {
        for (unsigned version = 3; version >= 2; version--)
            if (has_gic(vm, version))
                return version;
        error_set(error, "this host's KVM has neither a GICv3 nor a GICv2 for guests");
        return 0;
    }
    if (has_gic(vm, vm->gic_version))
        return vm->gic_version;
    error_set(error, "-machine gic-version=%u: this host's KVM has no GICv%u for guests%s", vm->gic_version,
              vm->gic_version,
              has_gic(vm, 5 - vm->gic_version) ? "; leave gic-version out to get what it has" : "");
    return 0;
}

/* The service that takes devices' messages (Documentation/virt/kvm/devices/arm-vgic-its.rst). KVM has it with
 * every GICv3 since Linux 4.8; without it devices are left with lines. */
static bool create_its(struct vm *vm, struct error *error)
{
    const uint64_t address = ARM64_ITS;

    if (!vm->wants_its || vm->arch->version != 3 ||
        create_device(vm, KVM_DEV_TYPE_ARM_VGIC_ITS, KVM_CREATE_DEVICE_TEST) < 0)
        return true;
    vm->arch->its_fd = create_device(vm, KVM_DEV_TYPE_ARM_VGIC_ITS, 0);
    if (vm->arch->its_fd < 0)
        return error_set(error, "ITS: KVM_CREATE_DEVICE: %s", strerror(errno));
    vm->has_its = true;
    return set(vm->arch->its_fd, KVM_DEV_ARM_VGIC_GRP_ADDR, KVM_VGIC_ITS_ADDR_TYPE, &address) ||
           error_set(error, "ITS: KVM does not take its place: %s", strerror(errno));
}

bool vm_arch_create(struct vm *vm, struct error *error)
{
    const uint64_t distributor = ARM64_GICD;
    const uint32_t count = ARM64_GSI_COUNT;
    unsigned version = choose_version(vm, error);
    unsigned most = version == 2 ? ARM64_GICV2_CPUS_MAX : (unsigned)ARM64_GICV3_CPUS_MAX;
    uint64_t second = version == 2 ? ARM64_GICC : ARM64_GICR;
    int fd;

    if (version == 0)
        return false;
    if (vm->cpus_max > most)
        return error_set(error, "-smp: %u possible CPUs: a GICv%u serves at most %u vCPUs%s", vm->cpus_max,
                         version, most, version == 2 && has_gic(vm, 3) ? "; gic-version=3 more" : "");
    vm->gic_version = version;
    vm->has_pmu = ioctl(vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_ARM_PMU_V3) > 0;
    vm->arch = calloc(1, sizeof *vm->arch);
    if (!vm->arch)
        return error_set(error, "out of memory");
    fd = create_device(vm, version == 3 ? KVM_DEV_TYPE_ARM_VGIC_V3 : KVM_DEV_TYPE_ARM_VGIC_V2, 0);
    *vm->arch = (struct vm_arch){ .fd = fd, .its_fd = -1, .version = version };
    if (fd < 0)
        return error_set(error, "GICv%u: KVM_CREATE_DEVICE: %s", version, strerror(errno));
    if (!set(fd, KVM_DEV_ARM_VGIC_GRP_ADDR,
             version == 3 ? KVM_VGIC_V3_ADDR_TYPE_DIST : KVM_VGIC_V2_ADDR_TYPE_DIST, &distributor) ||
        !set(fd, KVM_DEV_ARM_VGIC_GRP_ADDR,
             version == 3 ? KVM_VGIC_V3_ADDR_TYPE_REDIST : KVM_VGIC_V2_ADDR_TYPE_CPU, &second) ||
        !set(fd, KVM_DEV_ARM_VGIC_GRP_NR_IRQS, 0, &count))
        return error_set(error, "GICv%u: KVM does not take its place: %s", version, strerror(errno));
    return create_its(vm, error);
}

bool vm_arch_msi_has_requester(const struct vm *vm)
{
    return vm->has_its;
}

bool vm_arch_complete(struct vm *vm, struct error *error)
{
    if (!set(vm->arch->fd, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, NULL))
        return error_set(error, "GICv%u: KVM does not complete it: %s", vm->arch->version, strerror(errno));
    /* Behind the controller that it belongs to, and before any vCPU runs. */
    return !vm->has_its ||
           set(vm->arch->its_fd, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_VGIC_CTRL_INIT, NULL) ||
           error_set(error, "ITS: KVM does not complete it: %s", strerror(errno));
}

void vm_arch_destroy(struct vm *vm)
{
    if (vm->arch && vm->arch->its_fd >= 0)
        close(vm->arch->its_fd);
    if (vm->arch && vm->arch->fd >= 0)
        close(vm->arch->fd);
    free(vm->arch);
    vm->arch = NULL;
}

/* ---- reset: nothing enabled, pending or active. KVM has no call for it, so the registers are written ----
 */

static bool write32(const struct vm *vm, uint32_t group, uint64_t which, uint32_t value)
{
    return set(vm->arch->fd, group, which, &value);
}

/* Interrupts in groups of 32. From this side a GICv3's pending state is set as a whole, a GICv2's is cleared.
 */
static bool clear_interrupts(const struct vm *vm, uint32_t group, uint64_t base, unsigned index)
{
    const bool v3 = vm->arch->version == 3;

    return write32(vm, group, base + ICENABLER + 4 * index, UINT32_MAX) &&
           write32(vm, group, base + (v3 ? ISPENDR : ICPENDR) + 4 * index, v3 ? 0 : UINT32_MAX) &&
           write32(vm, group, base + ICACTIVER + 4 * index, UINT32_MAX);
}

/* A guest that starts with LPIs enabled has their tables in memory that it takes for free. */
static bool reset_lpis(const struct vm *vm, uint64_t cpu)
{
    static const unsigned registers[] = { GICR_CTLR, GICR_PROPBASER, GICR_PROPBASER + 4, GICR_PENDBASER,
                                          GICR_PENDBASER + 4 };

    for (size_t i = 0; vm->has_its && i < sizeof registers / sizeof registers[0]; i++)
        if (!write32(vm, KVM_DEV_ARM_VGIC_GRP_REDIST_REGS, cpu | registers[i], 0))
            return false;
    return true;
}

static bool reset_gicv3_cpu(const struct vm *vm, unsigned cpu)
{
    static const uint32_t registers[] = {
        ICC_PMR, ICC_IGRPEN0, ICC_IGRPEN1, ICC_AP0R(0), ICC_AP1R(0),
    };
    const uint64_t which = vcpu_arch_mpidr(cpu) << KVM_DEV_ARM_VGIC_V3_MPIDR_SHIFT;
    const uint64_t zero = 0;

    if (!clear_interrupts(vm, KVM_DEV_ARM_VGIC_GRP_REDIST_REGS, which | SGI_FRAME, 0) ||
        !reset_lpis(vm, which))
        return false;
    for (size_t i = 0; i < sizeof registers / sizeof registers[0]; i++)
        if (!set(vm->arch->fd, KVM_DEV_ARM_VGIC_GRP_CPU_SYSREGS, which | registers[i], &zero))
            return false;
    return true;
}

static bool reset_gicv2_cpu(const struct vm *vm, unsigned cpu)
{
    const uint64_t which = (uint64_t)cpu << KVM_DEV_ARM_VGIC_CPUID_SHIFT;

    return clear_interrupts(vm, KVM_DEV_ARM_VGIC_GRP_DIST_REGS, which, 0) &&
           write32(vm, KVM_DEV_ARM_VGIC_GRP_CPU_REGS, which | GICC_CTLR, 0) &&
           write32(vm, KVM_DEV_ARM_VGIC_GRP_CPU_REGS, which | GICC_PMR, 0);
}

bool vm_arch_reset(const struct vm *vm, struct error *error)
{
    bool done = write32(vm, KVM_DEV_ARM_VGIC_GRP_DIST_REGS, CTLR, 0);

    for (unsigned index = 1; done && index < ARM64_GSI_COUNT / 32; index++)
        done = clear_interrupts(vm, KVM_DEV_ARM_VGIC_GRP_DIST_REGS, 0, index);
    for (unsigned cpu = 0; done && cpu < vm->cpus_max; cpu++)
        done = vm->arch->version == 3 ? reset_gicv3_cpu(vm, cpu) : reset_gicv2_cpu(vm, cpu);
    if (!done)
        return error_set(error, "GICv%u: KVM does not put its registers back: %s", vm->arch->version,
                         strerror(errno));
    return !vm->has_its ||
           set(vm->arch->its_fd, KVM_DEV_ARM_VGIC_GRP_CTRL, KVM_DEV_ARM_ITS_CTRL_RESET, NULL) ||
           error_set(error, "ITS: KVM does not put it back: %s", strerror(errno));
}

const char *vm_arch_warning(void)
{
    return NULL; /* KVM opens only where the processor and its firmware allow it */
}
