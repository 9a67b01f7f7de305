/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/command.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "host/launch.h"

#define SHELL "/bin/sh"

/* A positive errno, or 0. `fd` is the command's end of the pipe. */
static int start(const char *text, enum command_end end, int fd)
{
    char *words[] = { (char *)(uintptr_t) "sh", (char *)(uintptr_t) "-c", (char *)(uintptr_t)text, NULL };
    const struct launch_files files = { .input = end == COMMAND_INPUT ? fd : LAUNCH_NOTHING,
                                        .output = end == COMMAND_OUTPUT ? fd : STDERR_FILENO,
                                        .errors = STDERR_FILENO,
                                        .more = LAUNCH_NOTHING };
    pid_t pid;

    return launch(SHELL, words, &files, &pid);
}

int command_open(const char *text, enum command_end end, struct error *error)
{
    int ends[2], failure;

    if (!*text) {
        error_set(error, "exec: expects a command, such as 'exec:cat > FILE'");
        errno = EINVAL;
        return -1;
    }
    if (pipe2(ends, O_CLOEXEC) < 0) {
        error_set(error, "cannot create a pipe: %s", strerror(errno));
        return -1;
    }
    signal(SIGCHLD, SIG_IGN); /* exit statuses are not needed */
    failure = start(text, end, ends[end == COMMAND_OUTPUT]);
    close(ends[end == COMMAND_OUTPUT]);
    if (!failure)
        return ends[end == COMMAND_INPUT];
    close(ends[end == COMMAND_INPUT]);
    error_set(error, "cannot start '%s': %s", SHELL, strerror(failure));
    errno = failure;
    return -1;
}
