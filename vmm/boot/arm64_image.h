/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * arm64 Linux kernels: a plain Image, one that is compressed with gzip, or one that is packed into an EFI
 * application (EFI zboot) with gzip.
 */
#ifndef VMM_BOOT_ARM64_IMAGE_H
#define VMM_BOOT_ARM64_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

struct boot;
struct guest_memory;

struct arm64_image {
    bool gzip;            /* the file contains the Image as a gzip stream */
    uint64_t offset;      /* of Image or stream in the file, bytes */
    uint64_t size;        /* of Image or stream in the file, bytes */
    uint64_t text_offset; /* of its first byte from a multiple of 2 MiB */
    bool pages_64k;       /* it was built for pages of 64 KiB */
    uint64_t image_size;  /* bytes of memory that it requires, from its first byte */
};

/* Recognize the kernel whose first `length` bytes are in `head`, padded with zeros to BOOT_HEAD, and set
 * boot->format and boot->image (booting.rst, "Call the kernel image"; drivers/firmware/efi/libstub/
 * zboot-header.S). boot->kernel_fd must be open. False and an error that names the file: it is not an arm64
 * Image, or a truncated or broken one; its compression is not supported; it lacks EFI support, which ACPI
 * requires; it cannot be read; or out of memory. Main thread. */
bool arm64_image_describe(struct boot *boot, const uint8_t *head, uint64_t length, struct error *error);

/* Write the Image to a guest-physical address, where there must be image_size bytes of RAM; memory beyond the
 * Image is not cleared. False and an error: the file cannot be read, has become shorter, or does not unpack
 * to at most image_size bytes; there is no RAM; out of memory; or boot->stop is set. Any thread. */
bool arm64_image_load(const struct boot *boot, struct guest_memory *memory, uint64_t address,
                      struct error *error);

#endif
