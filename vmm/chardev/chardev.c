/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * All chardevs of the program, by id.
 *
 * Threads: main thread only.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "chardev/internal.h"
#include "host/file.h"
#include "host/passed.h"

static const struct chardev_kind_ops *const kinds[] = {
    [CHARDEV_NULL] = &chardev_null, [CHARDEV_STDIO] = &chardev_stdio,   [CHARDEV_PTY] = &chardev_pty,
    [CHARDEV_FILE] = &chardev_file, [CHARDEV_SOCKET] = &chardev_socket,
};

struct chardevs *chardevs_create(struct loop *loop, void (*terminate)(void *opaque), void *opaque)
{
    struct chardevs *chardevs = calloc(1, sizeof *chardevs);

    if (!chardevs)
        return NULL;
    *chardevs = (struct chardevs){ .loop = loop, .terminate = terminate, .opaque = opaque };
    /* A peer that went away is an error of write(), not the end of the program. */
    signal(SIGPIPE, SIG_IGN);
    return chardevs;
}

static void chardev_free(struct chardev *chardev)
{
    if (chardev->log_fd >= 0)
        close(chardev->log_fd);
    free(chardev->id);
    free(chardev);
}

/* It is on no list any more. */
static void chardev_close(struct chardev *chardev)
{
    connections_close(chardev);
    if (chardev->hub)
        hub_destroy(chardev->hub);
    chardev->kind->close(chardev);
    chardev_free(chardev);
}

void chardevs_destroy(struct chardevs *chardevs)
{
    if (!chardevs)
        return;
    while (chardevs->first) {
        struct chardev *chardev = chardevs->first;

        chardevs->first = chardev->next;
        chardev_close(chardev);
    }
    free(chardevs);
}

bool chardev_remove(struct chardevs *chardevs, const char *id, struct error *error)
{
    struct chardev **link = &chardevs->first, *chardev;

    while (*link && strcmp((*link)->id, id) != 0)
        link = &(*link)->next;
    chardev = *link;
    if (!chardev)
        return error_set(error, "Chardev '%.80s' not found; query-chardev lists those that there are", id);
    if (chardev->starting || chardev_is_open(chardev))
        return error_set(error, "Chardev '%.80s' is busy: %s", id,
                         chardev->starting ? "the program waits for its first client"
                                           : "a monitor, a serial port, a device or a netdev's guestfwd uses "
                                             "it; device_del of a device or netdev_del frees it");
    *link = chardev->next;
    chardev_close(chardev);
    return true;
}

static bool open_log(struct chardev *chardev, const struct chardev_config *config, struct error *error)
{
    int flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NONBLOCK | O_NOCTTY |
                (config->logappend ? O_APPEND : O_TRUNC);

    if (!config->logfile)
        return true;
    chardev->log_fd = passed_open(config->logfile, flags, 0666);
    if (chardev->log_fd < 0) {
        const char *why = passed_why(config->logfile, errno);

        return error_set(error, "cannot open logfile '%s': %s", config->logfile, why ? why : file_why(errno));
    }
    return true;
}

void chardev_log(struct chardev *chardev, const void *bytes, size_t length)
{
    const char *at = bytes;

    while (chardev->log_fd >= 0 && length > 0) {
        ssize_t count = write(chardev->log_fd, at, length);

        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0) /* a full disk must not stop the guest */
            return;
        at += count;
        length -= (size_t)count;
    }
}

static void append(struct chardevs *chardevs, struct chardev *chardev)
{
    struct chardev **link = &chardevs->first;

    while (*link)
        link = &(*link)->next;
    *link = chardev;
}

/* With its log; NULL and an error. */
static struct chardev *chardev_new(struct chardevs *chardevs, const struct chardev_config *config,
                                   struct error *error)
{
    struct chardev *chardev;

    if (chardev_find(chardevs, config->id)) {
        error_set(error, "chardev '%s': the id is already in use", config->id);
        return NULL;
    }
    chardev = calloc(1, sizeof *chardev);
    if (chardev)
        *chardev = (struct chardev){ .owner = chardevs,
                                     .kind = kinds[config->kind],
                                     .id = strdup(config->id),
                                     .mux = config->mux,
                                     .log_fd = -1 };
    if (!chardev || !chardev->id) {
        error_set(error, "out of memory");
        free(chardev);
        return NULL;
    }
    if (open_log(chardev, config, error))
        return chardev;
    chardev_free(chardev);
    return NULL;
}

