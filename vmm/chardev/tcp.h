/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * TCP sockets of chardevs. They are made before the sandbox closes, in which no name is looked up and no
 * network is reached; later they are descriptors like those that a program inherits.
 *
 * Threads: main thread only.
 */
#ifndef VMM_CHARDEV_TCP_H
#define VMM_CHARDEV_TCP_H

#include <stdbool.h>

#include "base/config.h"
#include "base/error.h"

/* Listen at host and port, or connect to them: config->fd is the socket then, and config->port the number of
 * the port that a server has got for 0. Who listens for more than this host is warned. The error names the
 * address and why. */
bool tcp_open(struct chardev_config *config, struct error *error);

#endif
