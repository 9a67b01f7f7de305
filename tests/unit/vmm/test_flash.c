/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Flash as a device: where its banks are, when the guest has them mapped, what comes into the files, and what
 * is refused; and with a real KVM (skipped without one) a guest of a few instructions that reads, programs
 * and reads again.
 */
#include "../skip.h"
#include "device_world.h"
#include "run_vcpu.h"

#include <linux/kvm.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/config.h"
#include "base/json_build.h"
#include "block/node.h"
#include "device/device.h"
#include "firmware/flash.h"

#define SIZE (64 * KIB)
#define END (4 * GIB)

static char path[] = "flash-XXXXXX";
static struct config config;
static struct block_nodes *nodes;
static struct chip_place place = { END, 0 };
static struct error error;
static char name0[] = "f0", name1[] = "f1", name9[] = "f9";

/* KVM slots as they were set: size by number; 0 is none. */
static uint64_t slot_address[2], slot_size[2];
static bool slots_fail;

static bool set_kvm_slot(const struct vm *vm, unsigned kvm_slot, uint64_t address, uint64_t size,
                         void *memory, unsigned flags, struct error *why)
{
    (void)vm, (void)memory;
    assert_between(kvm_slot, 7, 8);
    assert_int_equal(flags, size ? VM_KVM_SLOT_READ_ONLY : flags);
    if (slots_fail)
        return error_set(why, "no");
    slot_address[kvm_slot - 7] = address;
    slot_size[kvm_slot - 7] = size;
    return true;
}

static void add_node(const char *name, const char *more)
{
    char text[300];
    struct props props = { NULL, true };

    snprintf(text, sizeof text, "file,node-name=%s,filename=%s%s", name, path, more);
    props.object = keyval_parse(text, "driver", &error);
    assert_non_null(props.object);
    if (!block_node_add(nodes, props, &error))
        fail_msg("%s", error.text);
    json_object_put(props.object);
}

static int start(void **state)
{
    static const struct vm_ops ops = { .set_kvm_slot = set_kvm_slot };
    static const struct vm vm = { .ops = &ops };
    static uint8_t bytes[SIZE];
    int fd, failed = world_set_up();

    (void)state;
    memset(slot_size, 0, sizeof slot_size);
    slots_fail = false;
    strcpy(path, "flash-XXXXXX");
    fd = mkstemp(path);
    for (unsigned i = 0; i < SIZE; i++)
        bytes[i] = (uint8_t)(i ^ i >> 8);
    if (fd < 0 || write(fd, bytes, SIZE) != SIZE || close(fd) < 0)
        return -1;
    nodes = block_nodes_create();
    config = (struct config){ .pflash = { name0 } };
    board.vm = &vm;
    board.blocks = nodes;
    board.config = &config;
    board.flash_kvm_slot = 7;
    return failed || !nodes ? -1 : 0;
}

static int stop(void **state)
{
    (void)state;
    devices_destroy(&board);
    block_nodes_destroy(nodes);
    bus_destroy(&bus);
    machine_lock_destroy(&machine_lock);
    loop_destroy(loop);
    return unlink(path);
}

static uint8_t in(uint64_t address)
{
    uint8_t value = 0;

    assert_true(bus_access(&bus, BUS_MEMORY, address, false, 1, &value));
    return value;
}

static void out(uint64_t address, uint8_t value)
{
    assert_true(bus_access(&bus, BUS_MEMORY, address, true, 1, &value));
}

static void program(uint64_t address, uint8_t value)
{
    out(address, 0x40);
    out(address, value);
}

static uint8_t in_file(long offset)
{
    FILE *file = fopen(path, "rb");
    int byte;

    assert_non_null(file);
    assert_int_equal(fseek(file, offset, SEEK_SET), 0);
    byte = fgetc(file);
    assert_int_equal(fclose(file), 0);
    return (uint8_t)byte;
}

