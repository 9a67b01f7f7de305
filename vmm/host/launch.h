/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Other programs, as they are started here: no signal of this program's is blocked or ignored in them.
 */
#ifndef VMM_HOST_LAUNCH_H
#define VMM_HOST_LAUNCH_H

#include <spawn.h>
#include <sys/types.h>

/* Start `path` with `words`, this program's environment, and the descriptors that `actions` leave it. 0 and
 * its process, or a positive errno. Any thread that may start programs. */
int launch(const char *path, char *const words[], const posix_spawn_file_actions_t *actions, pid_t *pid);

#endif
