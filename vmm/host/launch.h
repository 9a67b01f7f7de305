/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Other programs, as they are started here: no signal of this program's is blocked or ignored in them, and
 * they have the descriptors that they are given, and no others.
 */
#ifndef VMM_HOST_LAUNCH_H
#define VMM_HOST_LAUNCH_H

#include <sys/types.h>

/* The descriptor behind the standard ones, for a program that is given one more. */
#define LAUNCH_MORE_FD 3

/* No descriptor of this program's: /dev/null, or with `more` none. */
#define LAUNCH_NOTHING (-1)

/* What a program has as standard input, standard output, standard error and LAUNCH_MORE_FD: each a descriptor
 * of this program's, or LAUNCH_NOTHING. They are put into their places in the order more, input, output,
 * errors: none is the place of one before it. */
struct launch_files {
    int input, output, errors, more;
};

/* Start `path` with `words` and this program's environment. 0 and its process, or a positive errno. Any
 * thread that may start programs. */
int launch(const char *path, char *const words[], const struct launch_files *files, pid_t *pid);

#endif
