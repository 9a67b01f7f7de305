/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Memslots of a real KVM, with a guest of three instructions: memory that is read-only, and the dirty log.
 * Skipped where /dev/kvm cannot be opened.
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../skip.h"
#include "../unit.h"
#include "run_vcpu.h"

#include "kvm/vm.h"
#include "memory/guest_memory.h"

#define CODE 0x1000u
#define ROM UINT64_C(0x10000)
#define LOGGED UINT64_C(0x20000)
#define PAGE UINT64_C(4096)

static struct vm vm;
static struct guest_memory *map;
static int vcpu = -1;
static struct kvm_run *run;
static uint8_t *memory; /* two pages of code, two of ROM, eight that are logged */

static const uint8_t code[] = {
    0xa0, 0x05, 0x00,       /* mov al, [5] */
    0xa2, 0x06, 0x00,       /* mov [6], al */
    0x26, 0xa2, 0x00, 0x20, /* mov es:[0x2000], al */
    0xf4,                   /* hlt */
};

static void enter_real_mode(void)
{
    struct kvm_regs regs = { .rip = CODE, .rflags = 2 };
    struct kvm_sregs sregs;

    assert_int_equal(ioctl(vcpu, KVM_GET_SREGS, &sregs), 0);
    sregs.cs.base = sregs.cs.selector = 0;
    sregs.ds.base = ROM;
    sregs.ds.selector = ROM >> 4;
    sregs.es.base = LOGGED;
    sregs.es.selector = LOGGED >> 4;
    assert_int_equal(ioctl(vcpu, KVM_SET_SREGS, &sregs), 0);
    assert_int_equal(ioctl(vcpu, KVM_SET_REGS, &regs), 0);
}

static int set_up(void **state)
{
    struct error error;

    (void)state;
    memory = mmap(NULL, 12 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return -1;
    if (!kvm_available())
        return 0;
    if (!vm_create(&vm, &error)) {
        printf("# %s\n", error.text);
        return -1;
    }
    map = guest_memory_create(&vm, NULL, 3);
    vcpu = ioctl(vm.fd, KVM_CREATE_VCPU, 0);
    run = mmap(NULL, vm.run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
    return map && vcpu >= 0 && run != MAP_FAILED ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    if (map) {
        guest_memory_destroy(map);
        assert_int_equal(munmap(run, vm.run_size), 0);
        close(vcpu);
        vm_destroy(&vm);
    }
    assert_int_equal(munmap(memory, 12 * PAGE), 0);
    return 0;
}

static void a_guest_reads_rom_and_its_writes_are_logged(void **state)
{
    const struct guest_part rom = {
        .address = ROM, .size = 2 * PAGE, .memory = memory + 2 * PAGE, .fd = -1, .read_only = true
    };
    struct guest_region *logged;
    struct error error;
    uint64_t pages;

    (void)state;
    if (!map)
        SKIP_TEST("no guest: /dev/kvm is missing, or may not be used");
    memcpy(memory + CODE, code, sizeof code);
    memory[2 * PAGE + 5] = 0x5a;
    assert_non_null(guest_memory_add(map, 0, 2 * PAGE, memory, &error));
    if (!guest_memory_add_part(map, &rom, &error))
        fail_msg("%s", error.text);
    logged = guest_memory_add(map, LOGGED, 8 * PAGE, memory + 4 * PAGE, &error);
    assert_non_null(logged);
    if (!guest_memory_log_start(map, &error))
        fail_msg("%s", error.text);
    enter_real_mode();
    /* The write to ROM goes to the bus, with what was read from ROM. */
    run_vcpu(vcpu);
    assert_int_equal(run->exit_reason, KVM_EXIT_MMIO);
    assert_int_equal(run->mmio.phys_addr, ROM + 6);
    assert_int_equal(run->mmio.is_write, 1);
    assert_int_equal(run->mmio.data[0], 0x5a);
    run_vcpu(vcpu);
    assert_int_equal(run->exit_reason, KVM_EXIT_HLT);
    assert_int_equal(memory[2 * PAGE + 6], 0);
    assert_int_equal(memory[4 * PAGE + 0x2000], 0x5a);
    assert_true(guest_memory_write(map, LOGGED + 5 * PAGE, "x", 1));
    assert_true(guest_memory_log_take(map, logged, &pages, &error));
    assert_int_equal(pages, 1 << 2 | 1 << 5);
    assert_true(guest_memory_log_take(map, logged, &pages, &error));
    assert_int_equal(pages, 0);
    guest_memory_log_stop(map);
    assert_true(guest_memory_log_start(map, &error));
    assert_true(guest_memory_log_take(map, logged, &pages, &error));
    assert_int_equal(pages, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_guest_reads_rom_and_its_writes_are_logged, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("memslots", tests, NULL, NULL);
}
