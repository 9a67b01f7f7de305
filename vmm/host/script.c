/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/script.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/daemon.h"
#include "host/file.h"
#include "host/launch.h"

/* Descriptors of the process that waits: its socket, and what it keeps open. */
#define SOCKET_FD 3
#define KEPT_FD 4
/* Above those that the process has in the end. */
#define ASIDE_FD 8

/* ---- a script ---- */

/* 0, or a positive errno. */
static int start(const char *path, const char *argument, pid_t *pid)
{
    char *const words[] = { (char *)(uintptr_t)path, (char *)(uintptr_t)argument, NULL };
    const struct launch_files files = {
        .input = LAUNCH_NOTHING, .output = STDERR_FILENO, .errors = STDERR_FILENO, .more = LAUNCH_NOTHING
    };

    return launch(path, words, &files, pid);
}

/* With SIGCHLD not ignored, or there would be no status. */
static bool run(const char *path, const char *argument, struct error *error)
{
    pid_t pid, ended;
    int status;
    const int failure = start(path, argument, &pid);

    if (failure)
        return error_set(error, "cannot run '%s': %s%s", path, strerror(failure),
                         failure == ENOEXEC ? "; a script begins with a line such as #!/bin/sh" : "");
    do
        ended = waitpid(pid, &status, 0);
    while (ended < 0 && errno == EINTR);
    if (ended < 0)
        return error_set(error, "'%s %s': %s", path, argument, strerror(errno));
    if (WIFSIGNALED(status))
        return error_set(error, "'%s %s' was ended by signal %d (%s)", path, argument, WTERMSIG(status),
                         strsignal(WTERMSIG(status)));
    return WEXITSTATUS(status) == 0 ||
           error_set(error, "'%s %s' failed with status %d", path, argument, WEXITSTATUS(status));
}

bool script_run(const char *path, const char *argument, struct error *error)
{
    struct sigaction waited = { .sa_handler = SIG_DFL }, before;
    bool good;

    if (sigaction(SIGCHLD, &waited, &before) < 0)
        return error_set(error, "SIGCHLD: %s", strerror(errno));
    good = run(path, argument, error);
    RESULT_DOES_NOT_MATTER(sigaction(SIGCHLD, &before, NULL) < 0, "it was the signal's action before");
    if (before.sa_handler == SIG_IGN)
        while (waitpid(-1, NULL, WNOHANG) > 0) {
            /* programs that ended meanwhile, whose statuses nobody needs */
        }
    return good;
}

/* ---- the process that waits ---- */

static _Noreturn void wait_and_run(const char *path, const char *argument)
{
    struct error error = { 0 };
    char byte;
    ssize_t got;

    do
        got = recv(SOCKET_FD, &byte, 1, 0); /* script_later_begin(), or the program's end */
    while (got < 0 && errno == EINTR);
    RESULT_DOES_NOT_MATTER(run(path, argument, &error), "the error's text says so");
    close(KEPT_FD); /* first: whoever hears of the end may create what it kept again, of the same name */
    /* Without a byte, this process itself has ended early. */
    RESULT_DOES_NOT_MATTER(send(SOCKET_FD, error.text, strlen(error.text) + 1, MSG_NOSIGNAL) < 0,
                           "the program has ended");
    _exit(EXIT_SUCCESS);
}

static _Noreturn void be_waiting(int socket, int fd, const char *path, const char *argument)
{
    const int ignored[] = { SIGINT, SIGHUP, SIGTERM, SIGQUIT,
                            SIGPIPE }; /* the program decides when it ends */
    const int own[] = { SOCKET_FD, KEPT_FD };

    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
        signal(ignored[i], SIG_IGN);
    signal(SIGCHLD, SIG_DFL);
    socket = fcntl(socket, F_DUPFD_CLOEXEC, ASIDE_FD);
    fd = fcntl(fd, F_DUPFD_CLOEXEC, ASIDE_FD);
    if (socket < 0 || fd < 0 || dup2(socket, SOCKET_FD) < 0 || dup2(fd, KEPT_FD) < 0 ||
        fcntl(SOCKET_FD, F_SETFD, FD_CLOEXEC) < 0 || fcntl(KEPT_FD, F_SETFD, FD_CLOEXEC) < 0 ||
        prctl(PR_SET_NAME, "hotram-script") < 0 || !daemon_leave_standard())
        _exit(EXIT_FAILURE);
    files_close_inherited(own, sizeof own / sizeof own[0]);
    wait_and_run(path, argument);
}

bool script_later_prepare(struct script_later *later, const char *path, const char *argument, int fd,
                          struct error *error)
{
    int pair[2];
    pid_t pid;

    later->socket = -1;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return error_set(error, "cannot create a socket: %s", strerror(errno));
    signal(SIGCHLD, SIG_IGN); /* exit statuses are not needed */
    pid = fork();
    if (pid == 0)
        be_waiting(pair[1], fd, path, argument);
    close(pair[1]);
    if (pid < 0) {
        error_set(error, "fork: %s", strerror(errno));
        close(pair[0]);
        return false;
    }
    later->socket = pair[0];
    return true;
}

/* ---- the program's side ---- */

void script_later_begin(struct script_later *later)
{
    RESULT_DOES_NOT_MATTER(send(later->socket, "", 1, MSG_NOSIGNAL | MSG_DONTWAIT) < 0,
                           "a process that is gone is seen at its end");
}

bool script_later_end(struct script_later *later, int wait_ms, struct error *error)
{
    struct pollfd wait = { .fd = later->socket, .events = POLLIN };
    char text[sizeof error->text];
    ssize_t length = 0;
    int ready;

    do
        ready = poll(&wait, 1, wait_ms);
    while (ready < 0 && errno == EINTR);
    if (ready > 0)
        length = recv(later->socket, text, sizeof text - 1, MSG_DONTWAIT);
    close(later->socket);
    later->socket = -1;
    if (ready <= 0)
        return error_set(error, "it still runs");
    if (length <= 0)
        return error_set(error, "the process 'hotram-script', which was to run it, has ended");
    text[length] = '\0';
    return text[0] == '\0' || error_set(error, "%s", text);
}
