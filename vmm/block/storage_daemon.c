/* SPDX-License-Identifier: BSD-2-Clause */
#include "block/storage_daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/loop.h"
#include "base/message.h"

#define PROGRAM "qemu-storage-daemon"
#define START_MS 30000u /* to open an image, and to end: a file system may be slow */
#define WORDS_SIZE 4096
/* Where it finds its descriptors. */
#define LISTENER_FD 3
#define MONITOR_FD 4
#define OVERLAY_FD 5 /* as in STORAGE_DAEMON_OVERLAY */
#define LOCK_FD 6
#define FREE_FD 7
#define FDS_GIVEN 5 /* these four, and standard error */

struct storage_daemon {
    char *name;
    int monitor, words; /* its QMP; what it says */
    struct watch *watch;
};

static void close_all(const int *fds, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (fds[i] >= 0)
            close(fds[i]);
}

/* ---- the program ---- */

static bool find_program(char path[PATH_MAX], const struct storage_daemon_image *image, struct error *error)
{
    const char *at = getenv("PATH");

    for (at = at && *at ? at : "/usr/bin"; *at;) {
        const size_t length = strcspn(at, ":");

        snprintf(path, PATH_MAX, "%.*s/" PROGRAM, (int)length, at);
        if (length > 0 && access(path, X_OK) == 0)
            return true;
        at += length + (at[length] == ':');
    }
    return error_set(
        error,
        "image '%s': the program " PROGRAM
        ", which serves %s, is not in $PATH; install it (Debian: package qemu-system-common), or make %s",
        image->name, image->overlay >= 0 ? "drives with snapshot=on" : "this format",
        image->overlay >= 0 ? "a copy for the guest to write: cp --reflink=auto"
                            : "a raw image: qemu-img convert -O raw");
}

/* In the child: nothing but system calls. */
static _Noreturn void become(const char *path, char *const words[], const int fds[FDS_GIVEN], pid_t parent)
{
    static const char failed[] = PROGRAM ": it cannot be started\n";
    const int null = open("/dev/null", O_RDWR);
    sigset_t none;

    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    signal(SIGCHLD, SIG_DFL);
    /* A group of its own: Ctrl-C is for the program, which ends it. */
    if (null >= 0 && setpgid(0, 0) == 0 && prctl(PR_SET_PDEATHSIG, SIGTERM) == 0 && getppid() == parent &&
        dup2(fds[2], STDERR_FILENO) >= 0 && dup2(null, STDIN_FILENO) >= 0 && dup2(null, STDOUT_FILENO) >= 0 &&
        dup2(fds[0], LISTENER_FD) >= 0 && dup2(fds[1], MONITOR_FD) >= 0 &&
        (fds[3] < 0 ? close_range(OVERLAY_FD, OVERLAY_FD, 0) == 0 : dup2(fds[3], OVERLAY_FD) >= 0) &&
        (fds[4] < 0 ? close_range(LOCK_FD, LOCK_FD, 0) == 0 : dup2(fds[4], LOCK_FD) >= 0) &&
        close_range(FREE_FD, UINT_MAX, 0) == 0)
        execv(path, words);
    RESULT_DOES_NOT_MATTER(write(STDERR_FILENO, failed, sizeof failed - 1) < 0, "then nobody listens");
    _exit(127);
}

/* `fds`: of the listener, of its end of the monitor, of its end of the pipe. */
static bool start(const struct storage_daemon_image *image, const int fds[3], struct error *error)
{
    char path[PATH_MAX], export[256];
    const pid_t parent = getpid();
    const int given[FDS_GIVEN] = { fds[0], fds[1], fds[2], image->overlay, image->lock };
    int high[FDS_GIVEN];
    pid_t pid;
    char *const words[] = { (char[]){ PROGRAM },
                            (char[]){ "--blockdev" },
                            (char *)(uintptr_t)image->node,
                            (char[]){ "--export" },
                            export,
                            (char[]){ "--chardev" },
                            (char[]){ "socket,id=monitor,fd=4" },
                            (char[]){ "--monitor" },
                            (char[]){ "chardev=monitor,mode=control" },
                            NULL };

    if (!find_program(path, image, error))
        return false;
    snprintf(export, sizeof export,
             "vhost-user-blk,id=export,node-name=%s,writable=%s,logical-block-size=%u,num-queues=64,"
             "addr.type=fd,addr.str=3",
             image->name, image->writable ? "on" : "off", image->block_size);
    for (unsigned i = 0; i < FDS_GIVEN; i++) { /* out of the way of where they go */
        high[i] = given[i] >= 0 ? fcntl(given[i], F_DUPFD_CLOEXEC, FREE_FD) : -1;
        if (given[i] >= 0 && high[i] < 0) {
            error_set(error, "no descriptors are left: %s", strerror(errno));
            close_all(high, i);
            return false;
        }
    }
    signal(SIGCHLD, SIG_IGN); /* how it ended is seen by its descriptors */
    pid = fork();
    if (pid == 0)
        become(path, words, high, parent);
    if (pid < 0)
        error_set(error, "fork: %s", strerror(errno));
    close_all(high, FDS_GIVEN);
    return pid > 0;
}

