/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of a connection share.
 *
 * connection.c         its life: watched, read, ended
 * connection_input.c   what is read from it, with descriptors that its peer passes
 * connection_output.c  what is written to it, at once or from its buffer
 */
#ifndef VMM_CHARDEV_CONNECTION_H
#define VMM_CHARDEV_CONNECTION_H

#include "base/loop.h"
#include "chardev/internal.h"
#include "chardev/telnet.h"

/* That come with one message; the kernel closes more. */
#define CONNECTION_DESCRIPTORS_MAX 16u

struct connection {
    struct channel channel;
    struct chardev *chardev;
    struct connection *next;
    struct connection_config fds;
    struct watch *in;  /* NULL: a regular file, which is always ready, or nothing */
    struct watch *out; /* NULL: a regular file; the same as `in` when the fd is the same */
    struct work read;  /* takes the place of `in` */
    struct work end;
    struct timer retry;
    uint8_t *buffer;
    size_t start, used, capacity;                /* buffer[start, start + used) waits */
    int descriptors[CONNECTION_DESCRIPTORS_MAX]; /* of the newest message that had some */
    unsigned descriptor_count;
    bool paused;          /* the user wants no input now */
    bool at_eof;          /* no more input comes, or is wanted */
    bool broken;          /* output goes nowhere */
    bool lost;            /* the last write failed, and its bytes are dropped */
    struct telnet telnet; /* of its input */
    int failure;          /* errno for which the client is to be let go, or 0 */
    bool ending;          /* ends when the output is gone */
};

/* Watch for what is wanted now. */
void connection_update(struct connection *connection);
/* End it soon, whatever waits. */
void connection_end_now(struct connection *connection);
/* The same for a client that cannot be served: `why` is said. */
void connection_let_go(struct connection *connection, const char *why);
/* Whether there is no peer that could come again: a file, or what the program was started with. */
bool connection_lasts(const struct connection *connection);

/* Read what is there, as read() does. */
ssize_t connection_read(struct connection *connection, uint8_t *bytes, size_t size);
int connection_take_descriptor(struct channel *channel);
void connection_close_descriptors(struct connection *connection);

/* Write what waits, as far as that goes without waiting. */
void connection_flush(struct connection *connection);
/* The same for the last time. */
void connection_flush_last(struct connection *connection);
void connection_write(struct channel *channel, const void *bytes, size_t length, bool may_drop);
/* What a telnet server says first. */
void connection_greet(struct connection *connection);

#endif
