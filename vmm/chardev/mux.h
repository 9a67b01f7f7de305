/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What mux.c and mux_front.c share: a hub and its fronts. chardev/internal.h has the functions for others.
 *
 * Threads: main thread only.
 */
#ifndef VMM_CHARDEV_MUX_H
#define VMM_CHARDEV_MUX_H

#include "base/loop.h"
#include "chardev/internal.h"

#define HELD_MAX (2 * CHANNEL_INPUT_MAX)

struct front {
    struct channel channel;
    struct hub *hub;
    struct front *next;
    void *user;
    bool paused;
    uint8_t held[HELD_MAX];
    size_t held_count;
    struct timer release;
};

struct hub {
    struct chardev *chardev;
    bool keys;
    bool escaped; /* Ctrl-A was pressed */
    struct front *fronts;
    struct front *focus;        /* NULL: there are no fronts, or it has not started */
    struct channel *connection; /* NULL: nobody is there */
};

/* How fronts use their hub's connection. */
extern const struct channel_type front_type;

/* Keep bytes of input for a front that is paused, or that already has some; they are delivered once it is no
 * longer paused. Bytes that do not fit into `held` are dropped. */
void front_hold(struct front *front, const uint8_t *bytes, size_t length);

/* Write to the connection; without one the bytes are dropped. */
void hub_write(struct hub *hub, const void *bytes, size_t length);

/* Pause or resume reading from the connection, after the focus or the state of the front that has it changed.
 */
void hub_update(struct hub *hub);

#endif
