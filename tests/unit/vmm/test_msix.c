/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * MSI-X: what a guest reads and writes of it, and which messages it gets of a device with and without
 * eventfds.
 */
#include "pci_world.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "pci/msix.h"
#include "pci/place.h"

#define DEVFN PCI_DEVFN(2, 0)
#define VECTORS 70u /* of which two have an eventfd */
#define CAPABILITY 0x40u
#define CONTROL (CAPABILITY + 2)
#define ENABLE 0x8000u
#define MASK_ALL 0x4000u
#define PENDING (LOW + 0x800)

static struct pci_function function;
static int fds[2];

static int set_up(void **state)
{
    static const struct pci_ids ids = { .vendor = 0x1af4, .device = 0x1234, .interrupt = true };
    const struct pci_place place = { .addr = "2" };
    struct error error;

    (void)state;
    if (world_create() != 0)
        return -1;
    function = (struct pci_function){ 0 };
    pci_function_init(&function, "thing", &ids);
    function.device.board = &board;
    if (!msix_init(&function, 1, VECTORS, &error))
        return -1;
    for (unsigned i = 0; i < 2; i++) {
        fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
        assert_true(msix_fd(&function, i, fds[i]));
    }
    assert_false(msix_fd(&function, VECTORS, fds[0]));
    if (!pci_function_plug(&function, &board, &place, false, &error))
        return -1;
    put(0, DEVFN, PCI_BAR + 4, 4, (uint32_t)LOW);
    put(0, DEVFN, PCI_COMMAND, 2, PCI_COMMAND_MEMORY | PCI_COMMAND_MASTER);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    pci_function_remove(&function);
    msix_end(&function);
    for (unsigned i = 0; i < 2; i++)
        close(fds[i]);
    return world_destroy();
}

static uint64_t entry(unsigned vector)
{
    return LOW + 16 * vector;
}

static void program(unsigned vector, uint64_t address, uint32_t data, bool masked)
{
    to_memory(entry(vector), 8, address);
    to_memory(entry(vector) + 8, 4, data);
    to_memory(entry(vector) + 12, 4, masked);
}

static void enable(uint16_t bits)
{
    put(0, DEVFN, CONTROL, 2, bits);
}

static void ring(unsigned vector)
{
    assert_int_equal(eventfd_write(fds[vector], 1), 0);
}

static void the_capability_says_where_the_tables_are(void **state)
{
    (void)state;
    assert_int_equal(get(0, DEVFN, PCI_CAPABILITY_POINTER, 1), CAPABILITY);
    assert_int_equal(get(0, DEVFN, CAPABILITY, 4), (VECTORS - 1) << 16 | 0x11);
    assert_int_equal(get(0, DEVFN, CAPABILITY + 4, 4), 1);         /* BAR 1, at 0 */
    assert_int_equal(get(0, DEVFN, CAPABILITY + 8, 4), 0x800 | 1); /* at 2 KiB */
    put(0, DEVFN, CONTROL, 2, UINT16_MAX);
    assert_int_equal(get(0, DEVFN, CONTROL, 2), ENABLE | MASK_ALL | (VECTORS - 1));
    put(0, DEVFN, PCI_BAR + 4, 4, UINT32_MAX);
    assert_int_equal(get(0, DEVFN, PCI_BAR + 4, 4), 0xfffff000);
}

static void an_entry_is_what_the_guest_writes(void **state)
{
    (void)state;
    assert_int_equal(in_memory(entry(69) + 12, 4), 1); /* masked */
    to_memory(entry(69), 4, 0xfee00003);
    to_memory(entry(69) + 4, 4, 0x12);
    to_memory(entry(69) + 8, 8, UINT64_C(0xfffffffe00004321));
    assert_int_equal(in_memory(entry(69), 8), UINT64_C(0x12fee00000));
    assert_int_equal(in_memory(entry(69) + 8, 4), 0x4321);
    assert_int_equal(in_memory(entry(69) + 12, 4), 0);
    to_memory(entry(69) + 8, 1, 0x65);
    to_memory(entry(69) + 9, 1, 0x87);
    assert_int_equal(in_memory(entry(69) + 8, 2), 0x8765);
    to_memory(entry(70), 8, UINT64_MAX); /* behind the last */
    assert_int_equal(in_memory(entry(70), 8), 0);
    to_memory(PENDING, 8, UINT64_MAX);
    assert_int_equal(in_memory(PENDING, 8), 0);
}

