/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Connections: a pair of file descriptors (or one for both ways), watched by the event loop, with a buffer
 * for what the peer does not take at once.
 *
 * How a connection ends: at the end of its input, once the peer has taken what was written (so a client that
 * shuts down its sending side still gets its answers); at once when its input fails, too much output waits,
 * or the host has no memory to send to it or to watch it, which is said. A peer that is gone does not end it
 * by that alone: what it sent before it went is still read. The end is always carried out by work of the
 * event loop, so that no connection is freed while a caller uses it.
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

#include "base/message.h"
#include "chardev/connection.h"

/* A descriptor of the program's own that epoll does not take now is tried again then. */
#define RETRY_MS 1000

static struct connection *of_channel(const struct channel *channel)
{
    return (struct connection *)channel;
}

/* Whether there is no peer that could come again: a file, or what the program was started with. */
bool connection_lasts(const struct connection *connection)
{
    return !connection->fds.socket && !connection->fds.terminal;
}

/* Watch for what is wanted now; false and errno if the kernel cannot. */
static bool watch_wanted(struct connection *connection)
{
    bool reads = !connection->paused && !connection->at_eof;
    uint32_t in = reads ? EPOLLIN : 0;
    uint32_t out = connection->used > 0 ? EPOLLOUT : 0;

    if (connection->in && connection->in == connection->out)
        return watch_change(connection->in, in | out);
    if (connection->out && !watch_change(connection->out, out))
        return false;
    if (connection->in)
        return watch_change(connection->in, in);
    if (reads && connection->fds.input >= 0)
        loop_post(connection->chardev->owner->loop, &connection->read);
    return true;
}

static void update_again(void *opaque)
{
    struct connection *connection = opaque;

    connection_update(connection);
}

/* A client that is not watched would wait for ever: better gone, so that it can come again. What lasts is
 * tried again. */
void connection_update(struct connection *connection)
{
    if (timer_runs(&connection->retry) || watch_wanted(connection))
        return;
    if (connection_lasts(connection))
        timer_start(connection->chardev->owner->loop, &connection->retry, RETRY_MS, update_again, connection);
    else
        connection_let_go(connection, strerror(errno));
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
    loop_cancel(chardev->owner->loop, &connection->read);
    loop_cancel(chardev->owner->loop, &connection->end);
    timer_cancel(&connection->retry);
    if (connection->out && connection->out != connection->in)
        watch_remove(connection->out);
    if (connection->in)
        watch_remove(connection->in);
    close_fds(&connection->fds);
    connection_close_descriptors(connection);
    free(connection->buffer);
    free(connection);
}

static void connection_ended(void *opaque)
{
    struct connection *connection = opaque;
    struct chardev *chardev = connection->chardev;

    if (connection->channel.session)
        connection->channel.ops->closed(connection->channel.session);
    destroy(connection);
    if (chardev->kind->gone)
        chardev->kind->gone(chardev);
}

/* End it soon, whatever waits. */
void connection_end_now(struct connection *connection)
{
    connection->at_eof = true;
    connection->broken = true;
    connection->used = 0;
    (void)watch_wanted(connection); /* nothing: that always works */
    loop_post(connection->chardev->owner->loop, &connection->end);
}

void connection_let_go(struct connection *connection, const char *why)
{
    if (!connection->broken)
        warning("chardev '%s': client disconnected: %s", connection->chardev->id, why);
    connection_end_now(connection);
}

static void end_when_drained(struct connection *connection)
{
    connection->at_eof = true;
    connection->ending = true;
    if (connection->used == 0)
        connection_end_now(connection);
    else
        connection_update(connection);
}

static void read_input(struct connection *connection)
{
    uint8_t bytes[CHANNEL_INPUT_MAX];
    ssize_t count = connection_read(connection, bytes, sizeof bytes);

    if (count > 0) {
        size_t length = (size_t)count;

        if (connection->fds.telnet)
            length = telnet_input(&connection->telnet, bytes, length);
        if (length > 0) /* not commands alone */
            connection->channel.ops->input(connection->channel.session, bytes, length);
    } else if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
        return;
    } else if (connection->fds.keep_at_eof) {
        connection->at_eof = true;
    } else if (count < 0) {
        connection_end_now(connection);
    } else {
        end_when_drained(connection);
    }
    connection_update(connection);
}

static void read_later(void *opaque)
{
    struct connection *connection = opaque;

    if (!connection->paused && !connection->at_eof)
        read_input(connection);
}

static void on_output(void *opaque, uint32_t events)
{
    (void)events;
    connection_flush(opaque);
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
        connection_end_now(connection);
        return;
    }
    if ((events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) && connection->used > 0)
        connection_flush(connection);
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
    connection_update(connection);
}

static bool connection_end(struct channel *channel)
{
    end_when_drained(of_channel(channel));
    return true;
}

static bool connection_is_terminal(const struct channel *channel)
{
    struct connection *connection = of_channel(channel);

    return connection->fds.telnet || (connection->fds.input >= 0 && isatty(connection->fds.input));
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
    /* The terminal's user chooses its size, and the line editor allocates as many characters. */
    *columns = size.ws_col < CHANNEL_WINDOW_MAX ? size.ws_col : CHANNEL_WINDOW_MAX;
    *rows = size.ws_row < CHANNEL_WINDOW_MAX ? size.ws_row : CHANNEL_WINDOW_MAX;
    return true;
}

static const struct channel_type connection_type = {
    .write = connection_write,
    .pending = connection_pending,
    .pause = connection_pause,
    .close = connection_end,
    .take_descriptor = connection_take_descriptor,
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
    connection->read = (struct work){ .run = read_later, .opaque = connection };
    connection->end = (struct work){ .run = connection_ended, .opaque = connection };
    connection->next = chardev->connections;
    chardev->connections = connection;
    chardev->connection_count++;
    if (!add_watches(connection)) {
        error_set(error, "cannot watch it: %s", strerror(errno));
        destroy(connection);
        return false;
    }
    if (connection->fds.telnet)
        connection_greet(connection);
    connection->channel.session = chardev->ops->opened(chardev->user, &connection->channel);
    if (connection->channel.session)
        connection_update(connection);
    else
        connection_end_now(connection);
    return true;
}

void connections_close(struct chardev *chardev)
{
    while (chardev->connections) {
        struct connection *connection = chardev->connections;

        connection_flush_last(connection);
        if (connection->channel.session)
            connection->channel.ops->closed(connection->channel.session);
        destroy(connection);
    }
}
