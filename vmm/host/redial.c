/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/redial.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

struct line {
    int fd;
    socklen_t length;
    struct sockaddr_storage address;
};

struct redial {
    unsigned owners;
    struct line lines[REDIAL_ADDRESSES_MAX];
    unsigned count;
    unsigned at;         /* the line that was dialed last */
    struct watch *watch; /* of an attempt in progress */
    struct loop *loop;
    redial_ended *ended;
    void *opaque;
};

/* ---- life ---- */

static void add_line(struct redial *redial, const struct addrinfo *info, bool nodelay)
{
    struct line *line = &redial->lines[redial->count];
    const int one = 1;

    line->fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (line->fd < 0)
        return;
    if (nodelay && setsockopt(line->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one) < 0) {
        close(line->fd);
        return;
    }
    line->length = info->ai_addrlen;
    memcpy(&line->address, info->ai_addr, info->ai_addrlen);
    redial->count++;
}

struct redial *redial_create(const char *host, const char *port, bool nodelay, struct error *error)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    struct redial *redial = calloc(1, sizeof *redial);
    struct addrinfo *list;
    int failure;

    if (!redial) {
        error_set(error, "out of memory");
        return NULL;
    }
    redial->owners = 1;
    failure = getaddrinfo(host, port, &hints, &list);
    if (failure) {
        error_set(error, "host '%.200s': %s", host,
                  failure == EAI_SYSTEM ? strerror(errno) : gai_strerror(failure));
        free(redial);
        return NULL;
    }
    for (const struct addrinfo *info = list; info && redial->count < REDIAL_ADDRESSES_MAX;
         info = info->ai_next)
        add_line(redial, info, nodelay);
    failure = errno;
    freeaddrinfo(list);
    if (redial->count > 0)
        return redial;
    error_set(error, "cannot create a socket for %.200s:%s: %s", host, port, strerror(failure));
    free(redial);
    return NULL;
}

struct redial *redial_share(struct redial *redial)
{
    redial->owners++;
    return redial;
}

void redial_release(struct redial *redial)
{
    if (!redial || --redial->owners > 0)
        return;
    for (unsigned i = 0; i < redial->count; i++)
        close(redial->lines[i].fd);
    free(redial);
}

/* ---- dialing ---- */

static void dial(struct redial *redial, int failure);

/* A port of this host's own may be the one that the kernel chooses for the client: it then connects to
 * itself, and keeps the server from coming back. */
static bool is_own_end(const struct line *line)
{
    struct sockaddr_storage own;
    socklen_t length = sizeof own;

    memset(&own, 0, sizeof own);
    return getsockname(line->fd, (struct sockaddr *)&own, &length) == 0 && length == line->length &&
           memcmp(&own, &line->address, length) == 0;
}

static void disconnect(const struct line *line)
{
    const struct sockaddr nobody = { .sa_family = AF_UNSPEC };

    RESULT_DOES_NOT_MATTER(connect(line->fd, &nobody, sizeof nobody) < 0, "then it cannot connect, either");
}

static void connected(struct redial *redial)
{
    const struct line *line = &redial->lines[redial->at];
    int fd = -1, failure = ECONNREFUSED;

    if (!is_own_end(line)) {
        fd = fcntl(line->fd, F_DUPFD_CLOEXEC, 0);
        failure = errno;
    }
    if (fd >= 0) {
        redial->ended(redial->opaque, fd, NULL);
        return;
    }
    disconnect(line);
    redial->at++;
    dial(redial, failure);
}

static void on_events(void *opaque, uint32_t events)
{
    struct redial *redial = opaque;
    int failure = 0;
    socklen_t size = sizeof failure;

    (void)events;
    watch_remove(redial->watch);
    redial->watch = NULL;
    if (getsockopt(redial->lines[redial->at].fd, SOL_SOCKET, SO_ERROR, &failure, &size) < 0)
        failure = errno;
    if (failure == 0) {
        connected(redial);
        return;
    }
    redial->at++;
    dial(redial, failure);
}

/* The next address, or the end: `failure` is that of the last one. */
static void dial(struct redial *redial, int failure)
{
    for (; redial->at < redial->count; redial->at++) {
        const struct line *line = &redial->lines[redial->at];

        disconnect(line);
        if (connect(line->fd, (const struct sockaddr *)&line->address, line->length) == 0) {
            connected(redial);
            return;
        }
        if (errno == EINPROGRESS) {
            redial->watch = watch_add(redial->loop, line->fd, EPOLLOUT, on_events, redial);
            if (redial->watch)
                return;
        }
        failure = errno;
    }
    redial->ended(redial->opaque, -1, strerror(failure));
}

void redial_begin(struct redial *redial, struct loop *loop, redial_ended *ended, void *opaque)
{
    if (redial->watch)
        return;
    redial->loop = loop;
    redial->ended = ended;
    redial->opaque = opaque;
    redial->at = 0;
    dial(redial, ECONNREFUSED);
}

void redial_hang_up(struct redial *redial)
{
    RESULT_DOES_NOT_MATTER(shutdown(redial->lines[redial->at].fd, SHUT_RDWR) < 0,
                           "the server has closed the connection already");
}

void redial_stop(struct redial *redial)
{
    if (!redial || !redial->watch)
        return;
    watch_remove(redial->watch);
    redial->watch = NULL;
}

const struct sockaddr *redial_peer(const struct redial *redial)
{
    return (const struct sockaddr *)&redial->lines[redial->at].address;
}
