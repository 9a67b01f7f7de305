/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Network back ends (-netdev): the other ends of network cards' cables. Words and rules are QEMU's.
 *
 * A card uses one back end, and a back end has one card. It hears of the cable: whether somebody is at the
 * other end, and whether set_link has pulled it out. Frames go through ports (net/port.h), one for each pair
 * of queues.
 *
 * Threads: main thread only, but for ports, which are the I/O thread's of the card.
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

struct net_backend;
struct net_backends;

/* Who uses a back end. The struct belongs to the card. */
struct net_card {
    const char *name; /* for people, borrowed: "device 'net0'" */
    /* net_backend_link() has changed. Main thread. */
    void (*link)(void *opaque);
    /* For its ports: on the I/O thread. `opaque` of these is the port's number. */
    void (*readable)(void *opaque, unsigned port);
    void (*writable)(void *opaque, unsigned port);
    void *opaque;
    struct io_thread *io; /* that its ports are used on */
};

/* `event` tells monitors of an end that came or went; it may be NULL. NULL: out of memory. */
struct net_backends *net_backends_create(struct loop *loop, event_sink *event, void *opaque);
/* No back end has a card any more. NULL will do. */
void net_backends_destroy(struct net_backends *backends);
/* From now on the program runs under its list of system calls: no network address is reached, no program is
 * started, no tap device is made any more. With `later`, a network of libslirp's can still be added: a
 * spawner is forked for it. Before there are other threads. */
void net_backends_seal(struct net_backends *backends, bool later);

/* What can be said of a -netdev without opening anything. */
bool net_backend_check(struct props props, struct error *error);
/* -netdev, netdev_add. With a completion, one whose program has to begin first is there later: nothing waits
 * for that, and until then only its id is taken. Without, the outcome is not OUTCOME_LATER. */
enum outcome net_backend_add(struct net_backends *backends, struct props props,
                             const struct completion *completion, struct error *error);
/* netdev_del: it has no card. */
bool net_backend_remove(struct net_backends *backends, const char *id, struct error *error);

struct net_backend *net_backend_find(const struct net_backends *backends, const char *id); /* NULL: none */
/* The same, and otherwise an error with the ids that there are. */
struct net_backend *net_backend_require(const struct net_backends *backends, const char *id,
                                        struct error *error);
/* In order of creation: NULL gives the first. */
struct net_backend *net_backend_next(const struct net_backends *backends, const struct net_backend *backend);

const char *net_backend_id(const struct net_backend *backend);
/* "type=stream,addr=..." as info network shows it; valid until the next call. */
const char *net_backend_describe(const struct net_backend *backend);
/* NULL: nobody uses it. */
const struct net_card *net_backend_card(const struct net_backend *backend);
/* Pairs of queues that a card may have. */
unsigned net_backend_queues(const struct net_backend *backend);
/* Whether frames have headers with checksums and segments to be made at the other end. */
bool net_backend_has_headers(const struct net_backend *backend);
/* What the driver accepts of that (linux/if_tun.h, TUN_F_*): from none to all of NET_OFFLOADS. I/O thread. */
#define NET_OFFLOADS (TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN)
bool net_backend_offload(struct net_backend *backend, unsigned flags, struct error *error);

/* Frames can go: somebody is at the other end, and set_link has not pulled the cable out. */
bool net_backend_link(const struct net_backend *backend);
/* set_link. */
void net_backend_set_link(struct net_backend *backend, bool up);

/* `card` uses it from now on. False and an error: another one does. */
bool net_backend_use(struct net_backend *backend, const struct net_card *card, struct error *error);
/* No port is used any more. One without a card will do. */
void net_backend_leave(struct net_backend *backend);
/* One of net_backend_queues(). Nothing goes through it while nobody is connected. */
struct net_port *net_backend_port(struct net_backend *backend, unsigned index);

#endif
