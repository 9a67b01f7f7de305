/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a user may do with a channel, whatever is behind it: a connection or a mux.
 *
 * Threads: main thread only.
 */
#include "chardev/internal.h"

void channel_write(struct channel *channel, const void *bytes, size_t length, bool may_drop)
{
    if (length > 0)
        channel->type->write(channel, bytes, length, may_drop);
}

size_t channel_pending(const struct channel *channel)
{
    return channel->type->pending(channel);
}

void channel_pause(struct channel *channel, bool paused)
{
    channel->type->pause(channel, paused);
}

bool channel_close(struct channel *channel)
{
    return channel->type->close(channel);
}

int channel_take_descriptor(struct channel *channel)
{
    return channel->type->take_descriptor ? channel->type->take_descriptor(channel) : -1;
}

bool channel_is_terminal(const struct channel *channel)
{
    return channel->type->is_terminal(channel);
}

bool channel_has_focus(const struct channel *channel)
{
    return channel->type->has_focus(channel);
}

bool channel_window(const struct channel *channel, unsigned *columns, unsigned *rows)
{
    return channel->type->window(channel, columns, rows);
}