/* ---- its sockets ---- */

/* A name in a folder of ours, for as long as it takes to connect: nobody else can. */
static bool connect_both(int listener, int client, struct error *error)
{
    char folder[] = "/tmp/hotram-XXXXXX";
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    bool good;
    int failure;

    if (!mkdtemp(folder))
        return error_set(error, "no folder can be made in /tmp for a socket: %s", strerror(errno));
    snprintf(address.sun_path, sizeof address.sun_path, "%s/socket", folder);
    good = bind(listener, (const struct sockaddr *)&address, sizeof address) == 0 &&
           listen(listener, 1) == 0 &&
           connect(client, (const struct sockaddr *)&address, sizeof address) == 0;
    failure = errno;
    RESULT_DOES_NOT_MATTER(unlink(address.sun_path) < 0, "it was not made");
    RESULT_DOES_NOT_MATTER(rmdir(folder) < 0, "an empty folder in /tmp stays");
    return good || error_set(error, "no socket can be made in '%s': %s", folder, strerror(failure));
}

/* ---- what it says ---- */

/* Until it ends or the time is up. True: there are bytes, or it has ended. */
static bool wait_for(int fd, uint64_t deadline)
{
    for (;;) {
        struct pollfd poll_fd = { .fd = fd, .events = POLLIN };
        const uint64_t now = loop_now();
        const int ready = now < deadline ? poll(&poll_fd, 1, (int)(deadline - now)) : 0;

        if (ready >= 0 || errno != EINTR)
            return ready > 0;
    }
}

/* One line of all, without its end, which may lie behind `length`. */
static void join_lines(char *words, size_t length)
{
    while (length > 0 && words[length - 1] == '\n')
        length--;
    words[length] = '\0';
    for (char *end = strchr(words, '\n'); end; end = strchr(end, '\n'))
        *end = ' ';
}

/* All that it has said, without the line's end; it has ended. */
static void read_words(int fd, char words[WORDS_SIZE])
{
    const uint64_t deadline = loop_now() + START_MS;
    size_t length = 0;
    ssize_t count = 1;

    while (count > 0 && length + 1 < WORDS_SIZE && wait_for(fd, deadline)) {
        count = read(fd, words + length, WORDS_SIZE - 1 - length);
        length += count > 0 ? (size_t)count : 0;
    }
    join_lines(words, length);
}

/* Its words for an image that it does not open begin with the argument, which the user has not written; and
 * so do warnings before them. */
static const char *reason(const struct storage_daemon_image *image, const char *words)
{
    static const char option[] = PROGRAM ": --blockdev ";
    const size_t skipped = sizeof option - 1, length = strlen(image->node);
    const char *why = words;

    for (const char *at = strstr(words, option); at; at = strstr(at + skipped, option))
        if (strncmp(at + skipped, image->node, length) == 0 && strncmp(at + skipped + length, ": ", 2) == 0)
            why = at + skipped + length + 2;
    if (why == words && strncmp(why, PROGRAM ": ", sizeof PROGRAM + 1) == 0)
        why += sizeof PROGRAM + 1;
    return why;
}

static bool has_failed(const struct storage_daemon_image *image, int fd, struct error *error)
{
    char words[WORDS_SIZE];
    const char *why;

    read_words(fd, words);
    why = reason(image, words);
    return error_set(error, PROGRAM ": %s", *why ? why : "it has ended without a word");
}

/* The greeting of its monitor, which is the last that it opens. */
static bool has_opened(const struct storage_daemon *daemon, const struct storage_daemon_image *image,
                       struct error *error)
{
    char greeting[512];
    ssize_t count;

    if (!wait_for(daemon->monitor, loop_now() + START_MS))
        return error_set(error, PROGRAM ": it has not opened the image for %u seconds", START_MS / 1000);
    count = read(daemon->monitor, greeting, sizeof greeting);
    return count > 0 || has_failed(image, daemon->words, error);
}

static void warn_words(const struct storage_daemon *daemon, char *words, size_t length)
{
    join_lines(words, length);
    warning("image '%s': %s", daemon->name, words);
}

