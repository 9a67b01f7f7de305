/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pseudo terminals. A program that opens the other side, any number of times, is the one connection.
 *
 * Nothing tells that somebody opened the other side; only its closing shows, as a hang-up that lasts until it
 * is open again. So without a peer a timer checks once a second, and all output does: whoever opens the
 * terminal and then lets the guest run (libvirt's clients do) reads its first line.
 *
 * Threads: main thread only.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include "base/loop.h"
#include "chardev/internal.h"

#define LOOK_MS 1000

struct pty {
    int master;
    struct timer look;
    char name[64];
};

/* Raw mode stays with the terminal; having been open once is what makes its hang-up show. */
static bool prepare_slave(int master)
{
    int slave = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
    struct termios mode;

    if (slave < 0)
        return false;
    if (tcgetattr(slave, &mode) == 0) {
        cfmakeraw(&mode);
        RESULT_DOES_NOT_MATTER(tcsetattr(slave, TCSAFLUSH, &mode),
                               "who opens the terminal sets what they need");
    }
    close(slave);
    return true;
}

static bool pty_open(struct chardev *chardev, const struct chardev_config *config, struct error *error)
{
    struct pty *pty = calloc(1, sizeof *pty);

    if (!pty)
        return error_set(error, "out of memory");
    pty->master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (pty->master < 0 || unlockpt(pty->master) < 0 ||
        ptsname_r(pty->master, pty->name, sizeof pty->name) != 0 || !prepare_slave(pty->master)) {
        error_set(error, "cannot create a pseudo terminal: %s", strerror(errno));
        if (pty->master >= 0)
            close(pty->master);
        free(pty);
        return false;
    }
    chardev->state = pty;
    /* Where QEMU says it, and in its words: scripts look for the line. */
    printf("char device redirected to %s (label %s)\n", pty->name, config->id);
    fflush(stdout);
    return true;
}

static bool somebody_is_there(const struct pty *pty)
{
    struct pollfd poll_fd = { .fd = pty->master };

    return poll(&poll_fd, 1, 0) == 0;
}

static void check_for_reader(void *opaque)
{
    struct chardev *chardev = opaque;
    struct pty *pty = chardev->state;
    const struct connection_config connection = { .input = pty->master,
                                                  .output = pty->master,
                                                  .terminal = true };

    if (!somebody_is_there(pty) || !connection_open(chardev, &connection, NULL))
        timer_start(chardev->owner->loop, &pty->look, LOOK_MS, check_for_reader, chardev);
}

static void pty_look(struct chardev *chardev)
{
    struct pty *pty = chardev->state;

    if (!somebody_is_there(pty))
        return;
    timer_cancel(&pty->look);
    check_for_reader(chardev);
}

static void pty_gone(struct chardev *chardev)
{
    check_for_reader(chardev);
}

static bool pty_start(struct chardev *chardev, struct error *error)
{
    (void)error;
    check_for_reader(chardev);
    return true;
}

static void pty_describe(const struct chardev *chardev, char *text, size_t size)
{
    const struct pty *pty = chardev->state;

    snprintf(text, size, "pty:%s", pty->name);
}

static void pty_close(struct chardev *chardev)
{
    struct pty *pty = chardev->state;

    timer_cancel(&pty->look);
    close(pty->master);
    free(pty);
}

const struct chardev_kind_ops chardev_pty = {
    .open = pty_open,
    .start = pty_start,
    .gone = pty_gone,
    .look = pty_look,
    .describe = pty_describe,
    .close = pty_close,
};
