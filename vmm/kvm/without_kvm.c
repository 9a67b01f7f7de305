/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What stands in for KVM under -accel qtest.
 */
#include <limits.h>

#include "kvm/stand_in.h"
#include "kvm/vm.h"

/* KVM's limit of GSIs and routes (KVM_MAX_IRQ_ROUTES), so that tests meet the same one. */
#define ROUTES 4096u

/* Memory is reached through the guest memory map, which needs no KVM slots. */
static bool set_kvm_slot(const struct vm *vm, unsigned kvm_slot, uint64_t guest_address, uint64_t size,
                         void *memory, unsigned flags, struct error *error)
{
    (void)vm;
    (void)kvm_slot;
    (void)guest_address;
    (void)size;
    (void)memory;
    (void)flags;
    (void)error;
    return true;
}

/* No vCPU writes. */
static bool get_dirty_log(const struct vm *vm, unsigned kvm_slot, uint64_t *pages, struct error *error)
{
    (void)vm, (void)kvm_slot, (void)pages, (void)error;
    return true;
}

/* On arm64 KVM's newest interrupt controller, or the one that was asked for. */
static bool create_devices(struct vm *vm, struct error *error)
{
    (void)error;
#if defined(__aarch64__)
    if (vm->gic_version == 0)
        vm->gic_version = 3;
    vm->has_its = vm->wants_its && vm->gic_version == 3;
#else
    (void)vm;
#endif
    return true;
}

static bool complete_devices(struct vm *vm, struct error *error)
{
    (void)vm;
    (void)error;
    return true;
}

static bool reset_devices(const struct vm *vm, struct error *error)
{
    (void)vm;
    (void)error;
    return true;
}

bool vm_create_without_kvm(struct vm *vm, struct loop *loop, struct error *error)
{
    static const struct vm_ops ops = {
        .set_kvm_slot = set_kvm_slot,
        .get_dirty_log = get_dirty_log,
        .irq_line = stand_in_irq_line,
        .create_devices = create_devices,
        .complete_devices = complete_devices,
        .reset_devices = reset_devices,
        .add_doorbell = stand_in_add_doorbell,
        .remove_doorbell = stand_in_remove_doorbell,
        .ring_doorbell = stand_in_ring_doorbell,
        .set_routes = stand_in_set_routes,
        .add_irqfd = stand_in_add_irqfd,
        .remove_irqfd = stand_in_remove_irqfd,
        .send_msi = stand_in_send_msi,
        .acknowledge = stand_in_acknowledge,
    };

    *vm =
        (struct vm){ .ops = &ops, .kvm_fd = -1, .fd = -1, .kvm_slots_max = UINT_MAX, .vcpus_max = UINT_MAX };
    vm->interrupts = vm_interrupts_create(vm_arch_gsi_count(), vm_arch_gsi_base() + ROUTES,
                                          ROUTES - vm_arch_routes(NULL));
    if (!vm->interrupts)
        return error_set(error, "out of memory");
    vm->stand_in = stand_in_create(vm, loop, error);
    return vm->stand_in != NULL;
}
