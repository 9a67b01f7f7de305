/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Doorbells, routes and eventfds without KVM (-accel qtest): what a test hears, and the GSIs that are given
 * out, which is the same code with KVM. Many threads at once are for the thread sanitizer.
 */
#include "../unit.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/loop.h"
#include "kvm/doorbell.h"
#include "kvm/interrupts.h"
#include "kvm/vm.h"

#define LINE 16u
#define THREADS 4

static struct vm vm;
static struct loop *loop;
static struct text {
    char bytes[512];
} heard;

static void line(void *opaque, unsigned gsi, bool high)
{
    struct text *text = opaque;
    size_t length = strlen(text->bytes);

    snprintf(text->bytes + length, sizeof text->bytes - length, "%c%u ", high ? '+' : '-', gsi);
}

static void message(void *opaque, const struct vm_msi *msi)
{
    struct text *text = opaque;
    size_t length = strlen(text->bytes);

    snprintf(text->bytes + length, sizeof text->bytes - length, "%llx:%x:%x ",
             (unsigned long long)msi->address, msi->data, msi->requester);
}

static int set_up(void **state)
{
    struct error error;

    (void)state;
    heard.bytes[0] = '\0';
    loop = loop_create();
    if (!loop || !vm_create_without_kvm(&vm, loop, &error) || !vm_complete_devices(&vm, &error))
        return -1;
    vm.watcher = (struct vm_watcher){ line, message, &heard };
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    vm_destroy(&vm);
    loop_destroy(loop);
    return 0;
}

/* What was heard by now; the next begins anew. */
static void hears(const char *expected)
{
    loop_once(loop, 0);
    assert_string_equal(heard.bytes, expected);
    heard.bytes[0] = '\0';
}

static int eventfd_open(void)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    assert_true(fd >= 0);
    return fd;
}

static void ring(int fd)
{
    assert_int_equal(eventfd_write(fd, 1), 0);
}

static uint64_t taken(int fd)
{
    eventfd_t count;

    return eventfd_read(fd, &count) == 0 ? count : 0;
}

static unsigned allocate(void)
{
    struct error error;
    int gsi = vm_gsi_allocate(&vm, &error);

    if (gsi < 0)
        fail_msg("%s", error.text);
    return (unsigned)gsi;
}

static bool write_port(uint64_t port, unsigned width, uint64_t value)
{
    return vm_doorbell_ring(&vm, true, port, width, (const uint8_t *)&value);
}

static bool write_memory(uint64_t address, unsigned width, uint64_t value)
{
    return vm_doorbell_ring(&vm, false, address, width, (const uint8_t *)&value);
}

/* ---- doorbells ---- */

static void doorbells_tell_writes_apart(void **state)
{
    const int any = eventfd_open(), seven = eventfd_open(), eight = eventfd_open();
    const struct vm_doorbell doorbells[] = {
        { .port = true, .address = 0x500, .fd = any },
        { .address = 0x500, .width = 2, .match = true, .value = 7, .fd = seven },
        { .address = 0x500, .width = 2, .match = true, .value = 8, .fd = eight },
    };
    struct error error;

    (void)state;
    for (size_t i = 0; i < COUNT_OF(doorbells); i++)
        assert_true(vm_doorbell_add(&vm, &doorbells[i], &error));
    assert_true(write_port(0x500, 1, 3) && write_port(0x500, 4, 4));
    assert_int_equal(taken(any), 2);
    assert_false(write_port(0x501, 1, 3));
    assert_true(write_memory(0x500, 2, 8));
    assert_int_equal(taken(seven), 0);
    assert_int_equal(taken(eight), 1);
    assert_false(write_memory(0x500, 2, 9));
    assert_false(write_memory(0x500, 4, 8));
    vm_doorbell_remove(&vm, &doorbells[2]);
    assert_false(write_memory(0x500, 2, 8));
    assert_true(write_memory(0x500, 2, 7));
    vm_doorbell_remove(&vm, &doorbells[0]);
    vm_doorbell_remove(&vm, &doorbells[1]);
    assert_false(write_port(0x500, 1, 3));
    close(any);
    close(seven);
    close(eight);
}

static void doorbells_that_collide(void **state)
{
    const int fd = eventfd_open();
    const struct vm_doorbell first = {
        .address = 0xc0001000, .width = 2, .match = true, .value = 1, .fd = fd
    };
    struct vm_doorbell other = first;
    struct error error;

    (void)state;
    assert_true(vm_doorbell_add(&vm, &first, &error));
    assert_false(vm_doorbell_add(&vm, &other, &error));
    assert_string_equal(error.text, "a doorbell at guest address 0xc0001000 collides with another one there");
    other.match = false;
    assert_false(vm_doorbell_add(&vm, &other, &error));
    other.width = 0;
    assert_false(vm_doorbell_add(&vm, &other, &error));
    other.width = 4;
    assert_true(vm_doorbell_add(&vm, &other, &error));
    vm_doorbell_remove(&vm, &other);
    vm_doorbell_remove(&vm, &first);
    close(fd);
}

/* ---- GSIs and routes ---- */

static void gsis_end_and_come_back(void **state)
{
    const unsigned first = allocate();
    unsigned count = 1;
    struct error error;
    int gsi;

    (void)state;
    assert_int_equal(first, vm_arch_gsi_count());
    while ((gsi = vm_gsi_allocate(&vm, &error)) >= 0)
        assert_int_equal(gsi, first + count++);
    assert_int_equal(count, 4096 - vm_arch_routes(NULL));
    snprintf(heard.bytes, sizeof heard.bytes, "all %u that KVM can route", count);
    assert_non_null(strstr(error.text, heard.bytes));
    vm_gsi_free(&vm, first + 70);
    assert_int_equal(allocate(), first + 70);
    for (unsigned i = 0; i < count; i++)
        vm_gsi_free(&vm, first + i);
    assert_int_equal(allocate(), first);
    vm_gsi_free(&vm, first);
}

