/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Addresses of the guest's network behind which a server of the host's is (guestfwd). As QEMU: each has one
 * connection, which is made at the start, and whoever in the guest connects to the address gets that.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "net/user_net/start.h"
#include "net/user_net/user_net.h"

#define FORWARDS_MAX 16u
/* What a server has not taken yet of what the guest sends: libslirp does not wait. With more the connection
 * ends, or bytes would be missing. */
#define OUT_SIZE (1u << 20)
#define PIECE 16384u
#define RULE_MAX 320u

struct forward {
    int fd; /* -1: the server is gone, and so is what the guest sends */
    struct in_addr address;
    int port;
    int poll; /* its number in this round; -1: not asked for */
    uint8_t *out;
    size_t out_length;
};

static struct forward forwards[FORWARDS_MAX];
static size_t count;

/* ---- bytes ---- */

static void end(struct forward *forward)
{
    close(forward->fd);
    forward->fd = -1;
    forward->out_length = 0;
}

/* How many of them the server has taken. */
static size_t put(struct forward *forward, const uint8_t *bytes, size_t length)
{
    const ssize_t sent = send(forward->fd, bytes, length, MSG_NOSIGNAL | MSG_DONTWAIT);

    if (sent >= 0)
        return (size_t)sent;
    if (errno != EAGAIN && errno != EINTR)
        end(forward);
    return 0;
}

static ssize_t of_guest(const void *bytes, size_t length, void *opaque)
{
    struct forward *forward = opaque;
    size_t done = 0;

    if (forward->fd >= 0 && forward->out_length == 0)
        done = put(forward, bytes, length);
    if (forward->fd >= 0 && length - done > OUT_SIZE - forward->out_length)
        end(forward);
    if (forward->fd >= 0) {
        memcpy(forward->out + forward->out_length, (const uint8_t *)bytes + done, length - done);
        forward->out_length += length - done;
    }
    return (ssize_t)length;
}

void guestfwd_fill(Slirp *slirp, SlirpAddPollCb add, void *opaque)
{
    for (size_t i = 0; i < count; i++) {
        struct forward *forward = &forwards[i];
        int events = forward->out_length > 0 ? SLIRP_POLL_OUT : 0;

        forward->poll = -1;
        if (forward->fd < 0)
            continue;
        if (slirp_socket_can_recv(slirp, forward->address, forward->port) > 0)
            events |= SLIRP_POLL_IN;
        if (events)
            forward->poll = add(forward->fd, events, opaque);
    }
}

static void read_some(struct forward *forward, Slirp *slirp)
{
    uint8_t bytes[PIECE];
    const size_t room = slirp_socket_can_recv(slirp, forward->address, forward->port);
    ssize_t got;

    if (room == 0) /* the guest has hung up in this round */
        return;
    got = recv(forward->fd, bytes, room < sizeof bytes ? room : sizeof bytes, MSG_DONTWAIT);
    if (got > 0)
        slirp_socket_recv(slirp, forward->address, forward->port, bytes, (int)got);
    else if (got == 0 || (errno != EAGAIN && errno != EINTR))
        end(forward);
}

void guestfwd_poll(Slirp *slirp, SlirpGetREventsCb get, void *opaque)
{
    for (size_t i = 0; i < count; i++) {
        struct forward *forward = &forwards[i];
        const int seen = forward->fd >= 0 && forward->poll >= 0 ? get(forward->poll, opaque) : 0;

        if (seen && forward->out_length > 0) {
            const size_t done = put(forward, forward->out, forward->out_length);

            if (forward->fd >= 0) {
                forward->out_length -= done;
                memmove(forward->out, forward->out + done, forward->out_length);
            }
        }
        if (seen & ~SLIRP_POLL_OUT && forward->fd >= 0)
            read_some(forward, slirp);
    }
}

/* ---- rules ---- */

static int connect_unix(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int fd;

    errno = ENAMETOOLONG;
    if (strlen(path) >= sizeof address.sun_path)
        return -1;
    memcpy(address.sun_path, path, strlen(path));
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) < 0) {
        const int why = errno;

        close(fd);
        errno = why;
        return -1;
    }
    return fd;
}

/* "HOST:PORT", a host of IPv6 in brackets. -1 and errno. */
static int connect_tcp(char *text)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
    char *colon = strrchr(text, ':');
    struct addrinfo *list;
    int fd = -1, why = EINVAL;

    if (colon && colon > text) {
        *colon = '\0';
        if (text[0] == '[' && colon[-1] == ']') {
            colon[-1] = '\0';
            text++;
        }
        if (getaddrinfo(text, colon + 1, &hints, &list) == 0) {
            for (const struct addrinfo *at = list; at && fd < 0; at = at->ai_next) {
                fd = socket(at->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
                if (fd >= 0 && connect(fd, at->ai_addr, at->ai_addrlen) == 0)
                    break;
                why = errno;
                if (fd >= 0)
                    close(fd);
                fd = -1;
            }
            freeaddrinfo(list);
        }
    }
    errno = why;
    return fd;
}

