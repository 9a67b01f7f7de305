/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Descriptors that the program inherits from the one that starts it.
 *
 * Threads: main thread only, before there are others.
 */
#ifndef VMM_HOST_INHERITED_H
#define VMM_HOST_INHERITED_H

#include <stdbool.h>

#include "base/error.h"

struct config;

/* Close all inherited descriptors except standard input, output and error and those that the options name, by
 * fd=N, by a path such as /dev/fd/N, or all with -incoming defer: if a pipe on which a shell waits remained
 * open, the shell would wait for ever. Without effect if the options name too many. Called before the program
 * opens its own. */
void inherited_close(const struct config *config, int argc, char *argv[]);

/* -add-fd: put the descriptors into their sets (host/passed.h). False and an error: one is not open, or the
 * limit of sets is reached. */
bool inherited_take(const struct config *config, struct error *error);

#endif
