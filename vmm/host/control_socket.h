/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The socket by which hotramctl finds a guest that has a name (base/control_path.h): a QMP monitor for the
 * user that started the program, and nobody else.
 *
 * Threads: main thread only, and before there are others: the socket is made under a umask of its own.
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

/* Make the folder (0700) and in it the socket (0600) of the guest's name, and listen. What a guest that is
 * gone has left behind is replaced; where another guest of the name lives, it keeps its socket and this
 * fails. Returns the descriptor, which the caller owns, or -1. */
int control_socket_open(struct control_socket *socket, const char *name, struct error *error);

/* Remove the file, if it is still the one that was made. */
void control_socket_remove(struct control_socket *socket);

#endif
