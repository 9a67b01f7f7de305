/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A kernel that firmware reads and starts: what it gets of kernel and initrd, in memory
 * (machine/kernel_keys.c hands it over). x86-64: the two parts of a bzImage, of which the first is completed
 * as a boot loader does it (Linux Documentation/arch/x86/boot.rst); arm64: an EFI application.
 *
 * Threads: main thread.
 */
#ifndef VMM_BOOT_FIRMWARE_KERNEL_H
#define VMM_BOOT_FIRMWARE_KERNEL_H

#include "boot/boot.h"

/* Maximum size of kernel and of initrd, bytes: firmware can have each copied at once, which occupies a vCPU.
 */
#define FIRMWARE_KERNEL_MAX (UINT64_C(1) << 30)

struct firmware_part {
    uint8_t *bytes; /* of malloc(); NULL: there is no such part */
    uint32_t size;
    uint32_t address; /* guest-physical, where a BIOS puts it; UEFI chooses itself */
};

struct firmware_kernel {
    struct firmware_part setup;  /* x86-64: the part for real mode */
    struct firmware_part kernel; /* the rest, or all of it */
    struct firmware_part initrd;
    uint32_t cmdline_address; /* guest-physical, for a BIOS */
};

/* Read kernel and initrd. After a successful boot_open() with a kernel and by_firmware. False and an error: a
 * file cannot be read or has become shorter, the kernel cannot be unpacked, or out of memory; there is
 * nothing to be freed then. */
bool firmware_kernel_read(struct firmware_kernel *read, const struct boot *boot, struct error *error);
void firmware_kernel_free(struct firmware_kernel *read);

/* Read a part of the kernel's file. False and an error. */
bool firmware_part_read(struct firmware_part *part, const struct boot *boot, uint64_t offset, uint64_t size,
                        struct error *error);
/* The architecture's part of firmware_kernel_read(): the kernel, and the addresses. */
bool firmware_kernel_arch_read(struct firmware_kernel *read, const struct boot *boot, struct error *error);

#endif
