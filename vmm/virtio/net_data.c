/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frames of a network card, on its I/O thread. Nothing is in flight between calls: a frame is copied into the
 * guest's buffers, or out of them, in one go.
 */
#include <linux/if_tun.h>
#include <string.h>

#include "base/message.h"
#include "virtio/net.h"

/* Frames of one queue at a time, so that others get their turn. */
#define BATCH 256u
/* Buffers that one frame may fill. */
#define BUFFERS_MAX 64u
#define HEADER_BUFFERS 10u /* where the header has the number of buffers (5.1.6) */

static struct virtio_queue *receive_queue(struct net *net, unsigned pair)
{
    return virtio_device_queue(&net->virtio, 2 * pair);
}

/* ---- receiving ---- */

static void put_back(struct virtio_request **requests, unsigned count)
{
    while (count > 0)
        virtio_queue_unpop(requests[--count]);
}

enum delivery {
    DELIVERED,
    NO_BUFFERS, /* the driver has none now */
    TOO_LARGE,  /* for what it has made available */
};

/* Buffers for so many bytes. */
static enum delivery gather(struct net *net, struct virtio_queue *queue, uint64_t bytes,
                            struct virtio_request **requests, unsigned *count)
{
    const unsigned most = virtio_device_has(&net->virtio, VIRTIO_NET_F_MRG_RXBUF) ? BUFFERS_MAX : 1;
    uint64_t room = 0;

    for (*count = 0; room < bytes && *count < most; ++*count) {
        requests[*count] = virtio_queue_pop(queue);
        if (!requests[*count]) {
            put_back(requests, *count);
            return NO_BUFFERS;
        }
        room += requests[*count]->in_bytes;
    }
    if (room >= bytes)
        return DELIVERED;
    put_back(requests, *count);
    return TOO_LARGE;
}

/* Copy header and frame into the buffers. */
static void spread(const struct net_frame *frame, struct virtio_request **requests, unsigned count)
{
    uint8_t header[NET_HEADER];
    size_t done = 0;

    memcpy(header, frame->header, sizeof header);
    header[HEADER_BUFFERS] = (uint8_t)count;
    header[HEADER_BUFFERS + 1] = 0;
    for (unsigned i = 0; i < count; i++) {
        const uint64_t room = requests[i]->in_bytes;
        size_t written = 0;

        if (done < NET_HEADER) {
            written = NET_HEADER - done < room ? NET_HEADER - done : (size_t)room;
            virtio_request_write(requests[i], 0, header + done, written);
            done += written;
        }
        if (done >= NET_HEADER && written < room) {
            const size_t at = done - NET_HEADER, left = frame->length - at;
            const size_t length = left < room - written ? left : (size_t)(room - written);

            virtio_request_write(requests[i], written, frame->bytes + at, length);
            written += length;
            done += length;
        }
        virtio_queue_fill(requests[i], (uint32_t)written);
    }
}

static enum delivery deliver(struct net *net, struct virtio_queue *queue, const struct net_frame *frame)
{
    struct virtio_request *requests[BUFFERS_MAX];
    unsigned count;
    enum delivery delivery = gather(net, queue, NET_HEADER + frame->length, requests, &count);

    if (delivery == DELIVERED)
        spread(frame, requests, count);
    return delivery;
}

/* Frames of the ports whose queue this is, while the driver has buffers. Whether it waits for a doorbell. */
static bool receive(struct net *net, unsigned pair)
{
    struct virtio_queue *queue = receive_queue(net, pair);
    unsigned left = BATCH;
    bool waits = false;

    for (unsigned i = pair; !waits && i < net_backend_queues(net->backend); i += net->pairs_in_use) {
        struct net_port *port = net_backend_port(net->backend, i);
        struct net_frame frame;

        while (left > 0 && net_port_next(port, &frame)) {
            const bool wanted = atomic_load(&net->link) &&
                                net_filter_wants(&net->filter, frame.bytes, frame.length);

            if (wanted && deliver(net, queue, &frame) == NO_BUFFERS) {
                waits = true;
                break;
            }
            net_port_done(port);
            left--;
        }
    }
    virtio_queue_flush(queue);
    if (left == 0)
        virtio_device_kick(&net->virtio, queue->index);
    return waits;
}

void net_readable(void *opaque, unsigned port)
{
    struct net *net = opaque;

    virtio_device_handle(&net->virtio, 2 * (port % net->pairs_in_use));
}

/* ---- sending ---- */

/* A frame of the guest's into the port's room. Its length with the header, or 0: it is none. */
static size_t take(const struct net *net, const struct virtio_request *request, uint8_t *room)
{
    const uint64_t bytes = request->out_bytes;

    if (bytes < NET_HEADER + NET_FRAME_MIN || bytes > NET_HEADER + NET_FRAME_MAX ||
        virtio_request_read(request, 0, room, (size_t)bytes) != bytes)
        return 0;
    /* Without the feature the header says nothing (5.1.6.2). */
    if (!virtio_device_has(&net->virtio, VIRTIO_NET_F_CSUM))
        memset(room, 0, NET_HEADER);
    return (size_t)bytes;
}

