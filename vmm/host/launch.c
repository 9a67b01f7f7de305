/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/launch.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <unistd.h>

static int add_file(posix_spawn_file_actions_t *actions, int from, int to)
{
    return from == LAUNCH_NOTHING ? posix_spawn_file_actions_addopen(actions, to, "/dev/null", O_RDWR, 0)
                                  : posix_spawn_file_actions_adddup2(actions, from, to);
}

static int add_files(posix_spawn_file_actions_t *actions, const struct launch_files *files)
{
    const bool more = files->more != LAUNCH_NOTHING;
    int failure = more ? add_file(actions, files->more, LAUNCH_MORE_FD) : 0;

    if (!failure)
        failure = add_file(actions, files->input, STDIN_FILENO);
    if (!failure)
        failure = add_file(actions, files->output, STDOUT_FILENO);
    if (!failure)
        failure = add_file(actions, files->errors, STDERR_FILENO);
    if (!failure)
        failure = posix_spawn_file_actions_addclosefrom_np(actions, LAUNCH_MORE_FD + more);
    return failure;
}

static int start(const char *path, char *const words[], const posix_spawn_file_actions_t *actions, pid_t *pid)
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

int launch(const char *path, char *const words[], const struct launch_files *files, pid_t *pid)
{
    posix_spawn_file_actions_t actions;
    int failure;

    posix_spawn_file_actions_init(&actions);
    failure = add_files(&actions, files);
    if (!failure)
        failure = start(path, words, &actions, pid);
    posix_spawn_file_actions_destroy(&actions);
    return failure;
}
