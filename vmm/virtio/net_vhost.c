/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A network card whose frames the kernel moves (net/vhost.h), by the pairs in use. This program takes them
 * back also when the link is down, or the driver changes the number of pairs; and it moves the frames itself
 * where the kernel does not.
 *
 * Threads: net_vhost_attach() is the main thread's, the rest the I/O thread's.
 */
#include "base/message.h"
#include "net/vhost.h"
#include "virtio/net.h"

static struct net *net_of(struct virtio_device *device)
{
    return (struct net *)(void *)device;
}

static bool set_memory(struct virtio_device *device, const struct vhost_span *spans, unsigned count,
                       struct error *error)
{
    return net_vhost_set_memory(net_of(device)->backend, spans, count, error);
}

static bool start(struct virtio_device *device, unsigned queues, struct vhost_ring *rings,
                  struct error *error)
{
    return net_vhost_start(net_of(device)->backend, queues / 2, device->accepted, rings, error);
}

static void stop(struct virtio_device *device, unsigned queues, uint16_t *next)
{
    net_vhost_stop(net_of(device)->backend, queues / 2, next);
}

static bool set_call(struct virtio_device *device, unsigned queue, int call)
{
    return net_vhost_set_call(net_of(device)->backend, queue, call);
}

static void gave_up(struct virtio_device *device, const char *why)
{
    warning("%s: %s; hotram moves the frames itself", device->name, why);
    net_listen(net_of(device));
}

static const struct virtio_vhost_type type = {
    .name = "vhost-net",
    .server = "the kernel's vhost-net",
    .instead = "; vhost=off has no limit",
    .set_memory = set_memory,
    .start = start,
    .stop = stop,
    .set_call = set_call,
    .gave_up = gave_up,
};

bool net_vhost_attach(struct net *net, struct error *error)
{
    return !net_backend_has_vhost(net->backend) ||
           virtio_vhost_attach(&net->vhost, &type, &net->virtio, 2 * net->pairs, error);
}

bool net_vhost_start_if_possible(struct net *net)
{
    return net->vhost.ready && atomic_load(&net->link) &&
           virtio_vhost_start_if_possible(&net->vhost, 2 * net->pairs_in_use);
}

void net_vhost_broken(struct virtio_device *device)
{
    net_take_back(net_of(device));
}

void net_vhost_vector_changed(struct virtio_device *device)
{
    if (net_is_user(net_of(device)))
        virtio_user_vector_changed(device);
    else
        virtio_vhost_vector_changed(&net_of(device)->vhost);
}
