/* SPDX-License-Identifier: BSD-2-Clause */
#include "kvm/vm.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "kvm/interrupts.h"
#include "kvm/kernel_wires.h"
#include "kvm/stand_in.h"

static const struct {
    int capability;
    const char *name;
} needed[] = {
    { KVM_CAP_IRQCHIP, "KVM_CAP_IRQCHIP" },
    { KVM_CAP_USER_MEMORY, "KVM_CAP_USER_MEMORY" },
    { KVM_CAP_DESTROY_MEMORY_REGION_WORKS, "KVM_CAP_DESTROY_MEMORY_REGION_WORKS" },
    { KVM_CAP_IMMEDIATE_EXIT, "KVM_CAP_IMMEDIATE_EXIT" },
    { KVM_CAP_MP_STATE, "KVM_CAP_MP_STATE" },
    { KVM_CAP_IOEVENTFD_ANY_LENGTH, "KVM_CAP_IOEVENTFD_ANY_LENGTH" },
    { KVM_CAP_IRQFD_RESAMPLE, "KVM_CAP_IRQFD_RESAMPLE" },
    { KVM_CAP_IRQ_ROUTING, "KVM_CAP_IRQ_ROUTING" },
    { KVM_CAP_SIGNAL_MSI, "KVM_CAP_SIGNAL_MSI" },
};

static bool open_kvm(struct vm *vm, struct error *error)
{
    int version;

    vm->kvm_fd = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (vm->kvm_fd < 0 && errno == ENOENT)
        return error_set(error, "/dev/kvm is missing: load the module kvm_intel or kvm_amd, and enable "
                                "virtualization in the firmware setup (in a virtual machine: nested "
                                "virtualization on its host)");
    if (vm->kvm_fd < 0 && (errno == EACCES || errno == EPERM))
        return error_set(error,
                         "/dev/kvm may not be opened by this user: %s; add the user to the group "
                         "kvm (adduser USER kvm) and log in again",
                         strerror(errno));
    if (vm->kvm_fd < 0)
        return error_set(error, "/dev/kvm cannot be opened: %s", strerror(errno));
    version = ioctl(vm->kvm_fd, KVM_GET_API_VERSION, 0);
    if (version < 0)
        return error_set(error, "/dev/kvm is not KVM: KVM_GET_API_VERSION: %s", strerror(errno));
    if (version != KVM_API_VERSION)
        return error_set(error, "/dev/kvm has API version %d; hotram needs %d", version, KVM_API_VERSION);
    for (size_t i = 0; i < sizeof needed / sizeof *needed; i++) {
        int has = ioctl(vm->kvm_fd, KVM_CHECK_EXTENSION, needed[i].capability);

        if (has < 0)
            return error_set(error, "/dev/kvm does not say whether it has %s: %s", needed[i].name,
                             strerror(errno));
        if (has == 0)
            return error_set(error, "this host's KVM lacks %s, which hotram needs; use a newer kernel",
                             needed[i].name);
    }
    return true;
}

static bool kvm_set_slot(const struct vm *vm, unsigned kvm_slot, uint64_t guest_address, uint64_t size,
                         void *memory, unsigned flags, struct error *error)
{
    struct kvm_userspace_memory_region region = {
        .slot = kvm_slot,
        .flags = (flags & VM_KVM_SLOT_READ_ONLY ? KVM_MEM_READONLY : 0) |
                 (flags & VM_KVM_SLOT_LOG ? KVM_MEM_LOG_DIRTY_PAGES : 0),
        .guest_phys_addr = guest_address,
        .memory_size = size,
        .userspace_addr = (uintptr_t)memory,
    };

    if (ioctl(vm->fd, KVM_SET_USER_MEMORY_REGION, &region) == 0)
        return true;
    if (size == 0)
        return error_set(error, "cannot delete KVM slot %u at guest address 0x%llx: %s", kvm_slot,
                         (unsigned long long)guest_address, strerror(errno));
    return error_set(error, "cannot set KVM slot %u, 0x%llx bytes at guest address 0x%llx: %s", kvm_slot,
                     (unsigned long long)size, (unsigned long long)guest_address, strerror(errno));
}

static bool kvm_get_dirty_log(const struct vm *vm, unsigned kvm_slot, uint64_t *pages, struct error *error)
{
    struct kvm_dirty_log log = { .slot = kvm_slot, .dirty_bitmap = pages };

    return ioctl(vm->fd, KVM_GET_DIRTY_LOG, &log) == 0 ||
           error_set(error, "cannot read the dirty log of KVM slot %u: %s", kvm_slot, strerror(errno));
}

