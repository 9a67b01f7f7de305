/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The format of an image by its beginning: each magic number, cut short, moved, and what only looks like one.
 */
#include "block/image_format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/count_of.h"

static const struct {
    const char *format;
    size_t offset, length;
    const char *magic;
} images[] = {
    { "qcow2", 0, 8, "QFI\xfb\0\0\0\3" },
    { "qcow2", 0, 8, "QFI\xfb\0\0\0\2" },
    { "qcow", 0, 8, "QFI\xfb\0\0\0\1" },
    { "qed", 0, 4, "QED\0" },
    { "vmdk", 0, 4, "KDMV" },
    { "vmdk", 0, 4, "COWD" },
    { "vmdk", 0, 21, "# Disk DescriptorFile" },
    { "vdi", 64, 4, "\x7f\x10\xda\xbe" },
    { "vhdx", 0, 8, "vhdxfile" },
    { "vpc", 0, 8, "conectix" },
    { "luks", 0, 6, "LUKS\xba\xbe" },
    { "parallels", 0, 16, "WithoutFreeSpace" },
    { "parallels", 0, 16, "WithouFreSpacExt" },
    { "bochs", 0, 22, "Bochs Virtual HD Image" },
};

static void test_each_format(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(images); i++) {
        uint8_t head[IMAGE_FORMAT_BYTES] = { 0 }, moved[IMAGE_FORMAT_BYTES] = { 0 };

        memcpy(head + images[i].offset, images[i].magic, images[i].length);
        memcpy(moved + images[i].offset + 1, images[i].magic, images[i].length);
        assert_string_equal(image_format(head, sizeof head), images[i].format);
        assert_string_equal(image_format(head, images[i].offset + images[i].length), images[i].format);
        assert_null(image_format(moved, sizeof moved));
        if (strncmp(images[i].format, "qcow", 4) != 0)
            assert_null(image_format(head, images[i].offset + images[i].length - 1));
    }
}

static void test_raw(void **state)
{
    uint8_t head[IMAGE_FORMAT_BYTES] = { 0 };

    (void)state;
    assert_null(image_format(head, sizeof head));
    assert_null(image_format(head, 0));
    memcpy(head, "\xeb\x63\x90", 3); /* a boot sector */
    head[510] = 0x55;
    head[511] = 0xaa;
    assert_null(image_format(head, sizeof head));
    memcpy(head, "QFI", 4);
    assert_null(image_format(head, sizeof head));
    memcpy(head, "QFI\xfb", 4);
    assert_null(image_format(head, 3));
    assert_string_equal(image_format(head, 4), "qcow2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_format),
        cmocka_unit_test(test_raw),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
