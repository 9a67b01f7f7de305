/* SPDX-License-Identifier: BSD-2-Clause */
/* kvm-probe: says what an arm64 host's KVM has, by making a machine: address bits,
 * interrupt controllers, PSCI. Its vCPU runs two instructions that leave for us.
 *
 * Ends with status 0 if a vCPU runs; tests/host/test_arm64.py holds the output against
 * what the host was asked to have.
 */

#include <err.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

enum { RAM = 0x40000000, OUTSIDE = 0x09000000, PAGE = 4096, VALUE = 0x5a };

/* str w1, [x0]; b . */
static const uint32_t code[] = { 0xb9000001, 0x14000000 };

static int call(int fd, unsigned long request, void *argument, const char *what)
{
    int result = ioctl(fd, request, argument);

    if (result < 0)
        err(1, "%s", what);
    return result;
}

static int has_device(int vm, unsigned int type)
{
    struct kvm_create_device device = { .type = type, .flags = KVM_CREATE_DEVICE_TEST };

    return ioctl(vm, KVM_CREATE_DEVICE, &device) == 0;
}

static void set_register(int vcpu, uint64_t offset, uint64_t value)
{
    struct kvm_one_reg reg = {
        .id = KVM_REG_ARM64 | KVM_REG_SIZE_U64 | KVM_REG_ARM_CORE | offset / sizeof(uint32_t),
        .addr = (uintptr_t)&value,
    };

    call(vcpu, KVM_SET_ONE_REG, &reg, "KVM_SET_ONE_REG");
}

static void *guest_page(int vm)
{
    void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct kvm_userspace_memory_region region = {
        .guest_phys_addr = RAM,
        .memory_size = PAGE,
        .userspace_addr = (uintptr_t)page,
    };

    if (page == MAP_FAILED)
        err(1, "mmap");
    call(vm, KVM_SET_USER_MEMORY_REGION, &region, "KVM_SET_USER_MEMORY_REGION");
    return page;
}

static int make_vcpu(int vm)
{
    struct kvm_vcpu_init init = { 0 };
    int vcpu = call(vm, KVM_CREATE_VCPU, NULL, "KVM_CREATE_VCPU");

    call(vm, KVM_ARM_PREFERRED_TARGET, &init, "KVM_ARM_PREFERRED_TARGET");
    init.features[0] |= 1U << KVM_ARM_VCPU_PSCI_0_2;
    call(vcpu, KVM_ARM_VCPU_INIT, &init, "KVM_ARM_VCPU_INIT");
    printf("vcpu target %u\n", init.target);
    return vcpu;
}

/* The store to where no memory is has to come back to us. */
static void run(int kvm, int vcpu)
{
    int size = call(kvm, KVM_GET_VCPU_MMAP_SIZE, NULL, "KVM_GET_VCPU_MMAP_SIZE");
    struct kvm_run *run = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);

    if (run == MAP_FAILED)
        err(1, "mmap of the vCPU");
    set_register(vcpu, offsetof(struct kvm_regs, regs.pc), RAM);
    set_register(vcpu, offsetof(struct kvm_regs, regs.regs[0]), OUTSIDE);
    set_register(vcpu, offsetof(struct kvm_regs, regs.regs[1]), VALUE);
    call(vcpu, KVM_RUN, NULL, "KVM_RUN");
    if (run->exit_reason != KVM_EXIT_MMIO || run->mmio.phys_addr != OUTSIDE || !run->mmio.is_write ||
        run->mmio.len != 4 || run->mmio.data[0] != VALUE)
        errx(1, "exit %u at 0x%llx instead of the store", run->exit_reason, run->mmio.phys_addr);
    printf("vcpu runs\n");
}

int main(void)
{
    int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    int bits, vm;

    if (kvm < 0)
        err(1, "/dev/kvm");
    bits = ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_ARM_VM_IPA_SIZE);
    vm = call(kvm, KVM_CREATE_VM, (void *)(uintptr_t)(bits > 0 ? bits : 0), "KVM_CREATE_VM");
    printf("ipa-bits %d\n", bits > 0 ? bits : 40);
    printf("gicv3 %d\n", has_device(vm, KVM_DEV_TYPE_ARM_VGIC_V3));
    printf("gicv2 %d\n", has_device(vm, KVM_DEV_TYPE_ARM_VGIC_V2));
    printf("its %d\n", has_device(vm, KVM_DEV_TYPE_ARM_VGIC_ITS));
    printf("psci %d\n", ioctl(vm, KVM_CHECK_EXTENSION, KVM_CAP_ARM_PSCI_0_2));
    printf("pmu %d\n", ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_ARM_PMU_V3));
    printf("sve %d\n", ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_ARM_SVE));
    printf("vcpus %d\n", ioctl(vm, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPUS));
    printf("memslots %d\n", ioctl(vm, KVM_CHECK_EXTENSION, KVM_CAP_NR_MEMSLOTS));
    memcpy(guest_page(vm), code, sizeof code);
    run(kvm, make_vcpu(vm));
    return 0;
}