static void a_vector_with_an_eventfd_is_sent_by_the_kernel(void **state)
{
    (void)state;
    program(0, 0xfee00000, 0x41, false);
    program(1, 0xfee01000, 0x42, true);
    assert_false(msix_enabled(&function));
    enable(ENABLE);
    assert_true(msix_enabled(&function));
    ring(0);
    ring(1);
    hears("fee00000:41:10 ");
    assert_int_equal(in_memory(PENDING, 8), 2);
    to_memory(entry(1) + 12, 4, 0); /* unmasked: it comes */
    hears("fee01000:42:10 ");
    assert_int_equal(in_memory(PENDING, 8), 0);
    to_memory(entry(0) + 8, 4, 0x51); /* another processor, say */
    ring(0);
    hears("fee00000:51:10 ");
    enable(ENABLE | MASK_ALL);
    ring(0);
    ring(1);
    hears("");
    assert_int_equal(in_memory(PENDING, 4), 3);
    program(1, 0xfee01000, 0x43, false); /* while all are masked */
    enable(ENABLE);
    hears("fee00000:51:10 fee01000:43:10 ");
}

static void a_vector_without_is_sent_by_the_program(void **state)
{
    (void)state;
    program(69, 0xfee00000, 7, false);
    msix_notify(&function, 69); /* off: nobody wants to know */
    enable(ENABLE);
    hears("");
    msix_notify(&function, 69);
    hears("fee00000:7:10 ");
    to_memory(entry(69) + 12, 4, 1);
    msix_notify(&function, 69);
    msix_notify(&function, 69);
    hears("");
    assert_int_equal(in_memory(PENDING + 8, 8), 1u << 5);
    to_memory(entry(69) + 12, 4, 0);
    hears("fee00000:7:10 "); /* once */
    assert_int_equal(in_memory(PENDING + 8, 8), 0);
    msix_notify(&function, VECTORS);
    hears("");
}

static void a_reset_forgets_all(void **state)
{
    (void)state;
    program(0, 0xfee00000, 0x41, true);
    program(2, 0xfee00000, 0x43, true);
    enable(ENABLE);
    ring(0);
    msix_notify(&function, 2);
    assert_int_equal(in_memory(PENDING, 8), 5);
    pci_function_reset(&function);
    assert_false(msix_enabled(&function));
    put(0, DEVFN, PCI_BAR + 4, 4, (uint32_t)LOW);
    put(0, DEVFN, PCI_COMMAND, 2, PCI_COMMAND_MEMORY);
    assert_int_equal(in_memory(PENDING, 8), 0);
    assert_int_equal(in_memory(entry(0), 8), 0);
    assert_int_equal(in_memory(entry(0) + 12, 4), 1);
    program(0, 0xfee00000, 0x41, false);
    enable(ENABLE);
    hears("");
    ring(0);
    hears("fee00000:41:10 ");
}

