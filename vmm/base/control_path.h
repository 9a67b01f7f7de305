/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a named guest's control socket is: $XDG_RUNTIME_DIR/hotram/NAME.sock. hotram creates it, and
 * hotramctl looks for it there.
 *
 * In the name of the file, '/', '%', control characters, and a '.' at the beginning become %XX. So two
 * guests' names never have the same file, and the guest's name can be recovered from it.
 */
#ifndef VMM_BASE_CONTROL_PATH_H
#define VMM_BASE_CONTROL_PATH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define CONTROL_PATH_SIZE 108 /* of a socket's path, NUL included: sockaddr_un's */
#define CONTROL_SUFFIX ".sock"

/* Write the path of the folder of all control sockets. False and an error: XDG_RUNTIME_DIR is not set, or
 * the path is too long for a socket in it. Any thread. */
bool control_folder(char path[CONTROL_PATH_SIZE], struct error *error);

/* Write the path of a guest's socket. False and an error: as for control_folder(), the name is empty, or
 * the path is longer than the path of a socket can be (sockaddr_un). */
bool control_path(const char *name, char path[CONTROL_PATH_SIZE], struct error *error);

/* Write the name of the guest to which a file in that folder belongs, ending in NUL. False: the file is not
 * a control socket, or the name needs more than `size` bytes. */
bool control_name(const char *file, char *name, size_t size);

#endif
