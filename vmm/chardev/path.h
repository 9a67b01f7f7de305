/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * UNIX sockets of chardevs, by their path.
 *
 * Threads: main thread only.
 */
#ifndef VMM_CHARDEV_PATH_H
#define VMM_CHARDEV_PATH_H

#include <sys/un.h>

#include "base/error.h"
#include "host/file.h"

/* Of a path with its NUL. */
#define SOCKET_PATH_SIZE sizeof(((struct sockaddr_un *)NULL)->sun_path)

/* Both return a non-blocking socket, or -1 and an error that names the path. Listen; a socket that an earlier
 * run left behind is replaced, and `made` is what to remove at the end, also after a failure. */
int path_listen(const char *path, struct made_file *made, struct error *error);
/* Connect to who listens there. */
int path_connect(const char *path, struct error *error);

#endif
