/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The format of an image by its beginning: each magic number, cut short, moved, and what only looks like one.
 */
#include "block/image_format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

/* ---- files whose format nobody gave ---- */

static const char *alone(const uint8_t *head, size_t length)
{
    char path[] = "/tmp/hotram-format-XXXXXX";
    const int fd = mkstemp(path);
    const char *format;

    assert_true(fd >= 0 && write(fd, head, length) == (ssize_t)length);
    format = image_format_alone(path);
    close(fd);
    assert_int_equal(unlink(path), 0);
    return format;
}

/* Neither with another file nor cut short; no other format, kind of file or version. */
static void test_what_needs_no_other_file(void **state)
{
    uint8_t head[IMAGE_FORMAT_BYTES] = { 0 };

    (void)state;
    for (size_t i = 0; i < COUNT_OF(images); i++) {
        memset(head, 0, sizeof head);
        memcpy(head + images[i].offset, images[i].magic, images[i].length);
        if (strcmp(images[i].format, "qcow2") != 0)
            assert_null(alone(head, sizeof head));
    }
    memset(head, 0, sizeof head);
    assert_null(alone(head, sizeof head));
    assert_null(alone(head, 0));
    memcpy(head, "QFI\xfb", 4);
    for (unsigned version = 0; version < 256; version++) {
        head[7] = (uint8_t)version;
        assert_int_equal(alone(head, sizeof head) != NULL, version == 2 || version == 3);
    }
    head[7] = 3;
    assert_string_equal(alone(head, sizeof head), "qcow2");
    assert_null(alone(head, 103));
    for (unsigned i = 4; i < 16; i++) { /* the rest of the version, the backing file */
        uint8_t changed[IMAGE_FORMAT_BYTES];

        memcpy(changed, head, sizeof head);
        changed[i] ^= 0x40;
        assert_null(alone(changed, sizeof changed));
    }
    head[79] = 4; /* an external data file */
    assert_null(alone(head, sizeof head));
    head[79] = 3; /* dirty, corrupt: for the daemon to judge */
    assert_string_equal(alone(head, sizeof head), "qcow2");
    assert_null(image_format_alone("/nowhere/at all"));
    assert_null(image_format_alone("/tmp"));
    assert_null(image_format_alone("/dev/zero"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_each_format),
        cmocka_unit_test(test_raw),
        cmocka_unit_test(test_what_needs_no_other_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
