/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What stands in for KVM under -accel qtest.
 */
#include <limits.h>

#include "kvm/vm.h"

/* Memory is reached through the guest memory map, which needs no memslots. */
static bool set_memslot(const struct vm *vm, unsigned memslot, uint64_t guest_address, uint64_t size,
                        void *memory, unsigned flags, struct error *error)
{
    (void)vm;
    (void)memslot;
    (void)guest_address;
    (void)size;
    (void)memory;
    (void)flags;
    (void)error;
    return true;
}

/* No vCPU writes. */
static bool get_dirty_log(const struct vm *vm, unsigned memslot, uint64_t *pages, struct error *error)
{
    (void)vm, (void)memslot, (void)pages, (void)error;
    return true;
}

static void irq_line(const struct vm *vm, unsigned gsi, bool high)
{
    if (vm->irq_watch)
        vm->irq_watch(vm->irq_opaque, gsi, high);
}

static bool create_devices(struct vm *vm, struct error *error)
{
    (void)vm;
    (void)error;
    return true;
}

static bool complete_devices(struct vm *vm, struct error *error)
{
    return create_devices(vm, error);
}

static bool reset_devices(const struct vm *vm, struct error *error)
{
    (void)vm;
    (void)error;
    return true;
}

void vm_create_without_kvm(struct vm *vm)
{
    static const struct vm_ops ops = {
        .set_memslot = set_memslot,
        .get_dirty_log = get_dirty_log,
        .irq_line = irq_line,
        .create_devices = create_devices,
        .complete_devices = complete_devices,
        .reset_devices = reset_devices,
    };

    *vm = (struct vm){ .ops = &ops, .kvm_fd = -1, .fd = -1, .memslots_max = UINT_MAX, .vcpus_max = UINT_MAX };
}
