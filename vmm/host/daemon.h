/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -daemonize and -pidfile.
 *
 * The parent waits until the child is ready (its sockets listen, its pidfile is written), and then exits with
 * 0; or with 1, if the child ends before. The child's messages go to the parent's terminal until then.
 */
#ifndef VMM_HOST_DAEMON_H
#define VMM_HOST_DAEMON_H

#include <stdbool.h>

#include "base/error.h"
#include "host/file.h"

struct daemon {
    bool detached;
    int ready; /* pipe by which the child notifies the parent */
    struct made_file pidfile;
};

/* Fork if `wanted`, and return in the child; otherwise return at once. False and an error: fork() or another
 * system call failed. Called before any thread is started. */
bool daemon_begin(struct daemon *daemon, bool wanted, struct error *error);

/* Whether daemon_begin() has forked. Programs that are started then get /dev/null as standard error: whoever
 * reads that of the program, as $(hotram ...) of a shell does, reads to its end, which they would delay. */
bool daemon_is_detached(void);
/* For a process that is forked and stays: standard input, output and error become /dev/null if the program is
 * a daemon. False: that is not possible. */
bool daemon_leave_standard(void);

/* Notify the parent, which exits; standard input, output and error become /dev/null, and the working folder
 * /. False and an error: /dev/null cannot be opened. */
bool daemon_ready(struct daemon *daemon, struct error *error);

/* Write and lock the pidfile; without effect if `path` is NULL. False and an error: it cannot be written, or
 * another process has locked it. */
bool pidfile_write(struct daemon *daemon, const char *path, struct error *error);
void pidfile_remove(struct daemon *daemon);

#endif
