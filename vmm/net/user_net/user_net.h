/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The internals of the program for user networking.
 *
 * Threads: one.
 */
#ifndef VMM_NET_USER_NET_USER_NET_H
#define VMM_NET_USER_NET_USER_NET_H

#include <slirp/libslirp.h>
#include <stdbool.h>

/* settings.c: the properties in the arguments. */
struct settings {
    SlirpConfig slirp;
    const char *hostfwd, *guestfwd; /* rules, separated by commas, or NULL */
};

/* False: `why` says what is wrong. */
bool settings_read(struct settings *settings, int argc, char *argv[], char *why, size_t size);
/* Open the host's ports of hostfwd. False: `why` gives the reason. */
bool settings_forward(const struct settings *settings, Slirp *slirp, char *why, size_t size);

/* Parse "ADDRESS:PORT" up to `end`, with a port of at least `least`; without an address, *address is
 * unchanged. *rest becomes the remaining text. False: the text is malformed. */
bool settings_read_end(const char *text, char end, struct in_addr *address, int *port, int least,
                       const char **rest);

/* guestfwd.c: connect to the servers of the rules. False: `why` says what is wrong. */
bool guestfwd_open(const char *rules, Slirp *slirp, char *why, size_t size);
/* Called in each round of the loop, with slirp_pollfds_fill() and slirp_pollfds_poll(). */
void guestfwd_fill(Slirp *slirp, SlirpAddPollCb add, void *opaque);
void guestfwd_poll(Slirp *slirp, SlirpGetREventsCb get, void *opaque);

/* confine.c: restrict the program to the system calls that networking needs. False and errno: the kernel
 * refuses. True also if it was built without libseccomp. */
bool confine(void);

#endif
