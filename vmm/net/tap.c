/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * -netdev tap: a network interface of the host. Scripts (tap_scripts.h) or whoever makes the interface bring
 * it up and put it on a bridge.
 *
 * Threads: main thread only.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/count_of.h"
#include "host/passed.h"
#include "net/tap_scripts.h"
#include "net/type.h"
#include "net/vhost.h"

/* Of a name or number in fds=. */
#define PIECE_SIZE 96u

struct tap_values {
    char *ifname, *fd, *fds, *script, *downscript, *vhostfd, *vhostfds;
    uint32_t queues;
    bool queues_given, vhost, vhost_given, vhost_force;
};

static const struct property properties[] = {
    PROPERTY_ROW(tap_values, "ifname", PROPERTY_STRING, ifname,
                 "name of the interface (default: the first of tap0, tap1 ... that is free)"),
    PROPERTY_ROW(tap_values, "fd", PROPERTY_STRING, fd,
                 "an open tap device: its number, or its name in getfd"),
    PROPERTY_ROW(tap_values, "fds", PROPERTY_STRING, fds, "several, of one interface: NAME:NAME..."),
    PROPERTY_ROW_GIVEN_RANGE(tap_values, "queues", PROPERTY_UINT32, queues, "pairs of queues (default 1)",
                             NUMBER_RANGE(1, NET_QUEUES_MAX)),
    PROPERTY_ROW(tap_values, "script", PROPERTY_STRING, script,
                 "run at the start with the interface's name (default " TAP_SCRIPT_UP
                 ", if it is there); no: none"),
    PROPERTY_ROW(tap_values, "downscript", PROPERTY_STRING, downscript,
                 "the same at the end (default " TAP_SCRIPT_DOWN ", if it is there)"),
    PROPERTY_ROW_GIVEN(tap_values, "vhost", PROPERTY_BOOL, vhost,
                       "the kernel's vhost-net moves the frames (default off: hotram does)"),
    PROPERTY_ROW(tap_values, "vhostfd", PROPERTY_STRING, vhostfd,
                 "an open /dev/vhost-net, by number or by name in getfd; vhost=on"),
    PROPERTY_ROW(tap_values, "vhostfds", PROPERTY_STRING, vhostfds,
                 "one for each pair of queues: NAME:NAME..."),
    PROPERTY_ROW(tap_values, "vhostforce", PROPERTY_BOOL, vhost_force, "on: the same as vhost=on"),
};

static struct tap_scripts scripts_of(const struct tap_values *values)
{
    return (struct tap_scripts){ values->script, values->downscript };
}

/* A piece that was cut off could name another descriptor. */
static bool check_pieces(const char *name, const char *texts, struct error *error)
{
    for (const char *at = texts; at && *at;) {
        const size_t length = strcspn(at, ":");

        if (length >= PIECE_SIZE)
            return error_set(error,
                             "'%s' names a descriptor with %zu bytes; the limit is %u: getfd with a "
                             "shorter name",
                             name, length, PIECE_SIZE - 1);
        at += length + (at[length] == ':');
    }
    return true;
}

static bool check(const void *opaque, bool keyval, struct error *error)
{
    const struct tap_values *values = opaque;
    const char *ways = values->fd ? "fd" : values->fds ? "fds" : NULL;

    (void)keyval;
    if (values->vhost_given && !values->vhost && (values->vhostfd || values->vhostfds || values->vhost_force))
        return error_set(error, "'%s' cannot be given with vhost=off",
                         values->vhostfd    ? "vhostfd"
                         : values->vhostfds ? "vhostfds"
                                            : "vhostforce=on");
    if (values->vhostfd && values->vhostfds)
        return error_set(error, "'vhostfd' and 'vhostfds' cannot be given together");
    if (ways && values->ifname)
        return error_set(error, "'%s' and 'ifname' cannot be given together: the interface is open already",
                         ways);
    if (values->fd && values->fds)
        return error_set(error, "'fd' and 'fds' cannot be given together; fds=N:N takes all of them");
    if (ways && values->queues_given)
        return error_set(error, "'queues' is for ifname; the number of descriptors says it with '%s'", ways);
    if (values->ifname && (!*values->ifname || strlen(values->ifname) >= IFNAMSIZ))
        return error_set(error, "'%s' is no name of a network interface: it has 1 to %u characters",
                         values->ifname, IFNAMSIZ - 1);
    return check_pieces("fd", values->fd, error) && check_pieces("fds", values->fds, error) &&
           check_pieces("vhostfd", values->vhostfd, error) &&
           check_pieces("vhostfds", values->vhostfds, error) &&
           tap_scripts_check(scripts_of(values), ways, error);
}

