/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vhost-net: the kernel transfers the frames between a tap device and the rings of a guest's card
 * (vhost/vhost.h). Each pair of queues has a descriptor of /dev/vhost-net.
 *
 * Threads: as specified for each function; the kernel has its own locks.
 */
#ifndef VMM_NET_VHOST_H
#define VMM_NET_VHOST_H

#include "vhost/vhost.h"

struct net_backend;

/* Open and own a descriptor: of `passed` (a number or a name, net_backend_descriptor()), or a new one. -1 and
 * an error that names a remedy. Main thread. */
int net_vhost_open(const struct net_backend *backend, const char *passed, struct error *error);

/* Whether a back end has one for each pair. */
bool net_backend_has_vhost(const struct net_backend *backend);
/* vhost_set_memory() for each pair. False and an error: the memory of some pairs may be unchanged. Main
 * thread. */
bool net_vhost_set_memory(struct net_backend *backend, const struct vhost_span *spans, unsigned count,
                          struct error *error);
/* Serve pairs 0 to `pairs` - 1, whose rings are in `rings` (receive, transmit, receive ...), with the
 * features that the driver has accepted; the tap device delivers frames to these pairs only. False and an
 * error: none is served. This and the next two functions are called on the card's I/O thread. */
bool net_vhost_start(struct net_backend *backend, unsigned pairs, uint64_t features,
                     const struct vhost_ring *rings, struct error *error);
/* Stop serving; next[i] becomes the index at which ring i continues. */
void net_vhost_stop(struct net_backend *backend, unsigned pairs, uint16_t *next);
/* Set the eventfd `call` of the interrupt of ring `ring`, one of those that are served. False: the kernel
 * refuses. */
bool net_vhost_set_call(struct net_backend *backend, unsigned ring, int call);

#endif
