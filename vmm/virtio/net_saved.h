/* SPDX-License-Identifier: BSD-2-Clause */
/* What a snapshot has of a network card, besides what it has of all virtio devices (virtio/saved.h). */
#ifndef VMM_VIRTIO_NET_SAVED_H
#define VMM_VIRTIO_NET_SAVED_H

#include "virtio/net.h"

struct virtio_net_state {
    uint64_t offloads; /* of NET_GUEST_OFFLOADS, those that the driver wants now */
    uint64_t vlans[NET_VLANS / 64];
    uint16_t pairs; /* in use */
    uint16_t unicast_count, multicast_count;
    uint8_t unicast_overflow, multicast_overflow;
    uint8_t announces; /* the driver is to announce the card's address */
    uint8_t mode[NET_MODES];
    uint8_t mac[6];
    uint8_t unicast[NET_FILTER_MAX * 6], multicast[NET_FILTER_MAX * 6];
};
extern const struct state_table virtio_net_state_table;

/* Callbacks of struct virtio_device_type. */
enum virtio_config_byte net_config_byte(unsigned offset);
void net_save(struct virtio_device *device, void *state);
bool net_check_state(const struct virtio_device *device, uint64_t accepted, const void *state,
                     struct error *error);
void net_continued(struct virtio_device *device, const void *state);

#endif
