/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * x86-64: the in-kernel interrupt controllers and timer.
 *
 * Reset works by snapshot: what KVM says of a device after power-on is kept, and set again.
 */
#include <cpuid.h>
#include <errno.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

#include "kvm/vm.h"
#include "layout/x86.h"

/* Both PICs and the IOAPIC. */
#define CHIPS 3

struct vm_arch {
    struct kvm_irqchip chips[CHIPS];
    struct kvm_pit_state2 pit;
};

bool vm_arch_create(struct vm *vm, struct error *error)
{
    /* The dummy speaker answers port 0x61, with which Linux calibrates. */
    struct kvm_pit_config pit = { .flags = KVM_PIT_SPEAKER_DUMMY };
    uint64_t identity_map = X86_IDENTITY_MAP;

    if (ioctl(vm->fd, KVM_SET_IDENTITY_MAP_ADDR, &identity_map) < 0)
        return error_set(error, "KVM_SET_IDENTITY_MAP_ADDR: %s", strerror(errno));
    if (ioctl(vm->fd, KVM_SET_TSS_ADDR, (unsigned long)X86_TSS) < 0)
        return error_set(error, "KVM_SET_TSS_ADDR: %s", strerror(errno));
    if (ioctl(vm->fd, KVM_CREATE_IRQCHIP, 0) < 0)
        return error_set(error, "KVM_CREATE_IRQCHIP: %s", strerror(errno));
    if (ioctl(vm->fd, KVM_CREATE_PIT2, &pit) < 0)
        return error_set(error, "KVM_CREATE_PIT2: %s", strerror(errno));

    vm->arch = calloc(1, sizeof *vm->arch);
    if (!vm->arch)
        return error_set(error, "out of memory");
    for (unsigned i = 0; i < CHIPS; i++) {
        vm->arch->chips[i].chip_id = i;
        if (ioctl(vm->fd, KVM_GET_IRQCHIP, &vm->arch->chips[i]) < 0)
            return error_set(error, "KVM_GET_IRQCHIP: %s", strerror(errno));
    }
    if (ioctl(vm->fd, KVM_GET_PIT2, &vm->arch->pit) < 0)
        return error_set(error, "KVM_GET_PIT2: %s", strerror(errno));
    return true;
}

unsigned long vm_arch_type(int kvm_fd)
{
    (void)kvm_fd;
    return 0;
}

unsigned vm_arch_irq(unsigned gsi)
{
    return gsi;
}

unsigned vm_arch_gsi_base(void)
{
    return 0;
}

unsigned vm_arch_gsi_count(void)
{
    return X86_GSI_COUNT;
}

static unsigned add_route(struct kvm_irq_routing_entry *entries, unsigned at, unsigned gsi, unsigned chip,
                          unsigned pin)
{
    if (entries) {
        entries[at].gsi = gsi;
        entries[at].type = KVM_IRQ_ROUTING_IRQCHIP;
        entries[at].u.irqchip.irqchip = chip;
        entries[at].u.irqchip.pin = pin;
    }
    return at + 1;
}

/* As KVM_CREATE_IRQCHIP does: each GSI is a pin of the IOAPIC, the first 16 are the PICs' inputs, too. */
unsigned vm_arch_routes(struct kvm_irq_routing_entry *entries)
{
    unsigned count = 0;

    for (unsigned gsi = 0; gsi < X86_GSI_COUNT; gsi++) {
        count = add_route(entries, count, gsi, KVM_IRQCHIP_IOAPIC, gsi);
        if (gsi < 16)
            count = add_route(entries, count, gsi, gsi < 8 ? KVM_IRQCHIP_PIC_MASTER : KVM_IRQCHIP_PIC_SLAVE,
                              gsi % 8);
    }
    return count;
}

bool vm_arch_msi_has_requester(const struct vm *vm)
{
    (void)vm;
    return false;
}

/* Of the guest's CPU: KVM passes the host's through. */
unsigned vm_arch_address_bits(void)
{
    unsigned a;
    unsigned b;
    unsigned c;
    unsigned d;

    return __get_cpuid(0x80000008, &a, &b, &c, &d) ? a & 0xff : 36;
}

bool vm_arch_complete(struct vm *vm, struct error *error)
{
    (void)vm, (void)error;
    return true;
}

void vm_arch_destroy(struct vm *vm)
{
    free(vm->arch);
    vm->arch = NULL;
}

bool vm_arch_reset(const struct vm *vm, struct error *error)
{
    static const char *const names[CHIPS] = { "first PIC", "second PIC", "IOAPIC" };

    for (unsigned i = 0; i < CHIPS; i++)
        if (ioctl(vm->fd, KVM_SET_IRQCHIP, &vm->arch->chips[i]) < 0)
            return error_set(error, "KVM does not take the state of the %s: KVM_SET_IRQCHIP: %s", names[i],
                             strerror(errno));
    return ioctl(vm->fd, KVM_SET_PIT2, &vm->arch->pit) == 0 ||
           error_set(error, "KVM does not take the state of the timer: KVM_SET_PIT2: %s", strerror(errno));
}

const char *vm_arch_warning(void)
{
    unsigned a;
    unsigned b;
    unsigned c;
    unsigned d;
    bool vmx = __get_cpuid(1, &a, &b, &c, &d) && (c & (1u << 5));
    bool svm = __get_cpuid(0x80000001, &a, &b, &c, &d) && (c & (1u << 2));

    if (vmx || svm)
        return NULL;
    return "/dev/kvm opens, but this CPU shows no hardware virtualization (neither vmx nor svm): ordinary "
           "guests may not boot; the program continues";
}
