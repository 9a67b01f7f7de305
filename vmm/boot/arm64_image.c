/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The Image's header is described in Linux Documentation/arch/arm64/booting.rst; that of EFI zboot only in
 * drivers/firmware/efi/libstub/zboot-header.S. Both begin as a PE file does, by which firmware starts them.
 */
#include "boot/arm64_image.h"

#include <stdlib.h>
#include <string.h>

#include "boot/boot.h"
#include "boot/firmware_kernel.h"
#include "boot/gunzip.h"
#include "layout/arm64.h"

#define BUFFER (256 * KIB) /* of what is unpacked at once */

struct image_header {
    uint32_t code[2]; /* code[0] reads "MZ" when the kernel is an EFI application, too */
    uint64_t text_offset;
    uint64_t image_size;
    uint64_t flags;
    uint64_t reserved[3];
    uint32_t magic; /* "ARM\x64" */
    uint32_t pe;    /* offset of the PE header */
};

struct zboot_header {
    uint32_t mz;
    char zimg[4];
    uint32_t payload_offset;
    uint32_t payload_size;
    uint32_t reserved[2];
    char compression[32];
};

_Static_assert(sizeof(struct image_header) == 64, "booting.rst: a 64-byte header");
_Static_assert(sizeof(struct zboot_header) == 56, "zboot-header.S");

static bool is_gzip(const uint8_t *bytes)
{
    return bytes[0] == 0x1f && bytes[1] == 0x8b;
}

static bool check_header(struct boot *boot, const uint8_t *bytes, struct error *error)
{
    struct image_header header;
    const char *what = boot_what_is(bytes, sizeof header);

    memcpy(&header, bytes, sizeof header);
    if (memcmp(bytes + offsetof(struct image_header, magic), "ARM\x64", 4) != 0)
        return error_set(
            error,
            "-kernel '%s' unpacks to %s, where an arm64 Image has \"ARM\\x64\" at 0x38: it is not "
            "a kernel for this machine",
            boot->kernel_path, what ? what : "something unknown");
    if (header.image_size == 0)
        return error_set(error,
                         "-kernel '%s' does not state its memory size (image_size is 0); hotram needs "
                         "an Image of Linux 3.17 or later",
                         boot->kernel_path);
    if (header.text_offset >= 2 * MIB || header.text_offset % (4 * KIB) != 0)
        return error_set(error,
                         "-kernel '%s' is broken: text_offset is 0x%llx, not a multiple of 4 KiB below 2 MiB",
                         boot->kernel_path, (unsigned long long)header.text_offset);
    if (boot->by_firmware && memcmp(bytes, "MZ", 2) != 0)
        return error_set(
            error,
            "-kernel '%s' has no EFI support (no \"MZ\" at its beginning), by which firmware starts it; use a "
            "kernel with CONFIG_EFI, or omit -bios and pflash0 to boot it directly",
            boot->kernel_path);
    if (boot->acpi && memcmp(bytes, "MZ", 2) != 0)
        return error_set(
            error,
            "-kernel '%s' has no EFI support (no \"MZ\" at its beginning), and without that Linux "
            "finds no ACPI tables; use a kernel with CONFIG_EFI, or -machine acpi=off, which disables memory hotplug",
            boot->kernel_path);
    boot->image.text_offset = header.text_offset;
    boot->image.image_size = header.image_size;
    boot->image.pages_64k = (header.flags >> 1 & 3) == 3;
    return true;
}

static uint32_t u32_at(const uint8_t *bytes)
{
    uint32_t value;

    memcpy(&value, bytes, sizeof value);
    return value;
}

/* How long the file has to be: only the PE header tells, by where it is and by its list of sections. */
static uint64_t pe_file_size(const uint8_t *head, uint64_t length)
{
    uint64_t pe = u32_at(head + offsetof(struct image_header, pe));
    uint64_t size = pe + 24; /* with PE's own header */
    uint64_t section;
    unsigned count;

    if (memcmp(head, "MZ", 2) != 0 || pe < sizeof(struct image_header))
        return sizeof(struct image_header);
    if (size > length || memcmp(head + pe, "PE\0", 4) != 0)
        return size;
    count = head[pe + 6] | head[pe + 7] << 8;
    section = size + (head[pe + 20] | head[pe + 21] << 8);
    for (; count > 0 && section + 40 <= length; count--, section += 40) {
        uint64_t end = (uint64_t)u32_at(head + section + 16) + u32_at(head + section + 20);

        if (size < end)
            size = end;
    }
    return size;
}