/* The next one that hotram has passed: a chardev. -1 and errno. */
static int take_passed(void)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    char byte;
    struct iovec part = { .iov_base = &byte, .iov_len = 1 };
    struct msghdr message = { .msg_iov = &part,
                              .msg_iovlen = 1,
                              .msg_control = control.bytes,
                              .msg_controllen = sizeof control.bytes };
    const ssize_t got = recvmsg(USER_NET_FD, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    const struct cmsghdr *header = got > 0 ? CMSG_FIRSTHDR(&message) : NULL;
    int fd = -1;

    if (header && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
        memcpy(&fd, CMSG_DATA(header), sizeof fd);
    else if (got >= 0)
        errno = EBADMSG;
    return fd;
}

static int connect_any(char *server)
{
    switch (server[0]) {
    case 't':
        return connect_tcp(server + 4);
    case 'u':
        return connect_unix(server + 5);
    default:
        return take_passed();
    }
}

static bool refuse(char *why, size_t size, const char *rule, const char *reason)
{
    snprintf(
        why, size,
        "Invalid guest forwarding rule '%.100s' (%s); expected tcp:ADDRESS:PORT-tcp:HOST:PORT, -unix:PATH "
        "or -chardev:ID, as tcp:10.0.2.100:80-tcp:127.0.0.1:8080",
        rule, reason);
    return false;
}

static bool is_taken(const struct forward *forward)
{
    for (size_t i = 0; i < count; i++)
        if (forwards[i].address.s_addr == forward->address.s_addr && forwards[i].port == forward->port)
            return true;
    return false;
}

static bool has_host_and_port(const char *text)
{
    const char *colon = strrchr(text, ':');

    return colon && colon > text && colon[1];
}

static bool open_rule(const char *rule, Slirp *slirp, char *why, size_t size)
{
    struct forward *forward = &forwards[count];
    char server[RULE_MAX];
    const char *target, *at = strncmp(rule, "tcp:", 4) == 0 ? rule + 4 : *rule == ':' ? rule + 1 : NULL;

    if (!at)
        return refuse(why, size, rule, "Bad protocol name");
    *forward = (struct forward){ .fd = -1, .poll = -1 };
    if (!settings_read_end(at, '-', &forward->address, &forward->port, 1, &target) ||
        forward->address.s_addr == 0)
        return refuse(why, size, rule, "Bad guest address or port");
    if (is_taken(forward))
        return refuse(why, size, rule, "another rule has this address and port");
    snprintf(server, sizeof server, "%s", target);
    if (strncmp(server, "cmd:", 4) == 0)
        return refuse(why, size, rule, "its sandbox lets no program run");
    if (strncmp(server, "tcp:", 4) != 0 && strncmp(server, "unix:", 5) != 0 &&
        strncmp(server, "chardev:", 8) != 0)
        return refuse(why, size, rule, "the server is neither tcp: nor unix: nor chardev:");
    if (strncmp(server, "tcp:", 4) == 0 && !has_host_and_port(server + 4))
        return refuse(why, size, rule, "the server has to be tcp:HOST:PORT");
    if (strcmp(server, "unix:") == 0)
        return refuse(why, size, rule, "the server's socket has no path");
    forward->fd = connect_any(server);
    if (forward->fd < 0) {
        snprintf(why, size, "guestfwd: cannot connect to '%.100s': %s; its server has to listen first",
                 target, strerror(errno));
        return false;
    }
    forward->out = malloc(OUT_SIZE);
    if (forward->out && slirp_add_guestfwd(slirp, of_guest, forward, &forward->address, forward->port) == 0) {
        count++;
        return true;
    }
    return refuse(why, size, rule,
                  "the address is to be in the guest's network ('net'), and not that of 'host' or 'dns'");
}

bool guestfwd_open(const char *rules, Slirp *slirp, char *why, size_t size)
{
    while (rules && *rules) {
        char rule[RULE_MAX];
        const size_t length = strcspn(rules, ",");

        snprintf(rule, sizeof rule, "%.*s", (int)(length < sizeof rule ? length : sizeof rule - 1), rules);
        if (length >= sizeof rule)
            return refuse(why, size, rule, "it is too long");
        if (count == FORWARDS_MAX)
            return refuse(why, size, rule, "it is the seventeenth, and the limit is 16");
        if (!open_rule(rule, slirp, why, size))
            return false;
        rules += length + (rules[length] == ',');
    }
    return true;
}
