/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/launch.h"

#include <signal.h>
#include <unistd.h>

int launch(const char *path, char *const words[], const posix_spawn_file_actions_t *actions, pid_t *pid)
{
    posix_spawnattr_t attributes;
    sigset_t none, all;
    int failure;

    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    failure = posix_spawn(pid, path, actions, &attributes, words, environ);
    posix_spawnattr_destroy(&attributes);
    return failure;
}
