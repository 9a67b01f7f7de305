/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which files boot_open() takes as an arm64 kernel, and what it says of those that it does not take.
 */
#include "../unit.h"

#include <unistd.h>

#include "arm64_kernel.h"
#include "boot/arm64_boot.h"
#include "kvm/vm.h"
#include "layout/arm64.h"

static struct bytes kernel, packed, file;
static bool acpi;

/* The map of guest memory is linked in, and KVM is not. */
bool vm_set_kvm_slot(const struct vm *vm, unsigned kvm_slot, uint64_t guest_address, uint64_t size,
                     void *host, unsigned flags, struct error *error)
{
    (void)flags;
    (void)vm, (void)kvm_slot, (void)guest_address, (void)size, (void)host, (void)error;
    return true;
}

static int set_up(void **state)
{
    (void)state;
    kernel_plain(&kernel);
    acpi = true;
    return 0;
}

static unsigned pages; /* as the Image's flags name them: 1 is 4, 2 is 16, 3 is 64 KiB; 0 is unknown */

/* NULL `problem`: it is taken. */
static void expect(const void *bytes, size_t size, const char *problem)
{
    struct error error = { 0 };
    struct boot boot;
    char path[32];
    int fd = file_of(bytes, size, path);
    bool opened = boot_open(
        &boot, &(struct boot_config){ .kernel = path, .ram_size = 64 * MIB, .acpi = acpi }, &error);

    boot_close(&boot);
    close(fd);
    if (opened != !problem)
        fail_msg("opened: %d, '%s'", opened, error.text);
    if (problem && !strstr(error.text, problem))
        fail_msg("'%s' lacks '%s'", error.text, problem);
    if (opened) {
        assert_int_equal(boot.format, KERNEL_IMAGE);
        assert_int_equal(boot.image.image_size, KERNEL_MEMORY);
        assert_int_equal(boot.image.pages_64k, pages == 3);
        assert_int_equal(boot.entry, ARM64_RAM + 2 * MIB + boot.image.text_offset);
        assert_int_equal(boot.end, boot.entry + KERNEL_MEMORY);
    }
}

static void expect_bytes(const struct bytes *bytes, const char *problem)
{
    expect(bytes->at, bytes->size, problem);
}

static void a_plain_image(void **state)
{
    (void)state;
    expect_bytes(&kernel, NULL);
    put_u64(&kernel, IMAGE_TEXT_OFFSET, 0x80000);
    expect_bytes(&kernel, NULL);
    put_u64(&kernel, IMAGE_TEXT_OFFSET, 2 * MIB - 4096);
    expect_bytes(&kernel, NULL);
}

static void it_says_what_pages_it_has(void **state)
{
    (void)state;
    for (pages = 0; pages < 4; pages++) {
        put_u64(&kernel, IMAGE_FLAGS, 8 | pages << 1); /* 8: it may be anywhere */
        expect_bytes(&kernel, NULL);
        kernel_gzip(&kernel, &packed);
        expect_bytes(&packed, NULL);
    }
    pages = 0;
}

static void its_header_makes_sense(void **state)
{
    (void)state;
    put_u64(&kernel, IMAGE_TEXT_OFFSET, 2 * MIB);
    expect_bytes(&kernel, "text_offset is 0x200000, not a multiple of 4 KiB below 2 MiB");
    put_u64(&kernel, IMAGE_TEXT_OFFSET, 0x80001);
    expect_bytes(&kernel, "text_offset is 0x80001");
    put_u64(&kernel, IMAGE_TEXT_OFFSET, UINT64_MAX);
    expect_bytes(&kernel, "text_offset is 0xffffffffffffffff");
    kernel_plain(&kernel);
    put_u64(&kernel, IMAGE_SIZE, 0);
    expect_bytes(&kernel, "image_size is 0");
    put_u64(&kernel, IMAGE_SIZE, UINT64_MAX);
    expect_bytes(&kernel, "of RAM, but the guest has 64 MiB; increase -m");
    put_u64(&kernel, IMAGE_SIZE, 62 * MIB + 1);
    expect_bytes(&kernel, "needs 67108865 bytes of RAM, but the guest has 64 MiB");
}

