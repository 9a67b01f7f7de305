/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shared by the files of a network card (VIRTIO 1.2, 5.1).
 *
 * Threads: as in virtio/device.h. Frames are moved on the I/O thread (net_data.c); the card, its link and its
 * back end belong to the main thread (net.c).
 */
#ifndef VMM_VIRTIO_NET_H
#define VMM_VIRTIO_NET_H

#include "net/backend.h"
#include "virtio/device.h"
#include "virtio/net_filter.h"
#include "virtio/user.h"
#include "virtio/vhost.h"

#define VIRTIO_NET_F_CSUM (UINT64_C(1) << 0)
#define VIRTIO_NET_F_GUEST_CSUM (UINT64_C(1) << 1)
#define VIRTIO_NET_F_CTRL_GUEST_OFFLOADS (UINT64_C(1) << 2)
#define VIRTIO_NET_F_MTU (UINT64_C(1) << 3)
#define VIRTIO_NET_F_MAC (UINT64_C(1) << 5)
#define VIRTIO_NET_F_GUEST_TSO4 (UINT64_C(1) << 7)
#define VIRTIO_NET_F_GUEST_TSO6 (UINT64_C(1) << 8)
#define VIRTIO_NET_F_GUEST_ECN (UINT64_C(1) << 9)
#define VIRTIO_NET_F_HOST_TSO4 (UINT64_C(1) << 11)
#define VIRTIO_NET_F_HOST_TSO6 (UINT64_C(1) << 12)
#define VIRTIO_NET_F_HOST_ECN (UINT64_C(1) << 13)
#define VIRTIO_NET_F_MRG_RXBUF (UINT64_C(1) << 15)
#define VIRTIO_NET_F_STATUS (UINT64_C(1) << 16)
#define VIRTIO_NET_F_CTRL_VQ (UINT64_C(1) << 17)
#define VIRTIO_NET_F_GUEST_ANNOUNCE (UINT64_C(1) << 21)
#define VIRTIO_NET_F_MQ (UINT64_C(1) << 22)

/* What the driver may take over from a tap device. */
#define NET_GUEST_OFFLOADS \
    (VIRTIO_NET_F_GUEST_CSUM | VIRTIO_NET_F_GUEST_TSO4 | VIRTIO_NET_F_GUEST_TSO6 | VIRTIO_NET_F_GUEST_ECN)

/* Features of the other end of the cable: offered if a back end of vhost-user has them. */
#define NET_USER_FEATURES \
    (NET_GUEST_OFFLOADS | VIRTIO_NET_F_CSUM | VIRTIO_NET_F_HOST_TSO4 | VIRTIO_NET_F_HOST_TSO6 | \
     VIRTIO_NET_F_HOST_ECN | VIRTIO_NET_F_MRG_RXBUF | VIRTIO_NET_F_MQ)

/* What a driver needs to announce the card's address by itself: the status says when, a command that it has.
 */
#define NET_ANNOUNCES (VIRTIO_NET_F_GUEST_ANNOUNCE | VIRTIO_NET_F_STATUS | VIRTIO_NET_F_CTRL_VQ)

/* Offsets in the configuration space (5.1.4). */
#define NET_CONFIG_MAC 0u
#define NET_CONFIG_STATUS 6u
#define NET_CONFIG_PAIRS 8u
#define NET_CONFIG_MTU 10u
#define NET_CONFIG_SIZE 12u

struct net_values {
    struct virtio_values virtio;
    char *netdev, *mac;
    uint32_t mtu, rx_queue_size, tx_queue_size;
    int32_t bootindex;
    bool bootindex_given;
    bool mtu_given, mq, checksum, guest_checksum, merge, status;
    bool control, control_rx, control_rx_extra, control_vlan, control_mac, control_offloads, guest_announce;
};

struct net {
    struct virtio_device virtio; /* first */
    struct net_values values;
    uint8_t mac[6];              /* the address after a reset; fixed */
    struct net_backend *backend; /* NULL: none, and no frames */
    struct net_card card;
    unsigned pairs;             /* of queues; fixed */
    atomic_bool link;           /* up; written on the main thread */
    unsigned pairs_in_use;      /* the I/O thread's: set by the driver */
    uint64_t offloads;          /* likewise: those of NET_GUEST_OFFLOADS that it wants */
    bool announces;             /* the I/O thread's: the driver is to announce the card's address */
    struct virtio_vhost vhost;  /* attached if the back end has vhost-net */
    struct virtio_user user;    /* connected if the back end is of vhost-user */
    atomic_bool served;         /* it is there; for `served_changed` */
    struct work served_changed; /* posted to the main thread: the link changes */
    struct work follow;     /* posted to an I/O thread that may wait for its back end: the link has changed */
    struct work announcing; /* posted to such a thread: announce the card's address */
    struct net_filter filter; /* the I/O thread's */
    /* The same for queries, which do not wait for the I/O thread: it copies each change, under
     * virtio.interrupt. */
    struct net_filter shown;
    atomic_bool filter_told;    /* NIC_RX_FILTER_CHANGED was emitted since the filter was last queried */
    struct work filter_changed; /* posted to the main thread: emits that event */
};

