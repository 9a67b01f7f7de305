/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TCP sockets of chardevs. They are created before the sandbox is closed, since neither name resolution nor
 * the network is accessible in it; later they are used as inherited descriptors are.
 *
 * Threads: main thread only.
 */
#ifndef VMM_CHARDEV_TCP_H
#define VMM_CHARDEV_TCP_H

#include <stdbool.h>

#include "base/config.h"
#include "base/error.h"

/* Listen at host and port, or connect to them: config->fd becomes the socket, and config->port the number of
 * the port that a server was assigned for 0. For a client that connects again, only what it needs for that is
 * created: config->redial. Warns of a server that accepts clients from other hosts. False and an error that
 * names the address and the reason. */
bool tcp_open(struct chardev_config *config, struct error *error);

#endif