static void kvm_irq_line(const struct vm *vm, unsigned gsi, bool high)
{
    struct kvm_irq_level line = { .irq = vm_arch_irq(gsi), .level = high };

    RESULT_DOES_NOT_MATTER(ioctl(vm->fd, KVM_IRQ_LINE, &line),
                           "it fails only for a line that the machine does not have");
}

static const struct vm_ops kvm_ops = {
    .set_kvm_slot = kvm_set_slot,
    .get_dirty_log = kvm_get_dirty_log,
    .irq_line = kvm_irq_line,
    .create_devices = vm_arch_create,
    .complete_devices = vm_arch_complete,
    .reset_devices = vm_arch_reset,
    .add_doorbell = kernel_add_doorbell,
    .remove_doorbell = kernel_remove_doorbell,
    .set_routes = kernel_set_routes,
    .add_irqfd = kernel_add_irqfd,
    .remove_irqfd = kernel_remove_irqfd,
    .send_msi = kernel_send_msi,
};

/* KVM's limit is one number for the routes and for the GSIs, which count from vm_arch_gsi_base(). */
static struct vm_interrupts *create_interrupts(const struct vm *vm)
{
    int routes = ioctl(vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_IRQ_ROUTING);
    unsigned most = routes > 0 ? (unsigned)routes : 0;
    unsigned first = vm_arch_gsi_count();
    unsigned end = vm_arch_gsi_base() + most;
    unsigned of_lines = vm_arch_routes(NULL);

    return vm_interrupts_create(first, end > first ? end : first, most > of_lines ? most - of_lines : 0);
}

bool vm_create(struct vm *vm, struct error *error)
{
    int size;

    *vm = (struct vm){ .ops = &kvm_ops, .kvm_fd = -1, .fd = -1 };
    if (!open_kvm(vm, error))
        return false;
    do
        vm->fd = ioctl(vm->kvm_fd, KVM_CREATE_VM, vm_arch_type(vm->kvm_fd));
    while (vm->fd < 0 && errno == EINTR);
    if (vm->fd < 0)
        return error_set(error, "KVM_CREATE_VM: %s", strerror(errno));
    size = ioctl(vm->kvm_fd, KVM_GET_VCPU_MMAP_SIZE, 0);
    if (size < 0)
        return error_set(error, "KVM_GET_VCPU_MMAP_SIZE: %s", strerror(errno));
    vm->run_size = (size_t)size;
    size = ioctl(vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_NR_MEMSLOTS);
    vm->kvm_slots_max = size > 0 ? (unsigned)size : 32;
    size = ioctl(vm->fd, KVM_CHECK_EXTENSION, KVM_CAP_MAX_VCPUS);
    vm->vcpus_max = size > 0 ? (unsigned)size : 4;
    vm->interrupts = create_interrupts(vm);
    return vm->interrupts || error_set(error, "out of memory");
}

void vm_destroy(struct vm *vm)
{
    vm_arch_destroy(vm);
    stand_in_destroy(vm->stand_in);
    vm_interrupts_destroy(vm->interrupts);
    vm->stand_in = NULL;
    vm->interrupts = NULL;
    if (vm->fd >= 0)
        close(vm->fd);
    if (vm->kvm_fd >= 0)
        close(vm->kvm_fd);
    vm->fd = vm->kvm_fd = -1;
}

bool vm_set_kvm_slot(const struct vm *vm, unsigned kvm_slot, uint64_t guest_address, uint64_t size,
                     void *memory, unsigned flags, struct error *error)
{
    return vm->ops->set_kvm_slot(vm, kvm_slot, guest_address, size, memory, flags, error);
}

void vm_irq_line(const struct vm *vm, unsigned gsi, bool high)
{
    vm->ops->irq_line(vm, gsi, high);
}

bool vm_create_devices(struct vm *vm, struct error *error)
{
    return vm->ops->create_devices(vm, error);
}

bool vm_complete_devices(struct vm *vm, struct error *error)
{
    return vm->ops->complete_devices(vm, error) && vm_interrupts_complete(vm, error);
}

bool vm_reset_devices(const struct vm *vm, struct error *error)
{
    return vm->ops->reset_devices(vm, error);
}
