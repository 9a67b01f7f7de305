/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * UNIX stream sockets with a path, for all that a user gives one for: chardevs, network back ends,
 * migrations.
 *
 * Threads: main thread only.
 */
#ifndef VMM_HOST_UNIX_SOCKET_H
#define VMM_HOST_UNIX_SOCKET_H

#include <sys/un.h>

#include "base/error.h"
#include "host/file.h"

/* Of a path with its NUL. */
#define SOCKET_PATH_SIZE sizeof(((struct sockaddr_un *)NULL)->sun_path)

/* Both return a non-blocking socket, or -1 and an error that names the path; a path that is empty or does not
 * fit is an error, too. Listen; a socket that an earlier run left behind is replaced, but neither another
 * file nor a socket at which somebody listens. `made` is what to remove at the end, also after a failure. */
int unix_listen(const char *path, int backlog, struct made_file *made, struct error *error);
/* Connect to who listens there. */
int unix_connect(const char *path, struct error *error);

#endif
