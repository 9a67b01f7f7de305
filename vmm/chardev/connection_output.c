/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What is written to a connection: at once as far as the peer takes it, the rest from a buffer.
 *
 * Output that is nobody's connection (a file, a FIFO, standard output) never ends and never falls silent:
 * what cannot be written is lost, and what comes later is tried again.
 *
 * Threads: main thread only.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "chardev/connection.h"

/* An empty buffer larger than this goes back to the host. */
#define BUFFER_KEEP 16384u
#define TELNET_PIECE 1024u

/* What a failing write means: its bytes are lost in any case. */
static void note_failure(struct connection *connection)
{
    connection->lost = true;
    if (connection_lasts(connection))
        return;
    if (errno == EPIPE || errno == ECONNRESET || connection->fds.terminal)
        connection->broken = true;             /* the peer is gone */
    else if (!connection->channel.ops->single) /* a serial line may lose bytes, an answer may not */
        connection->failure = errno;
}

/* Write what can be written without waiting; returns how much of it need not be written any more. */
static size_t try_write(struct connection *connection, const uint8_t *bytes, size_t length)
{
    size_t done = 0;

    connection->lost = false;
    while (done < length && !connection->broken && !connection->lost) {
        int fd = connection->fds.output;
        ssize_t count = connection->fds.socket
                            ? send(fd, bytes + done, length - done, MSG_NOSIGNAL | MSG_DONTWAIT)
                            : write(fd, bytes + done, length - done);

        if (count >= 0)
            done += (size_t)count;
        else if ((errno == EAGAIN || errno == EWOULDBLOCK) && connection->out)
            break;
        else if (errno != EINTR)
            note_failure(connection);
    }
    return connection->broken || connection->lost ? length : done;
}

void connection_flush(struct connection *connection)
{
    size_t done = try_write(connection, connection->buffer + connection->start, connection->used);

    connection->start += done;
    connection->used -= done;
    if (connection->used > 0)
        return;
    connection->start = 0;
    if (connection->failure) {
        connection_let_go(connection, strerror(connection->failure));
        return;
    }
    if (connection->capacity > BUFFER_KEEP) {
        free(connection->buffer);
        connection->buffer = NULL;
        connection->capacity = 0;
    }
    if (connection->ending)
        connection_end_now(connection);
    else
        connection_update(connection);
    if (connection->channel.ops->drained && connection->channel.session)
        connection->channel.ops->drained(connection->channel.session);
}

static bool append(struct connection *connection, const uint8_t *bytes, size_t length)
{
    size_t needed = connection->used + length;

    if (connection->start > 0 && connection->start + needed > connection->capacity) {
        memmove(connection->buffer, connection->buffer + connection->start, connection->used);
        connection->start = 0;
    }
    if (needed > connection->capacity) {
        size_t capacity = needed < BUFFER_KEEP ? BUFFER_KEEP : needed * 2;
        uint8_t *buffer = realloc(connection->buffer, capacity);

        if (!buffer)
            return false;
        connection->buffer = buffer;
        connection->capacity = capacity;
    }
    memcpy(connection->buffer + connection->start + connection->used, bytes, length);
    connection->used += length;
    return true;
}

/* At once what the peer takes, the rest later. */
static void write_bytes(struct connection *connection, const uint8_t *bytes, size_t length, bool may_drop)
{
    size_t done = 0;

    if (connection->broken || connection->fds.output < 0)
        return;
    if (connection->used == 0)
        done = try_write(connection, bytes, length);
    if (connection->failure) {
        connection_let_go(connection, strerror(connection->failure));
        return;
    }
    if (done == length)
        return;
    if (connection->used > CHANNEL_BUFFER_MAX) {
        if (!may_drop)
            connection_let_go(connection, "it does not read, and 4 MiB of output are pending");
        return;
    }
    if (!append(connection, bytes + done, length - done)) {
        if (!may_drop)
            connection_let_go(connection, "out of memory for pending output");
        return;
    }
    connection_update(connection);
}

void connection_write(struct channel *channel, const void *bytes, size_t length, bool may_drop)
{
    struct connection *connection = (struct connection *)channel;
    const uint8_t *at = bytes;
    uint8_t doubled[2 * TELNET_PIECE];

    if (!connection->chardev->hub)
        chardev_log(connection->chardev, bytes, length);
    if (!connection->fds.telnet || !memchr(bytes, TELNET_IAC, length)) {
        write_bytes(connection, bytes, length, may_drop);
        return;
    }
    while (length > 0) {
        const size_t piece = length < TELNET_PIECE ? length : TELNET_PIECE;

        write_bytes(connection, doubled, telnet_output(at, piece, doubled), may_drop);
        at += piece;
        length -= piece;
    }
}

void connection_greet(struct connection *connection)
{
    write_bytes(connection, telnet_greeting, sizeof telnet_greeting, true);
}

void connection_flush_last(struct connection *connection)
{
    if (connection->used > 0)
        try_write(connection, connection->buffer + connection->start, connection->used);
}