static bool transmit(struct net *net, struct virtio_queue *queue, unsigned pair)
{
    struct net_port *port = net->backend ? net_backend_port(net->backend, pair) : NULL;
    /* What the driver sends on queues that it does not use goes nowhere. */
    const bool connected = port && atomic_load(&net->link) && net->vhost.served == 0 && !net_is_user(net);
    struct virtio_request *request;
    bool emptied = false;
    unsigned left = BATCH;
    uint8_t *room = NULL;

    while (left > 0 && (!connected || (room = net_port_room(port)) != NULL)) {
        request = virtio_queue_pop(queue);
        if (!request) {
            emptied = true;
            break;
        }
        if (connected)
            net_port_send(port, take(net, request, room));
        virtio_queue_fill(request, 0);
        left--;
    }
    virtio_queue_flush(queue);
    if (left == 0)
        virtio_device_kick(&net->virtio, queue->index);
    return emptied;
}

void net_writable(void *opaque, unsigned port)
{
    struct net *net = opaque;

    if (port < net->pairs)
        virtio_device_handle(&net->virtio, 2 * port + 1);
}

/* ---- the device ---- */

static void listen_all(struct net *net, bool listen)
{
    for (unsigned i = 0; net->backend && i < net_backend_queues(net->backend); i++)
        net_port_listen(net_backend_port(net->backend, i), listen);
}

void net_take_back(struct net *net)
{
    virtio_vhost_take_back(&net->vhost);
    if (net_is_user(net))
        virtio_user_take_back(&net->virtio);
}

void net_begin(struct net *net)
{
    if (net_is_user(net))
        net_user_begin(net);
    else
        listen_all(net, !net_vhost_start_if_possible(net));
}

bool net_handle(struct virtio_device *device, struct virtio_queue *queue)
{
    struct net *net = (void *)device;
    /* The control queue is behind the last pair that the driver knows of (5.1.2). */
    const unsigned pairs = virtio_device_has(device, VIRTIO_NET_F_MQ) ? net->pairs : 1;

    if (queue->index == 2 * pairs) {
        net_control(net, queue);
        return true;
    }
    if (queue->index > 2 * pairs)
        return true;
    if (net_user_takes(net, queue))
        return false;
    if (queue->index % 2 == 1)
        return transmit(net, queue, queue->index / 2);
    return net->backend && queue->index / 2 < net->pairs_in_use && receive(net, queue->index / 2);
}

void net_set_offloads(struct net *net, uint64_t wanted)
{
    const struct {
        uint64_t feature;
        unsigned flag;
    } offloads[] = { { VIRTIO_NET_F_GUEST_TSO4, TUN_F_TSO4 },
                     { VIRTIO_NET_F_GUEST_TSO6, TUN_F_TSO6 },
                     { VIRTIO_NET_F_GUEST_ECN, TUN_F_TSO_ECN } };
    unsigned flags = 0;
    struct error error;

    net->offloads = wanted;
    if (wanted & VIRTIO_NET_F_GUEST_CSUM) {
        flags = TUN_F_CSUM;
        for (unsigned i = 0; i < sizeof offloads / sizeof offloads[0]; i++)
            if (wanted & offloads[i].feature)
                flags |= offloads[i].flag;
    }
    if (net->backend && !net_backend_offload(net->backend, flags, &error))
        warning("%s", error.text);
}

void net_started(struct virtio_device *device)
{
    struct net *net = (void *)device;

    net->pairs_in_use = 1;
    virtio_vhost_restart(&net->vhost);
    virtio_vhost_restart(&net->user.vhost);
    net_filter_reset(&net->filter, net->mac, device->accepted);
    net_show_filter(net);
    net_set_offloads(net, device->accepted & NET_GUEST_OFFLOADS);
    if (!device->halting)
        net_begin(net);
}

void net_reset(struct virtio_device *device)
{
    struct net *net = (void *)device;

    if (net_is_user(net))
        virtio_user_reset(device);
    (void)net_announced(net);
    net_filter_reset(&net->filter, net->mac, 0);
    net_show_filter(net);
    virtio_device_config_put(device, NET_CONFIG_MAC, net->mac, sizeof net->mac);
}

void net_resumed(struct virtio_device *device)
{
    net_begin((struct net *)(void *)device);
}

void net_halted(struct virtio_device *device)
{
    struct net *net = (void *)device;

    net_take_back(net);
    listen_all(net, false);
}

void net_listen(void *opaque)
{
    struct net *net = opaque;

    if (!atomic_load(&net->link))
        net_take_back(net);
    if (net->virtio.running && !net->virtio.halting)
        net_begin(net);
}
