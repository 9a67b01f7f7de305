/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Sockets: listening, connecting, or an inherited descriptor; they are created elsewhere (host/unix_socket.c,
 * tcp.c).
 *
 * A client with reconnect= that has no connection tries again and again, and says so once.
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
#include "host/redial.h"
#include "host/unix_socket.h"

/* Clients at once; the next ones wait in the queue. */
#define BACKLOG 16
#define CLIENTS_MAX 64u
/* No descriptor or memory is free for a client: try again then, instead of spinning. */
#define RETRY_MS 1000

struct socket_state {
    int fd; /* listens, or is connected until the connection owns it; -1 */
    bool server;
    bool wait;
    bool telnet;
    struct made_file made;
    struct watch *watch;
    struct timer retry;          /* to listen, or to connect */
    uint64_t reconnect_ms;       /* of a client; 0: it connects once */
    bool failing;                /* the failure was reported */
    char path[SOCKET_PATH_SIZE]; /* "" for an inherited socket without a name */
    char *address;               /* of one over TCP: HOST:PORT, or NULL */
    struct redial *redial;       /* of a client over TCP that connects again, or NULL */
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
        .input = fd, .output = fd, .own_fds = true, .socket = true, .telnet = state->telnet
    };
    struct error error;

    (void)events;
    if (fd >= 0) {
        if (!connection_open(chardev, &connection, &error))
            warning("chardev '%s': client disconnected: %s", chardev->id, error.text);
    } else if (file_lacks_room(errno))
        timer_start(chardev->owner->loop, &state->retry, RETRY_MS, accept_again, chardev);
    update_listening(chardev);
}

static bool connect_path(struct socket_state *state, struct error *error)
{
    state->fd = unix_connect(state->path, error);
    return state->fd >= 0;
}

/* The socket is connected, and is the connection's from now on. */
static bool open_connection(struct chardev *chardev, struct error *error)
{
    struct socket_state *state = chardev->state;
    const struct connection_config connection = {
        .input = state->fd, .output = state->fd, .own_fds = true, .socket = true
    };

    state->fd = -1;
    return connection_open(chardev, &connection, error);
}

/* The connection is passed on to the user that has taken the last one. */
static bool hand_over(struct chardev *chardev)
{
    struct socket_state *state = chardev->state;
    void (*const connected)(void *, int) = chardev->connected;
    const int fd = state->fd;

    state->fd = -1;
    chardev->connected = NULL;
    connected(chardev->connected_opaque, fd);
    return true;
}

static bool use_connection(struct chardev *chardev, struct error *error)
{
    if (chardev->taken)
        return hand_over(chardev);
    return !chardev->started || open_connection(chardev, error);
}

static void keep_connecting(void *opaque);

static void connect_later(struct chardev *chardev, const char *why)
{
    struct socket_state *state = chardev->state;

    if (!state->failing)
        warning("Unable to connect character device %s: %s; it tries again every %llu ms", chardev->id, why,
                (unsigned long long)state->reconnect_ms);
    state->failing = true;
    timer_start(chardev->owner->loop, &state->retry, state->reconnect_ms, keep_connecting, chardev);
}

static void dialed(void *opaque, int fd, const char *why)
{
    struct chardev *chardev = opaque;
    struct socket_state *state = chardev->state;
    struct error error;

    state->fd = fd;
    if (fd < 0)
        error_set(&error, "cannot connect to %s: %s", state->address, why);
    else if (use_connection(chardev, &error)) {
        state->failing = false;
        return;
    } else
        redial_hang_up(state->redial);
    connect_later(chardev, error.text);
}

/* Until somebody is there. Where no user is to be told, the connection waits for one. */
static void keep_connecting(void *opaque)
{
    struct chardev *chardev = opaque;
    struct socket_state *state = chardev->state;
    struct error error;

    if (state->redial)
        redial_begin(state->redial, chardev->owner->loop, dialed, chardev);
    else if (connect_path(state, &error) && use_connection(chardev, &error))
        state->failing = false;
    else
        connect_later(chardev, error.text);
}

static bool open_path(struct chardev *chardev, const char *path, struct error *error)
{
    struct socket_state *state = chardev->state;
    const size_t length = strlen(path);

    if (length >= sizeof state->path)
        return error_set(error, "socket path '%s' is too long: it has %zu bytes; the limit is %zu", path,
                         length, sizeof state->path - 1);
    memcpy(state->path, path, length);
    if (state->server) {
        state->fd = unix_listen(path, BACKLOG, &state->made, error);
        return state->fd >= 0;
    }
    if (state->reconnect_ms == 0)
        return connect_path(state, error);
    keep_connecting(chardev);
    return true;
}

