/* SPDX-License-Identifier: BSD-2-Clause */
#include "boot/boot.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "boot/firmware_kernel.h"
#include "host/file.h"

static int open_regular(const char *what, const char *path, uint64_t *size, struct error *error)
{
    struct stat status;
    char why[FILE_WHY_SIZE];
    int fd = file_open_regular(path, O_RDONLY, 0, why);

    if (fd < 0) {
        error_set(error, "%s '%s': %s", what, path, why);
        return -1;
    }
    if (fstat(fd, &status) < 0) {
        error_set(error, "%s '%s': %s", what, path, strerror(errno));
        close(fd);
        return -1;
    }
    *size = (uint64_t)status.st_size;
    return fd;
}

/* What is read or cleared between two looks at whether the load is to end. */
#define STEP (UINT64_C(8) << 20)

static bool read_all(const struct boot *boot, int fd, uint64_t offset, void *buffer, uint64_t length)
{
    uint8_t *at = buffer;

    while (length > 0) {
        ssize_t got = atomic_load(&boot->stop) ? -1
                                               : pread(fd, at, length < STEP ? length : STEP, (off_t)offset);

        if (got < 0 && errno == EINTR && !atomic_load(&boot->stop))
            continue;
        if (got == 0)
            errno = ENODATA; /* it has become shorter */
        if (got <= 0)
            return false;
        at += got;
        offset += (uint64_t)got;
        length -= (uint64_t)got;
    }
    return true;
}

bool boot_read_file(const struct boot *boot, int fd, uint64_t offset, void *buffer, uint64_t length)
{
    return read_all(boot, fd, offset, buffer, length);
}

bool boot_read(const struct boot *boot, uint64_t offset, void *buffer, uint64_t length)
{
    return read_all(boot, boot->kernel_fd, offset, buffer, length);
}

/* The magic numbers of kernels (Documentation/arch/x86/boot.rst, arm64/booting.rst, libstub/zboot-header.S)
 * and of what they are compressed with. */
static const struct {
    unsigned offset;
    const char *magic;
    unsigned length;
    const char *what;
} kinds[] = {
    { 0x38, "ARM\x64", 4, "an arm64 Image" },
    { 0x202, "HdrS", 4, "an x86 bzImage" },
    { 4, "zimg", 4, "an EFI zboot image" },
    { 0x38, "RSC\x05", 4, "a RISC-V Image" },
    { 0, "\x1f\x8b", 2, "gzip-compressed" },
    { 0, "\x28\xb5\x2f\xfd", 4, "zstd-compressed" },
    { 0,
      "\xfd"
      "7zXZ",
      6, "xz-compressed" },
    { 0, "\x04\x22\x4d\x18", 4, "lz4-compressed" },
    { 0, "\x02\x21\x4c\x18", 4, "lz4-compressed" },
    { 0, "BZh", 3, "bzip2-compressed" },
    { 0, "\x5d\0\0", 3, "lzma-compressed" },
    { 0, "\x89LZO", 5, "lzo-compressed" },
};

const char *boot_what_is(const uint8_t *head, uint64_t length)
{
    for (unsigned i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        if (length >= kinds[i].offset + kinds[i].length &&
            memcmp(head + kinds[i].offset, kinds[i].magic, kinds[i].length) == 0)
            return kinds[i].what;
    if (length < 20 || memcmp(head, "\177ELF", 4) != 0)
        return NULL;
    switch (head[18] | head[19] << 8) { /* e_machine, little endian */
    case 62:
        return "an ELF file for x86-64";
    case 183:
        return "an ELF file for arm64";
    default:
        return "an ELF file";
    }
}

static bool describe(struct boot *boot, struct error *error)
{
    uint8_t head[BOOT_HEAD] = { 0 };
    uint64_t length = boot->kernel_size < BOOT_HEAD ? boot->kernel_size : BOOT_HEAD;

    if (!boot_read(boot, 0, head, length))
        return error_set(error, "-kernel '%s' cannot be read: %s", boot->kernel_path, strerror(errno));
    return boot_arch_describe(boot, head, length, error);
}

/* Firmware has files copied at once. */
static bool check_sizes(const struct boot *boot, struct error *error)
{
    const bool kernel = boot->kernel_size > FIRMWARE_KERNEL_MAX;

    return !boot->by_firmware || (!kernel && boot->initrd_size <= FIRMWARE_KERNEL_MAX) ||
           error_set(error,
                     "-%s '%s' has %llu bytes, which exceeds the limit of %llu MiB for a kernel or an initrd "
                     "that firmware reads; omit -bios and pflash0 to boot the kernel directly",
                     kernel ? "kernel" : "initrd", kernel ? boot->kernel_path : boot->initrd_path,
                     (unsigned long long)(kernel ? boot->kernel_size : boot->initrd_size),
                     (unsigned long long)(FIRMWARE_KERNEL_MAX >> 20));
}

bool boot_open(struct boot *boot, const struct boot_config *config, struct error *error)
{
    *boot = (struct boot){
        .kernel_path = config->kernel,
        .initrd_path = config->initrd,
        .cmdline = config->cmdline ? config->cmdline : "",
        .ram_size = config->ram_size,
        .acpi = config->acpi,
        .by_firmware = config->by_firmware,
        .kernel_fd = -1,
        .initrd_fd = -1,
    };
    if (!config->kernel)
        return boot_arch_check(boot, error);
    boot->kernel_fd = open_regular("-kernel", config->kernel, &boot->kernel_size, error);
    if (boot->kernel_fd < 0 || !describe(boot, error))
        return false;
    if (config->initrd) {
        boot->initrd_fd = open_regular("-initrd", config->initrd, &boot->initrd_size, error);
        if (boot->initrd_fd < 0)
            return false;
    }
    return check_sizes(boot, error) && boot_arch_check(boot, error);
}

void boot_close(struct boot *boot)
{
    if (boot->kernel_fd >= 0)
        close(boot->kernel_fd);
    if (boot->initrd_fd >= 0)
        close(boot->initrd_fd);
    boot->kernel_fd = boot->initrd_fd = -1;
}

static bool clear(const struct boot *boot, struct guest_memory *memory, uint64_t address, uint64_t length)
{
    for (uint64_t done = 0; done < length; done += STEP)
        if (atomic_load(&boot->stop) ||
            guest_memory_fill(memory, address + done, 0, length - done < STEP ? length - done : STEP) !=
                GUEST_ACCESS_OK)
            return false;
    return true;
}

/* RAM of several nodes is several regions. */
bool boot_load_piece(const struct boot *boot, struct guest_memory *memory, int fd,
                     const struct kernel_piece *piece)
{
    uint64_t done = 0;

    while (done < piece->file_size) {
        struct lease lease;
        uint64_t length;
        bool loaded;

        if (!guest_memory_lease_some(memory, GUEST_HOLDER_LOADER, LEASE_WRITE, piece->address + done,
                                     piece->file_size - done, &lease))
            return false;
        length = lease.length;
        /* Where the host cannot give the memory, this read fails with EFAULT. */
        loaded = read_all(boot, fd, piece->file_offset + done, lease.memory, length);
        lease_return(memory, &lease);
        if (!loaded)
            return false;
        done += length;
    }
    return clear(boot, memory, piece->address + done, piece->memory_size - done);
}
