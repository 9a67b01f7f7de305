/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A port's other end: bytes between its pipes and its chardev, and what is said of it.
 *
 * A port whose client does not read stops the guest's program that writes to it. A console does not: a
 * guest's kernel waits for each of its lines with a lock held, so what a client leaves unread for long is
 * dropped, as on a serial line.
 *
 * Threads: the main thread's, but for the pipes and what else is under the port's lock.
 */
#include "virtio/console.h"

#define EVENT_MS 1000
/* Bytes that a client of a virtserialport has not read yet, before the guest has to wait. */
#define PENDING_MAX 65536u

/* ---- bytes ---- */

static void kick(struct console_port *port, bool to_guest)
{
    const unsigned number = port->values.number;

    virtio_device_kick(&port->console->virtio,
                       to_guest ? console_queue_to_guest(number) : console_queue_from_guest(number));
}

/* What the guest has sent goes to the client, until too much waits for it. A pipe's worth at a time: the I/O
 * thread fills the pipe meanwhile, and a guest that never stops would keep the main thread here. */
static void drain(struct console_port *port)
{
    bool stopped = false;
    uint32_t length = 1, moved = 0;

    while (port->channel && length > 0 && moved < CONSOLE_PIPE &&
           (port->terminal || channel_pending(port->channel) < PENDING_MAX)) {
        uint8_t bytes[CHANNEL_INPUT_MAX];

        pthread_mutex_lock(&port->lock);
        length = console_pipe_take(&port->from_guest, bytes, sizeof bytes);
        stopped |= length > 0 && port->from_guest_stopped;
        if (length > 0)
            port->from_guest_stopped = false;
        pthread_mutex_unlock(&port->lock);
        channel_write(port->channel, bytes, length, port->terminal);
        moved += length;
    }
    if (moved >= CONSOLE_PIPE) /* after what else waits */
        loop_post(port->device.board->loop, &port->work);
    if (stopped)
        kick(port, false);
}

void console_port_read_on(struct console_port *port)
{
    bool stopped;

    pthread_mutex_lock(&port->lock);
    stopped = port->to_guest_stopped;
    pthread_mutex_unlock(&port->lock);
    if (!port->channel || port->paused == stopped)
        return;
    port->paused = stopped;
    channel_pause(port->channel, stopped);
}

/* ---- what it says ---- */

/* At most once a second: a guest may open and close it as often as it likes. */
static void report(void *opaque)
{
    struct console_port *port = opaque;
    const struct board *board = port->device.board;
    bool open;

    pthread_mutex_lock(&port->lock);
    open = port->guest_open;
    pthread_mutex_unlock(&port->lock);
    if (port->terminal || !port->device.id || open == port->reported || timer_runs(&port->quiet))
        return;
    port->reported = open;
    board->event(board->machine,
                 &(struct event){ .kind = EVENT_VSERPORT_CHANGE, .port = { port->device.id, open } });
    timer_start(board->loop, &port->quiet, EVENT_MS, report, port);
}

void console_port_work(void *opaque)
{
    struct console_port *port = opaque;

    drain(port);
    console_port_read_on(port);
    report(port);
}

/* ---- the chardev's user ---- */

static void *opened(void *user, struct channel *channel)
{
    struct console_port *port = user;

    port->channel = channel;
    console_port_read_on(port); /* a pipe that was restored may be full */
    loop_post(port->device.board->loop, &port->work);
    return port;
}

static void input(void *session, const uint8_t *bytes, size_t length)
{
    struct console_port *port = session;
    bool stopped;

    /* There is always room for one call's bytes, or the chardev is paused. */
    pthread_mutex_lock(&port->lock);
    console_pipe_put(&port->to_guest, bytes, (uint32_t)length);
    stopped = console_pipe_settle(port);
    pthread_mutex_unlock(&port->lock);
    /* If the guest has made room in between, the work that was posted is still to run. */
    if (stopped) {
        port->paused = true;
        channel_pause(port->channel, true);
    }
    kick(port, true);
}

static void connected(void *session, bool is)
{
    struct console_port *port = session;

    if (port->terminal) /* a screen is there, whether or not somebody looks */
        return;
    pthread_mutex_lock(&port->lock);
    port->host_open = is;
    port->host_left |= !is;
    pthread_mutex_unlock(&port->lock);
    console_tell(port->console);
}

static void drained(void *session)
{
    console_port_work(session);
}

static void closed(void *session)
{
    struct console_port *port = session;

    port->channel = NULL;
}

/* A console is one from the start, as in QEMU: a guest that writes to it has not opened a port. */
static bool is_open(const void *user)
{
    struct console_port *port = (void *)(uintptr_t)user;
    bool open;

    pthread_mutex_lock(&port->lock);
    open = port->terminal || port->guest_open;
    pthread_mutex_unlock(&port->lock);
    return open;
}

const struct chardev_user_ops console_chardev_ops = {
    .single = true,
    .opened = opened,
    .input = input,
    .connected = connected,
    .drained = drained,
    .is_open = is_open,
    .closed = closed,
};
