/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Which frames a network card's driver wants to receive (VIRTIO 1.2, 5.1.6.5.1 to 5.1.6.5.3): modes,
 * addresses and VLANs, the commands that set them, and whether a frame is among them.
 *
 * A command is hostile: it is taken whole, or refused and changes nothing.
 *
 * Threads: a filter belongs to its card's I/O thread. Nothing here has a state of its own.
 */
#ifndef VMM_VIRTIO_NET_FILTER_H
#define VMM_VIRTIO_NET_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VIRTIO_NET_F_CTRL_RX (UINT64_C(1) << 18)
#define VIRTIO_NET_F_CTRL_VLAN (UINT64_C(1) << 19)
#define VIRTIO_NET_F_CTRL_RX_EXTRA (UINT64_C(1) << 20)
#define VIRTIO_NET_F_CTRL_MAC_ADDR (UINT64_C(1) << 23)
/* A filter has commands for these. */
#define NET_FILTER_FEATURES \
    (VIRTIO_NET_F_CTRL_RX | VIRTIO_NET_F_CTRL_VLAN | VIRTIO_NET_F_CTRL_RX_EXTRA | VIRTIO_NET_F_CTRL_MAC_ADDR)

/* Addresses in a table. With more of them it is empty, and overflows: all match. */
#define NET_FILTER_MAX 64u
#define NET_VLANS 4096u

/* By number of the command that sets it. */
enum net_mode {
    NET_PROMISCUOUS, /* every frame, whatever else is set */
    NET_ALL_MULTICAST,
    NET_ALL_UNICAST,
    NET_NO_MULTICAST,
    NET_NO_UNICAST,
    NET_NO_BROADCAST,
    NET_MODES
};

struct net_addresses {
    bool overflow;
    unsigned count;
    uint8_t address[NET_FILTER_MAX][6];
};

struct net_filter {
    bool mode[NET_MODES];
    uint8_t mac[6]; /* the card's own */
    struct net_addresses unicast, multicast;
    bool by_vlan; /* the driver has accepted CTRL_VLAN; otherwise every VLAN matches */
    uint64_t vlans[NET_VLANS / 64];
};

/* One command without its answer: `bytes` of them, which read() copies from `offset` on, as many as there
 * are; it returns their number. */
struct net_command {
    size_t (*read)(const void *source, uint64_t offset, void *bytes, size_t length);
    const void *source;
    uint64_t bytes;
};

/* As after a reset of the device: everything is received, at the address `mac`. `features` are those that the
 * driver has accepted. */
void net_filter_reset(struct net_filter *filter, const uint8_t mac[6], uint64_t features);
/* Obey a command for which the driver has accepted the feature. False: it is none of the filter's, or is
 * wrong; the filter is as it was. */
bool net_filter_obey(struct net_filter *filter, uint64_t features, const struct net_command *command);
/* Whether the driver wants a frame of at least NET_FRAME_MIN bytes. */
bool net_filter_wants(const struct net_filter *filter, const uint8_t *frame, size_t length);
bool net_filter_has_vlan(const struct net_filter *filter, unsigned vlan);

#endif