static void on_words(void *opaque, uint32_t events)
{
    struct storage_daemon *daemon = opaque;
    char words[WORDS_SIZE];
    const ssize_t count = read(daemon->words, words, sizeof words - 1);

    (void)events;
    if (count > 0) {
        warn_words(daemon, words, (size_t)count);
        return;
    }
    watch_remove(daemon->watch);
    daemon->watch = NULL;
}

void storage_daemon_watch(struct storage_daemon *daemon, struct loop *loop)
{
    daemon->watch = watch_add(loop, daemon->words, EPOLLIN, on_words, daemon);
    if (!daemon->watch)
        warning("image '%s': what " PROGRAM " says is not heard: %s", daemon->name, strerror(errno));
}

/* ---- life ---- */

static struct storage_daemon *make(const struct storage_daemon_image *image, int monitor, int words)
{
    struct storage_daemon *daemon = calloc(1, sizeof *daemon);

    if (!daemon)
        return NULL;
    *daemon = (struct storage_daemon){ .name = strdup(image->name), .monitor = monitor, .words = words };
    if (daemon->name)
        return daemon;
    free(daemon);
    return NULL;
}

/* listener, client; monitor, its end; pipe, its end. */
enum { LISTENER, CLIENT, MONITOR, THEIR_MONITOR, WORDS, THEIR_WORDS, FDS };

static bool open_sockets(int fds[FDS], struct error *error)
{
    const int type = SOCK_STREAM | SOCK_CLOEXEC;

    fds[LISTENER] = socket(AF_UNIX, type, 0);
    fds[CLIENT] = socket(AF_UNIX, type | SOCK_NONBLOCK, 0);
    if (fds[LISTENER] < 0 || fds[CLIENT] < 0 || socketpair(AF_UNIX, type, 0, &fds[MONITOR]) < 0 ||
        pipe2(&fds[WORDS], O_CLOEXEC) < 0)
        return error_set(error, "no sockets can be had for " PROGRAM ": %s", strerror(errno));
    return connect_both(fds[LISTENER], fds[CLIENT], error);
}

/* What it has said of an image that it has opened. */
static void warn_of_opening(const struct storage_daemon *daemon)
{
    char words[WORDS_SIZE];
    const ssize_t count = wait_for(daemon->words, loop_now() + 1)
                              ? read(daemon->words, words, sizeof words - 1)
                              : 0;

    words[count > 0 ? count : 0] = '\0';
    if (count > 0)
        warn_words(daemon, words, (size_t)count);
}

struct storage_daemon *storage_daemon_start(const struct storage_daemon_image *image, int *connection,
                                            struct error *error)
{
    int fds[FDS] = { -1, -1, -1, -1, -1, -1 };
    struct storage_daemon *daemon;

    if (!open_sockets(fds, error) ||
        !start(image, (const int[]){ fds[LISTENER], fds[THEIR_MONITOR], fds[THEIR_WORDS] }, error)) {
        close_all(fds, FDS);
        return NULL;
    }
    close_all((const int[]){ fds[LISTENER], fds[THEIR_MONITOR], fds[THEIR_WORDS] }, 3);
    daemon = make(image, fds[MONITOR], fds[WORDS]);
    if (daemon && has_opened(daemon, image, error)) {
        warn_of_opening(daemon);
        *connection = fds[CLIENT];
        return daemon;
    }
    if (daemon)
        free(daemon->name);
    else
        error_set(error, "out of memory");
    free(daemon);
    close_all((const int[]){ fds[CLIENT], fds[MONITOR], fds[WORDS] }, 3);
    return NULL;
}

/* Until the last of its descriptors is closed: then the image is free. */
static void wait_for_end(const struct storage_daemon *daemon)
{
    const uint64_t deadline = loop_now() + START_MS;
    char words[WORDS_SIZE];
    ssize_t count = 1;

    while (count > 0 && wait_for(daemon->words, deadline)) {
        count = read(daemon->words, words, sizeof words - 1);
        if (count > 0)
            warn_words(daemon, words, (size_t)count);
    }
    if (count > 0)
        warning("image '%s': " PROGRAM " has not ended for %u seconds, and gets SIGTERM when hotram ends",
                daemon->name, START_MS / 1000);
}

void storage_daemon_end(struct storage_daemon *daemon)
{
    static const char quit[] = "{\"execute\":\"qmp_capabilities\"}\n{\"execute\":\"quit\"}\n";

    if (!daemon)
        return;
    if (write(daemon->monitor, quit, sizeof quit - 1) == sizeof quit - 1) /* it is there */
        wait_for_end(daemon);
    watch_remove(daemon->watch);
    close(daemon->monitor);
    close(daemon->words);
    free(daemon->name);
    free(daemon);
}