/* Callbacks of struct virtio_device_type, on the I/O thread. */
void net_started(struct virtio_device *device);
void net_resumed(struct virtio_device *device);
void net_halted(struct virtio_device *device);
void net_reset(struct virtio_device *device);
bool net_handle(struct virtio_device *device, struct virtio_queue *queue);
/* Callbacks of struct net_card, on the I/O thread: port `port` of the back end has frames, or room for some.
 */
void net_readable(void *opaque, unsigned port);
void net_writable(void *opaque, unsigned port);
/* Ask the back end for frames while the driver is ready and the guest runs, otherwise not. I/O thread. */
void net_listen(void *net);
/* Begin to move frames, by the kernel or by this program: the driver is ready, and the guest runs. I/O
 * thread.
 */
void net_begin(struct net *net);
/* Have the back end leave these of the features NET_GUEST_OFFLOADS to the driver. I/O thread. */
void net_set_offloads(struct net *net, uint64_t offloads);
/* Take the queues back from whoever serves them. I/O thread. */
void net_take_back(struct net *net);
/* net_control.c: handle the driver's commands (5.1.6.5). I/O thread. */
void net_control(struct net *net, struct virtio_queue *queue);
/* Have queries show the filter as it is now. I/O thread. */
void net_show_filter(struct net *net);
/* Copy a network card's filter; its next change emits NIC_RX_FILTER_CHANGED. False: the device is not a
 * network card. Main thread. */
bool net_filter_of(struct device *device, struct net_filter *filter);
/* net_vhost.c: attach the card to vhost-net, if its back end has it. False and an error; the caller calls
 * virtio_vhost_detach(), which has no effect for a card without vhost-net. Main thread. */
bool net_vhost_attach(struct net *net, struct error *error);
/* Have the kernel serve the pairs in use, if the link is up and virtio_vhost_start_if_possible() permits.
 * Returns whether it serves queues now. I/O thread, like the next two, which are callbacks of struct
 * virtio_device_type.
 */
bool net_vhost_start_if_possible(struct net *net);
void net_vhost_broken(struct virtio_device *device);
void net_vhost_vector_changed(struct virtio_device *device);
/* net_user.c: connect to the back end of vhost-user, if the card has one, and use its netdev. False and an
 * error; the caller calls virtio_user_release(), which has no effect otherwise. Main thread, like the next
 * two. */
bool net_user_connect(struct net *net, struct board *board, struct error *error);
/* It has answered: see whether it suits the card. False and an error; likewise. */
bool net_user_answered(struct net *net, struct error *error);
/* Have it serve, once the card is on its bus. False and an error; likewise. */
bool net_user_serve(struct net *net, struct error *error);
/* Have it serve the pairs in use, if the link is up. I/O thread. */
void net_user_begin(struct net *net);
/* Whether a queue, which it does not serve now, waits for it. I/O thread. */
bool net_user_takes(const struct net *net, const struct virtio_queue *queue);
static inline bool net_is_user(const struct net *net)
{
    return net->user.device != NULL;
}
/* The back end announces the card's address, if it can. I/O thread. */
void net_user_announce(struct net *net);
/* net_status.c, callbacks of struct net_card: the link has changed; announce the card's address. Main
 * thread. */
void net_link_changed(void *opaque);
void net_status_init(struct net *net);
/* Have the I/O thread follow the link; nobody waits for one that may wait for its back end. Main thread. */
void net_link_follow(struct net *net);
void net_announce_self(void *opaque);
/* The driver no longer has to announce the card's address: it has done so, or is reset. Returns whether it
 * had to. I/O thread. */
bool net_announced(struct net *net);
/* What its status is now, of which the second byte is 0; write it to configuration space. I/O thread. */
uint8_t net_status(const struct net *net);
void net_put_status(struct net *net);

#endif
