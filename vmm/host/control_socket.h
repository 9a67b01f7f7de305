/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The socket by which hotramctl finds a guest that has a name (base/control_path.h): a QMP monitor for the
 * user that started the program only.
 *
 * Threads: main thread only, before there are others, since the umask is changed while the socket is created.
 */
#ifndef VMM_HOST_CONTROL_SOCKET_H
#define VMM_HOST_CONTROL_SOCKET_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/control_path.h"
#include "base/error.h"
#include "host/file.h"

struct control_socket {
    struct made_file file;
};

/* Make the folder (0700) and in it the socket (0600) of the guest's name, and listen. The socket of a guest
 * that no longer exists is replaced. Returns the descriptor, which the caller owns; or -1 and an error:
 * another guest with this name is running, the path is not usable (control_path()), or a system call failed.
 */
int control_socket_open(struct control_socket *socket, const char *name, struct error *error);

/* Remove the file, if it is still the one that was created. */
void control_socket_remove(struct control_socket *socket);

#endif
