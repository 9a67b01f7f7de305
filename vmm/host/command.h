/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A command of the user's that takes what this program writes, or gives what it reads: "exec:COMMAND" of a
 * migration. The sandbox lets none be started.
 *
 * Threads: main thread only.
 */
#ifndef VMM_HOST_COMMAND_H
#define VMM_HOST_COMMAND_H

#include "base/error.h"

enum command_end { COMMAND_INPUT, COMMAND_OUTPUT };

/* Let /bin/sh run `text`, with one end of a pipe as its standard input or output, nothing to read otherwise,
 * and its other output on standard error. Does not wait for its end; nobody asks for its exit status. Returns
 * the other end of the pipe, which the caller closes. -1 and an error: it is empty, or could not be started;
 * with errno EPERM it is the sandbox. */
int command_open(const char *text, enum command_end end, struct error *error);

#endif
