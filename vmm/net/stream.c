/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -netdev stream: a connection over a UNIX socket or TCP, such as passt's, another hotram's or QEMU's. A
 * server takes one client at a time, and the next when that has gone. A client with reconnect= that has no
 * connection tries again and again, and says so once.
 *
 * Threads: main thread only.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/message.h"
#include "host/file.h"
#include "host/redial.h"
#include "host/unix_socket.h"
#include "net/stream_properties.h"
#include "net/type.h"

/* Between two attempts of a server to accept a client, where the program lacks descriptors or memory. */
#define ACCEPT_MS 100

struct stream {
    int listener; /* -1: a client */
    struct watch *watch;
    bool is_tcp;
    struct made_file made;
    struct timer retry;           /* to connect, or to accept */
    struct redial *redial;        /* of a client over TCP that connects again, or NULL */
    uint64_t reconnect_ms;        /* of a client; 0: it connects once */
    bool failing;                 /* the failure was reported */
    char path[STREAM_PATH_BYTES]; /* of a UNIX socket */
    char address[200];
};

static bool listening(struct net_backend *backend, int fd, struct error *error)
{
    struct stream *stream = backend->state;

    stream->listener = fd;
    return listen(fd, 1) == 0 ||
           error_set(error, "cannot listen on %s: %s", stream->address, strerror(errno));
}

static bool listen_unix(struct net_backend *backend, const char *path, struct error *error)
{
    struct stream *stream = backend->state;

    stream->listener = unix_listen(path, 1, &stream->made, error);
    return stream->listener >= 0;
}

static bool connect_unix(struct net_backend *backend, const char *path, struct error *error)
{
    const int fd = unix_connect(path, error);

    return fd >= 0 && net_backend_connect(backend, 0, fd, error);
}

static void describe(struct net_backend *backend)
{
    const struct stream *stream = backend->state;

    words_format(backend->description, sizeof backend->description, "type=stream,%s%s%s", stream->address,
                 stream->listener >= 0 ? ",server=on" : "", backend->connected ? "" : ",disconnected");
}

/* `peer` is the other end over TCP. As QEMU: over a UNIX socket the path is the server's, since a client has
 * none. */
static void send_connected_event(struct net_backend *backend, const struct sockaddr *peer)
{
    const struct stream *stream = backend->state;
    const struct sockaddr_in *in = (const void *)peer;
    const struct sockaddr_in6 *in6 = (const void *)peer;
    struct event event = { .kind = EVENT_NETDEV_STREAM_CONNECTED, .netdev.id = backend->id };
    char host[INET6_ADDRSTRLEN] = "", port[8];

    if (stream->is_tcp) {
        event.netdev.ipv6 = peer->sa_family == AF_INET6;
        inet_ntop(peer->sa_family,
                  event.netdev.ipv6 ? (const void *)&in6->sin6_addr : (const void *)&in->sin_addr, host,
                  sizeof host);
        snprintf(port, sizeof port, "%u", ntohs(event.netdev.ipv6 ? in6->sin6_port : in->sin_port));
        event.netdev.host = host;
        event.netdev.port = port;
    } else {
        event.netdev.path = stream->path;
    }
    describe(backend);
    if (backend->backends->event)
        backend->backends->event(backend->backends->opaque, &event);
}

static void keep_connecting(void *opaque);

static void connected(struct net_backend *backend, const struct sockaddr *peer)
{
    struct stream *stream = backend->state;

    stream->failing = false;
    send_connected_event(backend, peer);
}

static void connect_later(struct net_backend *backend, const char *why)
{
    struct stream *stream = backend->state;

    if (!stream->failing)
        warning("netdev '%s': %s; it tries again every %llu ms", backend->id, why,
                (unsigned long long)stream->reconnect_ms);
    stream->failing = true;
    timer_start(backend->backends->loop, &stream->retry, stream->reconnect_ms, keep_connecting, backend);
}

