/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Formats of images as a table of the bytes by which each begins.
 */
#include "block/image_format.h"

#include <string.h>

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

bool image_format_is_served(const char *format)
{
    static const char *const served[] = { "qcow2", "qcow", "qed",       "vmdk",  "vdi",  "vpc",
                                          "vhdx",  "dmg",  "parallels", "cloop", "bochs" };

    for (size_t i = 0; i < COUNT_OF(served); i++)
        if (strcmp(served[i], format) == 0)
            return true;
    return false;
}
