/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The line behind a serial port of any kind: a receive FIFO, a ring of what the guest has sent, and the
 * character device at the other end. The line is infinitely fast.
 *
 * What the guest sends goes into the ring and from there, on the main thread, to the character device; what
 * comes from the character device goes into the receive FIFO as fast as the guest takes it.
 *
 * Threads: the state is under the line's lock, which is the lock of its device, and so are the functions that
 * say so. line_attach() and what the character device calls run on the main thread and take the lock
 * themselves.
 */
#ifndef VMM_DEVICE_LINE_H
#define VMM_DEVICE_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/loop.h"
#include "chardev/chardev.h"
#include "device/board.h"
#include "device/fields.h"

#define LINE_FIFO 16u
#define LINE_RING 4096u /* a power of two */

/* What the guest knows of it: a part of its device's state. What waits on either side is not: bytes that were
 * sent go out here, whatever becomes of the guest, and bytes that wait were not received yet. */
struct line_state {
    uint8_t fifo[LINE_FIFO]; /* received, not yet read */
    uint8_t fifo_first, fifo_count;
    bool overrun; /* bytes came that found no room */
};

/* Rows for the table of a state with such a member. */
#define LINE_FIELDS(type, member) \
    STATE_ARRAY(type, member.fifo, 1, UINT8_MAX), STATE_FIELD(type, member.fifo_first, 1, LINE_FIFO - 1), \
        STATE_FIELD(type, member.fifo_count, 1, 2 * LINE_FIFO - 1), STATE_FIELD(type, member.overrun, 1, 1)

struct line {
    pthread_mutex_t lock; /* the device's: what is said to be under it */
    struct loop *loop;
    /* Under the lock: bytes came, or (`emptied`) the ring, which was full, has room again. */
    void (*changed)(void *device, bool emptied);
    void *device;
    struct timer timer;      /* main thread only: looks for more to send */
    struct channel *channel; /* main thread only; NULL: what the guest sends is dropped */

    /* under the lock */
    struct line_state *state;
    uint8_t ring[LINE_RING]; /* sent, not yet with the character device */
    uint32_t ring_first, ring_count;
    bool draining; /* the main thread is going to look into the ring */

    /* received from the character device, waiting for room in the FIFO */
    uint8_t waiting[CHANNEL_INPUT_MAX];
    uint32_t waiting_first, waiting_count;
    bool paused;        /* the channel is not read */
    struct work drain;  /* ring -> channel */
    struct work refill; /* the guest made room: let the channel read on */
};

/* `state`: a part of the device's; it is as after power-on. */
void line_init(struct line *line, const struct board *board, struct line_state *state,
               void (*changed)(void *device, bool emptied), void *device);
/* What a table does not say of it. */
bool line_state_valid(const struct line_state *state);
/* After line_stop(). */
void line_destroy(struct line *line);
bool line_attach(struct line *line, struct chardev *chardev, struct error *error);
/* Main thread: no timer is left. */
void line_stop(struct line *line);

/* Under the lock. */
void line_send(struct line *line, uint8_t byte);
static inline bool line_has_room(const struct line *line)
{
    return line->ring_count < LINE_RING;
}
/* A byte as if it had been received: loop-back. */
void line_receive(struct line *line, uint8_t byte);
/* The oldest byte received; 0 when there is none. */
uint8_t line_take(struct line *line);
void line_clear(struct line *line); /* the receive FIFO */
/* The state is another: what waits may have room now. */
void line_restored(struct line *line);

#endif
