/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connections: a pair of file descriptors (or one for both ways), watched by the event loop, with a buffer
 * for what the peer does not take at once.
 *
 * How a connection ends: at the end of its input, once the peer has taken what was written (so a client that
 * shuts down its sending side still gets its answers); at once when its input fails or too much output
 * waits. A failing output alone does not end it: what the peer sent before it went is still read. The end
 * is always carried out by a timer, so that nobody's connection vanishes while he uses it.
 *
 * Threads: main thread only.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "chardev/internal.h"
#include "host/loop.h"

/* An empty buffer larger than this goes back to the host. */
#define BUFFER_KEEP 16384u

struct connection {
    struct channel channel;
    struct chardev *chardev;
    struct connection *next;
    struct connection_config fds;
    struct watch *in;   /* NULL: a regular file, which is always ready, or nothing */
    struct watch *out;  /* NULL: a regular file; the same as `in` when the fd is the same */
    struct timer *read; /* takes the place of `in` */
    struct timer *end;
    uint8_t *buffer;
    size_t start, used, capacity; /* buffer[start, start + used) waits */
    bool paused;                  /* the user wants no input now */
    bool at_eof;                  /* no more input comes, or is wanted */
    bool broken;                  /* output goes nowhere */
    bool ending;                  /* ends when the output is gone */
};

static struct connection *of_channel(const struct channel *channel)
{
    return (struct connection *)channel;
}

static void read_later(void *opaque);

/* Watch for what is wanted now. */
static void update(struct connection *connection)
{
    bool reads = !connection->paused && !connection->at_eof;
    uint32_t in = reads ? EPOLLIN : 0;
    uint32_t out = connection->used > 0 ? EPOLLOUT : 0;

    if (connection->in && connection->in == connection->out) {
        watch_change(connection->in, in | out);
        return;
    }
    if (connection->out)
        watch_change(connection->out, out);
    if (connection->in)
        watch_change(connection->in, in);
    else if (reads && connection->fds.input >= 0 && !connection->read)
        connection->read = timer_add(connection->chardev->owner->loop, 0, read_later, connection);
}

static void close_fds(const struct connection_config *fds)
{
    if (!fds->own_fds)
        return;
    if (fds->input >= 0)
        close(fds->input);
    if (fds->output >= 0 && fds->output != fds->input)
        close(fds->output);
}

static void destroy(struct connection *connection)
{
    struct chardev *chardev = connection->chardev;
    struct connection **link = &chardev->connections;

    while (*link != connection)
        link = &(*link)->next;
    *link = connection->next;
    chardev->connection_count--;
    timer_cancel(connection->read);
    timer_cancel(connection->end);
    if (connection->out && connection->out != connection->in)
        watch_remove(connection->out);
    if (connection->in)
        watch_remove(connection->in);
    close_fds(&connection->fds);
    free(connection->buffer);
    free(connection);
}

static void end(void *opaque)
{
    struct connection *connection = opaque;
    struct chardev *chardev = connection->chardev;

    connection->end = NULL;
    if (connection->channel.session)
        connection->channel.ops->closed(connection->channel.session);
    destroy(connection);
    if (chardev->kind->gone)
        chardev->kind->gone(chardev);
}

/* End it soon, whatever waits. */
static void end_now(struct connection *connection)
{
    connection->at_eof = true;
    connection->broken = true;
    connection->used = 0;
    update(connection);
    if (!connection->end)
        connection->end = timer_add(connection->chardev->owner->loop, 0, end, connection);
}

static void end_when_drained(struct connection *connection)
{
    connection->at_eof = true;
    connection->ending = true;
    if (connection->used == 0)
        end_now(connection);
    else
        update(connection);
}

/* Write what can be written without waiting; returns how much that was. */
static size_t try_write(struct connection *connection, const uint8_t *bytes, size_t length)
{
    size_t done = 0;

    while (done < length && !connection->broken) {
        int fd = connection->fds.output;
        ssize_t count = connection->fds.socket
                            ? send(fd, bytes + done, length - done, MSG_NOSIGNAL | MSG_DONTWAIT)
                            : write(fd, bytes + done, length - done);

        if (count >= 0)
            done += (size_t)count;
        else if ((errno == EAGAIN || errno == EWOULDBLOCK) && connection->out)
            break;
        else if (errno != EINTR)
            connection->broken = true;
    }
    return connection->broken ? length : done;
}

