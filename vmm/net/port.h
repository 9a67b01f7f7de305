/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Frames through a file descriptor: the two directions of one pair of queues of a network card.
 *
 * A frame is Ethernet without its checksum. In front of it a card has the header of virtio 1.2, 5.1.6, of
 * NET_HEADER bytes; a tap device takes and gives that header, the others have none: what they receive has a
 * header of zeros, and what is sent loses it.
 *
 * The peer is hostile: whatever it sends is a frame of at most NET_FRAME_MAX bytes, is dropped, or ends the
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
/* Shorter ones are nobody's: two addresses and a type. */
#define NET_FRAME_MIN 14u

enum net_framing {
    NET_TAP,     /* one frame at a time, with its header */
    NET_PACKETS, /* a socket of packets: one frame at a time */
    NET_STREAM,  /* QEMU's: the length in four bytes, big-endian, then the frame */
};

struct net_port;

/* Who uses a port: called on its I/O thread, from the loop. */
struct net_port_owner {
    /* There may be frames: net_port_next(), at best until it returns false; called again only after that has
     * returned false. */
    void (*readable)(void *opaque);
    /* net_port_room() has room again, after it had none. */
    void (*writable)(void *opaque);
    /* The peer is gone, or has broken the rules (`why`, a clause); the port does nothing any more. */
    void (*closed)(void *opaque, const char *why);
    void *opaque;
};

struct net_frame {
    const uint8_t *header; /* NET_HEADER bytes; the number of buffers is the card's to fill in */
    const uint8_t *bytes;
    size_t length;
};

/* All of it is the port's, but for the counts. */
struct net_port {
    struct net_port_owner owner;
    enum net_framing framing;
    int fd; /* -1: not connected */
    struct loop *loop;
    struct watch *watch;
    uint32_t events; /* that the watch waits for */
    bool quiet;      /* nobody wants frames */
    bool emptied;    /* the last read of a stream took all that was there */
    bool read_out;   /* since readable() was called, net_port_next() has found nothing more */
    uint8_t *in, *out;
    size_t in_start, in_end;
    size_t out_start, out_end; /* what the peer has not taken yet of the last frame */
    size_t next;               /* bytes of `in` that the frame at its start has; 0: none is there */
    _Atomic uint64_t received, sent, dropped; /* frames; any thread may read */
};

/* In zeroed memory. False: out of memory. */
bool net_port_init(struct net_port *port, struct error *error);
void net_port_free(struct net_port *port);

/* Frames go through `fd` from now on, which is not blocking and stays the caller's. Quiet at first. False
 * and errno: it cannot be watched. */
bool net_port_open(struct net_port *port, int fd, enum net_framing framing, struct loop *loop,
                   const struct net_port_owner *owner);
/* Not any more. One that is not open will do. */
void net_port_close(struct net_port *port);

/* Whether frames are wanted at all: while the guest runs and its driver has buffers. */
void net_port_listen(struct net_port *port, bool listen);
/* The next frame, valid until net_port_done(); the same one until then. False: there is none now. */
bool net_port_next(struct net_port *port, struct net_frame *frame);
void net_port_done(struct net_port *port);

/* Where the next frame to be sent is to be put, with its header: NET_HEADER + NET_FRAME_MAX bytes. NULL: the
 * peer has not taken the last one; writable() will be called. */
uint8_t *net_port_room(struct net_port *port);
/* Send so many bytes of it, the header's included. A frame of a length that none has is dropped, and so is
 * everything while nobody is connected. */
void net_port_send(struct net_port *port, size_t bytes);

#endif