static void an_eventfd_sends_the_message_of_its_route(void **state)
{
    const struct vm_msi one = { 0xfee00000, 0x4041, 8 }, two = { 0x1fee01000, 0x4042, 9 };
    const unsigned a = allocate(), b = allocate();
    const struct vm_msi_route both[] = { { a, &two }, { b, &one } };
    const int for_a = eventfd_open(), for_b = eventfd_open();
    struct error error;

    (void)state;
    ring(for_a); /* before it is added: it counts */
    assert_true(vm_msi_route(&vm, a, &one, &error));
    assert_true(vm_irqfd_add(&vm, a, for_a, -1, &error));
    assert_true(vm_irqfd_add(&vm, b, for_b, -1, &error));
    assert_false(vm_irqfd_add(&vm, b, for_a, -1, &error));
    assert_non_null(strstr(error.text, "already"));
    hears("fee00000:4041:8 ");
    ring(for_b);
    hears(""); /* there is no route */
    assert_true(vm_msi_routes(&vm, both, COUNT_OF(both), &error));
    ring(for_a);
    hears("1fee01000:4042:9 ");
    ring(for_b);
    hears("fee00000:4041:8 ");
    assert_true(vm_msi_route(&vm, b, NULL, &error));
    ring(for_b);
    hears("");
    vm_irqfd_remove(&vm, a, for_a);
    ring(for_a);
    hears("");
    assert_int_equal(taken(for_a), 1);
    assert_true(vm_msi_send(&vm, &two));
    hears("1fee01000:4042:9 ");
    vm_irqfd_remove(&vm, b, for_b);
    vm_gsi_free(&vm, a);
    vm_gsi_free(&vm, b);
    close(for_a);
    close(for_b);
}

/* ---- lines ---- */

static void a_line_is_high_while_anybody_holds_it(void **state)
{
    const int edge = eventfd_open(), level = eventfd_open(), again = eventfd_open();
    struct error error;

    (void)state;
    assert_true(vm_irqfd_add(&vm, LINE, edge, -1, &error));
    ring(edge);
    hears("+16 -16 ");
    vm_irqfd_remove(&vm, LINE, edge);
    assert_false(vm_irq_acknowledge(&vm, LINE));
    assert_true(vm_irqfd_add(&vm, LINE, level, again, &error));
    ring(level);
    hears("+16 ");
    ring(level);
    hears("");
    assert_int_equal(taken(again), 0);
    assert_true(vm_irq_acknowledge(&vm, LINE));
    hears("-16 ");
    assert_int_equal(taken(again), 1);
    vm_irq_line(&vm, LINE, true);
    hears("+16 ");
    ring(level);
    hears("");
    vm_irq_line(&vm, LINE, false);
    hears(""); /* the eventfd holds it */
    vm_irqfd_remove(&vm, LINE, level);
    hears("-16 ");
    close(edge);
    close(level);
    close(again);
}

/* ---- threads ---- */

static atomic_bool stop;

/* As a vCPU whose guest moves BARs and masks vectors; its interrupts come on the main thread. */
static void *change(void *number)
{
    const uint64_t address = UINT64_C(0xc0000000) + 0x1000 * (uintptr_t)number;
    const int fd = eventfd_open(), bell = eventfd_open();
    struct error error;

    for (uint32_t i = 0; !atomic_load(&stop); i++) {
        const struct vm_doorbell doorbell = { .address = address + i % 16, .width = 2, .fd = bell };
        const struct vm_msi msi = { address, i, 0 };
        const unsigned gsi = allocate();

        assert_true(vm_doorbell_add(&vm, &doorbell, &error));
        assert_true(vm_msi_route(&vm, gsi, &msi, &error));
        assert_true(vm_irqfd_add(&vm, gsi, fd, -1, &error));
        assert_true(write_memory(doorbell.address, 2, i));
        assert_int_equal(taken(bell), 1);
        ring(fd);
        vm_irqfd_remove(&vm, gsi, fd);
        assert_true(vm_msi_send(&vm, &msi));
        vm_doorbell_remove(&vm, &doorbell);
        vm_gsi_free(&vm, gsi);
    }
    close(fd);
    close(bell);
    return NULL;
}

static void count_messages(void *opaque, const struct vm_msi *msi)
{
    unsigned *count = opaque;

    assert_between(msi->address, 0xc0000000, 0xc0000000 + 0x1000 * THREADS);
    (*count)++;
}

static void many_threads_change_at_once(void **state)
{
    pthread_t threads[THREADS];
    unsigned count = 0;

    (void)state;
    vm.watcher = (struct vm_watcher){ .message = count_messages, .opaque = &count };
    atomic_store(&stop, false);
    for (uintptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, change, (void *)i), 0);
    while (count < 2000)
        loop_once(loop, -1);
    atomic_store(&stop, true);
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(doorbells_tell_writes_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(doorbells_that_collide, set_up, tear_down),
        cmocka_unit_test_setup_teardown(gsis_end_and_come_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_eventfd_sends_the_message_of_its_route, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_line_is_high_while_anybody_holds_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(many_threads_change_at_once, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("interrupts", tests, NULL, NULL);
}
