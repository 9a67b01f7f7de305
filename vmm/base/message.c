/* SPDX-License-Identifier: BSD-2-Clause */
#include "base/message.h"

#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* Set once, before there are threads. */
static bool with_timestamp;
static const char *guest_name;
static int own_fd = -1; /* for standard error, does not block; set by the main thread while it is alone */
static bool is_socket;  /* likewise */

static atomic_uint lost; /* messages that were not written */

void message_configure(bool timestamps, const char *guest)
{
    with_timestamp = timestamps;
    guest_name = guest;
}

void message_open(void)
{
    struct stat file;

    if (own_fd >= 0)
        close(own_fd);
    own_fd = -1;
    is_socket = false;
    /* Others share the descriptor, so it is opened anew rather than made non-blocking. A regular file never
     * waits, and would have an offset of its own. */
    if (fstat(STDERR_FILENO, &file) < 0)
        return;
    is_socket = S_ISSOCK(file.st_mode);
    if (S_ISCHR(file.st_mode) || S_ISFIFO(file.st_mode))
        own_fd = open("/proc/self/fd/2", O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

/* Write without waiting for who reads it; false: it was not taken, and is lost. */
static bool put(const char *line, size_t length)
{
    struct pollfd poll_fd = { .fd = STDERR_FILENO, .events = POLLOUT };
    ssize_t count = -1;

    if (own_fd >= 0)
        count = write(own_fd, line, length);
    else if (is_socket)
        count = send(STDERR_FILENO, line, length, MSG_DONTWAIT | MSG_NOSIGNAL);
    else if (poll(&poll_fd, 1, 0) == 1)
        count = write(STDERR_FILENO, line, length);
    return count > 0;
}

static void report_lost(void)
{
    unsigned count = atomic_exchange(&lost, 0);
    char line[80];
    int length = snprintf(line, sizeof line,
                          "hotram: warning: %u messages were lost: standard error was not read\n", count);

    if (count > 0 && !put(line, (size_t)length))
        atomic_fetch_add(&lost, count);
}

static void write_message(const char *kind, const char *format, va_list args)
{
    char stamp[40] = "";
    char text[2048];
    char line[2200];
    int length;

    if (with_timestamp) {
        struct timespec now;
        struct tm tm;
        size_t used;

        clock_gettime(CLOCK_REALTIME, &now);
        gmtime_r(&now.tv_sec, &tm);
        used = strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &tm);
        snprintf(stamp + used, sizeof stamp - used, ".%06ldZ ", now.tv_nsec / 1000);
    }
    vsnprintf(text, sizeof text, format, args);
    length = snprintf(line, sizeof line, "%s%s%shotram: %s%s\n", stamp, guest_name ? guest_name : "",
                      guest_name ? " " : "", kind, text);
    if (length >= (int)sizeof line)
        length = sizeof line - 1;
    report_lost();
    if (!put(line, (size_t)length))
        atomic_fetch_add(&lost, 1);
}

void message(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    write_message("", format, args);
    va_end(args);
}

void warning(const char *format, ...)
{
    va_list args;

    va_start(args, format);
    write_message("warning: ", format, args);
    va_end(args);
}
