/* SPDX-License-Identifier: BSD-2-Clause */
#include "net/port.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define PREFIX 4u /* bytes of a length in a stream */
/* What one read may bring: with several small frames of a stream. */
#define IN_SIZE (PREFIX + NET_HEADER + NET_FRAME_MAX + 65536u)
#define OUT_SIZE (NET_HEADER + NET_FRAME_MAX)
/* The events that end a connection while frames are not wanted. */
#define ENDED (EPOLLHUP | EPOLLERR | EPOLLRDHUP)

static const uint8_t no_header[NET_HEADER];

bool net_port_init(struct net_port *port, struct error *error)
{
    port->fd = -1;
    port->in = malloc(IN_SIZE);
    port->out = malloc(OUT_SIZE);
    return (port->in && port->out) || error_set(error, "out of memory");
}

void net_port_free(struct net_port *port)
{
    free(port->in);
    free(port->out);
    port->in = port->out = NULL;
}

static void count(_Atomic uint64_t *counter)
{
    atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

static void end(struct net_port *port, const char *why)
{
    if (port->fd < 0)
        return;
    net_port_close(port);
    port->owner.closed(port->owner.opaque, why);
}

/* Wait for `events`. What epoll does not take ends the port: it could not be waited for. */
static void wait_for(struct net_port *port, uint32_t events)
{
    if (!port->watch || port->events == events)
        return;
    if (watch_change(port->watch, events)) {
        port->events = events;
        return;
    }
    end(port, "the host is out of memory for its event loop");
}

/* What is waited for besides frames. */
static uint32_t always(const struct net_port *port)
{
    return ENDED | (port->out_start < port->out_end ? (uint32_t)EPOLLOUT : 0);
}

/* ---- receiving ---- */

/* Whether the bytes of a stream that are there begin with a whole frame. */
static bool whole_frame(struct net_port *port)
{
    const uint8_t *at = port->in + port->in_start;
    const size_t there = port->in_end - port->in_start;
    size_t length;

    if (there < PREFIX)
        return false;
    length = (size_t)at[0] << 24 | (size_t)at[1] << 16 | (size_t)at[2] << 8 | at[3];
    if (length < NET_FRAME_MIN || length > NET_FRAME_MAX) {
        end(port, length > NET_FRAME_MAX ? "it sent the length of a frame that is too long"
                                         : "it sent the length of a frame that is too short");
        return false;
    }
    port->next = PREFIX + length;
    if (there >= port->next)
        return true;
    port->next = 0;
    return false;
}

/* One read. False: nothing more is there now. */
static bool fill(struct net_port *port)
{
    const size_t there = port->in_end - port->in_start;
    ssize_t got;

    if (port->in_start > 0) {
        memmove(port->in, port->in + port->in_start, there);
        port->in_start = 0;
        port->in_end = there;
    }
    got = read(port->fd, port->in + there, IN_SIZE - there);
    if (got > 0) {
        port->emptied = port->framing == NET_STREAM && (size_t)got < IN_SIZE - there;
        port->in_end += (size_t)got;
        return true;
    }
    /* A tap device that is down says EIO: it may come up again. */
    if (got < 0 && (errno == EAGAIN || errno == EINTR || (errno == EIO && port->framing == NET_TAP)))
        return false;
    end(port, got == 0 ? "it closed the connection" : strerror(errno));
    return false;
}

/* A frame that was read alone, if it can be one. */
static bool packet(struct net_port *port)
{
    const size_t header = port->framing == NET_TAP ? NET_HEADER : 0;
    const size_t length = port->in_end;

    if (length >= header + NET_FRAME_MIN && length <= header + NET_FRAME_MAX) {
        port->next = length;
        return true;
    }
    count(&port->dropped);
    port->in_end = 0;
    return false;
}

static bool receive(struct net_port *port)
{
    if (port->framing == NET_STREAM && whole_frame(port))
        return true;
    /* A read that brought less than it could is not followed by one that brings nothing: the loop tells of
     * what comes later. */
    while (port->fd >= 0 && !port->emptied && fill(port))
        if (port->framing == NET_STREAM ? whole_frame(port) : packet(port))
            return true;
    port->emptied = false;
    return false;
}

bool net_port_next(struct net_port *port, struct net_frame *frame)
{
    const uint8_t *at;
    size_t skip;

    if (port->fd < 0 || port->quiet)
        return false;
    if (port->next == 0 && !receive(port)) {
        port->read_out = true;
        wait_for(port, always(port) | EPOLLIN);
        return false;
    }
    at = port->in + port->in_start;
    skip = port->framing == NET_TAP ? NET_HEADER : port->framing == NET_STREAM ? PREFIX : 0;
    *frame = (struct net_frame){ .header = port->framing == NET_TAP ? at : no_header,
                                 .bytes = at + skip,
                                 .length = port->next - skip };
    return true;
}

void net_port_done(struct net_port *port)
{
    port->in_start += port->next;
    if (port->in_start == port->in_end)
        port->in_start = port->in_end = 0;
    port->next = 0;
    count(&port->received);
}

/* ---- sending ---- */

/* Whether a failure is the frame's alone: what the guest sends may be none that a tap device takes, and that
 * may be down. */
static bool only_frame(const struct net_port *port)
{
    return port->framing == NET_TAP ? errno != EBADFD : port->framing == NET_PACKETS && errno == EMSGSIZE;
}

/* Send what is left of the last frame. False: the peer takes no more now, or is gone. */
static bool flush(struct net_port *port)
{
    while (port->out_start < port->out_end) {
        ssize_t put = write(port->fd, port->out + port->out_start, port->out_end - port->out_start);

        if (put >= 0) {
            port->out_start += (size_t)put;
        } else if (errno == EAGAIN) {
            wait_for(port, port->events | EPOLLOUT);
            return false;
        } else if (errno != EINTR && only_frame(port)) {
            count(&port->dropped);
            break;
        } else if (errno != EINTR) {
            end(port, strerror(errno));
            return false;
        }
    }
    port->out_start = port->out_end = 0;
    return true;
}

uint8_t *net_port_room(struct net_port *port)
{
    return port->out_start < port->out_end ? NULL : port->out;
}

void net_port_send(struct net_port *port, size_t bytes)
{
    if (port->fd < 0 || bytes < NET_HEADER + NET_FRAME_MIN || bytes > NET_HEADER + NET_FRAME_MAX) {
        count(&port->dropped);
        return;
    }
    port->out_start = port->framing == NET_TAP ? 0 : NET_HEADER;
    port->out_end = bytes;
    if (port->framing == NET_STREAM) { /* the length takes the place of the header's end */
        port->out_start -= PREFIX;
        for (unsigned i = 0; i < PREFIX; i++)
            port->out[port->out_start + i] = (uint8_t)((bytes - NET_HEADER) >> (24 - 8 * i));
    }
    count(&port->sent);
    (void)flush(port);
}

/* ---- the loop ---- */

static void on_events(void *opaque, uint32_t events)
{
    struct net_port *port = opaque;

    if (events & EPOLLOUT) {
        if (!flush(port))
            return;
        wait_for(port, port->events & ~(uint32_t)EPOLLOUT);
        if (port->fd >= 0)
            port->owner.writable(port->owner.opaque);
    }
    if (port->fd < 0)
        return;
    if (port->events & EPOLLIN) {
        if (!(events & (EPOLLIN | ENDED)))
            return;
        port->read_out = false;
        port->owner.readable(port->owner.opaque);
        /* What is left there would be reported again and again, until there is nothing more to read and
         * net_port_next() waits again. */
        if (port->fd >= 0 && !port->read_out)
            wait_for(port, always(port));
    } else if (events & ENDED) {
        end(port, "it closed the connection");
    }
}

bool net_port_open(struct net_port *port, int fd, enum net_framing framing, struct loop *loop,
                   const struct net_port_owner *owner)
{
    port->owner = *owner;
    port->framing = framing;
    port->loop = loop;
    port->quiet = true;
    port->in_start = port->in_end = port->out_start = port->out_end = port->next = 0;
    port->emptied = false;
    port->events = ENDED;
    port->watch = watch_add(loop, fd, port->events, on_events, port);
    if (!port->watch)
        return false;
    port->fd = fd;
    return true;
}

void net_port_close(struct net_port *port)
{
    if (port->watch)
        watch_remove(port->watch);
    port->watch = NULL;
    port->fd = -1;
    port->in_start = port->in_end = port->out_start = port->out_end = port->next = 0;
}

void net_port_listen(struct net_port *port, bool listen)
{
    port->quiet = !listen;
    if (port->fd >= 0)
        wait_for(port, always(port) | (listen ? (uint32_t)EPOLLIN : 0));
}
