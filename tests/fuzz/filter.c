/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A network card's driver says which frames it wants: any commands, with any features. Each is taken whole or
 * changes nothing, and what is received then is what a simple model of the standard says.
 *
 * An input: the features; then commands and frames, each behind its kind and its length.
 */
#include "input.h"

#include "virtio/net_filter.h"

static const uint8_t mac[6] = { 0x52, 0x54, 0, 0, 0, 9 };

struct bytes {
    const uint8_t *at;
    size_t count;
};

static size_t read_bytes(const void *source, uint64_t offset, void *bytes, size_t length)
{
    const struct bytes *all = source;
    const size_t left = offset < all->count ? all->count - (size_t)offset : 0;

    length = length < left ? length : left;
    if (length > 0)
        memcpy(bytes, all->at + offset, length);
    return length;
}

static void check(const struct net_filter *filter, uint64_t features)
{
    const struct net_addresses *tables[] = { &filter->unicast, &filter->multicast };

    for (unsigned i = 0; i < 2; i++)
        CHECK(tables[i]->count <= NET_FILTER_MAX && (!tables[i]->overflow || tables[i]->count == 0));
    CHECK((features & VIRTIO_NET_F_CTRL_MAC_ADDR) || memcmp(filter->mac, mac, sizeof mac) == 0);
    for (unsigned vlan = 0; !(features & VIRTIO_NET_F_CTRL_VLAN) && vlan < NET_VLANS; vlan++)
        CHECK(!net_filter_has_vlan(filter, vlan));
    if (!(features & VIRTIO_NET_F_CTRL_RX))
        CHECK(filter->mode[NET_PROMISCUOUS] && !filter->mode[NET_ALL_MULTICAST] &&
              filter->unicast.count == 0 && !filter->unicast.overflow);
}

/* The reasons for which a frame is refused, one by one. */
static bool is_refused(const struct net_filter *filter, const uint8_t *frame, size_t length)
{
    const bool is_broadcast = (frame[0] & frame[1] & frame[2] & frame[3] & frame[4] & frame[5]) == 0xff;
    const bool is_group = frame[0] & 1;
    const struct net_addresses *table = is_group ? &filter->multicast : &filter->unicast;
    bool is_in_table = table->overflow || (!is_group && memcmp(frame, filter->mac, 6) == 0);

    for (unsigned i = 0; i < table->count; i++)
        is_in_table = is_in_table || memcmp(table->address[i], frame, 6) == 0;
    if (filter->mode[NET_PROMISCUOUS])
        return false;
    if (filter->by_vlan && length >= 16 && frame[12] == 0x81 && frame[13] == 0 &&
        !net_filter_has_vlan(filter, (frame[14] & 0xfu) << 8 | frame[15]))
        return true;
    if (is_broadcast)
        return filter->mode[NET_NO_BROADCAST];
    if (filter->mode[is_group ? NET_NO_MULTICAST : NET_NO_UNICAST])
        return true;
    return !filter->mode[is_group ? NET_ALL_MULTICAST : NET_ALL_UNICAST] && !is_in_table;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = { data, size };
    const uint64_t features = (uint64_t)input_u32(&input) & NET_FILTER_FEATURES;
    struct net_filter filter;

    net_filter_reset(&filter, mac, features);
    while (input.left > 0) {
        const bool is_frame = input_bool(&input);
        const size_t wanted = input_u16(&input);
        const struct bytes bytes = { input.at, wanted < input.left ? wanted : input.left };
        const struct net_command command = { read_bytes, &bytes, bytes.count };
        const struct net_filter before = filter;

        if (is_frame && bytes.count >= 14)
            CHECK(net_filter_wants(&filter, bytes.at, bytes.count) ==
                  !is_refused(&filter, bytes.at, bytes.count));
        else if (!net_filter_obey(&filter, features, &command))
            CHECK(memcmp(&before, &filter, sizeof filter) == 0);
        check(&filter, features);
        input.at += bytes.count;
        input.left -= bytes.count;
    }
    return 0;
}
