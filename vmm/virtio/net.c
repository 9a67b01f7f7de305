/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio-net-pci: a network card (VIRTIO 1.2, 5.1). Here is what it is made of; net_data.c moves its frames.
 *
 * Threads: main thread only.
 */
#include "virtio/net_saved.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/count_of.h"
#include "device/boot_index.h"

#define QUEUE_SIZE 256u
#define MTU_MIN 68u

#define ROW(name, type, field, help) PROPERTY_ROW(net_values, name, type, field, help)
static const struct property properties[] = {
    VIRTIO_PROPERTIES(net_values, virtio),
    ROW("netdev", PROPERTY_STRING, netdev, "id of a -netdev (default: the cable leads nowhere)"),
    ROW("mac", PROPERTY_STRING, mac,
        "its address (default: the first from 52:54:00:12:34:56 on that is free)"),
    PROPERTY_ROW_GIVEN_RANGE(
        net_values, "host_mtu", PROPERTY_UINT32, mtu,
        "largest packet that the guest is to send, in bytes (default: the guest decides)",
        NUMBER_RANGE(MTU_MIN, UINT16_MAX)),
    BOOT_INDEX_ROW(net_values),
    PROPERTY_ROW_RANGE(net_values, "rx_queue_size", PROPERTY_UINT32, rx_queue_size,
                       "buffers for frames to the guest in a queue, a power of two (default 256)",
                       NUMBER_POWER_OF_TWO(QUEUE_SIZE, VIRTIO_QUEUE_SIZE_MAX)),
    PROPERTY_ROW_RANGE(net_values, "tx_queue_size", PROPERTY_UINT32, tx_queue_size,
                       "frames of the guest's in a queue, a power of two (default 256)",
                       NUMBER_POWER_OF_TWO(QUEUE_SIZE, VIRTIO_QUEUE_SIZE_MAX)),
    ROW("mq", PROPERTY_BOOL, mq, "as many pairs of queues as the netdev has (default off: one)"),
    ROW("csum", PROPERTY_BOOL, checksum,
        "the guest leaves checksums and segments to a tap device (default on)"),
    ROW("guest_csum", PROPERTY_BOOL, guest_checksum, "a tap device leaves them to the guest (default on)"),
    ROW("mrg_rxbuf", PROPERTY_BOOL, merge, "a frame may fill several buffers (default on)"),
    ROW("status", PROPERTY_BOOL, status, "the guest sees its link (default on)"),
    ROW("ctrl_vq", PROPERTY_BOOL, control, "a queue for commands (default on); what follows needs it"),
    ROW("ctrl_rx", PROPERTY_BOOL, control_rx,
        "the driver says which addresses it wants frames for (default on)"),
    ROW("ctrl_rx_extra", PROPERTY_BOOL, control_rx_extra,
        "and can refuse all multicast, unicast or broadcast (default on)"),
    ROW("ctrl_vlan", PROPERTY_BOOL, control_vlan, "it says which VLANs it wants (default on)"),
    ROW("ctrl_mac_addr", PROPERTY_BOOL, control_mac, "it can change the card's address (default on)"),
    ROW("ctrl_guest_offloads", PROPERTY_BOOL, control_offloads,
        "and what it takes from a tap device by guest_csum (default on)"),
    ROW("guest_announce", PROPERTY_BOOL, guest_announce,
        "the driver announces the card's address when announce-self asks for it (default on); needs status"),
};
#undef ROW

static const struct virtio_device_type type;

/* ---- properties ---- */

static bool read_mac(const char *text, uint8_t mac[6], struct error *error)
{
    const char *at = text;

    for (unsigned i = 0; i < 6; i++) {
        char *rest;
        char pair[3] = { at[0], at[0] ? at[1] : '\0', '\0' };

        mac[i] = (uint8_t)strtoul(pair, &rest, 16);
        if (rest != pair + 2 || strchr("+- \t", pair[0]) || pair[0] == '\0' ||
            (i < 5 ? at[2] != ':' && at[2] != '-' : at[2] != '\0'))
            return error_set(
                error, "Parameter 'mac' expects an Ethernet address, as 52:54:00:12:34:56; got '%s'", text);
        at += 3;
    }
    if (memcmp(mac, (const uint8_t[6]){ 0 }, 6) == 0)
        return error_set(
            error,
            "Parameter 'mac' expects the address of one card; '%s' is none, and no guest uses it; "
            "leave it out for the first from 52:54:00:12:34:56 on that is free",
            text);
    return !(mac[0] & 1) || error_set(error,
                                      "Parameter 'mac' expects the address of one card; '%s' is a multicast "
                                      "address: its first byte is odd",
                                      text);
}

static bool check_values(const void *opaque, struct error *error)
{
    const struct net_values *values = opaque;
    uint8_t mac[6];

    if (values->mac && !read_mac(values->mac, mac, error))
        return false;
    return !values->mq || values->control ||
           error_set(error, "mq=on needs ctrl_vq=on: the driver says there how many queues it uses");
}

