/* SPDX-License-Identifier: BSD-2-Clause */
/* What a driver says of the frames that it wants, and which of them it gets. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "virtio/net_filter.h"

static const uint8_t mac[6] = { 0x52, 0x54, 0, 0, 0, 9 };
static struct net_filter filter;

struct bytes {
    uint8_t byte[4096];
    size_t count;
};

static size_t read_bytes(const void *source, uint64_t offset, void *bytes, size_t length)
{
    const struct bytes *all = source;
    const size_t left = offset < all->count ? all->count - (size_t)offset : 0;

    length = length < left ? length : left;
    memcpy(bytes, all->byte + offset, length);
    return length;
}

static bool obey(uint64_t features, const struct bytes *bytes)
{
    const struct net_command command = { read_bytes, bytes, bytes->count };
    const struct net_filter before = filter;
    const bool good = net_filter_obey(&filter, features, &command);

    if (!good)
        assert_memory_equal(&before, &filter, sizeof filter);
    return good;
}

/* A command as hexadecimal digits, with blanks where they help. */
static bool say(const char *text)
{
    struct bytes bytes = { .count = 0 };
    int used;

    for (unsigned byte; sscanf(text, " %2x%n", &byte, &used) == 1; text += used)
        bytes.byte[bytes.count++] = (uint8_t)byte;
    return obey(NET_FILTER_FEATURES, &bytes);
}

static bool wants(const char *text)
{
    uint8_t frame[64] = { 0 };
    size_t length = 0;
    int used;

    for (unsigned byte; sscanf(text, " %2x%n", &byte, &used) == 1; text += used)
        frame[length++] = (uint8_t)byte;
    return net_filter_wants(&filter, frame, length < 14 ? 14 : length);
}

static int start(void **state)
{
    (void)state;
    net_filter_reset(&filter, mac, NET_FILTER_FEATURES);
    return 0;
}

#define MINE "525400000009"
#define OTHER "525400000008"
#define GROUP "333300000001"
#define OTHER_GROUP "333300000002"
#define ALL "ffffffffffff"

static void after_a_reset_everything_arrives(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 4; i++)
        assert_true(wants((const char *[]){ MINE, OTHER, GROUP, ALL }[i]));
    assert_true(wants(OTHER "525400000001 8100 0005 0800"));
}

static void modes_are_as_the_standard_says(void **state)
{
    static const struct {
        const char *command, *yes, *no;
    } rows[] = {
        /* In this order: each is set on top of those before. */
        { "0000 00", MINE, OTHER }, { "0000 00", ALL, GROUP },  { "0001 01", GROUP, OTHER },
        { "0002 01", OTHER, NULL }, { "0003 01", ALL, GROUP },  { "0004 01", ALL, MINE },
        { "0005 01", NULL, ALL },   { "0000 01", ALL, NULL },   { "0000 01", GROUP, NULL },
        { "0000 01", OTHER, NULL }, { "0000 00", NULL, GROUP }, { "0003 00", GROUP, MINE },
        { "0004 00", MINE, ALL },   { "0005 00", ALL, NULL },   { "0002 ff", OTHER, NULL },
        { "0002 00", MINE, OTHER },
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_true(say(rows[i].command));
        assert_true(!rows[i].yes || wants(rows[i].yes));
        assert_false(rows[i].no && wants(rows[i].no));
    }
}

static void tables_and_the_own_address(void **state)
{
    struct bytes many = { .byte = { 1, 0, 65 }, .count = 2 + 4 + 65 * 6 + 4 };

    (void)state;
    assert_true(say("0000 00"));
    assert_true(say("0100 01000000 " OTHER " 01000000 " GROUP));
    assert_true(wants(OTHER) && wants(MINE) && wants(GROUP) && wants(ALL));
    assert_false(wants("525400000007") || wants(OTHER_GROUP));
    assert_true(say("0100 00000000 01000000 " OTHER_GROUP));
    assert_true(wants(OTHER_GROUP) && !wants(GROUP) && !wants(OTHER));
    /* Too many: all of the kind. */
    assert_true(obey(NET_FILTER_FEATURES, &many));
    assert_true(filter.unicast.overflow && filter.unicast.count == 0 && wants(OTHER) && !wants(GROUP));
    many.byte[2] = 64;
    many.count -= 6;
    assert_true(obey(NET_FILTER_FEATURES, &many));
    assert_true(!filter.unicast.overflow && filter.unicast.count == 64 && !wants(OTHER));
    assert_true(say("0101 " OTHER));
    assert_true(wants(OTHER) && !wants(MINE));
    net_filter_reset(&filter, mac, 0);
    assert_memory_equal(filter.mac, mac, sizeof mac);
}

