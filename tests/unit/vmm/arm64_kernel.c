/* SPDX-License-Identifier: BSD-2-Clause */
#include "arm64_kernel.h"

#include "../unit.h"

#include <sys/mman.h>
#include <unistd.h>
#include <zlib.h>

void put_u32(struct bytes *bytes, size_t offset, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        bytes->at[offset + i] = (uint8_t)(value >> 8 * i);
}

void put_u64(struct bytes *bytes, size_t offset, uint64_t value)
{
    put_u32(bytes, offset, (uint32_t)value);
    put_u32(bytes, offset + 4, (uint32_t)(value >> 32));
}

void kernel_plain(struct bytes *kernel)
{
    uint32_t random = 1;

    kernel->size = KERNEL_BYTES;
    memset(kernel->at, 0, 4096);
    for (size_t i = 4096; i < KERNEL_BYTES; i++) {
        random = random * 1103515245 + 12345; /* so that it cannot be compressed to nothing */
        kernel->at[i] = (uint8_t)(random >> 24);
    }
    memcpy(kernel->at, "MZ", 2);
    put_u64(kernel, IMAGE_TEXT_OFFSET, 0);
    put_u64(kernel, IMAGE_SIZE, KERNEL_MEMORY);
    memcpy(kernel->at + IMAGE_MAGIC, "ARM\x64", 4);
    put_u32(kernel, IMAGE_PE, PE);
    memcpy(kernel->at + PE, "PE\0", 4);
    kernel->at[PE + 6] = 1; /* sections; no optional header */
    put_u32(kernel, PE_RAW_SIZE, KERNEL_BYTES - 4096);
    put_u32(kernel, PE_RAW_OFFSET, 4096);
}

void kernel_gzip(const struct bytes *from, struct bytes *to)
{
    z_stream z = { 0 };

    assert_int_equal(deflateInit2(&z, 1, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY), Z_OK);
    z.next_in = (Bytef *)from->at;
    z.avail_in = (uInt)from->size;
    z.next_out = to->at;
    z.avail_out = FILE_MAX;
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    to->size = z.total_out;
    deflateEnd(&z);
}

void kernel_zboot(const struct bytes *payload, const char *compression, struct bytes *to)
{
    assert_true(ZBOOT_PAYLOAD + payload->size + 100 <= FILE_MAX);
    memset(to->at, 0, FILE_MAX);
    to->size = ZBOOT_PAYLOAD + payload->size + 100;
    memcpy(to->at, "MZ\0\0zimg", 8);
    put_u32(to, 8, ZBOOT_PAYLOAD);
    put_u32(to, 12, (uint32_t)payload->size);
    memcpy(to->at + 24, compression, strlen(compression));
    memcpy(to->at + 0x38, "\xcd\x23\x82\x81", 4);
    memcpy(to->at + ZBOOT_PAYLOAD, payload->at, payload->size);
}

int file_of(const void *bytes, size_t size, char path[32])
{
    int fd = memfd_create("file", MFD_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), size);
    snprintf(path, 32, "/proc/self/fd/%d", fd);
    return fd;
}
