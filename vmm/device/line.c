/* SPDX-License-Identifier: BSD-2-Clause */
#include "device/line.h"

#define DRAIN_MILLISECONDS 2

void line_receive(struct line *line, uint8_t byte)
{
    struct line_state *state = line->state;

    if (state->fifo_count == LINE_FIFO) {
        state->overrun = true;
        return;
    }
    state->fifo[(state->fifo_first + state->fifo_count++) % LINE_FIFO] = byte;
}

/* Move what waits into the FIFO; when nothing waits any more, the character device may go on. */
static void fill_fifo(struct line *line)
{
    while (line->waiting_count > 0 && line->state->fifo_count < LINE_FIFO) {
        line_receive(line, line->waiting[line->waiting_first++]);
        line->waiting_count--;
    }
    if (line->paused && line->waiting_count == 0) {
        line->paused = false;
        loop_post(line->loop, &line->refill);
    }
}

void line_send(struct line *line, uint8_t byte)
{
    /* A guest that sends although the transmitter says it is full loses the byte, as on a chip. */
    if (line->ring_count < LINE_RING)
        line->ring[(line->ring_first + line->ring_count++) % LINE_RING] = byte;
    if (!line->draining || line->ring_count == LINE_RING)
        loop_post(line->loop, &line->drain);
    line->draining = true;
}

uint8_t line_take(struct line *line)
{
    struct line_state *state = line->state;
    uint8_t byte = 0;

    if (state->fifo_count > 0) {
        byte = state->fifo[state->fifo_first];
        state->fifo_first = (uint8_t)((state->fifo_first + 1) % LINE_FIFO);
        state->fifo_count--;
        fill_fifo(line);
    }
    return byte;
}

void line_clear(struct line *line)
{
    line->state->fifo_count = 0;
    fill_fifo(line);
}

bool line_state_valid(const struct line_state *state)
{
    return state->fifo_count <= LINE_FIFO;
}

void line_restored(struct line *line)
{
    fill_fifo(line);
}

/* ---- the character device's side, on the main thread ---- */

/* Take what the guest has sent; 0 when there is nothing, and then the next byte posts the work again. */
static uint32_t take_sent(struct line *line, uint8_t bytes[LINE_RING])
{
    uint32_t count;

    pthread_mutex_lock(&line->lock);
    count = line->ring_count;
    for (uint32_t i = 0; i < count; i++)
        bytes[i] = line->ring[(line->ring_first + i) % LINE_RING];
    line->ring_first = (line->ring_first + count) % LINE_RING;
    line->ring_count = 0;
    line->draining = count > 0;
    if (count > 0)
        line->changed(line->device, count == LINE_RING);
    pthread_mutex_unlock(&line->lock);
    return count;
}

static void drain(void *opaque);

static void drain_again(void *opaque)
{
    struct line *line = opaque;

    drain(line);
}

/* The first byte goes out at once. While more follow, they are collected for a moment: waking this thread for
 * each costs more than all the rest of a slow line. */
static void drain(void *opaque)
{
    struct line *line = opaque;
    uint8_t bytes[LINE_RING];
    uint32_t count = take_sent(line, bytes);

    if (count == 0)
        return;
    if (line->channel)
        channel_write(line->channel, bytes, count, true);
    if (!timer_runs(&line->timer))
        timer_start(line->loop, &line->timer, DRAIN_MILLISECONDS, drain_again, line);
}

static void refill(void *opaque)
{
    struct line *line = opaque;

    if (line->channel)
        channel_pause(line->channel, false);
}

static void *opened(void *user, struct channel *channel)
{
    struct line *line = user;

    line->channel = channel;
    return line;
}

/* The character device hands over at most what `waiting` holds at a time, and is paused until the guest has
 * taken all of it. */
static void input(void *session, const uint8_t *bytes, size_t length)
{
    struct line *line = session;
    bool pause;

    pthread_mutex_lock(&line->lock);
    if (line->waiting_count == 0)
        line->waiting_first = 0;
    for (size_t i = 0; i < length; i++) {
        uint32_t at = line->waiting_first + line->waiting_count;

        if (at == sizeof line->waiting) {
            line->state->overrun = true;
            break;
        }
        line->waiting[at] = bytes[i];
        line->waiting_count++;
    }
    fill_fifo(line);
    line->changed(line->device, false);
    pause = line->paused = line->waiting_count > 0;
    pthread_mutex_unlock(&line->lock);
    /* If the guest emptied `waiting` in between, the refill that it posted is still to run. */
    if (pause)
        channel_pause(line->channel, true);
}

static void closed(void *session)
{
    struct line *line = session;

    line->channel = NULL;
}

static const struct chardev_user_ops user_ops = {
    .single = true,
    .opened = opened,
    .input = input,
    .closed = closed,
};

void line_init(struct line *line, const struct board *board, struct line_state *state,
               void (*changed)(void *device, bool emptied), void *device)
{
    *line = (struct line){ .loop = board->loop, .state = state, .changed = changed, .device = device };
    pthread_mutex_init(&line->lock, NULL);
    line->drain = (struct work){ .run = drain, .opaque = line };
    line->refill = (struct work){ .run = refill, .opaque = line };
}

void line_destroy(struct line *line)
{
    if (line->loop)
        pthread_mutex_destroy(&line->lock);
}

bool line_attach(struct line *line, struct chardev *chardev, struct error *error)
{
    return chardev_attach(chardev, &user_ops, line, error);
}

void line_flush(struct line *line)
{
    drain(line);
}

void line_stop(struct line *line)
{
    timer_cancel(&line->timer);
    if (!line->loop)
        return; /* not made yet */
    loop_cancel(line->loop, &line->drain);
    loop_cancel(line->loop, &line->refill);
}
