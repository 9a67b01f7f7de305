/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What boot_open() refuses before there is a guest: kernels that no compiler made.
 */
#include "../unit.h"

#include <elf.h>
#include <sys/mman.h>
#include <unistd.h>

#include "boot/boot.h"
#include "kvm/vm.h"

#define RAM UINT64_C(0x1000000)
#define START UINT64_C(0x100000)

/* A vmlinux of one loadable segment, with Xen's note of the entry point. */
struct vmlinux {
    Elf64_Ehdr header;
    Elf64_Phdr segment[2];
    struct {
        Elf64_Nhdr header;
        char name[4];
        uint32_t entry;
    } note;
    uint8_t code[64];
};

static const struct vmlinux good = {
    .header = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB },
                .e_machine = EM_X86_64,
                .e_phoff = offsetof(struct vmlinux, segment),
                .e_phentsize = sizeof(Elf64_Phdr),
                .e_phnum = 2 },
    .segment = { { .p_type = PT_LOAD,
                   .p_offset = offsetof(struct vmlinux, code),
                   .p_paddr = START,
                   .p_filesz = 64,
                   .p_memsz = 4096 },
                 { .p_type = PT_NOTE, .p_offset = offsetof(struct vmlinux, note), .p_filesz = 20 } },
    .note = { .header = { .n_namesz = 4, .n_descsz = 4, .n_type = 18 }, .name = "Xen", .entry = START },
};

/* The map of guest memory is linked in, and KVM is not. */
bool vm_set_kvm_slot(const struct vm *vm, unsigned kvm_slot, uint64_t guest_address, uint64_t size,
                     void *host, unsigned flags, struct error *error)
{
    (void)flags;
    (void)vm, (void)kvm_slot, (void)guest_address, (void)size, (void)host, (void)error;
    return true;
}

/* NULL `problem`: it is taken. */
static void expect(const struct vmlinux *kernel, const char *problem)
{
    int fd = memfd_create("vmlinux", MFD_CLOEXEC);
    struct error error = { 0 };
    struct boot boot;
    char path[32];
    bool opened;

    assert_true(fd >= 0);
    assert_int_equal(write(fd, kernel, sizeof *kernel), sizeof *kernel);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    opened = boot_open(&boot, &(struct boot_config){ .kernel = path, .ram_size = RAM, .acpi = true }, &error);
    boot_close(&boot);
    close(fd);
    assert_int_equal(opened, problem == NULL);
    if (problem && !strstr(error.text, problem))
        fail_msg("'%s' lacks '%s'", error.text, problem);
}

static void a_vmlinux_is_taken(void **state)
{
    struct vmlinux kernel = good;

    (void)state;
    expect(&kernel, NULL);
    kernel.note.entry = START + 63;
    expect(&kernel, NULL);
}

static void the_entry_point_has_to_be_loaded(void **state)
{
    struct vmlinux kernel = good;

    (void)state;
    kernel.note.entry = START - 1;
    expect(&kernel, "its entry point 0xfffff is in no loadable segment");
    kernel.note.entry = START + 64; /* zeroes */
    expect(&kernel, "its entry point 0x100040 is in no loadable segment");
    kernel = good;
    kernel.segment[0].p_type = PT_NULL;
    expect(&kernel, "its entry point 0x100000 is in no loadable segment");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_vmlinux_is_taken),
        cmocka_unit_test(the_entry_point_has_to_be_loaded),
    };

    return cmocka_run_group_tests_name("boot", tests, NULL, NULL);
}