static void a_file_that_was_cut_off(void **state)
{
    (void)state;
    expect(kernel.at, KERNEL_BYTES - 1,
           "truncated or broken: its header announces 300000 bytes, the file has 299999");
    expect(kernel.at, 64, "its header announces 88 bytes, the file has 64");
    expect(kernel.at, 0x3c, "announces 64 bytes, the file has 60");
    expect(kernel.at, 0x3b, "is not a kernel");
    expect(kernel.at, 0, "is not a kernel");
}

/* What is not in the first bytes, or is none, tells nothing; the kernel itself does not need it. */
static void a_pe_header_that_is_broken(void **state)
{
    (void)state;
    put_u32(&kernel, IMAGE_PE, UINT32_MAX);
    expect_bytes(&kernel, "announces 4294967319 bytes");
    put_u32(&kernel, IMAGE_PE, BOOT_HEAD - 24);
    expect_bytes(&kernel, NULL);
    memcpy(kernel.at + BOOT_HEAD - 24, "PE\0\0\0\0\xff\xff", 8);
    expect_bytes(&kernel, NULL);
    memcpy(kernel.at + BOOT_HEAD - 4, "\xff\xff", 2);
    expect_bytes(&kernel, NULL);
    kernel_plain(&kernel);
    put_u32(&kernel, PE_RAW_SIZE, UINT32_MAX);
    put_u32(&kernel, PE_RAW_OFFSET, UINT32_MAX);
    expect_bytes(&kernel, "announces 8589934590 bytes");
}

static void without_efi_there_is_no_acpi(void **state)
{
    (void)state;
    memcpy(kernel.at, "\0\0", 2);
    expect_bytes(&kernel, "has no EFI support (no \"MZ\" at its beginning)");
    expect_bytes(&kernel, "-machine acpi=off");
    kernel_gzip(&kernel, &packed);
    expect_bytes(&packed, "has no EFI support");
    acpi = false;
    expect_bytes(&kernel, NULL);
    expect_bytes(&packed, NULL);
}

static void compressed_with_gzip(void **state)
{
    (void)state;
    kernel_gzip(&kernel, &packed);
    expect_bytes(&packed, NULL);
    expect(packed.at, 20, "compressed with gzip and cannot be unpacked: unexpected end of data");
    expect(packed.at, 2, "cannot be unpacked: unexpected end of data");
    packed.at[2] = 7; /* method */
    expect_bytes(&packed, "cannot be unpacked: unknown compression method");
}

static void gzip_of_something_else(void **state)
{
    (void)state;
    memcpy(kernel.at, "\177ELF", 4);
    memset(kernel.at + IMAGE_MAGIC, 0, 4);
    kernel.at[18] = 62;
    kernel_gzip(&kernel, &packed);
    expect_bytes(&packed, "unpacks to an ELF file for x86-64");
    memset(kernel.at, 0, 64);
    kernel_gzip(&kernel, &packed);
    expect_bytes(&packed, "unpacks to something unknown");
    kernel.size = 3;
    kernel_gzip(&kernel, &packed);
    expect_bytes(&packed, "unpacks to something unknown");
}

static void efi_zboot(void **state)
{
    (void)state;
    kernel_gzip(&kernel, &packed);
    kernel_zboot(&packed, "gzip", &file);
    expect_bytes(&file, NULL);
    expect(file.at, ZBOOT_PAYLOAD + packed.size, NULL);
    expect(file.at, ZBOOT_PAYLOAD + packed.size - 1, "truncated: its header announces an Image of");
    expect(file.at, 8, "truncated");
    put_u32(&file, 8, UINT32_MAX);
    put_u32(&file, 12, UINT32_MAX);
    expect_bytes(&file, "truncated");
    kernel_zboot(&packed, "gzip", &file);
    put_u32(&file, 8, ZBOOT_PAYLOAD + 1);
    expect_bytes(&file, "no gzip stream at offset 1001");
    kernel_zboot(&packed, "gzip", &file);
    put_u32(&file, 12, 1);
    expect_bytes(&file, "no gzip stream");
    put_u32(&file, 12, 20);
    expect_bytes(&file, "unexpected end of data");
}

