/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of a connection share. Main thread only.
 *
 * connection.c         how it is watched, read, and ended connection_input.c   input, with descriptors that
 * its peer passes connection_output.c  output, at once or from its buffer
 */
#ifndef VMM_CHARDEV_CONNECTION_H
#define VMM_CHARDEV_CONNECTION_H

#include "base/loop.h"
#include "chardev/internal.h"
#include "chardev/telnet.h"

/* Descriptors of one message; the kernel closes further ones. */
#define CONNECTION_DESCRIPTORS_MAX 16u

struct connection {
    struct channel channel;
    struct chardev *chardev;
    struct connection *next;
    struct connection_config fds;
    struct watch *in;  /* NULL: a regular file, which is always ready, or nothing */
    struct watch *out; /* NULL: a regular file; the same as `in` when the fd is the same */
    struct work read;  /* replaces `in` for files */
    struct work end;
    struct timer retry;
    uint8_t *buffer;
    size_t start, used, capacity;                /* buffer[start, start + used) waits */
    int descriptors[CONNECTION_DESCRIPTORS_MAX]; /* of the newest message that had some */
    unsigned descriptor_count;
    bool paused;          /* by the user */
    bool at_eof;          /* there is no more input, or it is ignored */
    bool broken;          /* output is dropped */
    bool lost;            /* the last write failed, and its bytes were dropped */
    struct telnet telnet; /* of its input */
    int failure;          /* errno for which the client is to be disconnected, or 0 */
    bool ending;          /* ends when the buffer is empty */
};

/* Watch for the events that are needed in the present state. */
void connection_update(struct connection *connection);
/* End it from the event loop, without waiting for buffered output. */
void connection_end_now(struct connection *connection);
/* The same for a client that cannot be served, with a message that gives the reason `why`. */
void connection_let_go(struct connection *connection, const char *why);
/* Whether the connection has no peer that could connect again: a file, or an inherited descriptor. */
bool connection_lasts(const struct connection *connection);

/* Read available bytes, with read()'s results. */
ssize_t connection_read(struct connection *connection, uint8_t *bytes, size_t size);
int connection_take_descriptor(struct channel *channel);
void connection_close_descriptors(struct connection *connection);

/* Write buffered bytes, as far as possible without blocking. */
void connection_flush(struct connection *connection);
/* The same at the end of the connection. */
void connection_flush_last(struct connection *connection);
void connection_write(struct channel *channel, const void *bytes, size_t length, bool may_drop);
/* Send the telnet server's initial negotiation. */
void connection_greet(struct connection *connection);

#endif
