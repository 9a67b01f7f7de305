/* SPDX-License-Identifier: BSD-2-Clause */
/* The cable between a back end and its card: up or down, its ports on the card's I/O thread, its other end.
 */
#include <errno.h>
#include <linux/if_tun.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/message.h"
#include "base/suggest.h"
#include "net/type.h"

void net_link_close(struct net_link *link)
{
    if (link->fd >= 0)
        close(link->fd);
    link->fd = -1;
}

bool net_backend_offload(struct net_backend *backend, unsigned flags, struct error *error)
{
    for (unsigned i = 0; net_backend_has_headers(backend) && i < backend->queues; i++)
        if (backend->links[i].fd >= 0 && ioctl(backend->links[i].fd, TUNSETOFFLOAD, flags) < 0)
            return error_set(error, "netdev '%s': TUNSETOFFLOAD: %s", backend->id, strerror(errno));
    return true;
}

/* Or an error with the names of cards, too. */
static struct net_backend *find_by_id(const struct net_backends *backends, const char *id,
                                      struct error *error)
{
    struct net_backend *found = net_backend_find(backends, id);
    struct suggestion suggestion;
    char subject[160];

    if (found || !backends->first)
        return found ? found : net_backend_require(backends, id, error);
    words_format(subject, sizeof subject, "Device '%.80s' not found", id);
    suggestion_start(&suggestion, id);
    for (const struct net_backend *backend = backends->first; backend; backend = backend->next) {
        suggestion_offer(&suggestion, backend->id);
        if (backend->card)
            suggestion_offer(&suggestion, backend->card->name);
    }
    suggestion_fail(&suggestion, subject, error);
    if (error)
        error->class = ERROR_DEVICE_NOT_FOUND;
    return NULL;
}

struct net_backend *net_cable_require(const struct net_backends *backends, const char *name,
                                      struct error *error)
{
    for (struct net_backend *backend = backends->first; backend; backend = backend->next)
        if (backend->card && strcmp(backend->card->name, name) == 0)
            return backend;
    return find_by_id(backends, name, error);
}

bool net_backend_link(const struct net_backend *backend)
{
    return backend->connected && !backend->pulled;
}

static void change_link(struct net_backend *backend, bool connected, bool pulled)
{
    const bool before = net_backend_link(backend);

    backend->connected = connected;
    backend->pulled = pulled;
    if (backend->card && before != net_backend_link(backend))
        backend->card->link(backend->card->opaque);
}

/* Clients learn of each change that the main thread has seen: a connection that ends and comes back before
 * that is none. */
static void send_connection_event(const struct net_backend *backend)
{
    const struct net_backends *backends = backend->backends;
    const struct event event = {
        .kind = backend->connected ? EVENT_NETDEV_VHOST_USER_CONNECTED : EVENT_NETDEV_VHOST_USER_DISCONNECTED,
        .netdev.id = backend->id,
        .netdev.chardev = net_backend_chardev(backend),
    };

    if (backends->event)
        backends->event(backends->opaque, &event);
}

void net_backend_set_connected(struct net_backend *backend, bool connected)
{
    const bool news = connected != backend->connected;

    change_link(backend, connected, backend->pulled);
    if (news)
        send_connection_event(backend);
}

void net_backend_set_link(struct net_backend *backend, bool up)
{
    change_link(backend, backend->connected, !up);
}

static void on_readable(void *opaque)
{
    const struct net_link *link = opaque;
    const struct net_card *card = link->backend->card;

    card->readable(card->opaque, link->index);
}

static void on_writable(void *opaque)
{
    const struct net_link *link = opaque;
    const struct net_card *card = link->backend->card;

    card->writable(card->opaque, link->index);
}

static void on_closed(void *opaque, const char *why)
{
    struct net_link *link = opaque;

    words_format(link->why, sizeof link->why, "%s", why);
    loop_post(link->backend->backends->loop, &link->gone);
}

static void close_port(void *opaque)
{
    struct net_link *link = opaque;

    net_port_close(&link->port);
}

/* Main thread: the peer disconnected. */
static void is_gone(void *opaque)
{
    struct net_link *link = opaque;
    struct net_backend *backend = link->backend;
    struct net_backends *backends = backend->backends;

    if (backend->card) /* a new card may use it already */
        io_thread_call(backend->card->io, close_port, link);
    net_link_close(link);
    message("netdev '%s': the other end is gone: %s; the link is down", backend->id, link->why);
    change_link(backend, false, backend->pulled);
    if (backends->event && backend->type == &net_stream_type)
        backends->event(backends->opaque, &(struct event){ .kind = EVENT_NETDEV_STREAM_DISCONNECTED,
                                                           .netdev.id = backend->id });
    if (backend->type->gone)
        backend->type->gone(backend);
}

bool net_backend_make_queues(struct net_backend *backend, unsigned queues, struct error *error)
{
    backend->links = calloc(queues, sizeof *backend->links);
    if (!backend->links)
        return error_set(error, "out of memory");
    backend->queues = queues;
    for (unsigned i = 0; i < queues; i++) {
        struct net_link *link = &backend->links[i];

        *link = (struct net_link){
            .backend = backend, .index = i, .fd = -1, .vhost = -1, .gone = { is_gone, link, 0, 0 }
        };
        if (!net_port_init(&link->port, error))
            return false;
    }
    return true;
}

struct opening {
    struct net_link *link;
    int failure;
};

static void open_port(void *opaque)
{
    struct opening *opening = opaque;
    struct net_link *link = opening->link;
    const struct net_port_owner owner = { on_readable, on_writable, on_closed, link };

    if (!net_port_open(&link->port, link->fd, link->backend->framing, io_thread_loop(link->backend->card->io),
                       &owner))
        opening->failure = errno;
}

static bool open_link(struct net_link *link, struct error *error)
{
    struct opening opening = { .link = link };

    io_thread_call(link->backend->card->io, open_port, &opening);
    return opening.failure == 0 || error_set(error, "netdev '%s' cannot be watched: %s", link->backend->id,
                                             strerror(opening.failure));
}

bool net_backend_connect(struct net_backend *backend, unsigned index, int fd, struct error *error)
{
    struct net_link *link = &backend->links[index];

    link->fd = fd;
    if (backend->card && !open_link(link, error)) {
        net_link_close(link);
        return false;
    }
    change_link(backend, true, backend->pulled);
    return true;
}

bool net_backend_use(struct net_backend *backend, const struct net_card *card, struct error *error)
{
    if (backend->card)
        return error_set(error, "netdev '%s' is in use: by %s; a netdev serves one device", backend->id,
                         backend->card->name);
    backend->card = card;
    for (unsigned i = 0; i < backend->queues; i++)
        if (backend->links[i].fd >= 0 && !open_link(&backend->links[i], error)) {
            net_backend_leave(backend);
            return false;
        }
    return true;
}

static void close_ports(void *opaque)
{
    struct net_backend *backend = opaque;

    for (unsigned i = 0; i < backend->queues; i++)
        net_port_close(&backend->links[i].port);
}

void net_backend_leave(struct net_backend *backend)
{
    if (!backend->card)
        return;
    io_thread_call(backend->card->io, close_ports, backend);
    backend->card = NULL;
    if (net_backend_chardev(backend) && backend->connected) { /* the connection was the card's */
        backend->connected = false;
        send_connection_event(backend);
    }
}