struct chardev *chardev_open(struct chardevs *chardevs, const struct chardev_config *config,
                             struct error *error)
{
    struct chardev *chardev = chardev_new(chardevs, config, error);

    if (!chardev) {
        if (config->kind == CHARDEV_SOCKET && config->fd >= 0)
            close(config->fd);
        return NULL;
    }
    if (!chardev->kind->open(chardev, config, error)) {
        chardev_free(chardev);
        return NULL;
    }
    append(chardevs, chardev);
    return chardev;
}

struct chardev *chardev_find(struct chardevs *chardevs, const char *id)
{
    struct chardev *chardev = chardevs->first;

    while (chardev && strcmp(chardev->id, id) != 0)
        chardev = chardev->next;
    return chardev;
}

struct chardev *chardev_next(struct chardevs *chardevs, struct chardev *chardev)
{
    return chardev ? chardev->next : chardevs->first;
}

bool chardev_attach(struct chardev *chardev, const struct chardev_user_ops *ops, void *user,
                    struct error *error)
{
    if (chardev_is_open(chardev) && !chardev->mux)
        return error_set(error, "chardev '%s' is already in use; mux=on allows it to be shared", chardev->id);
    if (chardev->hub || chardev->mux || ops->single)
        return hub_attach(chardev, ops, user, chardev->mux, error);
    chardev->ops = ops;
    chardev->user = user;
    return true;
}

bool chardev_start(struct chardev *chardev, struct error *error)
{
    bool started;

    if (!chardev->ops || chardev->started)
        return true; /* nobody would read */
    chardev->started = chardev->starting = true;
    if (chardev->hub)
        hub_start(chardev->hub);
    started = chardev->kind->start(chardev, error);
    chardev->starting = false;
    return started;
}

bool chardev_attach_now(struct chardev *chardev, const struct chardev_user_ops *ops, void *user,
                        struct error *error)
{
    if (!chardev_attach(chardev, ops, user, error))
        return false;
    if (chardev->started) {
        hub_start_user(chardev->hub, user);
        return true;
    }
    chardev->late = true;
    if (chardev_start(chardev, error))
        return true;
    chardev->started = false;
    chardev_detach(chardev, user);
    return false;
}

void chardev_detach(struct chardev *chardev, void *user)
{
    hub_detach(chardev->hub, user);
}

int chardev_take_connection(struct chardev *chardev, struct error *error)
{
    static const struct chardev_user_ops nothing = { .single = true };
    int fd;

    if (chardev_is_open(chardev)) {
        error_set(error, "chardev '%s' is already in use, and a connection has one user; add another chardev",
                  chardev->id);
        return -1;
    }
    if (!chardev->kind->take || chardev->mux) {
        error_set(error, "chardev '%s' is not a Unix socket that connects: -chardev socket,id=%s,path=PATH",
                  chardev->id, chardev->id);
        return -1;
    }
    fd = chardev->kind->take(chardev, error);
    if (fd < 0)
        return -1;
    chardev->ops = &nothing;
    chardev->taken = chardev->started = true;
    return fd;
}

bool chardev_reconnects(const struct chardev *chardev)
{
    return chardev->kind->reconnects && chardev->kind->reconnects(chardev);
}

void chardev_await_connection(struct chardev *chardev, void (*connected)(void *opaque, int fd), void *opaque)
{
    chardev->connected = connected;
    chardev->connected_opaque = opaque;
    chardev->kind->await(chardev, true);
}

void chardev_free_connection(struct chardev *chardev)
{
    chardev->connected = NULL;
    if (chardev->kind->await)
        chardev->kind->await(chardev, false);
    chardev->ops = NULL;
    chardev->taken = chardev->started = false;
}

const char *chardev_id(const struct chardev *chardev)
{
    return chardev->id;
}

const char *chardev_filename(const struct chardev *chardev)
{
    char *text = ((struct chardev *)chardev)->filename;

    chardev->kind->describe(chardev, text, sizeof chardev->filename);
    return text;
}

bool chardev_is_open(const struct chardev *chardev)
{
    return chardev->hub ? hub_has_users(chardev->hub) : chardev->ops != NULL;
}

bool chardev_frontend_is_open(const struct chardev *chardev)
{
    if (chardev->hub)
        return hub_has_open_user(chardev->hub);
    return chardev->ops && (!chardev->ops->is_open || chardev->ops->is_open(chardev->user));
}
