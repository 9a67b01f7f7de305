/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What KVM is told of doorbells, eventfds and routes, and what is left when it refuses. KVM is the test.
 */
#include "../unit.h"

#include <errno.h>
#include <linux/kvm.h>
#include <stdarg.h>

#include "kvm/doorbell.h"
#include "kvm/interrupts.h"
#include "kvm/kernel_wires.h"
#include "kvm/vm.h"

#define VM_FD 1000

static int refuse; /* errno of the next calls; 0: they succeed */
static unsigned tables;
static struct {
    uint32_t nr;
    struct kvm_irq_routing_entry entries[64];
} table; /* the last that was taken */
static struct kvm_irqfd last_irqfd;
static struct kvm_ioeventfd last_ioeventfd;
static struct kvm_msi last_msi;

int __wrap_ioctl(int fd, unsigned long request, void *argument);
int __wrap_ioctl(int fd, unsigned long request, void *argument)
{
    const struct kvm_irq_routing *routing = argument;

    assert_int_equal(fd, VM_FD);
    if (refuse) {
        errno = refuse;
        return -1;
    }
    switch (request) {
    case KVM_SET_GSI_ROUTING:
        assert_between(routing->nr, 1, COUNT_OF(table.entries));
        assert_int_equal(routing->flags, 0);
        table.nr = routing->nr;
        memcpy(table.entries, routing->entries, routing->nr * sizeof table.entries[0]);
        tables++;
        return 0;
    case KVM_IRQFD:
        last_irqfd = *(struct kvm_irqfd *)argument;
        return 0;
    case KVM_IOEVENTFD:
        last_ioeventfd = *(struct kvm_ioeventfd *)argument;
        return 0;
    case KVM_SIGNAL_MSI:
        last_msi = *(struct kvm_msi *)argument;
        return 1;
    default:
        fail();
        return -1;
    }
}

static bool complete(struct vm *vm, struct error *error)
{
    (void)vm, (void)error;
    return true;
}

static struct vm vm;

static int set_up(void **state)
{
    static const struct vm_ops ops = {
        .complete_devices = complete,
        .add_doorbell = kernel_add_doorbell,
        .remove_doorbell = kernel_remove_doorbell,
        .set_routes = kernel_set_routes,
        .add_irqfd = kernel_add_irqfd,
        .remove_irqfd = kernel_remove_irqfd,
        .send_msi = kernel_send_msi,
    };

    (void)state;
    refuse = 0;
    tables = 0;
    vm = (struct vm){ .ops = &ops, .kvm_fd = -1, .fd = VM_FD };
    vm.interrupts = vm_interrupts_create(vm_arch_gsi_count(), vm_arch_gsi_count() + 3, 8);
    return vm.interrupts ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    vm_interrupts_destroy(vm.interrupts);
    return 0;
}

/* The message of a GSI in the last table; the data is never 0 here. */
static uint32_t data_of(unsigned gsi)
{
    for (unsigned i = 0; i < table.nr; i++)
        if (table.entries[i].gsi == gsi && table.entries[i].type == KVM_IRQ_ROUTING_MSI)
            return table.entries[i].u.msi.data;
    return 0;
}

static void lines_are(unsigned chip, unsigned first_gsi, unsigned count)
{
    for (unsigned gsi = first_gsi; gsi < first_gsi + count; gsi++) {
        unsigned found = 0;

        for (unsigned i = 0; i < table.nr; i++) {
            const struct kvm_irq_routing_entry *entry = &table.entries[i];

            found += entry->type == KVM_IRQ_ROUTING_IRQCHIP && entry->gsi == gsi && entry->flags == 0 &&
                     entry->u.irqchip.irqchip == chip && entry->u.irqchip.pin == gsi - first_gsi;
        }
        assert_int_equal(found, 1);
    }
}

static const struct vm_msi one = { UINT64_C(0x1fee00000), 1, 0x10 }, two = { 0xfee00000, 2, 0x10 };

static void routes_go_to_kvm_when_the_controller_is_complete(void **state)
{
    struct error error;
    int gsi;

    (void)state;
    gsi = vm_gsi_allocate(&vm, &error);
    assert_int_equal(gsi, 24);
    assert_true(vm_msi_route(&vm, 24, &one, &error));
    assert_int_equal(tables, 0);
    assert_true(vm_complete_devices(&vm, &error));
    assert_int_equal(tables, 1);
    assert_int_equal(table.nr, 41);
    lines_are(KVM_IRQCHIP_PIC_MASTER, 0, 8);
    lines_are(KVM_IRQCHIP_PIC_SLAVE, 8, 8);
    lines_are(KVM_IRQCHIP_IOAPIC, 0, 24);
    assert_int_equal(data_of(24), 1);
    assert_int_equal(table.entries[40].u.msi.address_hi, 1);
    assert_int_equal(table.entries[40].u.msi.address_lo, 0xfee00000);
    assert_true(vm_msi_route(&vm, 24, &one, &error)); /* the same: no call */
    assert_int_equal(tables, 1);
    assert_true(vm_msi_send(&vm, &one));
    assert_int_equal(last_msi.address_hi, 1);
    assert_int_equal(last_msi.data, 1);
}

