/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A client over TCP that connects to its server as often as needed. In the sandbox the name of a server
 * cannot be looked up, and no socket of the network can be created: so both are done once, before it is
 * closed, for each address that the server has, and a socket is used anew for each connection (connect()
 * with AF_UNSPEC).
 *
 * Threads: main thread only.
 */
#ifndef VMM_HOST_REDIAL_H
#define VMM_HOST_REDIAL_H

#include <stdbool.h>
#include <sys/socket.h>

#include "base/error.h"
#include "base/loop.h"

struct redial;

/* The result of an attempt: a connection, non-blocking and O_CLOEXEC, which the callee owns; or -1 and the
 * reason in words. */
typedef void redial_ended(void *opaque, int fd, const char *why);

/* Look up a server, and create its sockets, without connecting; at most REDIAL_ADDRESSES_MAX of its addresses
 * are used. NULL and an error that names host and port. */
#define REDIAL_ADDRESSES_MAX 8u
struct redial *redial_create(const char *host, const char *port, bool nodelay, struct error *error);
/* A further owner; each releases it, after redial_stop(). Without effect if it is NULL. */
struct redial *redial_share(struct redial *redial);
void redial_release(struct redial *redial);

/* Connect, unless that is in progress, to the first address that accepts it. `ended` is called once, before
 * the return or from the loop. Its caller closes the connection, and calls redial_hang_up(), before the next
 * call. */
void redial_begin(struct redial *redial, struct loop *loop, redial_ended *ended, void *opaque);
/* The connection is closed: inform the server. */
void redial_hang_up(struct redial *redial);
/* End an attempt in progress; `ended` is not called. Without effect if there is none, or it is NULL. */
void redial_stop(struct redial *redial);
/* The address of the last connection. */
const struct sockaddr *redial_peer(const struct redial *redial);

#endif