static void the_guest_has_it_mapped_while_reads_give_the_array(void **state)
{
    (void)state;
    add_node("f0", "");
    assert_true(flash_x86_type.build(&board, &place, &error));
    assert_int_equal(slot_address[0], END - SIZE);
    assert_int_equal(slot_size[0], SIZE);
    assert_int_equal(in(END - SIZE + 5), 5);
    out(END - 1, 0x70);
    assert_int_equal(slot_size[0], 0);
    assert_int_equal(in(END - 1), 0x80);
    out(END - 1, 0xff);
    assert_int_equal(slot_size[0], SIZE);
    out(END - 1, 0x90);
    assert_int_equal(slot_size[0], 0);
    devices_reset(&board);
    assert_int_equal(slot_size[0], SIZE);
    /* Where KVM does not map it, it works by way of the bus. */
    out(END - 1, 0x90);
    slots_fail = true;
    out(END - 1, 0xff);
    assert_int_equal(in(END - SIZE + 5), 5);
    slots_fail = false;
}

static void what_is_written_comes_into_the_file(void **state)
{
    (void)state;
    add_node("f0", "");
    assert_true(flash_x86_type.build(&board, &place, &error));
    out(END - SIZE + 0x2000, 0x20);
    out(END - SIZE + 0x2000, 0xd0);
    program(END - SIZE + 0x2001, 0x12);
    for (unsigned i = 0; i < 1000 && in_file(0x2001) != 0x12; i++)
        loop_once(loop, 1000);
    assert_int_equal(in_file(0x2001), 0x12);
    assert_int_equal(in_file(0x2000), 0xff);
    assert_int_equal(in_file(0x2fff), 0xff);
    assert_int_equal(in_file(0x1fff), 0x1f ^ 0xff);
    assert_int_equal(in_file(0x3000), 0x30);
    /* A reset, and the end, do not leave anything unwritten. */
    program(END - SIZE + 0x2002, 0x34);
    devices_reset(&board);
    assert_int_equal(in_file(0x2002), 0x34);
    program(END - SIZE + 0x2003, 0x56);
    program(END - 1, 0);
    devices_destroy(&board);
    assert_int_equal(in_file(0x2003), 0x56);
    assert_int_equal(in_file(SIZE - 1), 0);
}

/* The host takes nothing behind a limit of a file's size. */
static void a_guest_hears_of_what_is_not_written(void **state)
{
    const struct rlimit none = { 0x2000, RLIM_INFINITY };
    struct rlimit before;

    (void)state;
    add_node("f0", "");
    assert_true(flash_x86_type.build(&board, &place, &error));
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
    program(END - SIZE + 0x3001, 0);
    for (unsigned i = 0; i < 1000 && in(END - 1) == 0x80; i++)
        loop_once(loop, 1000);
    assert_int_equal(in(END - 1), 0xb0);
    assert_int_equal(in_file(0x3001), 0x31);
    /* The next change takes it along. */
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    devices_reset(&board);
    assert_int_equal(in_file(0x3001), 0);
    out(END - 1, 0x70);
    assert_int_equal(in(END - 1), 0x80);
}

static void a_read_only_image_stays_as_it_is(void **state)
{
    (void)state;
    add_node("f0", ",read-only=on");
    assert_true(flash_x86_type.build(&board, &place, &error));
    program(END - 1, 0);
    assert_int_equal(in(END - 1), 0x92);
    out(END - 1, 0xff);
    assert_int_equal(in(END - 1), 0);
    devices_reset(&board);
    assert_int_equal(in_file(SIZE - 1), 0);
}

static void refused(const char *words)
{
    error.text[0] = '\0';
    assert_false(flash_x86_type.build(&board, &place, &error));
    if (!strstr(error.text, words))
        fail_msg("'%s' is not in: %s", words, error.text);
    assert_null(board.devices);
}

