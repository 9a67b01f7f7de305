/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Doorbells and interrupts of a real KVM, with a guest of some instructions: a write signals an eventfd
 * without leaving the guest, an eventfd that is written interrupts the guest, by a message and by a line that
 * is held until the guest has acknowledged it. Skipped where /dev/kvm cannot be opened.
 */
#include <fcntl.h>
#include <linux/kvm.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../skip.h"
#include "../unit.h"
#include "run_vcpu.h"

#include "kvm/doorbell.h"
#include "kvm/interrupts.h"
#include "kvm/vm.h"

#define RAM_SIZE 0x10000u
#define GDT 0x800u
#define CODE 0x1000u
#define IDT 0x2000u
#define STACK 0x8000u
#define TOLD 0x10 /* port by which the guest tells that it is there */
#define BELL_PORT 0x500u
#define BELL_ADDRESS 0x90000000u
#define VECTOR 0x41u
#define LINE 16u

static struct vm vm;
static int vcpu = -1;
static struct kvm_run *run;
static uint8_t *ram;

/* 32-bit code, position-independent. Each part ends with a byte to port TOLD: `said` in al. No IRET, which
 * not every KVM's emulator has: the test enters anew each time. */
extern const uint8_t guest_code[], guest_ring[], guest_wait[], guest_handler[], guest_acknowledge[],
    guest_code_end[];
__asm__(".pushsection .rodata\n"
        ".code32\n"
        "guest_code:\n"
        "guest_ring:\n"
        "    movw $0x500, %dx\n"
        "    outb %al, %dx\n"
        "    outl %eax, %dx\n"
        "    movl $7, 0x90000000\n"
        "    movl $8, 0x90000000\n"
        "    movb $0x7, 0x90000000\n"
        "    movb $0x52, %al\n"
        "    outb %al, $0x10\n"
        "    hlt\n"
        "guest_wait:\n"
        "    sti\n"
        "1:  hlt\n"
        "    jmp 1b\n"
        "guest_handler:\n"
        "    movb $0x49, %al\n"
        "    outb %al, $0x10\n"
        "    hlt\n"
        "guest_acknowledge:\n"
        "    movl $0, 0xfee000b0\n"
        "    movb $0x41, %al\n"
        "    outb %al, $0x10\n"
        "    hlt\n"
        "guest_code_end:\n"
        ".code64\n"
        ".popsection\n");

static uint32_t place(const uint8_t *part)
{
    return CODE + (uint32_t)(part - guest_code);
}

static void set_descriptor(unsigned at, uint64_t value)
{
    memcpy(ram + at, &value, sizeof value);
}

static void prepare_memory(void)
{
    const uint32_t handler = place(guest_handler);

    memcpy(ram + CODE, guest_code, (size_t)(guest_code_end - guest_code));
    set_descriptor(GDT + 8, UINT64_C(0x00cf9b000000ffff));  /* code, flat */
    set_descriptor(GDT + 16, UINT64_C(0x00cf93000000ffff)); /* data, flat */
    set_descriptor(IDT + 8 * VECTOR,
                   (uint64_t)(handler >> 16) << 48 | UINT64_C(0x8e0000080000) | (handler & 0xffff));
}

static struct kvm_segment flat(uint16_t selector, uint8_t type)
{
    return (struct kvm_segment){
        .limit = UINT32_MAX, .selector = selector, .type = type, .present = 1, .db = 1, .s = 1, .g = 1
    };
}

static void prepare_vcpu(void)
{
    struct kvm_lapic_state lapic;
    struct kvm_sregs sregs;

    assert_int_equal(ioctl(vcpu, KVM_GET_SREGS, &sregs), 0);
    sregs.cs = flat(8, 0xb);
    sregs.ds = sregs.es = sregs.ss = sregs.fs = sregs.gs = flat(16, 3);
    sregs.gdt = (struct kvm_dtable){ .base = GDT, .limit = 23 };
    sregs.idt = (struct kvm_dtable){ .base = IDT, .limit = 0x7ff };
    sregs.cr0 |= 1;
    assert_int_equal(ioctl(vcpu, KVM_SET_SREGS, &sregs), 0);
    assert_int_equal(ioctl(vcpu, KVM_GET_LAPIC, &lapic), 0);
    lapic.regs[0xf1] |= 1; /* spurious vector register: enabled */
    assert_int_equal(ioctl(vcpu, KVM_SET_LAPIC, &lapic), 0);
}

