/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The line of a serial port of any kind: a receive FIFO, a ring of bytes that the guest has sent, and the
 * character device at the other end. Baud rates do not limit it.
 *
 * Bytes from the guest go into the ring and from there, on the main thread, to the character device; bytes
 * from the character device go into the receive FIFO as fast as the guest reads it.
 *
 * Threads: the line's lock, which is also that of its device, protects the state. Callers of functions in the
 * last section hold it. All others, and the callbacks of the character device, run on the main thread and
 * take it themselves.
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

/* The part of the device's state that the guest can observe. Bytes that wait on either side are not included:
 * sent bytes are still written on this host, and those that wait have not been received. */
struct line_state {
    uint8_t fifo[LINE_FIFO]; /* received, not yet read */
    uint8_t fifo_first, fifo_count;
    bool overrun; /* received bytes were lost, as the FIFO was full */
};

/* Rows for the table of a state with such a member. */
#define LINE_FIELDS(type, member) \
    STATE_ARRAY(type, member.fifo, 1, UINT8_MAX), STATE_FIELD(type, member.fifo_first, 1, LINE_FIFO - 1), \
        STATE_FIELD(type, member.fifo_count, 1, 2 * LINE_FIFO - 1), STATE_FIELD(type, member.overrun, 1, 1)

struct line {
    pthread_mutex_t lock; /* of the line and of its device */
    struct loop *loop;
    /* Called under the lock: bytes were received or sent; `emptied`: the ring was full, and has room again.
     */
    void (*changed)(void *device, bool emptied);
    void *device;
    struct timer timer;      /* main thread only: collects bytes to send */
    struct channel *channel; /* main thread only; NULL: bytes from the guest are discarded */

    /* under the lock */
    struct line_state *state;
    uint8_t ring[LINE_RING]; /* sent, not yet passed to the character device */
    uint32_t ring_first, ring_count;
    bool draining; /* the main thread will empty the ring */

    /* received from the character device, waiting for room in the FIFO */
    uint8_t waiting[CHANNEL_INPUT_MAX];
    uint32_t waiting_first, waiting_count;
    bool paused;        /* the channel is not read */
    struct work drain;  /* ring -> channel */
    struct work refill; /* the guest made room: let the channel read on */
};

/* `state` is part of the device's state, as after power-on. */
void line_init(struct line *line, const struct board *board, struct line_state *state,
               void (*changed)(void *device, bool emptied), void *device);
/* For the `valid` of the device's table: whether the FIFO's count is possible. */
bool line_state_valid(const struct line_state *state);
/* After line_stop(). */
void line_destroy(struct line *line);
/* Connect a character device, as its only user. False and an error, as for chardev_attach(). */
bool line_attach(struct line *line, struct chardev *chardev, struct error *error);
/* Before the character device goes: hand over what the guest has sent, which otherwise waits for a moment. */
void line_flush(struct line *line);
/* Cancel timer and works. */
void line_stop(struct line *line);

/* ---- under the lock ---- */

/* Send a byte. It is lost if line_has_room() is false. */
void line_send(struct line *line, uint8_t byte);
static inline bool line_has_room(const struct line *line)
{
    return line->ring_count < LINE_RING;
}
/* Put a byte into the receive FIFO, for loop-back; without room it is lost, and `overrun` set. */
void line_receive(struct line *line, uint8_t byte);
/* Take the oldest byte from the receive FIFO; 0: it is empty. */
uint8_t line_take(struct line *line);
/* Discard the contents of the receive FIFO. */
void line_clear(struct line *line);
/* The state was restored: waiting bytes may have room now. */
void line_restored(struct line *line);

#endif
