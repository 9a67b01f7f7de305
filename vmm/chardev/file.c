/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Chardevs that only take output: a file, and nothing at all.
 *
 * Threads: main thread only.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "chardev/internal.h"
#include "host/file.h"
#include "host/passed.h"

/* The fd until the connection owns it: state is fd + 1, 0 for none. */
static int take_fd(struct chardev *chardev)
{
    int fd = (int)(intptr_t)chardev->state - 1;

    chardev->state = NULL;
    return fd;
}

static bool file_open(struct chardev *chardev, const struct chardev_config *config, struct error *error)
{
    int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY |
                (config->append ? O_APPEND : O_TRUNC);
    int fd = passed_open(config->path, flags, 0666);

    if (fd < 0) {
        const char *why = passed_why(config->path, errno);

        return error_set(error, "cannot open '%s': %s", config->path, why ? why : file_why(errno));
    }
    chardev->state = (void *)(intptr_t)(fd + 1);
    return true;
}

static bool file_start(struct chardev *chardev, struct error *error)
{
    const struct connection_config connection = { .input = -1, .output = take_fd(chardev), .own_fds = true };

    return connection_open(chardev, &connection, error);
}

static void file_describe(const struct chardev *chardev, char *text, size_t size)
{
    (void)chardev;
    snprintf(text, size, "file");
}

static void file_close(struct chardev *chardev)
{
    int fd = take_fd(chardev);

    if (fd >= 0)
        close(fd);
}

const struct chardev_kind_ops chardev_file = {
    .open = file_open,
    .start = file_start,
    .describe = file_describe,
    .close = file_close,
};

static bool null_open(struct chardev *chardev, const struct chardev_config *config, struct error *error)
{
    (void)chardev, (void)config, (void)error;
    return true;
}

static bool null_start(struct chardev *chardev, struct error *error)
{
    (void)chardev, (void)error;
    return true;
}

static void null_describe(const struct chardev *chardev, char *text, size_t size)
{
    (void)chardev;
    snprintf(text, size, "null");
}

static void null_close(struct chardev *chardev)
{
    (void)chardev;
}

const struct chardev_kind_ops chardev_null = {
    .open = null_open,
    .start = null_start,
    .describe = null_describe,
    .close = null_close,
};
