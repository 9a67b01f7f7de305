/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -daemonize and -pidfile.
 *
 * The parent stays until the child says that it is ready (its sockets listen, its pidfile is written) and
 * then exits with 0; when the child ends before, with 1. The child's messages go to the parent's terminal
 * until then.
 */
#ifndef VMM_HOST_DAEMON_H
#define VMM_HOST_DAEMON_H

#include <stdbool.h>

#include "base/error.h"
#include "host/file.h"

struct daemon {
    bool detached;
    int ready; /* the child tells the parent here */
    struct made_file pidfile;
};

/* Fork if `wanted`. Returns in the child, or without -daemonize at once. Before any thread is started. */
bool daemon_begin(struct daemon *daemon, bool wanted, struct error *error);

/* Let the parent go; standard input, output and error become /dev/null and the folder /. */
bool daemon_ready(struct daemon *daemon, struct error *error);

/* Write and lock the pidfile; NULL: none wanted. Refused while another process holds it. */
bool pidfile_write(struct daemon *daemon, const char *path, struct error *error);
void pidfile_remove(struct daemon *daemon);

#endif
