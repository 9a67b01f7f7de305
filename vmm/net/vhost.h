/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vhost-net: the kernel moves the frames between a tap device and the rings of a guest's card by itself
 * (vhost/vhost.h). Each pair of queues has a descriptor of /dev/vhost-net.
 *
 * Threads: as each function says; the kernel has locks of its own.
 */
#ifndef VMM_NET_VHOST_H
#define VMM_NET_VHOST_H

#include "vhost/vhost.h"

struct net_backend;

/* Open and own a descriptor: of `passed` (a number or a name, net_backend_descriptor()), or a new one. -1 and
 * an error that says what to do. Main thread. */
int net_vhost_open(const struct net_backend *backend, const char *passed, struct error *error);

/* Whether a back end has one for each pair. */
bool net_backend_has_vhost(const struct net_backend *backend);
/* vhost_set_memory() for each pair. False: those of some pairs may be as before. Main thread. */
bool net_vhost_set_memory(struct net_backend *backend, const struct vhost_span *spans, unsigned count,
                          struct error *error);
/* Serve pairs 0 to `pairs` - 1, whose rings are in `rings` (receive, transmit, receive ...), with the
 * features that the driver has accepted; the tap device gives frames to these pairs alone. False: none is
 * served. The card's I/O thread, and so are the next two. */
bool net_vhost_start(struct net_backend *backend, unsigned pairs, uint64_t features,
                     const struct vhost_ring *rings, struct error *error);
/* Serve none; next[i] is where ring i goes on. */
void net_vhost_stop(struct net_backend *backend, unsigned pairs, uint16_t *next);
/* Ring `ring` of those that are served has another interrupt. */
bool net_vhost_set_call(struct net_backend *backend, unsigned ring, int call);

#endif