static void a_size_that_is_no_flashs_is_refused(void **state)
{
    (void)state;
    add_node("f0", "");
    config.pflash[0] = name9;
    refused("pflash0: Cannot find device='' nor node-name='f9'");
    config.pflash[0] = name0;
    for (unsigned i = 0; i < 3; i++) {
        static const off_t sizes[] = { 0, 5 * 512, 8 * MIB + 4 * KIB };
        static const char *const words[] = {
            "has 0 bytes; a bank of this machine's flash has 4 KiB to 8 MiB",
            "has 2560 bytes, which is not a multiple of 4 KiB, a block of this machine's flash; `truncate -s 4096",
            "has 8392704 bytes; a bank",
        };

        assert_true(block_node_remove(nodes, "f0", &error));
        assert_int_equal(truncate(path, sizes[i]), 0);
        add_node("f0", "");
        refused(words[i]);
    }
}

static void two_banks_adjoin(void **state)
{
    struct tree_node node;

    (void)state;
    add_node("f0", ",read-only=on");
    add_node("f1", ",read-only=on");
    config.pflash[1] = name1;
    assert_true(flash_x86_type.build(&board, &place, &error));
    assert_int_equal(slot_address[1], END - 2 * SIZE);
    assert_true(flash_x86_type.fdt(board.devices->next, &node));
    assert_int_equal(node.address, END - 2 * SIZE);
    assert_int_equal(node.size, SIZE);
    assert_int_equal(node.bank_width, 1);
    assert_int_equal(in(END - 2 * SIZE + 5), 5);
    out(END - SIZE, 0x70);
    assert_int_equal(slot_size[0], 0);
    assert_int_equal(slot_size[1], SIZE); /* each has a state of its own */
}

/* The second image is refused: nothing of it is left, and the first goes with the machine. */
static void an_image_in_use_is_refused(void **state)
{
    (void)state;
    add_node("f0", "");
    add_node("f1", "");
    config.pflash[1] = name1;
    assert_false(flash_x86_type.build(&board, &place, &error));
    assert_non_null(strstr(error.text, "pflash1: Block node 'f1': "));
    assert_non_null(board.devices);
    assert_null(board.devices->next);
}

/* Two banks as large as they are, whatever their images have. */
static void arm64s_banks_are_larger_than_their_images(void **state)
{
    struct chip_place first = { 0, 0 };
    uint8_t data[4];

    (void)state;
    assert_int_equal(truncate(path, 256 * KIB), 0);
    add_node("f0", ",read-only=on");
    add_node("f1", ",read-only=on");
    config.pflash[1] = name1;
    if (!flash_arm64_type.build(&board, &first, &error))
        fail_msg("%s", error.text);
    assert_int_equal(slot_address[0], 0);
    assert_int_equal(slot_address[1], 64 * MIB);
    assert_int_equal(slot_size[1], 256 * KIB);
    assert_int_equal(in(64 * MIB + 5), 5);
    assert_int_equal(in(64 * MIB + 256 * KIB - 1), 0);
    assert_int_equal(in(64 * MIB + 256 * KIB), 0xff);
    assert_int_equal(in(128 * MIB - 1), 0xff);
    assert_false(bus_access(&bus, BUS_MEMORY, 128 * MIB, false, 4, data));
}

/* ---- a guest ---- */

#define RAM (64 * KIB)
#define CODE 0x1000u

static const uint8_t code[] = {
    0x26, 0xa0, 0x05, 0x00,             /* mov al, es:[5] */
    0xa2, 0x00, 0x02,                   /* mov [0x200], al */
    0x26, 0xc6, 0x06, 0x07, 0x00, 0x40, /* mov byte es:[7], 0x40 */
    0x26, 0xc6, 0x06, 0x07, 0x00, 0x02, /* mov byte es:[7], 2 */
    0x26, 0xa0, 0x05, 0x00,             /* mov al, es:[5] */
    0xa2, 0x01, 0x02,                   /* mov [0x201], al */
    0x26, 0xc6, 0x06, 0x07, 0x00, 0xff, /* mov byte es:[7], 0xff */
    0x26, 0xa0, 0x07, 0x00,             /* mov al, es:[7] */
    0xa2, 0x02, 0x02,                   /* mov [0x202], al */
    0xf4,                               /* hlt */
};

