/* SPDX-License-Identifier: BSD-2-Clause */
#include "chardev/tcp.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/message.h"
#include "host/redial.h"

#define BACKLOG 16

static const char *shown(const struct chardev_config *config)
{
    return *config->host ? config->host : "*";
}

static bool set_option(int fd, int level, int name)
{
    const int one = 1;

    return setsockopt(fd, level, name, &one, sizeof one) == 0;
}

/* A client's socket has the options of the one that listens. */
static int try_address(const struct chardev_config *config, const struct addrinfo *info)
{
    const int fd = socket(info->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool good = fd >= 0 && (!config->nodelay || set_option(fd, IPPROTO_TCP, TCP_NODELAY));
    int failure;

    if (good && config->server)
        good = set_option(fd, SOL_SOCKET, SO_REUSEADDR) && bind(fd, info->ai_addr, info->ai_addrlen) == 0 &&
               listen(fd, BACKLOG) == 0;
    else if (good)
        good = connect(fd, info->ai_addr, info->ai_addrlen) == 0;
    if (good || fd < 0)
        return fd;
    failure = errno;
    close(fd);
    errno = failure;
    return -1;
}

static bool is_loopback(const struct sockaddr *address)
{
    if (address->sa_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)(const void *)address)->sin_addr.s_addr) >> 24 == 127;
    return address->sa_family == AF_INET6 &&
           IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)(const void *)address)->sin6_addr);
}

static void warn(const struct chardev_config *config)
{
    warning(
        "chardev '%s' listens at %s:%s for other hosts, too: anybody who reaches it is let in without a "
        "password and reads everything, and at a monitor controls the guest and reads and writes files of "
        "the user who runs hotram; host=127.0.0.1 (and ssh -L from elsewhere), or path= instead, is for "
        "this host alone",
        config->id, shown(config), config->port);
}

/* Which port it is, and whom it is for. */
static bool note_address(struct chardev_config *config, struct error *error)
{
    struct sockaddr_storage address = { 0 };
    socklen_t length = sizeof address;
    char port[NI_MAXSERV];
    char *copy;
    int failure;

    if (getsockname(config->fd, (struct sockaddr *)&address, &length) < 0)
        return error_set(error, "cannot find out the port: %s", strerror(errno));
    failure = getnameinfo((const struct sockaddr *)&address, length, NULL, 0, port, sizeof port,
                          NI_NUMERICSERV);
    if (failure)
        return error_set(error, "cannot find out the port: %s", gai_strerror(failure));
    copy = strdup(port);
    if (!copy)
        return error_set(error, "out of memory");
    free(config->port);
    config->port = copy;
    if (!is_loopback((const struct sockaddr *)&address))
        warn(config);
    return true;
}

static bool fail(const struct chardev_config *config, int failure, struct error *error)
{
    const char *hint = "";

    if (config->server && failure == EADDRINUSE)
        hint = "; take another port, or 0 for one that is free (query-chardev says which)";
    else if (config->server && failure == EADDRNOTAVAIL)
        hint = "; take an address of this host, such as 127.0.0.1";
    else if (!config->server && failure == ECONNREFUSED)
        hint = "; start the program that listens there first, or give server=on";
    return error_set(error, "cannot %s %.200s:%s: %s%s", config->server ? "listen at" : "connect to",
                     shown(config), config->port, strerror(failure), hint);
}

static bool open_once(struct chardev_config *config, struct error *error)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = config->server ? AI_PASSIVE : 0 };
    struct addrinfo *list;
    int found = getaddrinfo(*config->host ? config->host : NULL, config->port, &hints, &list);

    if (found != 0)
        return error_set(error, "host '%.200s': %s", config->host,
                         found == EAI_SYSTEM ? strerror(errno) : gai_strerror(found));
    for (const struct addrinfo *info = list; info && config->fd < 0; info = info->ai_next)
        config->fd = try_address(config, info);
    found = errno;
    freeaddrinfo(list);
    if (config->fd < 0)
        return fail(config, found, error);
    return !config->server || note_address(config, error);
}

bool tcp_open(struct chardev_config *config, struct error *error)
{
    if (config->reconnect_ms == 0)
        return open_once(config, error);
    config->redial = redial_create(config->host, config->port, config->nodelay, error);
    return config->redial != NULL;
}
