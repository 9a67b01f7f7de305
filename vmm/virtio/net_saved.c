/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The saved form of a network card. Frames that are on their way are lost, as on any cable. The link is the
 * one that the card has where it is restored, of which the driver is informed.
 */
#include "virtio/net_saved.h"

#include <string.h>

static const struct state_field fields[] = {
    STATE_FIELD(struct virtio_net_state, offloads, 1, NET_GUEST_OFFLOADS),
    STATE_ARRAY(struct virtio_net_state, vlans, 1, UINT64_MAX),
    STATE_FIELD(struct virtio_net_state, pairs, 1, UINT16_MAX),
    STATE_FIELD(struct virtio_net_state, unicast_count, 1, UINT16_MAX),
    STATE_FIELD(struct virtio_net_state, multicast_count, 1, UINT16_MAX),
    STATE_FIELD(struct virtio_net_state, unicast_overflow, 1, 1),
    STATE_FIELD(struct virtio_net_state, multicast_overflow, 1, 1),
    STATE_FIELD(struct virtio_net_state, announces, 1, 1),
    STATE_ARRAY(struct virtio_net_state, mode, 1, 1),
    STATE_ARRAY(struct virtio_net_state, mac, 1, UINT8_MAX),
    STATE_ARRAY(struct virtio_net_state, unicast, 1, UINT8_MAX),
    STATE_ARRAY(struct virtio_net_state, multicast, 1, UINT8_MAX),
};

const struct state_table virtio_net_state_table = STATE_TABLE("virtio-net", 1, struct virtio_net_state,
                                                              fields);

/* The driver may have changed the address. */
enum virtio_config_byte net_config_byte(unsigned offset)
{
    return offset <= NET_CONFIG_STATUS ? VIRTIO_CONFIG_STATE : VIRTIO_CONFIG_FIXED;
}

static void save_addresses(const struct net_addresses *table, uint16_t *count, uint8_t *overflow,
                           uint8_t *addresses)
{
    *count = (uint16_t)table->count;
    *overflow = table->overflow;
    memcpy(addresses, table->address, 6 * (size_t)table->count);
}

/* Without a driver there is none that wants anything. */
void net_save(struct virtio_device *device, void *opaque)
{
    const struct net *net = (const void *)device;
    const struct net_filter *filter = &net->filter;
    struct virtio_net_state *state = opaque;

    state->pairs = device->running ? (uint16_t)net->pairs_in_use : 1;
    state->offloads = device->running ? net->offloads : 0;
    state->announces = net->announces;
    for (unsigned i = 0; i < NET_MODES; i++)
        state->mode[i] = filter->mode[i];
    memcpy(state->mac, filter->mac, sizeof state->mac);
    memcpy(state->vlans, filter->vlans, sizeof state->vlans);
    save_addresses(&filter->unicast, &state->unicast_count, &state->unicast_overflow, state->unicast);
    save_addresses(&filter->multicast, &state->multicast_count, &state->multicast_overflow, state->multicast);
}

bool net_check_state(const struct virtio_device *device, uint64_t accepted, const void *opaque,
                     struct error *error)
{
    const struct net *net = (const void *)device;
    const struct virtio_net_state *state = opaque;
    const unsigned most = accepted & VIRTIO_NET_F_MQ ? net->pairs : 1;

    if (state->pairs < 1 || state->pairs > most)
        return error_set(error, "%u pairs of queues are in use, of %u", state->pairs, most);
    if (state->offloads & ~accepted)
        return error_set(error, "its driver wants offloads that it has not accepted");
    return (state->unicast_count <= (state->unicast_overflow ? 0 : NET_FILTER_MAX) &&
            state->multicast_count <= (state->multicast_overflow ? 0 : NET_FILTER_MAX)) ||
           error_set(error, "its filter has more than %u addresses", NET_FILTER_MAX);
}

static void restore_addresses(struct net_addresses *table, uint16_t count, uint8_t overflow,
                              const uint8_t *addresses)
{
    *table = (struct net_addresses){ .count = count, .overflow = overflow };
    memcpy(table->address, addresses, 6 * (size_t)count);
}

void net_continued(struct virtio_device *device, const void *opaque)
{
    const struct virtio_net_state *state = opaque;
    struct net *net = (void *)device;
    struct net_filter *filter = &net->filter;

    net->pairs_in_use = state->pairs;
    for (unsigned i = 0; i < NET_MODES; i++)
        filter->mode[i] = state->mode[i];
    memcpy(filter->mac, state->mac, sizeof filter->mac);
    memcpy(filter->vlans, state->vlans, sizeof filter->vlans);
    restore_addresses(&filter->unicast, state->unicast_count, state->unicast_overflow, state->unicast);
    restore_addresses(&filter->multicast, state->multicast_count, state->multicast_overflow,
                      state->multicast);
    net_show_filter(net);
    if (device->running)
        net_set_offloads(net, state->offloads);
    net->announces = state->announces;
    if (device->config[NET_CONFIG_STATUS] != net_status(net)) {
        net_put_status(net);
        device->config_news = true;
    }
}
