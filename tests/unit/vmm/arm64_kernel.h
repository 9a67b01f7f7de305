/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Kernels that no compiler made, for the tests of booting on arm64.
 */
#ifndef TESTS_UNIT_VMM_ARM64_KERNEL_H
#define TESTS_UNIT_VMM_ARM64_KERNEL_H

#include <stddef.h>
#include <stdint.h>

/* The Image's header, and the least of a PE header that has one section. Offsets in bytes. */
#define IMAGE_TEXT_OFFSET 8
#define IMAGE_SIZE 16
#define IMAGE_FLAGS 24
#define IMAGE_MAGIC 0x38
#define IMAGE_PE 0x3c
#define PE 0x40
#define PE_SECTION (PE + 24)
#define PE_RAW_SIZE (PE_SECTION + 16)
#define PE_RAW_OFFSET (PE_SECTION + 20)

#define KERNEL_BYTES 300000 /* more than what is unpacked at once, and no multiple of anything */
#define KERNEL_MEMORY 0x100000
#define FILE_MAX (2 * KERNEL_BYTES)

/* A file's contents. */
struct bytes {
    size_t size;
    uint8_t at[FILE_MAX];
};

/* An Image of KERNEL_BYTES that needs KERNEL_MEMORY, with a header and then bytes that tell their place. */
void kernel_plain(struct bytes *kernel);
/* The same bytes compressed with gzip. */
void kernel_gzip(const struct bytes *from, struct bytes *to);
/* An EFI zboot image around `payload`, which begins at ZBOOT_PAYLOAD. */
#define ZBOOT_PAYLOAD 1000
void kernel_zboot(const struct bytes *payload, const char *compression, struct bytes *to);

void put_u32(struct bytes *bytes, size_t offset, uint32_t value);
void put_u64(struct bytes *bytes, size_t offset, uint64_t value);

/* A file that only its descriptor has, and a path to it. The caller closes it. */
int file_of(const void *bytes, size_t size, char path[32]);

#endif
