/* SPDX-License-Identifier: BSD-2-Clause */
#include "virtio/net_filter.h"

#include <string.h>

#include "base/bits.h"

/* Classes of commands, and commands (5.1.6.5). */
#define CLASS_RX 0u
#define CLASS_MAC 1u
#define CLASS_VLAN 2u
#define MAC_TABLE_SET 0u
#define MAC_ADDRESS_SET 1u
#define VLAN_ADD 0u
#define VLAN_REMOVE 1u

#define HEAD 2u /* class and command, in front of what they are about */
#define TAG_TYPE 12u
#define TAG_VLAN 14u

void net_filter_reset(struct net_filter *filter, const uint8_t mac[6], uint64_t features)
{
    *filter = (struct net_filter){ .mode = { [NET_PROMISCUOUS] = true },
                                   .by_vlan = (features & VIRTIO_NET_F_CTRL_VLAN) != 0 };
    memcpy(filter->mac, mac, sizeof filter->mac);
}

/* ---- commands ---- */

/* Exactly so many bytes, and no more of them. */
static bool read_all(const struct net_command *command, void *bytes, size_t length)
{
    return command->bytes == HEAD + length && command->read(command->source, HEAD, bytes, length) == length;
}

static bool set_mode(struct net_filter *filter, uint64_t features, unsigned mode,
                     const struct net_command *command)
{
    const uint64_t needed = mode > NET_ALL_MULTICAST ? VIRTIO_NET_F_CTRL_RX_EXTRA : VIRTIO_NET_F_CTRL_RX;
    uint8_t on;

    if (mode >= NET_MODES || !(features & needed) || !read_all(command, &on, sizeof on))
        return false;
    filter->mode[mode] = on != 0;
    return true;
}

/* A table from `at` on, whose end is stored. False: it is longer than the command. */
static bool read_addresses(const struct net_command *command, uint64_t *at, struct net_addresses *table)
{
    uint8_t number[4];
    uint64_t count;

    if (command->read(command->source, *at, number, sizeof number) != sizeof number)
        return false;
    count = number[0] | (uint64_t)number[1] << 8 | (uint64_t)number[2] << 16 | (uint64_t)number[3] << 24;
    *at += sizeof number;
    if (6 * count > command->bytes - *at)
        return false;
    table->overflow = count > NET_FILTER_MAX;
    table->count = table->overflow ? 0 : (unsigned)count;
    if (command->read(command->source, *at, table->address, 6 * (size_t)table->count) !=
        6 * (size_t)table->count)
        return false;
    *at += 6 * count;
    return true;
}

static bool set_addresses(struct net_filter *filter, const struct net_command *command)
{
    struct net_addresses unicast = { 0 }, multicast = { 0 };
    uint64_t at = HEAD;

    if (!read_addresses(command, &at, &unicast) || !read_addresses(command, &at, &multicast) ||
        at != command->bytes)
        return false;
    filter->unicast = unicast;
    filter->multicast = multicast;
    return true;
}

static bool set_vlan(struct net_filter *filter, bool wanted, const struct net_command *command)
{
    uint8_t number[2];
    unsigned vlan;

    if (!read_all(command, number, sizeof number))
        return false;
    vlan = number[0] | (unsigned)number[1] << 8;
    if (vlan >= NET_VLANS)
        return false;
    if (wanted)
        bits_set(filter->vlans, vlan, vlan + 1);
    else
        bits_clear(filter->vlans, vlan, vlan + 1);
    return true;
}

bool net_filter_obey(struct net_filter *filter, uint64_t features, const struct net_command *command)
{
    uint8_t head[HEAD], mac[6];

    if (command->read(command->source, 0, head, sizeof head) != sizeof head)
        return false;
    if (head[0] == CLASS_RX)
        return set_mode(filter, features, head[1], command);
    if (head[0] == CLASS_MAC && head[1] == MAC_TABLE_SET)
        return (features & VIRTIO_NET_F_CTRL_RX) && set_addresses(filter, command);
    if (head[0] == CLASS_MAC && head[1] == MAC_ADDRESS_SET) {
        if (!(features & VIRTIO_NET_F_CTRL_MAC_ADDR) || !read_all(command, mac, sizeof mac))
            return false;
        memcpy(filter->mac, mac, sizeof mac);
        return true;
    }
    return head[0] == CLASS_VLAN && (head[1] == VLAN_ADD || head[1] == VLAN_REMOVE) &&
           (features & VIRTIO_NET_F_CTRL_VLAN) && set_vlan(filter, head[1] == VLAN_ADD, command);
}

/* ---- frames ---- */

bool net_filter_has_vlan(const struct net_filter *filter, unsigned vlan)
{
    return bit_is_set(filter->vlans, vlan);
}

static bool is_among(const struct net_addresses *table, const uint8_t address[6])
{
    for (unsigned i = 0; i < table->count; i++)
        if (memcmp(table->address[i], address, 6) == 0)
            return true;
    return table->overflow;
}

/* The VLAN that a frame is tagged with (802.1Q), or -1. */
static int vlan_of(const uint8_t *frame, size_t length)
{
    if (length < TAG_VLAN + 2 || frame[TAG_TYPE] != 0x81 || frame[TAG_TYPE + 1] != 0)
        return -1;
    return (frame[TAG_VLAN] << 8 | frame[TAG_VLAN + 1]) % (int)NET_VLANS;
}

bool net_filter_wants(const struct net_filter *filter, const uint8_t *frame, size_t length)
{
    static const uint8_t everybody[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    const int vlan = filter->by_vlan ? vlan_of(frame, length) : -1;

    if (filter->mode[NET_PROMISCUOUS])
        return true;
    if (vlan >= 0 && !net_filter_has_vlan(filter, (unsigned)vlan))
        return false;
    if (memcmp(frame, everybody, sizeof everybody) == 0)
        return !filter->mode[NET_NO_BROADCAST];
    if (frame[0] & 1)
        return !filter->mode[NET_NO_MULTICAST] &&
               (filter->mode[NET_ALL_MULTICAST] || is_among(&filter->multicast, frame));
    return !filter->mode[NET_NO_UNICAST] &&
           (filter->mode[NET_ALL_UNICAST] || memcmp(frame, filter->mac, sizeof filter->mac) == 0 ||
            is_among(&filter->unicast, frame));
}
