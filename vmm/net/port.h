/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frames through a file descriptor: the two directions of one pair of queues of a network card.
 *
 * A frame is Ethernet without its checksum. In front of it a card has the header of virtio 1.2, 5.1.6, of
 * NET_HEADER bytes; a tap device uses this header, the others do not: received frames get a header of zeros,
 * and it is removed from sent ones.
 *
 * The peer may be hostile: what it sends is a frame of at most NET_FRAME_MAX bytes, is dropped, or ends the
 * connection.
 *
 * Threads: net_port_init() and free while no I/O thread uses it; the rest on the port's I/O thread.
 */
#ifndef VMM_NET_PORT_H
#define VMM_NET_PORT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/loop.h"

#define NET_HEADER 12u
/* An Ethernet header with a VLAN tag, and the largest IP packet: what segmentation offload sends at once. */
#define NET_FRAME_MAX (18u + 65535u)
/* Minimum length: two addresses and a type. */
#define NET_FRAME_MIN 14u

enum net_framing {
    NET_TAP,     /* one frame at a time, with its header */
    NET_PACKETS, /* a socket of packets: one frame at a time */
    NET_STREAM,  /* QEMU's: the length in four bytes, big-endian, then the frame */
};

struct net_port;

/* The user of a port; functions are called on its I/O thread, from the loop. */
struct net_port_owner {
    /* There may be frames: call net_port_next() until it returns false. Called again only after that. */
    void (*readable)(void *opaque);
    /* net_port_room() succeeds again, after it returned NULL. */
    void (*writable)(void *opaque);
    /* The peer disconnected or violated the protocol (`why` in words); the port is inactive from now on. */
    void (*closed)(void *opaque, const char *why);
    void *opaque;
};

struct net_frame {
    const uint8_t *header; /* NET_HEADER bytes; the card fills in the number of buffers */
    const uint8_t *bytes;
    size_t length;
};

/* Internal, except the counts. */
struct net_port {
    struct net_port_owner owner;
    enum net_framing framing;
    int fd; /* -1: not connected */
    struct loop *loop;
    struct watch *watch;
    uint32_t events; /* that the watch waits for */
    bool quiet;      /* frames are not wanted */
    bool emptied;    /* the last read of a stream returned all available bytes */
    bool read_out;   /* since readable() was called, net_port_next() has found nothing more */
    uint8_t *in, *out;
    size_t in_start, in_end;
    size_t out_start, out_end; /* the rest of the last frame that was not sent yet */
    size_t next;               /* bytes of `in` that the frame at its start has; 0: none is there */
    _Atomic uint64_t received, sent, dropped; /* frames; any thread may read */
};

/* Initialize a zeroed port. False and an error: out of memory. */
bool net_port_init(struct net_port *port, struct error *error);
void net_port_free(struct net_port *port);

/* Transfer frames through `fd`, which is non-blocking and belongs to the caller. Receiving begins with
 * net_port_listen(). False and errno: the descriptor cannot be watched. */
bool net_port_open(struct net_port *port, int fd, enum net_framing framing, struct loop *loop,
                   const struct net_port_owner *owner);
/* Stop using the descriptor. Without effect if it is not open. */
void net_port_close(struct net_port *port);

/* Enable receiving: while the guest runs and its driver provides buffers. */
void net_port_listen(struct net_port *port, bool listen);
/* Get the next frame, which is valid until net_port_done(), and returned again until then. False: there is
 * none at present. */
bool net_port_next(struct net_port *port, struct net_frame *frame);
void net_port_done(struct net_port *port);

/* The buffer for the next frame to be sent, with its header: NET_HEADER + NET_FRAME_MAX bytes. NULL: the last
 * frame has not been sent completely; writable() will be called. */
uint8_t *net_port_room(struct net_port *port);
/* Send the first `bytes` of that buffer, including the header. Frames of an invalid length are dropped, and
 * all frames while no peer is connected. */
void net_port_send(struct net_port *port, size_t bytes);

#endif
