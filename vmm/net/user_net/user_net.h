/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Inside the program for user networking.
 *
 * Threads: one.
 */
#ifndef VMM_NET_USER_NET_USER_NET_H
#define VMM_NET_USER_NET_USER_NET_H

#include <slirp/libslirp.h>
#include <stdbool.h>

/* settings.c: what the arguments say. */
struct settings {
    SlirpConfig slirp;
    const char *hostfwd, *guestfwd; /* rules with commas between them, or NULL */
};

/* False: `why` says what is wrong. */
bool settings_read(struct settings *settings, int argc, char *argv[], char *why, size_t size);
/* Open the ports of the host's. */
bool settings_forward(const struct settings *settings, Slirp *slirp, char *why, size_t size);

/* "ADDRESS:PORT" up to `end`, with a port from `least` on; the address may be left out, and is as it was
 * then. What follows is stored. */
bool settings_read_end(const char *text, char end, struct in_addr *address, int *port, int least,
                       const char **rest);

/* guestfwd.c: connect to the servers of the rules. False: `why` says what is wrong. */
bool guestfwd_open(const char *rules, Slirp *slirp, char *why, size_t size);
/* In each round of the loop, beside slirp_pollfds_fill() and slirp_pollfds_poll(). */
void guestfwd_fill(Slirp *slirp, SlirpAddPollCb add, void *opaque);
void guestfwd_poll(Slirp *slirp, SlirpGetREventsCb get, void *opaque);

/* confine.c: from now on the program has the system calls that networking needs, and no others. False and
 * errno: the kernel refuses. True also where it was built without libseccomp. */
bool confine(void);

#endif