static int set_up(void **state)
{
    struct error error;

    (void)state;
    ram = mmap(NULL, RAM_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (ram == MAP_FAILED)
        return -1;
    if (!kvm_available())
        return 0;
    if (!vm_create(&vm, &error) || !vm_set_kvm_slot(&vm, 0, 0, RAM_SIZE, ram, 0, &error) ||
        !vm_create_devices(&vm, &error)) {
        print_message("# %s\n", error.text);
        return -1;
    }
    vcpu = ioctl(vm.fd, KVM_CREATE_VCPU, 0);
    run = mmap(NULL, vm.run_size, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
    if (vcpu < 0 || run == MAP_FAILED || !vm_complete_devices(&vm, &error))
        return -1;
    prepare_memory();
    prepare_vcpu();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    if (vcpu >= 0) {
        assert_int_equal(munmap(run, vm.run_size), 0);
        close(vcpu);
        vm_destroy(&vm);
        vcpu = -1;
    }
    assert_int_equal(munmap(ram, RAM_SIZE), 0);
    return 0;
}

/* Where the guest goes on. */
static void enter(const uint8_t *part)
{
    const struct kvm_regs regs = { .rip = place(part), .rflags = 2, .rsp = STACK };

    run->immediate_exit = 1; /* what it was at is completed first */
    assert_int_equal(ioctl(vcpu, KVM_RUN, 0), -1);
    run->immediate_exit = 0;
    assert_int_equal(ioctl(vcpu, KVM_SET_REGS, &regs), 0);
}

/* Its next exit tells `what`. */
static void tells(char what)
{
    run_vcpu(vcpu);
    assert_int_equal(run->exit_reason, KVM_EXIT_IO);
    assert_int_equal(run->io.port, TOLD);
    assert_int_equal(((const char *)run)[run->io.data_offset], what);
}

static uint64_t taken(int fd)
{
    uint64_t count;

    return read(fd, &count, sizeof count) == (ssize_t)sizeof count ? count : 0;
}

static int eventfd_open(void)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

    assert_true(fd >= 0);
    return fd;
}

static void signal_eventfd(int fd)
{
    assert_int_equal(eventfd_write(fd, 1), 0);
}

static void a_write_signals_without_leaving_the_guest(void **state)
{
    const int by_port = eventfd_open(), by_value = eventfd_open(), by_width = eventfd_open();
    const struct vm_doorbell port = { .port = true, .address = BELL_PORT, .fd = by_port };
    const struct vm_doorbell value = {
        .address = BELL_ADDRESS, .width = 4, .match = true, .value = 7, .fd = by_value
    };
    const struct vm_doorbell width = { .address = BELL_ADDRESS, .width = 1, .fd = by_width };
    struct error error;

    (void)state;
    if (vcpu < 0)
        SKIP_TEST("no vCPU: /dev/kvm is missing, or may not be used");
    assert_true(vm_doorbell_add(&vm, &port, &error));
    assert_true(vm_doorbell_add(&vm, &value, &error));
    assert_true(vm_doorbell_add(&vm, &width, &error));
    assert_false(vm_doorbell_add(&vm, &value, &error));
    assert_non_null(strstr(error.text, "0x90000000"));
    enter(guest_ring);
    /* The first exit is that of the value that no doorbell answers to. */
    run_vcpu(vcpu);
    assert_int_equal(run->exit_reason, KVM_EXIT_MMIO);
    assert_int_equal(run->mmio.data[0], 8);
    assert_int_equal(taken(by_port), 2);
    assert_int_equal(taken(by_value), 1);
    assert_int_equal(taken(by_width), 0);
    tells('R');
    assert_int_equal(taken(by_width), 1);
    vm_doorbell_remove(&vm, &port);
    vm_doorbell_remove(&vm, &width);
    vm_doorbell_remove(&vm, &value);
    enter(guest_ring);
    run_vcpu(vcpu);
    assert_int_equal(run->exit_reason, KVM_EXIT_IO);
    assert_int_equal(run->io.port, BELL_PORT);
    assert_int_equal(taken(by_port), 0);
    close(by_port);
    close(by_value);
    close(by_width);
}

static void an_eventfd_interrupts_by_a_message(void **state)
{
    const struct vm_msi msi = { .address = 0xfee00000, .data = VECTOR };
    const int fd = eventfd_open();
    struct error error;
    int gsi;

    (void)state;
    if (vcpu < 0)
        SKIP_TEST("no vCPU: /dev/kvm is missing, or may not be used");
    gsi = vm_gsi_allocate(&vm, &error);
    assert_true(gsi >= 24);
    assert_true(vm_msi_route(&vm, (unsigned)gsi, &msi, &error));
    assert_true(vm_irqfd_add(&vm, (unsigned)gsi, fd, -1, &error));
    assert_false(vm_irqfd_add(&vm, (unsigned)gsi, fd, -1, &error));
    assert_non_null(strstr(error.text, "already"));
    signal_eventfd(fd);
    enter(guest_wait);
    tells('I');
    enter(guest_acknowledge);
    tells('A');
    vm_irqfd_remove(&vm, (unsigned)gsi, fd);
    signal_eventfd(fd);
    assert_int_equal(taken(fd), 1); /* stays in it */
    assert_true(vm_msi_send(&vm, &msi));
    enter(guest_wait);
    tells('I');
    enter(guest_acknowledge);
    tells('A');
    vm_gsi_free(&vm, (unsigned)gsi);
    close(fd);
}

/* The IOAPIC's pin: level-triggered, to the first CPU. */
static void route_pin(unsigned pin)
{
    struct kvm_irqchip chip = { .chip_id = KVM_IRQCHIP_IOAPIC };

    assert_int_equal(ioctl(vm.fd, KVM_GET_IRQCHIP, &chip), 0);
    chip.chip.ioapic.redirtbl[pin].bits = VECTOR | 1 << 15;
    assert_int_equal(ioctl(vm.fd, KVM_SET_IRQCHIP, &chip), 0);
}

/* Whether the interrupt waits for its acknowledgment. Not every KVM without hardware virtualization lets it.
 */
static bool in_service(void)
{
    struct kvm_lapic_state lapic;

    assert_int_equal(ioctl(vcpu, KVM_GET_LAPIC, &lapic), 0);
    return lapic.regs[0x100 + VECTOR / 32 * 16 + VECTOR % 32 / 8] & 1 << VECTOR % 8;
}

static void a_line_is_held_until_the_guest_acknowledges(void **state)
{
    const struct vm_msi msi = { .address = 0xfee00000, .data = VECTOR + 1 };
    const int fd = eventfd_open(), again = eventfd_open();
    struct error error;
    uint64_t early;
    int gsi;

    (void)state;
    if (vcpu < 0)
        SKIP_TEST("no vCPU: /dev/kvm is missing, or may not be used");
    /* With a table of our own in place of KVM's, which has to have the lines, too. */
    gsi = vm_gsi_allocate(&vm, &error);
    assert_true(gsi >= 0 && vm_msi_route(&vm, (unsigned)gsi, &msi, &error));
    route_pin(LINE);
    assert_true(vm_irqfd_add(&vm, LINE, fd, again, &error));
    for (unsigned i = 0; i < 2; i++) {
        signal_eventfd(fd);
        enter(guest_wait);
        tells('I');
        early = taken(again);
        if (in_service())
            assert_int_equal(early, 0);
        else
            print_message("# this KVM acknowledges interrupts itself\n");
        enter(guest_acknowledge);
        tells('A');
        assert_int_equal(early + taken(again), 1);
    }
    vm_irqfd_remove(&vm, LINE, fd);
    /* And by call, as before. */
    vm_irq_line(&vm, LINE, true);
    enter(guest_wait);
    tells('I');
    vm_irq_line(&vm, LINE, false);
    enter(guest_acknowledge);
    tells('A');
    vm_gsi_free(&vm, (unsigned)gsi);
    close(fd);
    close(again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_write_signals_without_leaving_the_guest, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_eventfd_interrupts_by_a_message, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_line_is_held_until_the_guest_acknowledges, set_up, tear_down),
    };

    return cmocka_run_group_tests_name("guest_interrupts", tests, NULL, NULL);
}
