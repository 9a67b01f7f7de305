/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The status of a network card (VIRTIO 1.2, 5.1.4): its link, and that the driver is to announce the card's
 * address (5.1.6.5.4). On the I/O thread, except net_link_changed() and net_announce_self(), which belong to
 * the main thread.
 */
#include <string.h>

#include "net/announce.h"
#include "virtio/net.h"

#define STATUS_LINK_UP 1u
#define STATUS_ANNOUNCE 2u

uint8_t net_status(const struct net *net)
{
    return (uint8_t)((atomic_load(&net->link) ? STATUS_LINK_UP : 0) | (net->announces ? STATUS_ANNOUNCE : 0));
}

void net_put_status(struct net *net)
{
    const uint8_t status[2] = { net_status(net), 0 };

    virtio_device_config_put(&net->virtio, NET_CONFIG_STATUS, status, sizeof status);
}

static void publish_status(struct net *net)
{
    net_put_status(net);
    if (atomic_load(&net->virtio.status) & VIRTIO_STATUS_DRIVER_OK)
        virtio_interrupt_config(&net->virtio);
}

static void follow_link(void *opaque)
{
    net_listen(opaque);
    publish_status(opaque);
}

/* A thread that may wait for a back end is not waited for. */
static void run_on_io(struct net *net, struct work *work)
{
    if (net->virtio.owns_thread)
        loop_post(io_thread_loop(net->virtio.io), work);
    else
        virtio_device_call(&net->virtio, work->run, work->opaque);
}

void net_link_follow(struct net *net)
{
    run_on_io(net, &net->follow);
}

void net_link_changed(void *opaque)
{
    struct net *net = opaque;

    atomic_store(&net->link, net_backend_link(net->backend));
    net_link_follow(net);
}

/* ---- announcements ---- */

static bool driver_announces(const struct net *net)
{
    return net->virtio.running && virtio_device_has(&net->virtio, NET_ANNOUNCES);
}

/* By this program: also while the kernel moves the guest's frames, and for a driver that announces itself,
 * as QEMU. If the peer takes no frame now, the next round follows. */
static void send_frame(struct net *net)
{
    struct net_port *port = net_backend_port(net->backend, 0);
    uint8_t *room = net_port_room(port);

    if (!room)
        return;
    memset(room, 0, NET_HEADER);
    net_announce_frame(net->filter.mac, room + NET_HEADER);
    net_port_send(port, NET_HEADER + NET_ANNOUNCE_FRAME);
}

static void announce(void *opaque)
{
    struct net *net = opaque;

    if (!atomic_load(&net->link))
        return;
    if (!net_is_user(net))
        send_frame(net);
    else if (!driver_announces(net))
        net_user_announce(net);
    if (!driver_announces(net))
        return;
    net->announces = true;
    publish_status(net);
}

void net_announce_self(void *opaque)
{
    struct net *net = opaque;

    run_on_io(net, &net->announcing);
}

void net_status_init(struct net *net)
{
    net->follow = (struct work){ .run = follow_link, .opaque = net };
    net->announcing = (struct work){ .run = announce, .opaque = net };
}

bool net_announced(struct net *net)
{
    const bool was = net->announces;

    net->announces = false;
    net_put_status(net);
    return was;
}