static void dialed(void *opaque, int fd, const char *why)
{
    struct net_backend *backend = opaque;
    const struct stream *stream = backend->state;
    struct error error;

    if (fd < 0)
        error_set(&error, "cannot connect to %s: %s", stream->address, why);
    else if (net_backend_connect(backend, 0, fd, &error)) {
        connected(backend, redial_peer(stream->redial));
        return;
    } else
        redial_hang_up(stream->redial);
    connect_later(backend, error.text);
}

/* Until somebody is there. */
static void keep_connecting(void *opaque)
{
    struct net_backend *backend = opaque;
    struct stream *stream = backend->state;
    struct error error;

    if (stream->redial)
        redial_begin(stream->redial, backend->backends->loop, dialed, backend);
    else if (connect_unix(backend, stream->path, &error))
        connected(backend, NULL);
    else
        connect_later(backend, error.text);
}

static bool open_unix(struct net_backend *backend, const struct stream_values *values, struct error *error)
{
    struct stream *stream = backend->state;

    memcpy(stream->path, values->path, strlen(values->path));
    words_format(stream->address, sizeof stream->address, "unix:%s", values->path);
    if (values->server)
        return listen_unix(backend, stream->path, error);
    if (stream->reconnect_ms > 0)
        keep_connecting(backend);
    else if (connect_unix(backend, stream->path, error))
        send_connected_event(backend, NULL);
    else
        return false;
    return true;
}

/* A frame leaves at once. */
static bool no_delay(int fd)
{
    const int one = 1;

    return setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) == 0;
}

/* A way out, or "". */
static const char *advice(bool server, int failure)
{
    if (failure == EADDRINUSE)
        return "; another program uses the port, take another one";
    if (server && failure == EADDRNOTAVAIL)
        return "; take an address of this host, such as 127.0.0.1";
    if (!server && failure == ECONNREFUSED)
        return "; start the program that listens there first, or give reconnect=1, which waits for it";
    return "";
}

/* One of the addresses that a name has. */
static bool try_address(struct net_backend *backend, const struct addrinfo *info, bool server,
                        struct error *error)
{
    struct stream *stream = backend->state;
    const int one = 1;
    int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return error_set(error, "cannot create a socket: %s", strerror(errno));
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0 && server &&
        bind(fd, info->ai_addr, info->ai_addrlen) == 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0)
        return listening(backend, fd, error);
    if (!server && connect(fd, info->ai_addr, info->ai_addrlen) == 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0 &&
        no_delay(fd)) {
        if (!net_backend_connect(backend, 0, fd, error))
            return false;
        send_connected_event(backend, info->ai_addr);
        return true;
    }
    error_set(error, "cannot %s %s: %s%s", server ? "listen on" : "connect to", stream->address,
              strerror(errno), advice(server, errno));
    close(fd);
    return false;
}

static bool open_inet(struct net_backend *backend, const struct stream_values *values, struct error *error)
{
    const struct addrinfo hints = { .ai_family = AF_UNSPEC,
                                    .ai_socktype = SOCK_STREAM,
                                    .ai_flags = values->server ? AI_PASSIVE : 0 };
    struct stream *stream = backend->state;
    struct addrinfo *list = NULL;
    bool good = false;
    int failure;

    stream->is_tcp = true;
    words_format(stream->address, sizeof stream->address, "tcp:%s:%s", values->host, values->port);
    if (!net_backend_may(backend, "a connection over TCP", "or use addr.type=unix", error))
        return false;
    if (stream->reconnect_ms > 0) {
        stream->redial = redial_create(values->host, values->port, true, error);
        if (stream->redial)
            keep_connecting(backend);
        return stream->redial != NULL;
    }
    failure = getaddrinfo(*values->host ? values->host : NULL, values->port, &hints, &list);
    if (failure)
        return error_set(error, "address resolution failed for %.80s:%.80s: %s", values->host, values->port,
                         gai_strerror(failure));
    for (const struct addrinfo *at = list; at && !good && stream->listener < 0; at = at->ai_next)
        good = try_address(backend, at, values->server, error);
    freeaddrinfo(list);
    return good;
}