static void efi_zboot_of_other_compressions(void **state)
{
    (void)state;
    kernel_zboot(&kernel, "zstd", &file);
    expect_bytes(&file, "an EFI zboot image compressed with 'zstd'; hotram supports gzip only");
    kernel_zboot(&kernel, "\033[2J\xff", &file);
    expect_bytes(&file, "compressed with '?[2J?'");
    kernel_zboot(&kernel, "12345678901234567890123456789012", &file);
    expect_bytes(&file, "compressed with '1234567890123456789012345678901'");
    kernel_zboot(&kernel, "", &file);
    expect_bytes(&file, "compressed with ''");
}

static void other_kernels_and_files(void **state)
{
    static const struct {
        size_t offset;
        const char *magic;
        size_t length;
        const char *problem;
    } cases[] = {
        { 0x202, "HdrS", 4, "is an x86 bzImage, but this arm64 machine requires an arm64 Image" },
        { 0, "\177ELF\2\1\0\0\0\0\0\0\0\0\0\0\2\0\x3e\0", 20,
          "is an ELF file for x86-64, but this arm64 machine requires" },
        { 0, "\177ELF\2\1\0\0\0\0\0\0\0\0\0\0\2\0\xb7\0", 20,
          "is an ELF file for arm64, but this arm64 machine requires" },
        { 0, "\177ELF\2\1\0\0\0\0\0\0\0\0\0\0\2\0\xf3\0", 20,
          "is an ELF file, but this arm64 machine requires" },
        { 0x38, "RSC\x05", 4, "is a RISC-V Image" },
        { 0, "\x28\xb5\x2f\xfd", 4, "is zstd-compressed; hotram supports gzip only" },
        { 0, "\xfd\x37zXZ", 6, "is xz-compressed" },
        { 0, "\x04\x22\x4d\x18", 4, "is lz4-compressed" },
        { 0, "\x02\x21\x4c\x18", 4, "is lz4-compressed" },
        { 0, "BZh", 3, "is bzip2-compressed" },
        { 0, "\x5d\0\0", 3, "is lzma-compressed" },
        { 0, "\x89LZP", 4, "is not a kernel" },
        { 0, "\x89LZO\0", 5, "is lzo-compressed" },
        { 0, "#!/bin/sh", 9, "is not a kernel: it is not an arm64 Image (no \"ARM\\x64\" at 0x38)" },
    };

    (void)state;
    for (unsigned i = 0; i < COUNT_OF(cases); i++) {
        uint8_t bytes[1024] = { 0 };

        memcpy(bytes + cases[i].offset, cases[i].magic, cases[i].length);
        expect(bytes, sizeof bytes, cases[i].problem);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_plain_image, set_up),
        cmocka_unit_test_setup(it_says_what_pages_it_has, set_up),
        cmocka_unit_test_setup(its_header_makes_sense, set_up),
        cmocka_unit_test_setup(a_file_that_was_cut_off, set_up),
        cmocka_unit_test_setup(a_pe_header_that_is_broken, set_up),
        cmocka_unit_test_setup(without_efi_there_is_no_acpi, set_up),
        cmocka_unit_test_setup(compressed_with_gzip, set_up),
        cmocka_unit_test_setup(gzip_of_something_else, set_up),
        cmocka_unit_test_setup(efi_zboot, set_up),
        cmocka_unit_test_setup(efi_zboot_of_other_compressions, set_up),
        cmocka_unit_test_setup(other_kernels_and_files, set_up),
    };

    return cmocka_run_group_tests_name("arm64_image", tests, NULL, NULL);
}