static bool open_inherited(struct socket_state *state, int fd, struct error *error)
{
    struct sockaddr_un address = { .sun_family = AF_UNSPEC };
    socklen_t length = sizeof address;
    int listens = 0;
    socklen_t size = sizeof listens;

    state->fd = fd; /* also after a failure */
    if (getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) < 0)
        return error_set(error, "fd=%d: %s", fd, errno == EBADF ? "it is not open" : strerror(errno));
    if (state->server && !listens)
        return error_set(error, "fd=%d: server=on requires a listening socket", fd);
    if (!state->server && listens)
        return error_set(error, "fd=%d: the socket listens; give server=on", fd);
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
    redial_stop(state->redial);
    redial_release(state->redial);
    made_file_remove(&state->made);
    if (state->fd >= 0)
        close(state->fd);
    free(state->address);
    free(state);
}

/* The socket is there: tcp_open(). */
static bool open_tcp(struct chardev *chardev, const struct chardev_config *config, struct error *error)
{
    struct socket_state *state = chardev->state;
    const bool braces = strchr(config->host, ':');

    state->telnet = config->telnet;
    if (asprintf(&state->address, "%s:%s%.200s%s:%s", config->telnet ? "telnet" : "tcp", braces ? "[" : "",
                 config->host, braces ? "]" : "", config->port) < 0) {
        state->address = NULL;
        return error_set(error, "out of memory");
    }
    if (!config->redial)
        return open_inherited(state, config->fd, error);
    state->redial = redial_share(config->redial);
    keep_connecting(chardev);
    return true;
}

static bool open_any(struct chardev *chardev, const struct chardev_config *config, struct error *error)
{
    struct socket_state *state = chardev->state;

    if (config->host)
        return open_tcp(chardev, config, error);
    return config->fd >= 0 ? open_inherited(state, config->fd, error)
                           : open_path(chardev, config->path, error);
}

static bool socket_open(struct chardev *chardev, const struct chardev_config *config, struct error *error)
{
    struct socket_state *state = calloc(1, sizeof *state);

    if (!state) {
        if (config->fd >= 0)
            close(config->fd);
        return error_set(error, "out of memory");
    }
    *state = (struct socket_state){ .fd = -1,
                                    .server = config->server,
                                    .wait = config->server && config->wait,
                                    .reconnect_ms = config->reconnect_ms };
    chardev->state = state;
    if (open_any(chardev, config, error))
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
    if (state->wait && !chardev->late)
        message("info: waiting for connection on: %s", chardev_filename(chardev));
    while (state->wait && !chardev->late && chardev->connection_count == 0 && !loop_quitting(loop))
        loop_once(loop, -1);
    return true;
}

static bool socket_start(struct chardev *chardev, struct error *error)
{
    struct socket_state *state = chardev->state;

    if (state->server)
        return start_listening(chardev, error);
    if (state->fd >= 0)
        return open_connection(chardev, error);
    if (state->reconnect_ms == 0) /* the last attempt to start it has failed */
        return error_set(error, "its connection has ended");
    if (!timer_runs(&state->retry))
        keep_connecting(chardev);
    return true;
}

/* A vhost-user device is the client of its back end, and its connection is the only one that it has. */
static int socket_take(struct chardev *chardev, struct error *error)
{
    struct socket_state *state = chardev->state;
    int fd;

    if (state->server || state->address) {
        error_set(
            error,
            "chardev '%s': %s is not possible for a device of vhost-user, which connects to its back end: "
            "-chardev socket,id=%s,path=PATH",
            chardev->id, state->server ? "server=on" : "host=", chardev->id);
        return -1;
    }
    timer_cancel(&state->retry);
    if (state->fd < 0 && !*state->path) {
        error_set(error, "chardev '%s': its connection has ended, and it has no path to connect to",
                  chardev->id);
        return -1;
    }
    if (state->fd < 0 && !connect_path(state, error))
        return -1;
    fd = state->fd;
    state->fd = -1;
    return fd;
}

static bool socket_reconnects(const struct chardev *chardev)
{
    const struct socket_state *state = chardev->state;

    return state->reconnect_ms > 0;
}

static void socket_await(struct chardev *chardev, bool on)
{
    struct socket_state *state = chardev->state;

    if (on)
        timer_start(chardev->owner->loop, &state->retry, state->reconnect_ms, keep_connecting, chardev);
    else if (!state->server)
        timer_cancel(&state->retry);
}

static void socket_gone(struct chardev *chardev)
{
    struct socket_state *state = chardev->state;

    if (state->redial)
        redial_hang_up(state->redial);
    if (state->watch)
        update_listening(chardev);
    else if (state->reconnect_ms > 0)
        timer_start(chardev->owner->loop, &state->retry, state->reconnect_ms, keep_connecting, chardev);
}

static void socket_describe(const struct chardev *chardev, char *text, size_t size)
{
    const struct socket_state *state = chardev->state;

    snprintf(text, size, "%s%s%s%s",
             chardev->connections || (chardev->taken && !chardev->connected) ? "" : "disconnected:",
             state->address ? "" : "unix:", state->address ? state->address : state->path,
             state->server ? ",server=on" : "");
}

const struct chardev_kind_ops chardev_socket = {
    .open = socket_open,
    .start = socket_start,
    .take = socket_take,
    .reconnects = socket_reconnects,
    .await = socket_await,
    .gone = socket_gone,
    .describe = socket_describe,
    .close = socket_close,
};