static bool describe_plain(struct boot *boot, const uint8_t *head, uint64_t length, struct error *error)
{
    uint64_t announced = pe_file_size(head, length);

    if (!check_header(boot, head, error))
        return false;
    if (announced > boot->kernel_size)
        return error_set(
            error, "-kernel '%s' is truncated or broken: its header announces %llu bytes, the file has %llu",
            boot->kernel_path, (unsigned long long)announced, (unsigned long long)boot->kernel_size);
    boot->image.size = boot->kernel_size;
    /* What is behind the Image, such as a signature, is not for the guest. */
    if (boot->image.size > boot->image.image_size)
        boot->image.size = boot->image.image_size;
    return true;
}

static bool describe_gzip(struct boot *boot, uint64_t offset, uint64_t size, struct error *error)
{
    uint8_t header[sizeof(struct image_header)] = { 0 };
    struct gunzip *stream = gunzip_start(boot, offset, size);
    uint64_t length = 0;
    bool good;

    boot->image.gzip = true;
    boot->image.offset = offset;
    boot->image.size = size;
    if (!stream)
        return error_set(error, "-kernel '%s': out of memory", boot->kernel_path);
    if (!gunzip_read(stream, header, sizeof header, &length))
        good = error_set(error, "-kernel '%s' is compressed with gzip and cannot be unpacked: %s",
                         boot->kernel_path, gunzip_problem(stream));
    else
        good = check_header(boot, header, error);
    gunzip_end(stream);
    return good;
}

static bool describe_zboot(struct boot *boot, const uint8_t *head, uint64_t length, struct error *error)
{
    struct zboot_header header;
    uint8_t magic[2];

    memcpy(&header, head, sizeof header);
    if (length < sizeof header || (uint64_t)header.payload_offset + header.payload_size > boot->kernel_size)
        return error_set(error,
                         "-kernel '%s' is truncated: its header announces an Image of %u bytes at offset %u, "
                         "the file has %llu",
                         boot->kernel_path, header.payload_size, header.payload_offset,
                         (unsigned long long)boot->kernel_size);
    header.compression[sizeof header.compression - 1] = '\0';
    for (char *at = header.compression; *at; at++)
        if (*at < ' ' || *at > '~')
            *at = '?'; /* it goes to a terminal */
    if (boot->by_firmware)
        return true; /* it unpacks itself */
    if (strcmp(header.compression, "gzip") != 0)
        return error_set(
            error,
            "-kernel '%s' is an EFI zboot image compressed with '%s'; hotram supports gzip only: use the Image inside it, or build the kernel with CONFIG_KERNEL_GZIP",
            boot->kernel_path, header.compression);
    if (header.payload_size < sizeof magic || !boot_read(boot, header.payload_offset, magic, sizeof magic) ||
        !is_gzip(magic))
        return error_set(error,
                         "-kernel '%s' is broken: there is no gzip stream at offset %u, where its header "
                         "announces one",
                         boot->kernel_path, header.payload_offset);
    return describe_gzip(boot, header.payload_offset, header.payload_size, error);
}

bool arm64_image_describe(struct boot *boot, const uint8_t *head, uint64_t length, struct error *error)
{
    const char *what = boot_what_is(head, length);

    boot->format = KERNEL_IMAGE;
    if (length >= 0x3c && memcmp(head + 0x38, "ARM\x64", 4) == 0)
        return describe_plain(boot, head, length, error);
    if (length >= 8 && memcmp(head, "MZ", 2) == 0 && memcmp(head + 4, "zimg", 4) == 0)
        return describe_zboot(boot, head, length, error);
    if (length >= 2 && is_gzip(head))
        return describe_gzip(boot, 0, boot->kernel_size, error);
    if (what && strstr(what, "compressed"))
        return error_set(
            error, "-kernel '%s' is %s; hotram supports gzip only: decompress it, or compress it with gzip",
            boot->kernel_path, what);
    if (what)
        return error_set(error, "-kernel '%s' is %s, but this arm64 machine requires an arm64 Image",
                         boot->kernel_path, what);
    return error_set(
        error,
        "-kernel '%s' is not a kernel: it is not an arm64 Image (no \"ARM\\x64\" at 0x38), neither "
        "plain nor compressed with gzip nor as EFI zboot",
        boot->kernel_path);
}

