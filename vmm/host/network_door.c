/* SPDX-License-Identifier: BSD-2-Clause */
#include "host/network_door.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum family { IPV6, IPV4, FAMILIES };

static struct {
    int fd;      /* -1: there is none */
    int failure; /* errno: why not */
} doors[FAMILIES] = { { -1, EBADF }, { -1, EBADF } };

static const char *const family_names[] = { [IPV6] = "IPv6", [IPV4] = "IPv4" };

struct place {
    enum family family;
    socklen_t length;
    union {
        struct sockaddr any;
        struct sockaddr_in ipv4;
        struct sockaddr_in6 ipv6;
    } address;
};

/* ---- addresses ---- */

static bool read_port(const char *text, uint16_t *port)
{
    char *end;
    const unsigned long number = strtoul(text, &end, 10);

    *port = htons((uint16_t)number);
    return *text >= '0' && *text <= '9' && !*end && number >= 1 && number <= UINT16_MAX;
}

static void set_ipv4(struct place *place, struct in_addr address, uint16_t port)
{
    place->family = IPV4;
    place->length = sizeof place->address.ipv4;
    place->address.ipv4 =
        (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = port, .sin_addr = address };
}

static void set_ipv6(struct place *place, struct in6_addr address, uint16_t port)
{
    place->family = IPV6;
    place->length = sizeof place->address.ipv6;
    place->address.ipv6 =
        (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = port, .sin6_addr = address };
}

/* `host` is what precedes the port's colon. */
static bool read_host(char *host, uint16_t port, struct place *place)
{
    const size_t length = strlen(host);
    struct in_addr ipv4 = { .s_addr = htonl(INADDR_ANY) };
    struct in6_addr ipv6 = in6addr_any;
    const bool all = length == 0 || strcmp(host, "0") == 0;

    if (all && doors[IPV6].fd >= 0) {
        set_ipv6(place, ipv6, port);
    } else if (all || inet_pton(AF_INET, host, &ipv4) == 1) {
        set_ipv4(place, ipv4, port);
    } else {
        if (length < 3 || host[0] != '[' || host[length - 1] != ']')
            return false;
        host[length - 1] = '\0';
        if (inet_pton(AF_INET6, host + 1, &ipv6) != 1)
            return false;
        set_ipv6(place, ipv6, port);
    }
    return true;
}

/* `why` names are not looked up. */
static bool read_place(const char *text, const char *why, struct place *place, struct error *error)
{
    const char *colon = strrchr(text, ':');
    char host[INET6_ADDRSTRLEN + 2];
    uint16_t port;

    if (!colon || !read_port(colon + 1, &port))
        return error_set(error, "'%.100s' expects ADDRESS:PORT, with a port from 1 to 65535", text);
    if ((size_t)(colon - text) < sizeof host) {
        memcpy(host, text, (size_t)(colon - text));
        host[colon - text] = '\0';
        if (read_host(host, port, place))
            return true;
    }
    return error_set(
        error, "'%.100s' expects an address in numbers, such as 192.0.2.1:4444 or [2001:db8::1]:4444: %s",
        text, why);
}

/* ---- sockets ---- */

static bool set_option(int fd, int level, int name, int value)
{
    return setsockopt(fd, level, name, &value, sizeof value) == 0;
}

void network_door_prepare(void)
{
    static const int families[] = { [IPV6] = AF_INET6, [IPV4] = AF_INET };

    for (unsigned i = 0; i < FAMILIES; i++) {
        doors[i].fd = socket(families[i], SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        doors[i].failure = errno;
    }
}

/* The socket of a client has TCP_NODELAY from the one that listens: answers are short. */
static bool listen_at(int fd, const struct place *place)
{
    return set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1) && set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1) &&
           (place->family != IPV6 || set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0)) &&
           bind(fd, &place->address.any, place->length) == 0 && listen(fd, 1) == 0;
}

int network_door_listen(const char *text, struct error *error)
{
    struct place place;
    int fd;

    if (!read_place(text, "the sandbox cannot look up names", &place, error))
        return -1;
    fd = doors[place.family].fd;
    if (fd < 0) {
        error_set(error, "'%.100s': there is no socket for %s: %s", text, family_names[place.family],
                  strerror(doors[place.family].failure));
        return -1;
    }
    if (!listen_at(fd, &place)) {
        error_set(error, "cannot listen at '%.100s': %s%s", text, strerror(errno),
                  errno == EADDRINUSE      ? "; take another port"
                  : errno == EADDRNOTAVAIL ? "; take an address of this host"
                                           : "");
        return -1;
    }
    doors[place.family].fd = -1;
    network_door_close();
    return fd;
}

static bool is_any(const struct place *place)
{
    return place->family == IPV4 ? place->address.ipv4.sin_addr.s_addr == htonl(INADDR_ANY)
                                 : IN6_IS_ADDR_UNSPECIFIED(&place->address.ipv6.sin6_addr);
}

int network_door_leave(const char *text, struct error *error)
{
    struct place place;
    int fd, failure;

    errno = 0;
    if (!read_place(text, "a name's look-up could keep the guest waiting", &place, error))
        return -1;
    if (is_any(&place)) {
        error_set(error, "'%.100s' expects the address of the host that waits for the guest", text);
        return -1;
    }
    fd = socket(place.address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1) &&
        (connect(fd, &place.address.any, place.length) == 0 || errno == EINPROGRESS))
        return fd;
    failure = errno;
    if (fd >= 0)
        close(fd);
    error_set(error, "cannot connect to '%.100s': %s", text, strerror(failure));
    errno = failure;
    return -1;
}

void network_door_close(void)
{
    for (unsigned i = 0; i < FAMILIES; i++) {
        if (doors[i].fd >= 0)
            close(doors[i].fd);
        doors[i].fd = -1;
        doors[i].failure = EBADF;
    }
}