/* An open tap device, however it came about. */
static bool set_up(struct net_backend *backend, unsigned index, int fd, const struct ifreq *request,
                   struct error *error)
{
    const bool header = (request->ifr_flags & IFF_VNET_HDR) != 0;
    int size = NET_HEADER;

    if (index > 0 && header != net_backend_has_headers(backend))
        error_set(error, "all descriptors of 'fds' must be made with IFF_VNET_HDR, or none");
    else if (header && ioctl(fd, TUNSETVNETHDRSZ, &size) < 0)
        error_set(error, "%s: TUNSETVNETHDRSZ: %s", request->ifr_name, strerror(errno));
    else if (header && ioctl(fd, TUNSETOFFLOAD, 0) < 0)
        error_set(error, "%s: TUNSETOFFLOAD: %s", request->ifr_name, strerror(errno));
    else {
        backend->framing = header ? NET_TAP : NET_PACKETS;
        return net_backend_connect(backend, index, fd, error);
    }
    close(fd);
    return false;
}

static const char *advice(int failure)
{
    switch (failure) {
    case ENOENT:
    case ENODEV:
        return "; load the kernel's module (modprobe tun)";
    case EPERM:
    case EACCES:
        return "; make the interface for this user (ip tuntap add tap0 mode tap user NAME), or use -netdev "
               "user, which needs no right";
    case EBUSY:
        return "; another program or netdev uses it";
    case EINVAL:
        return "; it was made with another number of queues: 'multi_queue' of ip tuntap belongs to queues=2 "
               "and more";
    default:
        return "";
    }
}

/* Of the device from which all interfaces are made: an interface of this user's own would not help. */
static const char *open_advice(int failure)
{
    return failure == EPERM || failure == EACCES
               ? "; as root, chmod 666 /dev/net/tun, the usual mode, which gives no right to any interface; or pass "
                 "an open tap device by fd=, or use -netdev user, which needs no right"
               : advice(failure);
}

/* A descriptor of the interface in `request`, whose name is filled in at the first. -1 and an error. */
static int make(struct ifreq *request, struct error *error)
{
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);

    if (fd < 0) {
        error_set(error, "cannot open '/dev/net/tun': %s%s", strerror(errno), open_advice(errno));
        return -1;
    }
    if (ioctl(fd, TUNSETIFF, request) == 0)
        return fd;
    error_set(error, "cannot attach to the tap interface '%s': %s%s", request->ifr_name, strerror(errno),
              advice(errno));
    close(fd);
    return -1;
}

static bool open_name(struct net_backend *backend, const struct tap_values *values, struct error *error)
{
    struct ifreq request = { .ifr_flags = (short)(IFF_TAP | IFF_NO_PI | IFF_VNET_HDR |
                                                  (values->queues > 1 ? IFF_MULTI_QUEUE : 0)) };

    snprintf(request.ifr_name, sizeof request.ifr_name, "%s", values->ifname ? values->ifname : "tap%d");
    if (!tap_scripts_may(backend, scripts_of(values), error) ||
        !net_backend_may(backend, "a new tap device", "or pass an open one: getfd, then fd=NAME", error))
        return false;
    for (unsigned i = 0; i < backend->queues; i++) {
        int fd = make(&request, error);

        if (fd < 0 || !set_up(backend, i, fd, &request, error))
            return false;
    }
    words_format(backend->description, sizeof backend->description, "type=tap,ifname=%s", request.ifr_name);
    return tap_scripts_run(backend, scripts_of(values), request.ifr_name, backend->links[0].fd, error);
}

