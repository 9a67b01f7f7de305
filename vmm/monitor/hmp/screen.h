/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What libedit takes for its terminal. It sets the modes of a pseudo terminal and asks for its size, but
 * nothing is read from it or written to it: keys come from the editor (editor.c), and what libedit draws goes
 * through a stream to a channel.
 *
 * Threads: main thread only.
 */
#ifndef VMM_MONITOR_HMP_SCREEN_H
#define VMM_MONITOR_HMP_SCREEN_H

#include <stdbool.h>
#include <stdio.h>

struct channel;

struct screen {
    struct channel *channel; /* borrowed; NULL while nothing is shown */
    FILE *out;
    FILE *nowhere;     /* for libedit's error messages */
    int master, slave; /* of the pseudo terminal */
    bool muted;        /* what is drawn is dropped */
    unsigned columns;  /* since screen_update() */
};

/* Create the pseudo terminal and the streams; the screen is muted. False: there are no descriptors or there
 * is no memory for them. screen_close() is to be called in both cases. The struct must not be moved
 * afterwards. */
bool screen_open(struct screen *screen);

/* Close what screen_open() created. Streams write out what they have buffered: mute the screen first if its
 * channel is closed. */
void screen_close(struct screen *screen);

/* Take over the size of the channel's window, which may have changed; 80 x 24 if the channel has none.
 * Requires a channel. */
void screen_update(struct screen *screen);

#endif