static bool unpack_whole(struct firmware_part *part, const struct boot *boot, struct gunzip *stream,
                         struct error *error)
{
    uint8_t more;
    uint64_t length = 0, behind = 0;

    if (!gunzip_read(stream, part->bytes, boot->image.image_size, &length) ||
        !gunzip_read(stream, &more, 1, &behind))
        return error_set(error, "-kernel '%s' is compressed with gzip and cannot be unpacked: %s",
                         boot->kernel_path, gunzip_problem(stream));
    part->size = (uint32_t)length;
    return behind == 0 || error_set(error,
                                    "-kernel '%s' is broken: it unpacks to more than the %llu bytes that its "
                                    "header announces",
                                    boot->kernel_path, (unsigned long long)boot->image.image_size);
}

/* Firmware starts EFI applications: an Image, or an EFI zboot image as it is. */
bool firmware_kernel_arch_read(struct firmware_kernel *read, const struct boot *boot, struct error *error)
{
    struct gunzip *stream;
    bool good;

    if (!boot->image.gzip)
        return firmware_part_read(&read->kernel, boot, 0, boot->kernel_size, error);
    if (boot->image.image_size > FIRMWARE_KERNEL_MAX)
        return error_set(error, "-kernel '%s' unpacks to %llu bytes, and firmware reads at most %llu MiB",
                         boot->kernel_path, (unsigned long long)boot->image.image_size,
                         (unsigned long long)(FIRMWARE_KERNEL_MAX >> 20));
    stream = gunzip_start(boot, boot->image.offset, boot->image.size);
    read->kernel.bytes = malloc(boot->image.image_size);
    if (stream && read->kernel.bytes)
        good = unpack_whole(&read->kernel, boot, stream, error);
    else
        good = error_set(error, "-kernel '%s': out of memory", boot->kernel_path);
    gunzip_end(stream);
    return good;
}

static bool unpack(const struct boot *boot, struct gunzip *stream, uint8_t *buffer,
                   struct guest_memory *memory, uint64_t address, struct error *error)
{
    uint64_t done = 0;
    uint64_t length;

    do {
        if (!gunzip_read(stream, buffer, BUFFER, &length))
            return error_set(error, "-kernel '%s' is compressed with gzip and cannot be unpacked: %s",
                             boot->kernel_path, gunzip_problem(stream));
        if (length > boot->image.image_size - done)
            return error_set(error,
                             "-kernel '%s' is broken: it unpacks to more than the %llu bytes that its header "
                             "announces",
                             boot->kernel_path, (unsigned long long)boot->image.image_size);
        if (length > 0 && !guest_memory_write(memory, address + done, buffer, length))
            return error_set(error, "-kernel '%s': there is no memory for it at 0x%llx", boot->kernel_path,
                             (unsigned long long)(address + done));
        done += length;
    } while (length > 0);
    return true;
}

static bool load_gzip(const struct boot *boot, struct guest_memory *memory, uint64_t address,
                      struct error *error)
{
    struct gunzip *stream = gunzip_start(boot, boot->image.offset, boot->image.size);
    uint8_t *buffer = malloc(BUFFER);
    bool good;

    if (stream && buffer)
        good = unpack(boot, stream, buffer, memory, address, error);
    else
        good = error_set(error, "-kernel '%s': out of memory", boot->kernel_path);
    gunzip_end(stream);
    free(buffer);
    return good;
}

bool arm64_image_load(const struct boot *boot, struct guest_memory *memory, uint64_t address,
                      struct error *error)
{
    const struct kernel_piece piece = {
        .file_offset = boot->image.offset,
        .file_size = boot->image.size,
        .address = address,
        .memory_size = boot->image.size, /* the kernel clears its bss itself */
    };

    if (boot->image.gzip)
        return load_gzip(boot, memory, address, error);
    return boot_load_piece(boot, memory, boot->kernel_fd, &piece) ||
           error_set(error, "-kernel '%s' cannot be loaded at 0x%llx: was the file truncated?",
                     boot->kernel_path, (unsigned long long)address);
}
