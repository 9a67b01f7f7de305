/* SPDX-License-Identifier: BSD-2-Clause */
#include "vm.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

/* Three pages for real mode and one for its page table, which Intel's VMX wants where nothing else is. */
#define TSS 0xfffbd000u
#define IDENTITY_MAP 0xfffbc000u
#define CPUID_MAX 256

static int must(int result, const char *what)
{
    if (result < 0)
        err(1, "%s", what);
    return result;
}

/* What KVM offers, less the host's topology: this processor is alone. */
static void set_cpuid(int kvm, int vcpu)
{
    struct kvm_cpuid2 *cpuid = calloc(1, sizeof *cpuid + CPUID_MAX * sizeof cpuid->entries[0]);

    if (!cpuid)
        err(1, "CPUID");
    cpuid->nent = CPUID_MAX;
    must(ioctl(kvm, KVM_GET_SUPPORTED_CPUID, cpuid), "KVM_GET_SUPPORTED_CPUID");
    for (uint32_t i = 0; i < cpuid->nent; i++) {
        struct kvm_cpuid_entry2 *entry = &cpuid->entries[i];

        if (entry->function == 1) {
            entry->ebx &= 0xffff;      /* APIC id, logical processors */
            entry->ecx |= 1u << 31;    /* there is a hypervisor: ask it for the time */
            entry->edx &= ~(1u << 28); /* HTT */
        } else if (entry->function == 0xb || entry->function == 0x1f) {
            entry->eax = entry->ebx = entry->edx = 0;
        }
    }
    must(ioctl(vcpu, KVM_SET_CPUID2, cpuid), "KVM_SET_CPUID2");
    free(cpuid);
}

void vm_create(struct vm *vm, uint64_t ram_size)
{
    const uint64_t identity_map = IDENTITY_MAP;
    const struct kvm_pit_config pit = { .flags = KVM_PIT_SPEAKER_DUMMY };
    int kvm = must(open("/dev/kvm", O_RDWR | O_CLOEXEC), "/dev/kvm");
    size_t run_size = (size_t)must(ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0), "KVM_GET_VCPU_MMAP_SIZE");

    vm->vm = must(ioctl(kvm, KVM_CREATE_VM, 0), "KVM_CREATE_VM");
    must(ioctl(vm->vm, KVM_SET_IDENTITY_MAP_ADDR, &identity_map), "KVM_SET_IDENTITY_MAP_ADDR");
    must(ioctl(vm->vm, KVM_SET_TSS_ADDR, (unsigned long)TSS), "KVM_SET_TSS_ADDR");
    must(ioctl(vm->vm, KVM_CREATE_IRQCHIP, 0), "KVM_CREATE_IRQCHIP");
    must(ioctl(vm->vm, KVM_CREATE_PIT2, &pit), "KVM_CREATE_PIT2");
    vm->vcpu = must(ioctl(vm->vm, KVM_CREATE_VCPU, 0), "KVM_CREATE_VCPU");
    vm->run = mmap(NULL, run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vm->vcpu, 0);
    vm->ram = mmap(NULL, ram_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    vm->ram_size = ram_size;
    if (vm->run == MAP_FAILED || vm->ram == MAP_FAILED || !vm_map(vm, 0, 0, vm->ram, ram_size))
        err(1, "RAM of %lu bytes", ram_size);
    set_cpuid(kvm, vm->vcpu);
}

bool vm_map(struct vm *vm, uint32_t slot, uint64_t addr, void *memory, uint64_t size)
{
    struct kvm_userspace_memory_region region = { slot, 0, addr, size, (uintptr_t)memory };

    return ioctl(vm->vm, KVM_SET_USER_MEMORY_REGION, &region) == 0;
}

void vm_set_irq(struct vm *vm, unsigned irq, bool high)
{
    struct kvm_irq_level level = { .irq = irq, .level = high };

    must(ioctl(vm->vm, KVM_IRQ_LINE, &level), "KVM_IRQ_LINE");
}

static void access_ports(struct kvm_run *run, const struct vm_user *user)
{
    uint8_t *data = (uint8_t *)run + run->io.data_offset;
    bool write = run->io.direction == KVM_EXIT_IO_OUT;

    for (uint32_t i = 0; i < run->io.count; i++, data += run->io.size) {
        uint32_t value = UINT32_MAX; /* of a port where nobody is */

        if (write)
            memcpy(&value, data, run->io.size);
        if (!vm_device(user, run->io.port, run->io.size, write, &value))
            user->port(user->opaque, run->io.port, run->io.size, write, &value);
        if (!write)
            memcpy(data, &value, run->io.size);
    }
}

void vm_step(struct vm *vm, const struct vm_user *user)
{
    struct kvm_run *run = vm->run;

    if (ioctl(vm->vcpu, KVM_RUN, 0) < 0) {
        if (errno != EINTR && errno != EAGAIN)
            err(1, "KVM_RUN");
        return;
    }
    switch (run->exit_reason) {
    case KVM_EXIT_IO:
        access_ports(run, user);
        break;
    case KVM_EXIT_MMIO: /* nobody is there */
        memset(run->mmio.data, 0xff, sizeof run->mmio.data);
        break;
    default:
        errx(1, "the guest goes wrong: KVM exit %u", run->exit_reason);
    }
}
