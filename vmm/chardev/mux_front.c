/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The channel of a front: output to the connection that all fronts share, and input that is held back while
 * the front's user is not ready for it.
 */
#include <string.h>

#include "chardev/mux.h"

static struct front *of_channel(const struct channel *channel)
{
    return (struct front *)channel;
}

static void front_write(struct channel *channel, const void *bytes, size_t length, bool may_drop)
{
    struct hub *hub = of_channel(channel)->hub;

    (void)may_drop; /* closing what all share would be worse */
    chardev_log(hub->chardev, bytes, length);
    hub_write(hub, bytes, length);
}

static size_t front_pending(const struct channel *channel)
{
    const struct hub *hub = of_channel(channel)->hub;

    return hub->connection ? channel_pending(hub->connection) : 0;
}

static void release(void *opaque)
{
    struct front *front = opaque;
    size_t count = front->held_count < CHANNEL_INPUT_MAX ? front->held_count : CHANNEL_INPUT_MAX;
    uint8_t bytes[CHANNEL_INPUT_MAX];

    if (front->paused || count == 0)
        return;
    memcpy(bytes, front->held, count);
    front->held_count -= count;
    memmove(front->held, front->held + count, front->held_count);
    if (front->held_count > 0)
        timer_start(front->hub->chardev->owner->loop, &front->release, 0, release, front);
    front->channel.ops->input(front->channel.session, bytes, count);
    hub_update(front->hub);
}

static void front_pause(struct channel *channel, bool paused)
{
    struct front *front = of_channel(channel);

    front->paused = paused;
    /* Not from within: the user is not ready for input while it calls us. */
    if (!paused && front->held_count > 0 && !timer_runs(&front->release))
        timer_start(front->hub->chardev->owner->loop, &front->release, 0, release, front);
    hub_update(front->hub);
}

static bool front_close(struct channel *channel)
{
    (void)channel;
    return false;
}

static bool front_is_terminal(const struct channel *channel)
{
    const struct hub *hub = of_channel(channel)->hub;

    return hub->keys || (hub->connection && channel_is_terminal(hub->connection));
}

static bool front_has_focus(const struct channel *channel)
{
    const struct front *front = of_channel(channel);

    return front->hub->focus == front;
}

static bool front_window(const struct channel *channel, unsigned *columns, unsigned *rows)
{
    const struct hub *hub = of_channel(channel)->hub;

    return hub->connection && channel_window(hub->connection, columns, rows);
}

const struct channel_type front_type = {
    .write = front_write,
    .pending = front_pending,
    .pause = front_pause,
    .close = front_close,
    .is_terminal = front_is_terminal,
    .has_focus = front_has_focus,
    .window = front_window,
};

void front_hold(struct front *front, const uint8_t *bytes, size_t length)
{
    if (length > HELD_MAX - front->held_count)
        return;
    memcpy(front->held + front->held_count, bytes, length);
    front->held_count += length;
    hub_update(front->hub);
}
