/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Announcements: cards send frames with their addresses, so that switches learn where these are now. Whoever
 * moves a guest to this host calls net_announce() with NET_ANNOUNCEMENT once the guest is here; the command
 * announce-self does the same on demand. Parameters and their meaning are QEMU's.
 *
 * Threads: main thread only.
 */
#ifndef VMM_NET_ANNOUNCE_H
#define VMM_NET_ANNOUNCE_H

#include <stddef.h>
#include <stdint.h>

#include "net/backend.h"

struct net_announcement {
    /* Number of rounds, the first one at once, and the pauses between them, in ms: the first pause, what is
     * added for each further one, and the longest. 0 rounds end an announcement in progress. */
    int64_t initial, max, rounds, step;
    const char *id; /* an announcement in progress with the same id is replaced */
    /* Only these cards, by id or by that of their netdev; NULL: all. Names are copied. */
    const char *const *names;
    size_t name_count;
};
/* Pace of an announcement for which nothing else was requested: QEMU's defaults. */
#define NET_ANNOUNCEMENT \
    ((struct net_announcement){ .initial = 50, .max = 550, .rounds = 5, .step = 100, .id = "" })

/* Begin an announcement: its first round precedes the return, but for a card whose I/O thread may wait for a
 * back end of vhost-user, which follows when it does not. Cards whose link is down at a round are left out.
 * False and an error, without an effect: a number is out of range, or a name stands for no card. */
bool net_announce(struct net_backends *backends, const struct net_announcement *announcement,
                  struct error *error);
/* End all. */
void net_announce_stop(struct net_backends *backends);

/* A frame that announces an address: reverse ARP, as QEMU sends it. */
#define NET_ANNOUNCE_FRAME 60u
void net_announce_frame(const uint8_t mac[6], uint8_t frame[NET_ANNOUNCE_FRAME]);

#endif
