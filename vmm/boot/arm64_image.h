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
    bool gzip;            /* what the file has is a gzip stream, and the Image is in it */
    uint64_t offset;      /* where Image or stream begin in the file */
    uint64_t size;        /* bytes of it in the file */
    uint64_t text_offset; /* where it wants to be behind a multiple of 2 MiB */
    bool pages_64k;       /* it was built for pages of 64 KiB */
    uint64_t image_size;  /* bytes of memory that it needs from its first one on */
};

/* Recognize and describe the kernel whose first bytes are in `head`, padded with zeroes to BOOT_HEAD: fills
 * in boot->image. The kernel's file is open. */
bool arm64_image_describe(struct boot *boot, const uint8_t *head, uint64_t length, struct error *error);

/* Write the Image to a guest-physical address, where there are image_size bytes of RAM. */
bool arm64_image_load(const struct boot *boot, struct guest_memory *memory, uint64_t address,
                      struct error *error);

#endif
