/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/message.h"

/* Set once, before there are threads. */
static bool is_detached;

/* The parent: wait for a byte, or for the child's end. */
static void wait_for_child(int from_child)
{
    char byte;
    ssize_t got;

    do
        got = read(from_child, &byte, 1);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        message("-daemonize: %s; cannot determine whether the program has started", strerror(errno));
    _exit(got == 1 ? EXIT_SUCCESS : EXIT_FAILURE);
}

bool daemon_begin(struct daemon *daemon, bool wanted, struct error *error)
{
    int pipes[2];
    pid_t child;

    *daemon = (struct daemon){ .ready = -1 };
    if (!wanted)
        return true;
    if (pipe2(pipes, O_CLOEXEC) < 0)
        return error_set(error, "-daemonize: %s", strerror(errno));
    child = fork();
    if (child < 0) {
        error_set(error, "-daemonize: %s", strerror(errno));
        close(pipes[0]);
        close(pipes[1]);
        return false;
    }
    if (child > 0) {
        close(pipes[1]);
        wait_for_child(pipes[0]);
    }
    close(pipes[0]);
    daemon->ready = pipes[1];
    daemon->detached = true;
    is_detached = true;
    RESULT_DOES_NOT_MATTER(setsid() < 0, "a child that was just forked leads no group, so it cannot fail");
    return true;
}

bool daemon_is_detached(void)
{
    return is_detached;
}

/* -1, or the descriptor that could not be replaced, and errno. */
static int replace_standard(int null)
{
    for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
        if (dup2(null, fd) < 0)
            return fd;
    return -1;
}

bool daemon_leave_standard(void)
{
    const int null = is_detached ? open("/dev/null", O_RDWR | O_CLOEXEC) : -1;
    bool good;

    if (!is_detached)
        return true;
    if (null < 0)
        return false;
    good = replace_standard(null) < 0;
    close(null);
    return good;
}

bool daemon_ready(struct daemon *daemon, struct error *error)
{
    int null, failed;

    if (!daemon->detached)
        return true;
    null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null < 0 || chdir("/") < 0)
        return error_set(error, "-daemonize: %s", strerror(errno));
    if (write(daemon->ready, "", 1) != 1)
        return error_set(error, "-daemonize: cannot report the start to the foreground process: %s",
                         strerror(errno));
    close(daemon->ready);
    daemon->ready = -1;
    failed = replace_standard(null);
    if (failed >= 0)
        return error_set(error, "-daemonize: /dev/null in place of descriptor %d: %s", failed,
                         strerror(errno));
    close(null);
    message_open();
    return true;
}

/* The file, locked. The descriptor stays open, and with it the lock, as long as the program runs. */
static int open_pidfile(struct daemon *daemon, const char *path, struct error *error)
{
    char why[FILE_WHY_SIZE];
    int fd = file_open_regular(path, O_WRONLY | O_CREAT | O_EXCL, 0600, why);
    bool makes = fd >= 0;

    if (fd < 0 && errno == EEXIST)
        fd = file_open_regular(path, O_WRONLY, 0, why);
    if (fd < 0) {
        error_set(error, "-pidfile '%s': %s", path, why);
        return -1;
    }
    if (makes && !made_file_note(&daemon->pidfile, path))
        error_set(error, "-pidfile '%s': %s", path, strerror(errno));
    else if (flock(fd, LOCK_EX | LOCK_NB) == 0)
        return fd;
    else if (errno == EWOULDBLOCK)
        error_set(error, "-pidfile '%s' is locked by another running process", path);
    else
        error_set(error, "-pidfile '%s' cannot be locked: %s", path, strerror(errno));
    close(fd);
    return -1;
}

bool pidfile_write(struct daemon *daemon, const char *path, struct error *error)
{
    char text[16];
    int length;
    int fd;

    if (!path)
        return true;
    fd = open_pidfile(daemon, path, error);
    if (fd < 0)
        return false;
    length = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) < 0 || write(fd, text, (size_t)length) != length) {
        error_set(error, "-pidfile '%s': %s", path, strerror(errno));
        close(fd);
        return false;
    }
    /* One that an earlier run has left is this run's from now on. */
    return daemon->pidfile.path || made_file_note(&daemon->pidfile, path) ||
           error_set(error, "-pidfile '%s': %s", path, strerror(errno));
}

void pidfile_remove(struct daemon *daemon)
{
    made_file_remove(&daemon->pidfile);
}