static void enter_real_mode(int vcpu)
{
    struct kvm_regs regs = { .rip = CODE, .rflags = 2 };
    struct kvm_sregs sregs;

    assert_int_equal(ioctl(vcpu, KVM_GET_SREGS, &sregs), 0);
    sregs.cs.base = sregs.cs.selector = 0;
    sregs.es.base = END - SIZE;
    assert_int_equal(ioctl(vcpu, KVM_SET_SREGS, &sregs), 0);
    assert_int_equal(ioctl(vcpu, KVM_SET_REGS, &regs), 0);
}

/* Until it halts. Returns how many accesses came to the bus. */
static unsigned run_guest(int vcpu, struct kvm_run *run)
{
    unsigned exits = 0;

    for (;;) {
        run_vcpu(vcpu);
        if (run->exit_reason == KVM_EXIT_HLT)
            return exits;
        assert_int_equal(run->exit_reason, KVM_EXIT_MMIO);
        assert_true(bus_access(&bus, BUS_MEMORY, run->mmio.phys_addr, run->mmio.is_write, run->mmio.len,
                               run->mmio.data));
        exits++;
    }
}

static void a_guest_reads_it_as_memory(void **state)
{
    static struct vm vm;
    struct kvm_run *run;
    uint8_t *ram;
    int vcpu;

    (void)state;
    if (!kvm_available())
        SKIP_TEST("/dev/kvm cannot be opened");
    if (!vm_create(&vm, &error))
        fail_msg("%s", error.text);
    ram = mmap(NULL, RAM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    vcpu = ioctl(vm.fd, KVM_CREATE_VCPU, 0);
    run = mmap(NULL, vm.run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
    assert_true(ram != MAP_FAILED && vcpu >= 0 && run != MAP_FAILED);
    memcpy(ram + CODE, code, sizeof code);
    assert_true(vm_set_kvm_slot(&vm, 0, 0, RAM, ram, 0, &error));
    board.vm = &vm;
    add_node("f0", "");
    if (!flash_x86_type.build(&board, &place, &error))
        fail_msg("%s", error.text);
    enter_real_mode(vcpu);
    /* Three writes, and the read of the status between them. */
    assert_int_equal(run_guest(vcpu, run), 4);
    assert_int_equal(ram[0x200], 5);
    assert_int_equal(ram[0x201], 0x80);
    assert_int_equal(ram[0x202], 7 & 2);
    devices_destroy(&board);
    assert_int_equal(in_file(7), 2);
    assert_int_equal(munmap(run, vm.run_size), 0);
    assert_int_equal(munmap(ram, RAM), 0);
    close(vcpu);
    vm_destroy(&vm);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_guest_has_it_mapped_while_reads_give_the_array, start, stop),
        cmocka_unit_test_setup_teardown(what_is_written_comes_into_the_file, start, stop),
        cmocka_unit_test_setup_teardown(a_guest_hears_of_what_is_not_written, start, stop),
        cmocka_unit_test_setup_teardown(a_read_only_image_stays_as_it_is, start, stop),
        cmocka_unit_test_setup_teardown(a_size_that_is_no_flashs_is_refused, start, stop),
        cmocka_unit_test_setup_teardown(two_banks_adjoin, start, stop),
        cmocka_unit_test_setup_teardown(an_image_in_use_is_refused, start, stop),
        cmocka_unit_test_setup_teardown(arm64s_banks_are_larger_than_their_images, start, stop),
        cmocka_unit_test_setup_teardown(a_guest_reads_it_as_memory, start, stop),
    };

    signal(SIGXFSZ, SIG_IGN);
    return cmocka_run_group_tests_name("flash", tests, NULL, NULL);
}
