/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Unix sockets: listening, connecting, or a descriptor that whoever started the program left open.
 *
 * Threads: main thread only.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/loop.h"
#include "base/message.h"
#include "chardev/internal.h"
#include "host/file.h"

#define PATH_MAX_LENGTH (sizeof((struct sockaddr_un *)NULL)->sun_path - 1)
#define BACKLOG 16
/* Clients at once; the next ones wait in the queue. */
#define CLIENTS_MAX 64u
/* No descriptor or memory is free for a client: try again then, instead of spinning. */
#define RETRY_MS 1000

struct socket_state {
    int fd; /* listens, or is connected until the connection owns it; -1 */
    bool server;
    bool wait;
    struct made_file made;
    struct watch *watch;
    struct timer retry;
    char path[108]; /* "" for an inherited socket without a name */
};

static void accept_again(void *opaque);

static void update_listening(struct chardev *chardev)
{
    struct socket_state *state = chardev->state;
    unsigned limit = chardev->ops->single ? 1 : CLIENTS_MAX;
    bool accepts = !timer_runs(&state->retry) && chardev->connection_count < limit;

    if (!watch_change(state->watch, accepts ? EPOLLIN : 0))
        timer_start(chardev->owner->loop, &state->retry, RETRY_MS, accept_again, chardev);
}

static void accept_again(void *opaque)
{
    update_listening(opaque);
}

static void on_client(void *opaque, uint32_t events)
{
    struct chardev *chardev = opaque;
    struct socket_state *state = chardev->state;
    int fd = accept4(state->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    const struct connection_config connection = {
        .input = fd, .output = fd, .own_fds = true, .socket = true
    };

    struct error error;

    (void)events;
    if (fd >= 0) {
        if (!connection_open(chardev, &connection, &error))
            warning("chardev '%s': a client is let go: %s", chardev->id, error.text);
    } else if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)
        timer_start(chardev->owner->loop, &state->retry, RETRY_MS, accept_again, chardev);
    update_listening(chardev);
}

static bool open_listening(struct socket_state *state, const struct sockaddr_un *address, struct error *error)
{
    /* As QEMU does: a file that an earlier run left behind is in the way and nobody's. */
    if (unlink(address->sun_path) < 0 && errno != ENOENT)
        return error_set(error, "cannot replace '%s': %s", state->path, strerror(errno));
    if (bind(state->fd, (const struct sockaddr *)address, sizeof *address) < 0)
        return error_set(error, "cannot make socket '%s': %s", state->path, strerror(errno));
    if (!made_file_note(&state->made, state->path))
        return error_set(error, "cannot make socket '%s': %s", state->path, strerror(errno));
    if (listen(state->fd, BACKLOG) < 0)
        return error_set(error, "cannot listen on '%s': %s", state->path, strerror(errno));
    return true;
}

static bool open_path(struct socket_state *state, const char *path, struct error *error)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    size_t length = strlen(path);

    if (length > PATH_MAX_LENGTH)
        return error_set(error, "socket path '%s' is too long: it has %zu bytes, the limit is %zu", path,
                         length, PATH_MAX_LENGTH);
    memcpy(address.sun_path, path, length);
    memcpy(state->path, path, length);
    state->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (state->fd < 0)
        return error_set(error, "cannot make a socket: %s", strerror(errno));
    if (state->server)
        return open_listening(state, &address, error);
    if (connect(state->fd, (const struct sockaddr *)&address, sizeof address) < 0)
        return error_set(error, "cannot connect to '%s': %s", path,
                         errno == EAGAIN ? "too many others wait there already" : strerror(errno));
    return true;
}

static bool open_inherited(struct socket_state *state, int fd, struct error *error)
{
    struct sockaddr_un address = { .sun_family = AF_UNSPEC };
    socklen_t length = sizeof address;
    int listens = 0;
    socklen_t size = sizeof listens;

    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) < 0)
        return error_set(error, "fd=%d: %s", fd, errno == EBADF ? "it is not open" : strerror(errno));
    if (state->server && !listens)
        return error_set(error, "fd=%d: server=on needs a socket that listens already", fd);
    if (!state->server && listens)
        return error_set(error, "fd=%d: the socket listens; give server=on", fd);
    state->fd = fd;
    if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0 || fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
        return error_set(error, "fd=%d: %s", fd, strerror(errno));
    if (getsockname(fd, (struct sockaddr *)&address, &length) == 0 && address.sun_family == AF_UNIX &&
        length > offsetof(struct sockaddr_un, sun_path) && address.sun_path[0])
        snprintf(state->path, sizeof state->path, "%.*s",
                 (int)(length - offsetof(struct sockaddr_un, sun_path)), address.sun_path);
    return true;
}

static void socket_close(struct chardev *chardev)
{
    struct socket_state *state = chardev->state;

    watch_remove(state->watch);
    timer_cancel(&state->retry);
    made_file_remove(&state->made);
    if (state->fd >= 0)
        close(state->fd);
    free(state);
}

static bool socket_open(struct chardev *chardev, const struct chardev_config *config, struct error *error)
{
    struct socket_state *state = calloc(1, sizeof *state);

    if (!state)
        return error_set(error, "out of memory");
    *state =
        (struct socket_state){ .fd = -1, .server = config->server, .wait = config->server && config->wait };
    chardev->state = state;
    if (config->fd >= 0 ? open_inherited(state, config->fd, error) : open_path(state, config->path, error))
        return true;
    socket_close(chardev);
    return false;
}

static bool start_listening(struct chardev *chardev, struct error *error)
{
    struct socket_state *state = chardev->state;
    struct loop *loop = chardev->owner->loop;

    state->watch = watch_add(loop, state->fd, EPOLLIN, on_client, chardev);
    if (!state->watch)
        return error_set(error, "cannot watch it: %s", strerror(errno));
    if (state->wait)
        message("info: waiting for connection on: %s", chardev_filename(chardev));
    while (state->wait && chardev->connection_count == 0 && !loop_quitting(loop))
        loop_once(loop, -1);
    return true;
}

static bool socket_start(struct chardev *chardev, struct error *error)
{
    struct socket_state *state = chardev->state;
    const struct connection_config connection = {
        .input = state->fd, .output = state->fd, .own_fds = true, .socket = true
    };

    if (state->server)
        return start_listening(chardev, error);
    state->fd = -1;
    return connection_open(chardev, &connection, error);
}

static void socket_gone(struct chardev *chardev)
{
    struct socket_state *state = chardev->state;

    if (state->watch)
        update_listening(chardev);
}

static void socket_describe(const struct chardev *chardev, char *text, size_t size)
{
    const struct socket_state *state = chardev->state;

    snprintf(text, size, "%sunix:%s%s", chardev->connections ? "" : "disconnected:", state->path,
             state->server ? ",server=on" : "");
}

const struct chardev_kind_ops chardev_socket = {
    .open = socket_open,
    .start = socket_start,
    .gone = socket_gone,
    .describe = socket_describe,
    .close = socket_close,
};