static void set_defaults(void *opaque)
{
    struct net_values *values = opaque;

    values->checksum = values->guest_checksum = values->merge = values->status = true;
    values->control = values->control_rx = values->control_rx_extra = true;
    values->control_vlan = values->control_mac = values->control_offloads = true;
    values->guest_announce = true;
    values->rx_queue_size = values->tx_queue_size = QUEUE_SIZE;
    values->bootindex = BOOT_INDEX_NONE;
}

/* ---- the card ---- */

static bool is_taken(const struct board *board, const struct net *net)
{
    for (const struct device *device = device_any(board, NULL); device; device = device_any(board, device))
        if (device->type->virtio == &type && device != &net->virtio.pci.device &&
            memcmp(((const struct net *)(const void *)device)->mac, net->mac, 6) == 0)
            return true;
    return false;
}

/* As QEMU gives them, unless another card has one. */
static void choose_mac(const struct board *board, struct net *net)
{
    static const uint8_t first[6] = { 0x52, 0x54, 0x00, 0x12, 0x34, 0x56 };
    uint8_t *mac = net->mac;

    memcpy(mac, first, sizeof first);
    while (is_taken(board, net))
        if (++mac[5] == 0 && ++mac[4] == 0)
            mac[3]++;
}

static uint64_t control_features(const struct net_values *values)
{
    if (!values->control)
        return 0;
    return VIRTIO_NET_F_CTRL_VQ | (values->control_rx ? VIRTIO_NET_F_CTRL_RX : 0) |
           (values->control_rx_extra ? VIRTIO_NET_F_CTRL_RX_EXTRA : 0) |
           (values->control_vlan ? VIRTIO_NET_F_CTRL_VLAN : 0) |
           (values->control_mac ? VIRTIO_NET_F_CTRL_MAC_ADDR : 0) |
           (values->guest_announce && values->status ? VIRTIO_NET_F_GUEST_ANNOUNCE : 0);
}

static uint64_t features_of(const struct net *net)
{
    const struct net_values *values = &net->values;
    const bool headers = net->backend && (net_backend_has_headers(net->backend) || net_is_user(net));
    const uint64_t possible = net_is_user(net) ? net->user.back_end.features | ~NET_USER_FEATURES
                                               : UINT64_MAX;
    uint64_t features = VIRTIO_NET_F_MAC;

    if (headers && values->checksum)
        features |= VIRTIO_NET_F_CSUM | VIRTIO_NET_F_HOST_TSO4 | VIRTIO_NET_F_HOST_TSO6 |
                    VIRTIO_NET_F_HOST_ECN;
    if (headers && values->guest_checksum)
        features |= NET_GUEST_OFFLOADS | (values->control && values->control_offloads && !net_is_user(net)
                                              ? VIRTIO_NET_F_CTRL_GUEST_OFFLOADS
                                              : 0);
    features |= (values->merge ? VIRTIO_NET_F_MRG_RXBUF : 0) | (values->status ? VIRTIO_NET_F_STATUS : 0) |
                control_features(values) | (values->mtu_given ? VIRTIO_NET_F_MTU : 0) |
                (net->pairs > 1 ? VIRTIO_NET_F_MQ : 0);
    return features & possible;
}

static void fill_config(struct net *net)
{
    uint8_t *config = net->virtio.config;

    memcpy(config + NET_CONFIG_MAC, net->mac, sizeof net->mac);
    config[NET_CONFIG_STATUS] = atomic_load(&net->link);
    config[NET_CONFIG_PAIRS] = (uint8_t)net->pairs;
    config[NET_CONFIG_MTU] = (uint8_t)net->values.mtu;
    config[NET_CONFIG_MTU + 1] = (uint8_t)(net->values.mtu >> 8);
}

/* The other end of its cable, and what follows from that. */
static bool connect_cable(struct net *net, struct board *board, struct error *error)
{
    const struct net_card *other;

    net->pairs = 1;
    if (!net->values.netdev)
        return true;
    net->backend = board->nets ? net_backend_require(board->nets, net->values.netdev, error) : NULL;
    if (!net->backend)
        return error_prefix(error, "Property 'virtio-net-pci.netdev': ");
    other = net_backend_card(net->backend);
    if (other)
        return error_set(error,
                         "Property 'virtio-net-pci.netdev': netdev '%s' is used by %s already; make another "
                         "one for this device",
                         net->values.netdev, other->name);
    if (net->values.mq)
        net->pairs = net_backend_queues(net->backend);
    else if (net_backend_queues(net->backend) > 1)
        return error_set(error, "netdev '%s' has %u pairs of queues; give the device mq=on to use them",
                         net->values.netdev, net_backend_queues(net->backend));
    atomic_store(&net->link, net_backend_link(net->backend));
    return true;
}

/* Once, until somebody asks what it is now: as QEMU, so that a guest cannot flood the monitors. */
static void send_filter_event(void *opaque)
{
    const struct net *net = opaque;
    const struct device *device = &net->virtio.pci.device;
    char path[DEVICE_PATH_SIZE];

    device->board->event(device->board->machine,
                         &(struct event){ .kind = EVENT_NIC_RX_FILTER_CHANGED,
                                          .device = { device->id, device_path(device, path) } });
}

