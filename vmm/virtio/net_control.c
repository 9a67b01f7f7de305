/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Commands of a network card's driver (VIRTIO 1.2, 5.1.6.5), on its I/O thread. That the filter has changed
 * is said on the main thread (net.c).
 */
#include <string.h>

#include "virtio/net.h"

#define CLASS_ANNOUNCE 3u
#define ANNOUNCE_ACK 0u
#define CLASS_MQ 4u
#define MQ_PAIRS_SET 0u
#define CLASS_GUEST_OFFLOADS 5u
#define GUEST_OFFLOADS_SET 0u
#define CONTROL_OK 0u
#define CONTROL_ERROR 1u

static size_t read_request(const void *source, uint64_t offset, void *bytes, size_t length)
{
    return virtio_request_read(source, offset, bytes, length);
}

static bool obey_filter(struct net *net, const struct virtio_request *request)
{
    const struct net_command command = { read_request, request, request->out_bytes };
    uint8_t before[6];

    memcpy(before, net->filter.mac, sizeof before);
    if (!net_filter_obey(&net->filter, net->virtio.accepted, &command))
        return false;
    if (memcmp(before, net->filter.mac, sizeof before) != 0)
        virtio_device_config_put(&net->virtio, NET_CONFIG_MAC, net->filter.mac, sizeof net->filter.mac);
    net_show_filter(net);
    if (!atomic_exchange(&net->filter_told, true))
        loop_post(net->virtio.pci.device.board->loop, &net->filter_changed);
    return true;
}

static void set_pairs(struct net *net, unsigned pairs)
{
    net_take_back(net);
    net->pairs_in_use = pairs;
    net_begin(net);
    for (unsigned i = 0; i < pairs; i++)
        virtio_device_kick(&net->virtio, 2 * i); /* frames of ports that are another queue's now */
}

static bool obey_pairs(struct net *net, const struct virtio_request *request)
{
    uint8_t command[4];
    unsigned pairs;

    if (request->out_bytes != sizeof command || !virtio_device_has(&net->virtio, VIRTIO_NET_F_MQ) ||
        virtio_request_read(request, 0, command, sizeof command) != sizeof command ||
        command[0] != CLASS_MQ || command[1] != MQ_PAIRS_SET)
        return false;
    pairs = command[2] | (unsigned)command[3] << 8;
    if (pairs < 1 || pairs > net->pairs)
        return false;
    set_pairs(net, pairs);
    return true;
}

/* Of those that it has accepted, the driver needs these from now on, until the next reset (5.1.6.5.6). */
static bool obey_offloads(struct net *net, const struct virtio_request *request)
{
    uint8_t command[10];
    uint64_t offloads = 0;

    if (request->out_bytes != sizeof command ||
        !virtio_device_has(&net->virtio, VIRTIO_NET_F_CTRL_GUEST_OFFLOADS) ||
        virtio_request_read(request, 0, command, sizeof command) != sizeof command ||
        command[0] != CLASS_GUEST_OFFLOADS || command[1] != GUEST_OFFLOADS_SET)
        return false;
    for (unsigned i = 0; i < 8; i++)
        offloads |= (uint64_t)command[2 + i] << (8 * i);
    if (offloads & ~(net->virtio.accepted & NET_GUEST_OFFLOADS))
        return false;
    net_set_offloads(net, offloads);
    return true;
}

/* The driver has announced the card's address, or begins to (5.1.6.5.4). */
static bool obey_announced(struct net *net, const struct virtio_request *request)
{
    uint8_t command[2];

    return request->out_bytes == sizeof command && virtio_device_has(&net->virtio, NET_ANNOUNCES) &&
           virtio_request_read(request, 0, command, sizeof command) == sizeof command &&
           command[0] == CLASS_ANNOUNCE && command[1] == ANNOUNCE_ACK && net_announced(net);
}

void net_control(struct net *net, struct virtio_queue *queue)
{
    struct virtio_request *request;

    while ((request = virtio_queue_pop(queue)) != NULL) {
        uint8_t answer;

        if (request->in_bytes == 0 || request->out_bytes < 2) {
            const unsigned long long bytes = request->out_bytes;
            const bool has_room = request->in_bytes > 0;

            virtio_queue_push(request, 0);
            virtio_queue_break(queue, "a command has %llu bytes, and %s for the answer", bytes,
                               has_room ? "room" : "no room");
            return;
        }
        answer = obey_filter(net, request) || obey_pairs(net, request) || obey_offloads(net, request) ||
                         obey_announced(net, request)
                     ? CONTROL_OK
                     : CONTROL_ERROR;
        virtio_queue_push(request, (uint32_t)virtio_request_write(request, 0, &answer, 1));
    }
}
