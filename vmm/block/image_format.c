/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Formats of images as a table of the bytes by which each begins.
 */
#include "block/image_format.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/count_of.h"

#define MAGIC(name, offset, bytes) \
    { \
        name, offset, sizeof bytes - 1, bytes \
    }

static const struct {
    const char *format;
    size_t offset, length;
    const char *magic;
} formats[] = {
    MAGIC("qcow", 0, "QFI\xfb\x00\x00\x00\x01"),
    MAGIC("qcow2", 0, "QFI\xfb"), /* versions 2 and 3, and any later one */
    MAGIC("qed", 0, "QED\0"),
    MAGIC("vmdk", 0, "KDMV"),
    MAGIC("vmdk", 0, "COWD"),
    MAGIC("vmdk", 0, "# Disk DescriptorFile"),
    MAGIC("vdi", 0x40, "\x7f\x10\xda\xbe"),
    MAGIC("vhdx", 0, "vhdxfile"),
    MAGIC("vpc", 0, "conectix"), /* a dynamic one; one of fixed size begins as a raw image */
    MAGIC("luks", 0, "LUKS\xba\xbe"),
    MAGIC("parallels", 0, "WithoutFreeSpace"),
    MAGIC("parallels", 0, "WithouFreSpacExt"),
    MAGIC("bochs", 0, "Bochs Virtual HD Image"),
};

const char *image_format(const uint8_t *head, size_t length)
{
    for (size_t i = 0; i < COUNT_OF(formats); i++)
        if (length >= formats[i].offset + formats[i].length &&
            memcmp(head + formats[i].offset, formats[i].magic, formats[i].length) == 0)
            return formats[i].format;
    return NULL;
}

/* ---- qcow2, whose numbers are big-endian ---- */

#define QCOW2_VERSION 4        /* offsets in its header */
#define QCOW2_BACKING 8        /* where the name of a backing file is, or 0 */
#define QCOW2_INCOMPATIBLE 72  /* bits, from version 3 on */
#define QCOW2_HEADER_V3 104    /* bytes that it has there at least */
#define QCOW2_EXTERNAL_DATA 4u /* in the lowest of those bytes */

static bool is_alone(const uint8_t *head, size_t length)
{
    static const uint8_t zeros[8], version_2[4] = { 0, 0, 0, 2 }, version_3[4] = { 0, 0, 0, 3 };

    if (length < QCOW2_HEADER_V3 || memcmp(head + QCOW2_BACKING, zeros, sizeof zeros) != 0)
        return false;
    return memcmp(head + QCOW2_VERSION, version_2, sizeof version_2) == 0 ||
           (memcmp(head + QCOW2_VERSION, version_3, sizeof version_3) == 0 &&
            !(head[QCOW2_INCOMPATIBLE + 7] & QCOW2_EXTERNAL_DATA));
}

/* Opening other kinds of files can have effects. */
static ssize_t read_head(const char *path, uint8_t head[IMAGE_FORMAT_BYTES])
{
    struct stat file;
    ssize_t length;
    int fd;

    if (stat(path, &file) < 0 || (!S_ISREG(file.st_mode) && !S_ISBLK(file.st_mode)))
        return -1;
    fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return -1;
    length = pread(fd, head, IMAGE_FORMAT_BYTES, 0);
    close(fd);
    return length;
}

const char *image_format_alone(const char *path)
{
    uint8_t head[IMAGE_FORMAT_BYTES];
    const ssize_t length = read_head(path, head);
    const char *format = length > 0 ? image_format(head, (size_t)length) : NULL;

    return format && strcmp(format, "qcow2") == 0 && is_alone(head, (size_t)length) ? format : NULL;
}

const char *image_format_served(size_t index)
{
    static const char *const served[] = { "qcow2", "qcow", "qed",       "vmdk",  "vdi",  "vpc",
                                          "vhdx",  "dmg",  "parallels", "cloop", "bochs" };

    return index < COUNT_OF(served) ? served[index] : NULL;
}

bool image_format_is_served(const char *format)
{
    const char *served;

    for (size_t i = 0; (served = image_format_served(i)) != NULL; i++)
        if (strcmp(served, format) == 0)
            return true;
    return false;
}