/* One that somebody else has opened. */
static bool take(struct net_backend *backend, unsigned index, const char *text, struct ifreq *request,
                 struct error *error)
{
    int fd = net_backend_descriptor(backend, "fd", text, error);

    if (fd < 0)
        return false;
    if (ioctl(fd, TUNGETIFF, request) < 0)
        error_set(error, "fd=%s: it is no tap device", text);
    else if ((request->ifr_flags & (IFF_TAP | IFF_NO_PI)) != (IFF_TAP | IFF_NO_PI))
        error_set(error, "fd=%s: '%s' must be made with IFF_TAP and IFF_NO_PI", text, request->ifr_name);
    else if (fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK) < 0)
        error_set(error, "fd=%s: %s", text, strerror(errno));
    else
        return set_up(backend, index, fd, request, error);
    close(fd);
    return false;
}

/* The next of N:N... into `text`; NULL after the last. */
static const char *next_piece(const char *at, char text[PIECE_SIZE])
{
    const size_t length = strcspn(at, ":");

    if (!*at)
        return NULL;
    snprintf(text, PIECE_SIZE, "%.*s", (int)length, at); /* it fits: check_pieces() */
    return at + length + (at[length] == ':');
}

static bool take_all(struct net_backend *backend, const char *texts, struct error *error)
{
    struct ifreq request = { .ifr_flags = 0 };
    char text[PIECE_SIZE];
    unsigned index = 0;

    for (const char *at = texts; (at = next_piece(at, text)) != NULL;)
        if (!take(backend, index++, text, &request, error))
            return false;
    words_format(backend->description, sizeof backend->description, "type=tap,fds=%s,ifname=%s", texts,
                 request.ifr_name);
    return true;
}

static unsigned count_of(const char *texts)
{
    unsigned count = *texts != '\0';

    for (const char *at = texts; *at; at++)
        count += *at == ':' && at[1];
    return count;
}

/* Names and numbers, of which the back end has copies. */
static void have_served(const char *texts)
{
    char text[PIECE_SIZE];

    for (const char *at = texts; at && (at = next_piece(at, text)) != NULL;)
        passed_used(text);
}

static bool open_vhost(struct net_backend *backend, const struct tap_values *values, struct error *error)
{
    const char *texts = values->vhostfd ? values->vhostfd : values->vhostfds;
    char text[PIECE_SIZE];
    const char *at = texts;

    if (!texts && !values->vhost && !values->vhost_force)
        return true;
    if (texts && count_of(texts) != backend->queues)
        return error_set(error, "'vhostfds' names %u descriptors; one for each pair of queues is needed: %u",
                         count_of(texts), backend->queues);
    for (unsigned i = 0; i < backend->queues; i++) {
        if (at)
            at = next_piece(at, text);
        backend->links[i].vhost = net_vhost_open(backend, at ? text : NULL, error);
        if (backend->links[i].vhost < 0)
            return false;
    }
    snprintf(backend->description + strlen(backend->description),
             sizeof backend->description - strlen(backend->description), ",vhost=on");
    return true;
}

static bool open_tap(struct net_backend *backend, const void *opaque, struct props props, struct error *error)
{
    const struct tap_values *values = opaque;
    const char *texts = values->fd ? values->fd : values->fds;
    const unsigned queues = texts ? count_of(texts) : values->queues_given ? values->queues : 1;

    (void)props;
    if (queues == 0 || queues > NET_QUEUES_MAX)
        return error_set(error, "'%s' names %u descriptors; 1 to %u are possible", values->fd ? "fd" : "fds",
                         queues, NET_QUEUES_MAX);
    if (!net_backend_make_queues(backend, queues, error))
        return false;
    if (!(texts ? take_all(backend, texts, error) : open_name(backend, values, error)) ||
        !open_vhost(backend, values, error))
        return false;
    have_served(texts);
    have_served(values->vhostfd ? values->vhostfd : values->vhostfds);
    return true;
}

const struct net_type net_tap_type = {
    .name = "tap",
    .properties = properties,
    .property_count = COUNT_OF(properties),
    .values_size = sizeof(struct tap_values),
    .check = check,
    .open = open_tap,
    .close = tap_scripts_close,
};
