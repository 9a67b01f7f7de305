/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Standard input and output. A terminal is put into raw mode, so that each key gets through at once, and is
 * given back as it was: at the end, while the program is stopped (SIGTSTP), and when a signal kills it.
 *
 * The descriptors are not made non-blocking themselves, because the shell and other programs share them:
 * they are opened anew where that is possible. Where it is not, O_NONBLOCK is set and taken back at the end.
 *
 * Threads: main thread only, but for the signal handlers, which run anywhere: they use nothing but `terminal`
 * and functions that are safe in a handler.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "chardev/internal.h"

struct stdio {
    int input, output;                  /* private descriptors, -1 when the connection owns them */
    bool restore_input, restore_output; /* O_NONBLOCK was set on the shared description */
};

/* The one terminal that was changed. */
static struct {
    volatile sig_atomic_t raw;
    struct termios before, now;
} terminal;

/* These kill or stop the program by default; a handler that was installed ends it in order. */
static const int fatal_signals[] = { SIGHUP,  SIGINT, SIGQUIT, SIGTERM, SIGABRT,
                                     SIGSEGV, SIGBUS, SIGFPE,  SIGILL };

static struct stdio *only; /* there is one standard input */

static void restore_terminal(void)
{
    if (!terminal.raw)
        return;
    terminal.raw = 0;
    RESULT_DOES_NOT_MATTER(tcsetattr(STDIN_FILENO, TCSANOW, &terminal.before),
                           "a terminal that is gone needs no settings");
}

static void on_fatal(int signal_number)
{
    restore_terminal();
    /* SA_RESETHAND: now it does what it does by default. */
    raise(signal_number);
}

static void on_stop(int signal_number)
{
    int saved = errno;

    if (terminal.raw)
        RESULT_DOES_NOT_MATTER(tcsetattr(STDIN_FILENO, TCSANOW, &terminal.before),
                               "a signal handler has nobody to tell");
    (void)signal_number;
    raise(SIGSTOP);
    errno = saved;
}

static void on_continue(int signal_number)
{
    int saved = errno;
    pid_t foreground = tcgetpgrp(STDIN_FILENO);

    (void)signal_number;
    /* In the background changing the terminal would stop the program again. (-1: there is no job control.) */
    if (terminal.raw && (foreground < 0 || foreground == getpgrp()))
        RESULT_DOES_NOT_MATTER(tcsetattr(STDIN_FILENO, TCSANOW, &terminal.now),
                               "a signal handler has nobody to tell");
    errno = saved;
}

static void handle(int signal_number, void (*handler)(int), int flags)
{
    struct sigaction before;
    struct sigaction action = { .sa_handler = handler, .sa_flags = flags };

    if (sigaction(signal_number, NULL, &before) == 0 && before.sa_handler == SIG_DFL)
        RESULT_DOES_NOT_MATTER(sigaction(signal_number, &action, NULL),
                               "it was just asked, so the signal exists");
}

/* Raw, but for the newline, which still returns the carriage (as in QEMU). */
static void set_raw(bool signals)
{
    static bool handled;

    if (tcgetattr(STDIN_FILENO, &terminal.before) < 0)
        return; /* not a terminal */
    terminal.now = terminal.before;
    terminal.now.c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
    terminal.now.c_oflag |= OPOST;
    terminal.now.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | IEXTEN);
    terminal.now.c_cflag &= ~(tcflag_t)(CSIZE | PARENB);
    terminal.now.c_cflag |= CS8;
    terminal.now.c_cc[VMIN] = 1;
    terminal.now.c_cc[VTIME] = 0;
    if (!signals)
        terminal.now.c_lflag &= ~(tcflag_t)ISIG;
    terminal.raw = 1;
    RESULT_DOES_NOT_MATTER(tcsetattr(STDIN_FILENO, TCSANOW, &terminal.now), "keys then come by lines");
    if (handled)
        return;
    handled = true;
    atexit(restore_terminal);
    for (size_t i = 0; i < sizeof fatal_signals / sizeof fatal_signals[0]; i++)
        handle(fatal_signals[i], on_fatal, SA_RESETHAND | SA_NODEFER);
    handle(SIGTSTP, on_stop, SA_RESTART);
    handle(SIGCONT, on_continue, SA_RESTART);
}

/* A descriptor of our own for a standard one, that does not block. */
static int private_fd(int fd, int flags, bool *restore)
{
    struct stat file;
    char path[32];
    int copy = -1;

    *restore = false;
    if (fstat(fd, &file) < 0)
        return -1;
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (S_ISCHR(file.st_mode) || S_ISFIFO(file.st_mode))
        copy = open(path, flags | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (copy >= 0)
        return copy;
    copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
    flags = fcntl(fd, F_GETFL);
    if (copy >= 0 && !S_ISREG(file.st_mode) && !(flags & O_NONBLOCK)) {
        *restore = true;
        RESULT_DOES_NOT_MATTER(fcntl(fd, F_SETFL, flags | O_NONBLOCK),
                               "F_SETFL fails only for descriptors that are not open");
    }
    return copy;
}

static void close_private(int fd)
{
    if (fd >= 0)
        close(fd);
}

static bool stdio_open(struct chardev *chardev, const struct chardev_config *config, struct error *error)
{
    if (only)
        return error_set(error, "standard input and output are already in use by another chardev");
    only = calloc(1, sizeof *only);
    if (!only)
        return error_set(error, "out of memory");
    only->input = private_fd(STDIN_FILENO, O_RDONLY, &only->restore_input);
    only->output = private_fd(STDOUT_FILENO, O_WRONLY, &only->restore_output);
    set_raw(config->signal);
    chardev->state = only;
    return true;
}

/* The connection continues after the end of input: hotram < /dev/null has a serial console. */
static bool stdio_start(struct chardev *chardev, struct error *error)
{
    struct stdio *stdio = chardev->state;
    const struct connection_config connection = {
        .input = stdio->input, .output = stdio->output, .own_fds = true, .keep_at_eof = true
    };

    stdio->input = stdio->output = -1;
    return connection_open(chardev, &connection, error);
}

static void stdio_describe(const struct chardev *chardev, char *text, size_t size)
{
    (void)chardev;
    snprintf(text, size, "stdio");
}

static void take_nonblocking_back(int fd)
{
    RESULT_DOES_NOT_MATTER(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK),
                           "F_SETFL fails only for descriptors that are not open");
}

static void stdio_close(struct chardev *chardev)
{
    struct stdio *stdio = chardev->state;

    close_private(stdio->input);
    close_private(stdio->output);
    if (stdio->restore_input)
        take_nonblocking_back(STDIN_FILENO);
    if (stdio->restore_output)
        take_nonblocking_back(STDOUT_FILENO);
    restore_terminal();
    free(stdio);
    only = NULL;
}

const struct chardev_kind_ops chardev_stdio = {
    .open = stdio_open,
    .start = stdio_start,
    .describe = stdio_describe,
    .close = stdio_close,
};
