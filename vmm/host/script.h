/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Scripts of the user's: one that is run now, and one for later, when the sandbox lets the program start
 * nothing. The latter is run by a process that is forked before the sandbox is closed: the program can only
 * choose the moment, not the script or its argument, and its own end is that moment, too, whatever ends it.
 *
 * A script gets no descriptors but the standard ones: nothing to read, and what it prints goes to standard
 * error; for later, nowhere with -daemonize. Its privileges are those with which the program was started.
 *
 * Threads: main thread only; script_run() and script_later_prepare() before there are others.
 */
#ifndef VMM_HOST_SCRIPT_H
#define VMM_HOST_SCRIPT_H

#include <stdbool.h>

#include "base/error.h"

struct script_later {
    int socket; /* readable once the script has ended; -1: there is none */
};

/* Run `path` with `argument`, and wait for its end. False and an error: it could not be run, or failed. */
bool script_run(const char *path, const char *argument, struct error *error);

/* Fork the process that will run `path` with `argument`, and keeps `fd` open until the script has ended.
 * False and an error: fork() or another system call failed. */
bool script_later_prepare(struct script_later *later, const char *path, const char *argument, int fd,
                          struct error *error);
/* Let it run. Does not wait; possible in the sandbox. */
void script_later_begin(struct script_later *later);
/* Wait at most `wait_ms` for the end of a script that was begun, and close its socket. False and an error: it
 * could not be run, failed, or still runs, or the process that was to run it has ended. */
bool script_later_end(struct script_later *later, int wait_ms, struct error *error);

#endif
