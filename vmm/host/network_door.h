/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where guests pass on the network: the one place at which the program listens for a guest that arrives, and
 * the way to another such place. In the sandbox no socket of the network can be created: so one to listen,
 * for each family of addresses, is created before it is closed, if the command line says that a guest may
 * arrive, and bound when the address is known. The guest does not run yet then; all of them are closed before
 * it does. A guest leaves this way only without the sandbox.
 *
 * There is one for the process. Threads: main thread only.
 */
#ifndef VMM_HOST_NETWORK_DOOR_H
#define VMM_HOST_NETWORK_DOOR_H

#include "base/error.h"

/* Create the sockets, which are not bound; before the sandbox. What the host does not have is an error of
 * network_door_listen() only, as the guest may arrive by another way. */
void network_door_prepare(void);
/* Bind to "ADDRESS:PORT" and listen for one client. An address is that of an interface, in numbers, with IPv6
 * in brackets; "" or "0" are all of them; "[::]" includes those of IPv4. Returns a non-blocking socket that
 * the caller closes, while the others are closed already. -1 and an error that names the address: another one
 * may be tried. */
int network_door_listen(const char *text, struct error *error);
/* Connect to "ADDRESS:PORT", an address in numbers, without waiting: what is written to the socket waits, and
 * learns that it failed. Returns a non-blocking socket, which the caller closes. -1 and an error that names
 * the address; with errno EPERM it is the sandbox. */
int network_door_leave(const char *text, struct error *error);
/* Nobody will listen. Without effect if there are no sockets. */
void network_door_close(void);

#endif
