/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/spawner.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "host/daemon.h"

/* ---- a program ---- */

/* A positive errno, or 0. */
static int start(const char *path, char *const words[], int fd)
{
    const struct launch_files files = { .input = LAUNCH_NOTHING,
                                        .output = LAUNCH_NOTHING,
                                        .errors = daemon_is_detached() ? LAUNCH_NOTHING : STDERR_FILENO,
                                        .more = fd };
    pid_t pid;

    return launch(path, words, &files, &pid);
}

bool program_start(const char *path, char *const words[], int fd, struct error *error)
{
    int failure;

    signal(SIGCHLD, SIG_IGN); /* exit statuses are not needed */
    failure = start(path, words, fd);
    return !failure || error_set(error, "cannot start '%s': %s", path, strerror(failure));
}

/* ---- messages with a descriptor ---- */

union control {
    struct cmsghdr header;
    char bytes[CMSG_SPACE(sizeof(int))];
};

static bool send_with(int socket, const char *bytes, size_t length, int fd)
{
    struct iovec part = { .iov_base = (void *)(uintptr_t)bytes, .iov_len = length };
    union control control = {
        .header = { .cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS }
    };
    struct msghdr message = { .msg_iov = &part,
                              .msg_iovlen = 1,
                              .msg_control = control.bytes,
                              .msg_controllen = sizeof control.bytes };
    ssize_t sent;

    memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
    do
        sent = sendmsg(socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    return sent == (ssize_t)length;
}

/* The length of a message, 0 at the end, and its descriptor, or -1. */
static ssize_t receive_with(int socket, char *bytes, size_t room, int *fd)
{
    struct iovec part = { .iov_base = bytes, .iov_len = room };
    union control control;
    struct msghdr message = { .msg_iov = &part,
                              .msg_iovlen = 1,
                              .msg_control = control.bytes,
                              .msg_controllen = sizeof control.bytes };
    const ssize_t got = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    struct cmsghdr *header = got > 0 ? CMSG_FIRSTHDR(&message) : NULL;

    *fd = -1;
    if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
        memcpy(fd, CMSG_DATA(header), sizeof *fd);
    return got;
}

/* ---- the spawner's process ---- */

static void wake(int signal)
{
    (void)signal; /* recvmsg() ends with EINTR */
}

static void collect(unsigned *children)
{
    while (*children > 0 && waitpid(-1, NULL, WNOHANG) > 0)
        --*children;
}

/* One request: words with their NULs. Why it fails, or "". */
static const char *obey(const char *path, char *bytes, size_t length, int fd, unsigned *children)
{
    char *words[SPAWNER_WORDS_MAX + 1];
    size_t count = 0;
    int failure;

    if (fd < 0 || bytes[length - 1] != '\0')
        return "the spawner does not understand the request";
    for (char *at = bytes; at < bytes + length; at += strlen(at) + 1) {
        if (count == SPAWNER_WORDS_MAX)
            return "there are too many words";
        words[count++] = at;
    }
    words[count] = NULL;
    if (*children == SPAWNER_CHILDREN_MAX)
        return "too many programs run already; netdev_del ends one";
    failure = start(path, words, fd);
    *children += !failure;
    return failure ? strerror(failure) : "";
}

static _Noreturn void serve(const char *path)
{
    static char bytes[SPAWNER_BYTES_MAX];
    unsigned children = 0;

    for (;;) {
        const char *answer;
        int fd;
        const ssize_t length = receive_with(PROGRAM_FD, bytes, sizeof bytes, &fd);

        if (length == 0 || (length < 0 && errno != EINTR))
            _exit(EXIT_SUCCESS);
        collect(&children);
        if (length < 0)
            continue;
        answer = obey(path, bytes, (size_t)length, fd, &children);
        if (*answer)
            RESULT_DOES_NOT_MATTER(send(fd, answer, strlen(answer), MSG_NOSIGNAL | MSG_DONTWAIT) < 0,
                                   "whoever asked sees the end of the socket");
        if (fd >= 0)
            close(fd);
    }
}

static _Noreturn void be_spawner(int socket, const char *path, pid_t parent)
{
    const struct sigaction woken = { .sa_handler = wake };
    const int ignored[] = { SIGINT, SIGHUP, SIGTERM, SIGPIPE }; /* the program decides when it ends */

    for (size_t i = 0; i < sizeof ignored / sizeof ignored[0]; i++)
        signal(ignored[i], SIG_IGN);
    if (sigaction(SIGCHLD, &woken, NULL) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || getppid() != parent ||
        prctl(PR_SET_NAME, "hotram-spawner") < 0 || (socket != PROGRAM_FD && dup2(socket, PROGRAM_FD) < 0) ||
        fcntl(PROGRAM_FD, F_SETFD, FD_CLOEXEC) < 0 || !daemon_leave_standard())
        _exit(EXIT_FAILURE);
    close_range(PROGRAM_FD + 1, UINT_MAX, 0);
    serve(path);
}

/* ---- the program's side ---- */

bool spawner_start(struct spawner *spawner, const char *path, struct error *error)
{
    const pid_t parent = getpid();
    int pair[2];
    pid_t pid;

    spawner->socket = -1;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
        return error_set(error, "cannot create a socket: %s", strerror(errno));
    signal(SIGCHLD, SIG_IGN);
    pid = fork();
    if (pid == 0)
        be_spawner(pair[1], path, parent);
    if (pid < 0) {
        error_set(error, "fork: %s", strerror(errno));
        close(pair[0]);
        close(pair[1]);
        return false;
    }
    close(pair[1]);
    spawner->socket = pair[0];
    return true;
}

bool spawner_run(struct spawner *spawner, char *const words[], int fd, struct error *error)
{
    char bytes[SPAWNER_BYTES_MAX];
    size_t length = 0, count = 0;

    for (; words[count]; count++) {
        const size_t size = strlen(words[count]) + 1;

        if (count == SPAWNER_WORDS_MAX || length + size > sizeof bytes)
            return error_set(error, "the properties are too long: the limit is %u bytes", SPAWNER_BYTES_MAX);
        memcpy(bytes + length, words[count], size);
        length += size;
    }
    if (spawner->socket >= 0 && send_with(spawner->socket, bytes, length, fd))
        return true;
    if (spawner->socket >= 0 && errno == EAGAIN)
        return error_set(error,
                         "the process that starts programs (hotram-spawner) cannot accept more requests now; "
                         "it may be stopped");
    spawner_end(spawner);
    return error_set(error, "the process that starts programs (hotram-spawner) is gone; restart hotram");
}

void spawner_end(struct spawner *spawner)
{
    if (spawner->socket >= 0)
        close(spawner->socket);
    spawner->socket = -1;
}
