/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/vhost.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/vhost.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "host/passed.h"
#include "net/type.h"

/* VIRTIO 1.2, 5.1.3. */
#define MERGED_BUFFERS (UINT64_C(1) << 15)
#define KNOWN (VHOST_RING_FEATURES | MERGED_BUFFERS)
/* The kernel adds and takes off the header, for a tap device without it. */
#define OWN_HEADER (UINT64_C(1) << VHOST_NET_F_VIRTIO_NET_HDR)

static const struct vhost_kind kind = {
    .path = "/dev/vhost-net",
    .module = "vhost_net",
    .wanted = "vhost=on",
    .instead = ", or say vhost=off, which serves every tap device",
};

int net_vhost_open(const struct net_backend *backend, const char *passed, struct error *error)
{
    const char *name = passed ? passed : kind.path;
    int fd = passed ? net_backend_descriptor(backend, "vhostfd", passed, error) : vhost_open(&kind, error);
    uint64_t features;

    if (fd < 0)
        return -1;
    if (!vhost_features(fd, &features))
        error_set(error, "vhostfd=%.80s: it is no descriptor of %s", name, kind.path);
    else if ((features & KNOWN) != KNOWN || !(features & OWN_HEADER))
        error_set(error, "%.80s: this kernel's vhost-net is too old, or another device; say vhost=off", name);
    else if (!vhost_own(fd))
        error_set(error, "%.80s: VHOST_SET_OWNER: %s%s", name, strerror(errno),
                  errno == EBUSY ? "; it is in use already, so pass another one" : "; or say vhost=off");
    else
        return fd;
    close(fd);
    return -1;
}

bool net_backend_has_vhost(const struct net_backend *backend)
{
    return backend->queues > 0 && backend->links[0].vhost >= 0;
}

bool net_vhost_set_memory(struct net_backend *backend, const struct vhost_span *spans, unsigned count,
                          struct error *error)
{
    for (unsigned i = 0; i < backend->queues; i++)
        if (!vhost_set_memory(backend->links[i].vhost, spans, count, error))
            return error_prefix(error, "netdev '%s': ", backend->id);
    return true;
}

/* ---- serving ---- */

/* Pairs of a tap device that nobody reads get no frames. */
static bool use_pair(struct net_link *link, bool use)
{
    struct ifreq request = { .ifr_flags = (short)(use ? IFF_ATTACH_QUEUE : IFF_DETACH_QUEUE) };

    if (link->detached != use)
        return true;
    if (ioctl(link->fd, TUNSETQUEUE, &request) < 0)
        return false;
    link->detached = !use;
    return true;
}

/* -1: no tap device; the kernel serves the ring no longer. */
static bool set_tap(int vhost, unsigned index, int tap)
{
    struct vhost_vring_file what = { .index = index, .fd = tap };

    return ioctl(vhost, VHOST_NET_SET_BACKEND, &what) == 0;
}

static bool start_pair(struct net_link *link, uint64_t features, const struct vhost_ring rings[2])
{
    features &= KNOWN;
    if (!net_backend_has_headers(link->backend))
        features |= OWN_HEADER;
    if (!use_pair(link, true) || !vhost_set_features(link->vhost, features))
        return false;
    for (unsigned i = 0; i < 2; i++)
        if (!vhost_ring_give(link->vhost, i, &rings[i]))
            return false;
    return set_tap(link->vhost, 0, link->fd) && set_tap(link->vhost, 1, link->fd);
}

/* Whether it was started or not. */
static void stop_pair(struct net_link *link, uint16_t next[2])
{
    for (unsigned i = 0; i < 2; i++) {
        RESULT_DOES_NOT_MATTER(!set_tap(link->vhost, i, VHOST_FILE_UNBIND),
                               "the kernel refuses only what it does not serve");
        vhost_ring_take(link->vhost, i, &next[i]);
    }
}

bool net_vhost_start(struct net_backend *backend, unsigned pairs, uint64_t features,
                     const struct vhost_ring *rings, struct error *error)
{
    for (unsigned i = 0; i < backend->queues; i++) {
        struct net_link *link = &backend->links[i];

        if (i < pairs ? start_pair(link, features, &rings[2 * (size_t)i]) : use_pair(link, false))
            continue;
        error_set(error, "netdev '%s': vhost-net: %s", backend->id, strerror(errno));
        for (unsigned started = 0; started <= i && started < pairs; started++)
            stop_pair(&backend->links[started], (uint16_t[2]){ 0 });
        for (unsigned done = 0; done < backend->queues; done++)
            RESULT_DOES_NOT_MATTER(!use_pair(&backend->links[done], true), "then it has fewer queues");
        return false;
    }
    return true;
}

void net_vhost_stop(struct net_backend *backend, unsigned pairs, uint16_t *next)
{
    for (unsigned i = 0; i < pairs; i++)
        stop_pair(&backend->links[i], next + 2 * (size_t)i);
    for (unsigned i = 0; i < backend->queues; i++)
        RESULT_DOES_NOT_MATTER(!use_pair(&backend->links[i], true), "then it has fewer queues");
}

bool net_vhost_set_call(struct net_backend *backend, unsigned ring, int call)
{
    return vhost_ring_call(backend->links[ring / 2].vhost, ring % 2, call);
}
