/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Where a named guest's control socket is: $XDG_RUNTIME_DIR/hotram/NAME.sock. hotram makes it there, and
 * hotramctl looks for it there.
 *
 * A name may contain what a file's name may not: '/', '%', control characters, and a '.' at its beginning
 * become %XX. So no two names have one file, and a file tells the name.
 */
#ifndef VMM_BASE_CONTROL_PATH_H
#define VMM_BASE_CONTROL_PATH_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

#define CONTROL_PATH_SIZE 108 /* of a socket's path, NUL included: sockaddr_un's */
#define CONTROL_SUFFIX ".sock"

/* The folder of all control sockets. Fails without XDG_RUNTIME_DIR, and where the path leaves no place for a
 * socket in it. */
bool control_folder(char path[CONTROL_PATH_SIZE], struct error *error);

/* The socket of a guest. Fails as control_folder() does, for an empty name, and where the path is longer than
 * that of a socket can be. */
bool control_path(const char *name, char path[CONTROL_PATH_SIZE], struct error *error);

/* The guest's name of a file in that folder; false when it is no control socket's. */
bool control_name(const char *file, char *name, size_t size);

#endif
