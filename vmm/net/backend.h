/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Network back ends (-netdev): the other ends of network cards' cables. Names and rules are QEMU's.
 *
 * A card uses one back end, and a back end has one card. The card is notified of its link: whether a peer is
 * connected, and whether set_link disconnected the cable. Frames go through ports (net/port.h), one for each
 * pair of queues.
 *
 * Threads: main thread only, except ports, which belong to the I/O thread of the card.
 */
#ifndef VMM_NET_BACKEND_H
#define VMM_NET_BACKEND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/completion.h"
#include "base/event.h"
#include "base/props.h"
#include "host/io_thread.h"
#include "net/port.h"

#define NET_QUEUES_MAX 64u /* pairs */

struct chardevs;
struct net_backend;
struct net_backends;

/* The user of a back end. The struct belongs to the card. */
struct net_card {
    const char *name; /* for people, borrowed: "device 'net0'" */
    bool stays;       /* its device cannot be unplugged (base/in_use.h) */
    /* The result of net_backend_link() changed. Main thread. */
    void (*link)(void *opaque);
    /* Announce its address now (net/announce.h). Main thread. */
    void (*announce)(void *opaque);
    /* For its ports: on the I/O thread. `opaque` of these is the port's number. */
    void (*readable)(void *opaque, unsigned port);
    void (*writable)(void *opaque, unsigned port);
    void *opaque;
    struct io_thread *io; /* on which its ports are used */
};

/* Create the set of all back ends. `event` (may be NULL) receives events of peers that connect and
 * disconnect. NULL: out of memory. */
struct net_backends *net_backends_create(struct loop *loop, event_sink *event, void *opaque);
/* Called when no back end has a card any more. Without effect if it is NULL. */
void net_backends_destroy(struct net_backends *backends);
/* Called before the sandbox is closed and before there are other threads: afterwards no network address can
 * be reached, no program started and no tap device created. With `later`, a spawner is forked so that
 * networks of libslirp can still be added. */
void net_backends_seal(struct net_backends *backends, bool later);

/* Attach those that use chardevs, before these are started; from now on, back ends that are added can use
 * them, too. False and an error. With NULL, which cannot fail, all are detached, before chardevs are
 * destroyed. */
bool net_backends_attach(struct net_backends *backends, struct chardevs *chardevs, struct error *error);

/* Check a -netdev without opening anything. False and an error: a property is not valid or conflicts with
 * another. */
bool net_backend_check(struct props props, struct error *error);
/* -netdev, netdev_add. OUTCOME_LATER, only with a completion: its program is being started; meanwhile its id
 * is taken, but it cannot be used. */
enum outcome net_backend_add(struct net_backends *backends, struct props props,
                             const struct completion *completion, struct error *error);
/* netdev_del. False and an error: there is no such back end, or it has a card. */
bool net_backend_remove(struct net_backends *backends, const char *id, struct error *error);

struct net_backend *net_backend_find(const struct net_backends *backends, const char *id); /* NULL: none */
/* The same; NULL sets an error that lists the existing ids. */
struct net_backend *net_backend_require(const struct net_backends *backends, const char *id,
                                        struct error *error);
/* The back end by its own id or the name of its card. NULL sets the same error. */
struct net_backend *net_cable_require(const struct net_backends *backends, const char *name,
                                      struct error *error);
/* Iterate in order of creation: NULL gives the first; returns NULL after the last. */
struct net_backend *net_backend_next(const struct net_backends *backends, const struct net_backend *backend);

const char *net_backend_id(const struct net_backend *backend);
/* "type=stream,addr=..." as info network shows it; valid until the next call. */
const char *net_backend_describe(const struct net_backend *backend);
/* Its user, or NULL. */
const struct net_card *net_backend_card(const struct net_backend *backend);
/* Pairs of queues that a card may have. */
unsigned net_backend_queues(const struct net_backend *backend);
/* Whether frames have headers that request checksums and segmentation from the other end. */
bool net_backend_has_headers(const struct net_backend *backend);
/* Set which of these the driver accepts (linux/if_tun.h, TUN_F_*): a subset of NET_OFFLOADS. False and an
 * error: the kernel refuses. I/O thread. */
#define NET_OFFLOADS (TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN)
bool net_backend_offload(struct net_backend *backend, unsigned flags, struct error *error);

/* The chardev by which the card connects to a back end of vhost-user, which then transfers the frames; NULL:
 * the back end is of another type. */
const char *net_backend_chardev(const struct net_backend *backend);
/* That connection exists, or no longer: the link follows, and there is an event. Main thread. */
void net_backend_set_connected(struct net_backend *backend, bool connected);

/* Whether frames can be transferred: a peer is connected, and set_link did not disconnect the cable. */
bool net_backend_link(const struct net_backend *backend);
/* set_link. */
void net_backend_set_link(struct net_backend *backend, bool up);

/* Assign it to `card`. False and an error: another card uses it. */
bool net_backend_use(struct net_backend *backend, const struct net_card *card, struct error *error);
/* Release it, when no port is used any more. Without effect if it has no card. */
void net_backend_leave(struct net_backend *backend);
/* A port, `index` being less than net_backend_queues(). Frames are dropped while no peer is connected. */
struct net_port *net_backend_port(struct net_backend *backend, unsigned index);

#endif