/* A server may take a client: it has none. */
static void accept_again(void *opaque)
{
    struct net_backend *backend = opaque;
    struct stream *stream = backend->state;

    if (!backend->connected && !watch_change(stream->watch, EPOLLIN))
        timer_start(backend->backends->loop, &stream->retry, ACCEPT_MS, accept_again, backend);
}

/* The client stays in the listener's backlog, and the listener readable: it is not watched for a while. */
static void accept_later(struct net_backend *backend)
{
    struct stream *stream = backend->state;

    if (watch_change(stream->watch, 0))
        timer_start(backend->backends->loop, &stream->retry, ACCEPT_MS, accept_again, backend);
}

static void on_client(void *opaque, uint32_t events)
{
    struct net_backend *backend = opaque;
    struct stream *stream = backend->state;
    struct sockaddr_storage client = { 0 };
    socklen_t size = sizeof client;
    int fd = accept4(stream->listener, (struct sockaddr *)&client, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    struct error error;

    (void)events;
    if (fd < 0) {
        if (file_lacks_room(errno))
            accept_later(backend);
        return;
    }
    if (stream->is_tcp && !no_delay(fd)) { /* it is gone already */
        close(fd);
        return;
    }
    if (!net_backend_connect(backend, 0, fd, &error)) {
        warning("%s", error.text);
        return;
    }
    if (!watch_change(stream->watch, 0))
        warning("netdev '%s': the host is out of memory for its event loop", backend->id);
    send_connected_event(backend, (const struct sockaddr *)&client);
}

static void gone(struct net_backend *backend)
{
    struct stream *stream = backend->state;

    describe(backend);
    if (stream->redial)
        redial_hang_up(stream->redial);
    if (stream->reconnect_ms > 0)
        timer_start(backend->backends->loop, &stream->retry, stream->reconnect_ms, keep_connecting, backend);
    if (stream->watch)
        accept_again(backend);
}

static bool open_stream(struct net_backend *backend, const void *opaque, struct props props,
                        struct error *error)
{
    const struct stream_values *values = opaque;
    struct stream *stream = calloc(1, sizeof *stream);

    (void)props;
    backend->state = stream;
    if (!stream)
        return error_set(error, "out of memory");
    stream->listener = -1;
    stream->reconnect_ms = values->reconnect_given ? UINT64_C(1000) * values->reconnect
                                                   : values->reconnect_ms;
    backend->framing = NET_STREAM;
    if (!net_backend_make_queues(backend, 1, error) ||
        !(strcmp(values->type, "unix") == 0 ? open_unix(backend, values, error)
                                            : open_inet(backend, values, error)))
        return false;
    if (stream->listener >= 0) {
        stream->watch = watch_add(backend->backends->loop, stream->listener, EPOLLIN, on_client, backend);
        if (!stream->watch)
            return error_set(error, "cannot watch %s: %s", stream->address, strerror(errno));
    }
    describe(backend);
    return true;
}

static void close_stream(struct net_backend *backend)
{
    struct stream *stream = backend->state;

    if (!stream)
        return;
    timer_cancel(&stream->retry);
    redial_stop(stream->redial);
    redial_release(stream->redial);
    if (stream->watch)
        watch_remove(stream->watch);
    if (stream->listener >= 0)
        close(stream->listener);
    made_file_remove(&stream->made);
    free(stream);
}

const struct net_type net_stream_type = {
    .name = "stream",
    .properties = stream_properties,
    .property_count = STREAM_PROPERTIES,
    .values_size = sizeof(struct stream_values),
    .check = stream_check,
    .open = open_stream,
    .gone = gone,
    .close = close_stream,
};