static void flush(struct connection *connection)
{
    size_t done = try_write(connection, connection->buffer + connection->start, connection->used);

    connection->start += done;
    connection->used -= done;
    if (connection->used > 0)
        return;
    connection->start = 0;
    if (connection->capacity > BUFFER_KEEP) {
        free(connection->buffer);
        connection->buffer = NULL;
        connection->capacity = 0;
    }
    if (connection->ending)
        end_now(connection);
    else
        update(connection);
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

static void connection_write(struct channel *channel, const void *bytes, size_t length, bool may_drop)
{
    struct connection *connection = of_channel(channel);
    size_t done = 0;

    if (!connection->chardev->hub)
        chardev_log(connection->chardev, bytes, length);
    if (connection->broken || connection->fds.output < 0)
        return;
    if (connection->used == 0)
        done = try_write(connection, bytes, length);
    if (done == length)
        return;
    if (connection->used > CHANNEL_BUFFER_MAX ||
        !append(connection, (const uint8_t *)bytes + done, length - done)) {
        if (!may_drop)
            end_now(connection);
        return;
    }
    update(connection);
}

static void read_input(struct connection *connection)
{
    uint8_t bytes[CHANNEL_INPUT_MAX];
    ssize_t count = read(connection->fds.input, bytes, sizeof bytes);

    if (count > 0) {
        connection->channel.ops->input(connection->channel.session, bytes, (size_t)count);
    } else if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
        return;
    } else if (connection->fds.keep_at_eof) {
        connection->at_eof = true;
    } else if (count < 0) {
        end_now(connection);
    } else {
        end_when_drained(connection);
    }
    update(connection);
}

static void read_later(void *opaque)
{
    struct connection *connection = opaque;

    connection->read = NULL;
    if (!connection->paused && !connection->at_eof)
        read_input(connection);
}

static void on_output(void *opaque, uint32_t events)
{
    (void)events;
    flush(opaque);
}

static void on_input(void *opaque, uint32_t events)
{
    struct connection *connection = opaque;

    (void)events;
    if (!connection->paused && !connection->at_eof)
        read_input(connection);
}

/* A hang-up is found by both reading and writing, but for a pty that is not read now: it takes output until
 * it is full, and reports the hang-up all the time. */
static void on_both(void *opaque, uint32_t events)
{
    struct connection *connection = opaque;

    if ((events & EPOLLHUP) && connection->paused && !connection->fds.socket) {
        end_now(connection);
        return;
    }
    if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) && connection->used > 0)
        flush(connection);
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        on_input(connection, events);
}

static size_t connection_pending(const struct channel *channel)
{
    return of_channel(channel)->used;
}

static void connection_pause(struct channel *channel, bool paused)
{
    struct connection *connection = of_channel(channel);

    connection->paused = paused;
    update(connection);
}

static void connection_end(struct channel *channel)
{
    end_when_drained(of_channel(channel));
}

static bool connection_is_terminal(const struct channel *channel)
{
    struct connection *connection = of_channel(channel);

    return connection->fds.input >= 0 && isatty(connection->fds.input);
}

static bool connection_has_focus(const struct channel *channel)
{
    (void)channel;
    return true;
}

static bool connection_window(const struct channel *channel, unsigned *columns, unsigned *rows)
{
    struct connection *connection = of_channel(channel);
    struct winsize size;

    if (connection->fds.output < 0 || ioctl(connection->fds.output, TIOCGWINSZ, &size) < 0 ||
        size.ws_col == 0 || size.ws_row == 0)
        return false;
    *columns = size.ws_col;
    *rows = size.ws_row;
    return true;
}

static const struct channel_type connection_type = {
    .write = connection_write,
    .pending = connection_pending,
    .pause = connection_pause,
    .close = connection_end,
    .is_terminal = connection_is_terminal,
    .has_focus = connection_has_focus,
    .window = connection_window,
};

/* Regular files and /dev/null cannot be watched and need not be: EPERM. */
static bool add_watches(struct connection *connection)
{
    struct loop *loop = connection->chardev->owner->loop;
    bool shared = connection->fds.input == connection->fds.output;

    if (connection->fds.input >= 0) {
        connection->in = watch_add(loop, connection->fds.input, 0, shared ? on_both : on_input, connection);
        if (!connection->in && errno != EPERM)
            return false;
    }
    if (shared)
        connection->out = connection->in;
    else if (connection->fds.output >= 0) {
        connection->out = watch_add(loop, connection->fds.output, 0, on_output, connection);
        if (!connection->out && errno != EPERM)
            return false;
    }
    return true;
}

bool connection_open(struct chardev *chardev, const struct connection_config *config, struct error *error)
{
    struct connection *connection = calloc(1, sizeof *connection);

    if (!connection) {
        close_fds(config);
        return error_set(error, "out of memory");
    }
    connection->channel = (struct channel){ .type = &connection_type, .ops = chardev->ops };
    connection->chardev = chardev;
    connection->fds = *config;
    connection->next = chardev->connections;
    chardev->connections = connection;
    chardev->connection_count++;
    if (!add_watches(connection)) {
        error_set(error, "cannot watch it: %s", strerror(errno));
        destroy(connection);
        return false;
    }
    connection->channel.session = chardev->ops->opened(chardev->user, &connection->channel);
    if (connection->channel.session)
        update(connection);
    else
        end_now(connection);
    return true;
}

void connections_close(struct chardev *chardev)
{
    while (chardev->connections) {
        struct connection *connection = chardev->connections;

        if (connection->used > 0)
            try_write(connection, connection->buffer + connection->start, connection->used);
        if (connection->channel.session)
            connection->channel.ops->closed(connection->channel.session);
        destroy(connection);
    }
}