/* A function takes as many of the machine's interrupts as it has vectors, and gives them back. */
static void interrupts_that_are_short_are_an_error(void **state)
{
    static struct pci_function other[8];
    static const struct pci_ids ids = { .vendor = 1 };
    struct error error = { 0 };
    unsigned count = 0;

    (void)state;
    for (; count < COUNT_OF(other); count++) {
        pci_function_init(&other[count], "other", &ids);
        other[count].device.board = &board;
        if (!msix_init(&other[count], 0, MSIX_VECTORS_MAX, &error))
            break;
    }
    assert_true(count > 0 && count < COUNT_OF(other));
    assert_true(error.text[0] != '\0');
    assert_null(other[count].msix);
    for (unsigned i = 0; i < count; i++)
        msix_end(&other[i]);
    pci_function_init(&other[count], "other", &ids);
    assert_true(msix_init(&other[count], 0, MSIX_VECTORS_MAX, &error));
    assert_int_equal(pci_config_get(&other[count], CAPABILITY + 8, 4), MSIX_VECTORS_MAX * 16);
    msix_end(&other[count]);
    msix_end(&other[count]);
}

/* ---- a device's threads and a guest's at once, for the thread sanitizer, too ---- */

#define ROUNDS 2000u

static atomic_bool over;
static atomic_uint messages;

static void count_message(void *opaque, const struct vm_msi *msi)
{
    (void)opaque, (void)msi;
    atomic_fetch_add(&messages, 1);
}

static void *send_interrupts(void *opaque)
{
    for (unsigned i = 0; i < ROUNDS; i++) {
        msix_notify(&function, 69);
        assert_true(eventfd_write(fds[0], 1) == 0);
        pci_intx(&function, i & 1);
        if (pci_may_master(&function) && msix_enabled(&function))
            atomic_fetch_add((atomic_uint *)opaque, 1);
    }
    pci_intx(&function, false);
    return NULL;
}

static void *mask_and_move(void *opaque)
{
    (void)opaque;
    for (unsigned i = 0; !atomic_load(&over); i++) {
        const uint64_t place = LOW + (i & 3) * 0x1000;

        put(0, DEVFN, PCI_BAR + 4, 4, (uint32_t)place);
        to_memory(place + 16 * 69 + 12, 4, i & 1);
        to_memory(place + 12, 4, i >> 1 & 1);
        in_memory(place + 0x800, 8);
        if (i % 7 == 0)
            enable(i % 14 ? MASK_ALL | ENABLE : ENABLE);
    }
    return NULL;
}

static void device_and_guest_at_once(void **state)
{
    atomic_uint seen = 0;
    pthread_t device[2], guest;

    (void)state;
    atomic_store(&over, false);
    atomic_store(&messages, 0);
    world_vm.watcher = (struct vm_watcher){ note_line, count_message, NULL };
    program(0, 0xfee00000, 1, false);
    program(69, 0xfee00000, 2, false);
    enable(ENABLE);
    assert_int_equal(pthread_create(&guest, NULL, mask_and_move, NULL), 0);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&device[i], NULL, send_interrupts, &seen), 0);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(pthread_join(device[i], NULL), 0);
    atomic_store(&over, true);
    assert_int_equal(pthread_join(guest, NULL), 0);
    enable(ENABLE);
    put(0, DEVFN, PCI_BAR + 4, 4, (uint32_t)LOW);
    to_memory(entry(0) + 12, 4, 0);
    to_memory(entry(69) + 12, 4, 0);
    loop_once(loop, 0);
    loop_once(loop, 0);
    assert_int_equal(in_memory(PENDING, 8) | in_memory(PENDING + 8, 8), 0); /* nothing is left over */
    assert_true(atomic_load(&messages) > 0 && atomic_load(&seen) > 0);
    assert_int_equal(lines, 0);
}

#define WITH_SET_UP(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SET_UP(the_capability_says_where_the_tables_are),
        WITH_SET_UP(an_entry_is_what_the_guest_writes),
        WITH_SET_UP(a_vector_with_an_eventfd_is_sent_by_the_kernel),
        WITH_SET_UP(a_vector_without_is_sent_by_the_program),
        WITH_SET_UP(a_reset_forgets_all),
        WITH_SET_UP(interrupts_that_are_short_are_an_error),
        WITH_SET_UP(device_and_guest_at_once),
    };

    return cmocka_run_group_tests_name("msix", tests, NULL, NULL);
}