/* What the driver will see of it. */
static void set_up(struct net *net, const struct board *board, struct virtio_setup *setup)
{
    if (!net->values.mac)
        choose_mac(board, net);
    fill_config(net);
    net_filter_reset(&net->filter, net->mac, 0);
    net->shown = net->filter;
    net->filter_changed = (struct work){ .run = send_filter_event, .opaque = net };
    net_status_init(net);
    setup->features = features_of(net);
    setup->queues = 2 * net->pairs + net->values.control;
    setup->queue_size = QUEUE_SIZE;
    net->pairs_in_use = 1;
}

static bool prepare(struct virtio_device *device, struct board *board, const char *id,
                    struct virtio_setup *setup, struct error *error)
{
    struct net *net = (void *)device;

    (void)id;
    if (net->values.mac)
        (void)read_mac(net->values.mac, net->mac, error); /* it was read before */
    if (!connect_cable(net, board, error) || (net->backend && !net_user_connect(net, board, error)))
        return false;
    if (!net_is_user(net))
        set_up(net, board, setup);
    return true;
}

static bool answered(struct virtio_device *device, struct board *board, struct virtio_setup *setup,
                     struct error *error)
{
    struct net *net = (void *)device;

    if (!net_user_answered(net, error))
        return false;
    set_up(net, board, setup);
    return true;
}

/* The control queue is behind the pairs. */
static uint16_t queue_size(const struct virtio_device *device, unsigned index)
{
    const struct net *net = (const void *)device;

    if (index >= 2 * net->pairs)
        return QUEUE_SIZE;
    return (uint16_t)(index % 2 == 0 ? net->values.rx_queue_size : net->values.tx_queue_size);
}

static bool plugged(struct virtio_device *device, struct error *error)
{
    struct net *net = (void *)device;

    net->card = (struct net_card){ .name = device->name,
                                   .stays = pci_function_stays(&device->pci),
                                   .link = net_link_changed,
                                   .announce = net_announce_self,
                                   .readable = net_readable,
                                   .writable = net_writable,
                                   .opaque = net,
                                   .io = device->io };
    if (!net->backend)
        return true;
    if (net_is_user(net))
        return net_user_serve(net, error);
    if (!net_backend_use(net->backend, &net->card, error) || !net_vhost_attach(net, error))
        return false;
    virtio_device_call(device, net_listen, net); /* its driver may be there already */
    return true;
}

static void release(struct virtio_device *device)
{
    struct net *net = (void *)device;

    if (device->pci.device.board)
        loop_cancel(device->pci.device.board->loop, &net->filter_changed);
    virtio_user_release(&net->user);
    if (device->pci.device.board)
        loop_cancel(device->pci.device.board->loop, &net->served_changed);
    virtio_vhost_detach(&net->vhost);
    if (net->backend && net_backend_card(net->backend) == &net->card)
        net_backend_leave(net->backend);
}

void net_show_filter(struct net *net)
{
    pthread_mutex_lock(&net->virtio.interrupt);
    net->shown = net->filter;
    pthread_mutex_unlock(&net->virtio.interrupt);
}

bool net_filter_of(struct device *device, struct net_filter *filter)
{
    struct net *net = (void *)device;

    if (device->type->virtio != &type)
        return false;
    atomic_store(&net->filter_told, false); /* first: of a change from now on there is an event */
    pthread_mutex_lock(&net->virtio.interrupt);
    *filter = net->shown;
    pthread_mutex_unlock(&net->virtio.interrupt);
    return true;
}

/* A back end of vhost-user is waited for. */
static bool needs_thread(const void *opaque, const struct board *board)
{
    const struct net_values *values = opaque;
    const struct net_backend *backend = board->nets && values->netdev
                                            ? net_backend_find(board->nets, values->netdev)
                                            : NULL;

    return backend && net_backend_chardev(backend);
}

static const struct virtio_device_type type = {
    .virtio_id = 1,
    .class = 0x02,
    .config_size = NET_CONFIG_SIZE,
    .queue_size = queue_size,
    .request_size = sizeof(struct virtio_request),
    .started = net_started,
    .resumed = net_resumed,
    .handle = net_handle,
    .halted = net_halted,
    .reset = net_reset,
    .broken = net_vhost_broken,
    .vector_changed = net_vhost_vector_changed,
    .has_saved_form = virtio_is_saved,
    .config_byte = net_config_byte,
    .can_save = virtio_user_can_save,
    .state = &virtio_net_state_table,
    .save = net_save,
    .check_state = net_check_state,
    .continued = net_continued,
    .needs_thread = needs_thread,
    .size = sizeof(struct net),
    .values = offsetof(struct net, values),
    .defaults = set_defaults,
    .check = check_values,
    .prepare = prepare,
    .answered = answered,
    .plugged = plugged,
    .release = release,
};

VIRTIO_DEVICE_TYPE(virtio_net_pci_type, "virtio-net-pci", type, properties, struct net_values, true,
                   virtio_device_reset);
VIRTIO_DEVICE_TYPE(virtio_net_pci_non_transitional_type, "virtio-net-pci-non-transitional", type, properties,
                   struct net_values, true, virtio_device_reset);