static void a_table_that_is_refused_changes_nothing(void **state)
{
    const struct vm_msi_route both[] = { { 24, &two }, { 25, &one }, { 24, NULL } };
    struct error error;

    (void)state;
    assert_true(vm_complete_devices(&vm, &error));
    assert_int_equal(tables, 0); /* KVM's own is good */
    assert_int_equal(vm_gsi_allocate(&vm, &error), 24);
    assert_int_equal(vm_gsi_allocate(&vm, &error), 25);
    assert_true(vm_msi_route(&vm, 24, &one, &error));
    refuse = ENOMEM;
    assert_false(vm_msi_routes(&vm, both, 3, &error));
    assert_non_null(strstr(error.text, "KVM_SET_GSI_ROUTING"));
    refuse = 0;
    assert_true(vm_msi_route(&vm, 25, &two, &error));
    assert_int_equal(data_of(24), 1);
    assert_int_equal(data_of(25), 2);
    assert_true(vm_msi_routes(&vm, both, 3, &error)); /* the last word counts */
    assert_int_equal(data_of(24), 0);
    assert_int_equal(data_of(25), 1);
}

static void a_gsi_is_given_out_without_the_route_of_the_last(void **state)
{
    struct error error;

    (void)state;
    assert_true(vm_complete_devices(&vm, &error));
    assert_int_equal(vm_gsi_allocate(&vm, &error), 24);
    assert_true(vm_msi_route(&vm, 24, &one, &error));
    vm_gsi_free(&vm, 24);
    assert_int_equal(tables, 1);
    refuse = ENOMEM;
    assert_int_equal(vm_gsi_allocate(&vm, &error), -1);
    refuse = 0;
    assert_int_equal(vm_gsi_allocate(&vm, &error), 24);
    assert_int_equal(tables, 2);
    assert_int_equal(data_of(24), 0);
    assert_int_equal(vm_gsi_allocate(&vm, &error), 25);
    assert_int_equal(vm_gsi_allocate(&vm, &error), 26);
    assert_int_equal(vm_gsi_allocate(&vm, &error), -1);
    assert_non_null(strstr(error.text, "all 3 that KVM can route"));
}

static void doorbells_and_eventfds_that_are_refused(void **state)
{
    const struct vm_doorbell port = { .port = true, .address = 0x500, .fd = 7 };
    const struct vm_doorbell memory = {
        .address = 0xc0000000, .width = 2, .match = true, .value = 3, .fd = 8
    };
    struct error error;

    (void)state;
    assert_true(vm_complete_devices(&vm, &error));
    assert_true(vm_doorbell_add(&vm, &port, &error));
    assert_int_equal(last_ioeventfd.flags, KVM_IOEVENTFD_FLAG_PIO);
    assert_int_equal(last_ioeventfd.len, 0);
    assert_true(vm_doorbell_add(&vm, &memory, &error));
    assert_int_equal(last_ioeventfd.flags, KVM_IOEVENTFD_FLAG_DATAMATCH);
    assert_int_equal(last_ioeventfd.datamatch, 3);
    vm_doorbell_remove(&vm, &memory);
    assert_int_equal(last_ioeventfd.flags, KVM_IOEVENTFD_FLAG_DATAMATCH | KVM_IOEVENTFD_FLAG_DEASSIGN);
    assert_false(vm_doorbell_ring(&vm, true, 0x500, 1, (const uint8_t *)"x")); /* it is KVM's */
    assert_true(vm_irqfd_add(&vm, 16, 9, 10, &error));
    assert_int_equal(last_irqfd.flags, KVM_IRQFD_FLAG_RESAMPLE);
    assert_int_equal(last_irqfd.resamplefd, 10);
    vm_irqfd_remove(&vm, 16, 9);
    assert_int_equal(last_irqfd.flags, KVM_IRQFD_FLAG_DEASSIGN);
    refuse = EEXIST;
    assert_false(vm_doorbell_add(&vm, &port, &error));
    assert_string_equal(error.text, "a doorbell at port 0x500 collides with another one there");
    refuse = ENOSPC;
    assert_false(vm_doorbell_add(&vm, &port, &error));
    assert_non_null(strstr(error.text, "port 0x500: KVM_IOEVENTFD: No space left on device"));
    assert_false(vm_irqfd_add(&vm, 16, 9, -1, &error));
    assert_non_null(strstr(error.text, "interrupt 16: KVM_IRQFD"));
    refuse = EBUSY;
    assert_false(vm_irqfd_add(&vm, 16, 9, -1, &error));
    assert_non_null(strstr(error.text, "raises an interrupt already"));
    assert_false(vm_msi_send(&vm, &one));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(routes_go_to_kvm_when_the_controller_is_complete, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_table_that_is_refused_changes_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_gsi_is_given_out_without_the_route_of_the_last, set_up, tear_down),
        cmocka_unit_test_setup_teardown(doorbells_and_eventfds_that_are_refused, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("kernel_wires", tests, NULL, NULL);
}
