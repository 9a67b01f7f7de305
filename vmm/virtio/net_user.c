/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A network card whose frames a back end of vhost-user moves (virtio/user.h), by the pairs in use. While it
 * is gone, the link is down, and what the driver sends is dropped. The control queue is this program's.
 *
 * Threads: net_user_connect(), net_user_answered() and net_user_serve() are the main thread's, the rest the
 * I/O thread's.
 */
#include "device/board.h"
#include "virtio/net.h"

static struct net *net_of(struct virtio_device *device)
{
    return (struct net *)(void *)device;
}

/* Main thread: the link follows the connection. */
static void changed(void *opaque)
{
    struct net *net = opaque;

    net_backend_set_connected(net->backend, atomic_load(&net->served));
}

static void set_served(struct virtio_device *device, bool served)
{
    struct net *net = net_of(device);

    atomic_store(&net->served, served);
    loop_post(device->pci.device.board->loop, &net->served_changed);
}

static void gone(struct virtio_device *device)
{
    set_served(device, false);
}

static void came_back(struct virtio_device *device)
{
    set_served(device, true);
}

static bool may_serve(struct virtio_device *device)
{
    return atomic_load(&net_of(device)->link);
}

static const struct virtio_user_type user_type = {
    .noun = "network card",
    .features = NET_USER_FEATURES,
    .group = 2,
    .again = true,
    .ordered = true,
    .may_serve = may_serve,
    .gone = gone,
    .came_back = came_back,
};

static bool has_pairs(const struct net *net, struct error *error)
{
    const struct vhost_user *back_end = &net->user.back_end;
    const unsigned limit = back_end->features & VIRTIO_NET_F_MQ ? back_end->rings : 1;

    return net->pairs <= limit ||
           error_set(error, "netdev '%s' has queues=%u, and its back end serves %u; give queues=%u",
                     net_backend_id(net->backend), net->pairs, limit, limit);
}

/* Until the card is plugged, which looks at the link. */
static void nothing(void *opaque)
{
    (void)opaque;
}

bool net_user_connect(struct net *net, struct board *board, struct error *error)
{
    const char *id = net_backend_chardev(net->backend);

    net->served_changed = (struct work){ .run = changed, .opaque = net };
    if (!id)
        return true;
    net->card = (struct net_card){
        .name = net->virtio.name, .link = nothing, .announce = nothing, .opaque = net, .io = net->virtio.io
    };
    return virtio_user_connect(&net->user, &net->virtio, &user_type, id, "vhost-user.chardev", board,
                               error) &&
           net_backend_use(net->backend, &net->card, error);
}

bool net_user_answered(struct net *net, struct error *error)
{
    net->user.queues = 2 * net->pairs;
    atomic_store(&net->served, true);
    return virtio_user_limit_rings(&net->user, &net->values.virtio, error) && has_pairs(net, error);
}

bool net_user_serve(struct net *net, struct error *error)
{
    if (!virtio_user_serve(&net->user, error))
        return false;
    changed(net);
    net_link_follow(net); /* its driver may be there already */
    return true;
}

void net_user_begin(struct net *net)
{
    net->user.queues = 2 * net->pairs_in_use;
    virtio_user_begin(&net->user);
}

void net_user_announce(struct net *net)
{
    if (virtio_user_still_there(&net->user))
        vhost_user_announce(&net->user.back_end, net->filter.mac);
    virtio_user_still_there(&net->user);
}

bool net_user_takes(const struct net *net, const struct virtio_queue *queue)
{
    return net_is_user(net) && atomic_load(&net->link) &&
           (queue->index < 2 * net->pairs_in_use || queue->index % 2 == 0);
}