static void vlans(void **state)
{
    (void)state;
    assert_true(say("0000 00"));
    assert_false(wants(MINE OTHER "8100 0005 0800"));
    assert_true(say("0200 0500") && say("0200 ff0f") && say("0200 0000"));
    assert_true(wants(MINE OTHER "8100 0005 0800") && wants(MINE OTHER "8100 ffff 0800"));
    assert_true(wants(MINE OTHER "8100 e005 0800"));
    assert_true(wants(MINE OTHER "8100 0000 0800") && wants(MINE OTHER "0800"));
    assert_false(wants(OTHER OTHER "8100 0005 0800") || wants(MINE OTHER "8100 0006 0800"));
    assert_true(net_filter_has_vlan(&filter, 5) && net_filter_has_vlan(&filter, 4095) &&
                !net_filter_has_vlan(&filter, 6));
    assert_true(say("0201 0500") && say("0201 0700"));
    assert_false(wants(MINE OTHER "8100 0005 0800"));
    /* Cut off behind the type, a tag is none; in the outer tag of 802.1ad VLANs are not looked for. */
    assert_true(wants(MINE OTHER "8100") && wants(MINE OTHER "88a8 0005 0800"));
    /* A driver without the feature has no VLANs to say. */
    filter.by_vlan = false;
    assert_true(wants(MINE OTHER "8100 0005 0800"));
}

static void what_is_wrong_is_refused_and_changes_nothing(void **state)
{
    static const char *const wrong[] = {
        "",
        "00",
        "0000",
        "0000 0101",
        "0006 01",
        "00ff 01",
        "0300 00",
        "ff00 01",
        /* Tables that are cut off, or longer than they say. */
        "0100",
        "0100 000000",
        "0100 00000000",
        "0100 00000000 000000",
        "0100 00000000 00000000 00",
        "0100 01000000 5254000000 00000000",
        "0100 ffffffff 00000000",
        "0100 00000000 ffffffff",
        "0100 00000080 00000000",
        "0100 abaaaa2a 00000000",
        "0102 00000000 00000000",
        "0101",
        "0101 5254000000",
        "0101 52540000000101",
        "0200",
        "0200 05",
        "0200 050000",
        "0200 0010",
        "0200 ffff",
        "0202 0500",
    };
    static const struct {
        const char *command;
        uint64_t needs;
    } rows[] = { { "\0\0\1", VIRTIO_NET_F_CTRL_RX },
                 { "\0\1\1", VIRTIO_NET_F_CTRL_RX },
                 { "\0\2\1", VIRTIO_NET_F_CTRL_RX_EXTRA },
                 { "\0\5\1", VIRTIO_NET_F_CTRL_RX_EXTRA },
                 { "\1\0\0\0\0\0\0\0\0\0", VIRTIO_NET_F_CTRL_RX },
                 { "\1\1\2\2\2\2\2\2", VIRTIO_NET_F_CTRL_MAC_ADDR },
                 { "\2\0\1\0", VIRTIO_NET_F_CTRL_VLAN },
                 { "\2\1\1\0", VIRTIO_NET_F_CTRL_VLAN } };
    static const size_t lengths[] = { 3, 3, 3, 3, 10, 8, 4, 4 };

    (void)state;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_false(say(wrong[i]));
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct bytes bytes = { .count = lengths[i] };

        memcpy(bytes.byte, rows[i].command, bytes.count);
        assert_false(obey(NET_FILTER_FEATURES & ~rows[i].needs, &bytes));
        assert_true(obey(rows[i].needs, &bytes));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(after_a_reset_everything_arrives, start),
        cmocka_unit_test_setup(modes_are_as_the_standard_says, start),
        cmocka_unit_test_setup(tables_and_the_own_address, start),
        cmocka_unit_test_setup(vlans, start),
        cmocka_unit_test_setup(what_is_wrong_is_refused_and_changes_nothing, start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
