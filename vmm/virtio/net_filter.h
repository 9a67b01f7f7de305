/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The frames that a network card's driver requests (VIRTIO 1.2, 5.1.6.5.1 to 5.1.6.5.3): modes, addresses and
 * VLANs, the commands that set them, and the test of a frame.
 *
 * Commands are hostile: each is carried out completely, or refused without a change.
 *
 * Threads: a filter belongs to its card's I/O thread. The functions have no state besides their arguments.
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
/* Features whose commands the filter handles. */
#define NET_FILTER_FEATURES \
    (VIRTIO_NET_F_CTRL_RX | VIRTIO_NET_F_CTRL_VLAN | VIRTIO_NET_F_CTRL_RX_EXTRA | VIRTIO_NET_F_CTRL_MAC_ADDR)

/* Maximum number of addresses of a table. A longer one is stored as empty, with `overflow`: all match. */
#define NET_FILTER_MAX 64u
#define NET_VLANS 4096u

/* Modes, by the number of the command that sets each (5.1.6.5.1). */
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

/* One command without its acknowledgement, of `bytes` bytes. read() copies up to `length` of them, beginning
 * at `offset`, and returns how many. */
struct net_command {
    size_t (*read)(const void *source, uint64_t offset, void *bytes, size_t length);
    const void *source;
    uint64_t bytes;
};

/* Set the filter to its state after a reset of the device: all frames are received. `mac` is the card's
 * address, `features` are those that the driver has accepted. */
void net_filter_reset(struct net_filter *filter, const uint8_t mac[6], uint64_t features);
/* Carry out a command. False: it does not belong to the filter, its feature is not among `features`, or it is
 * malformed; the filter is unchanged. */
bool net_filter_obey(struct net_filter *filter, uint64_t features, const struct net_command *command);
/* Whether the driver is to receive a frame, of at least NET_FRAME_MIN bytes. */
bool net_filter_wants(const struct net_filter *filter, const uint8_t *frame, size_t length);
bool net_filter_has_vlan(const struct net_filter *filter, unsigned vlan);

#endif
