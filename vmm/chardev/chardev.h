/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Character devices: where the bytes of a serial port or a monitor go and come from.
 *
 * A chardev has channels: connections that carry bytes both ways. stdio, file and a connecting socket have
 * one; a pty has one while somebody has it open; a listening socket has one per client. A user (serial port,
 * monitor) is told of each channel as it opens, of its bytes, and of its end. Monitors take several at once.
 *
 * A user that wants a `single` channel (serial port) gets one that lasts from chardev_start() to
 * chardevs_destroy(), or chardev_detach(): clients come and go behind it, one at a time, while further ones
 * wait in the listen queue. What is written while nobody is there is dropped, though not from the logfile.
 *
 * With mux=on several users share one chardev, each with such a lasting channel: Ctrl-A c gives the keyboard
 * to the next, Ctrl-A x ends the program, Ctrl-A h shows help, Ctrl-A Ctrl-A sends a Ctrl-A (QEMU's keys).
 *
 * Threads: main thread only.
 */
#ifndef VMM_CHARDEV_CHARDEV_H
#define VMM_CHARDEV_CHARDEV_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct chardev;
struct chardev_config;
struct channel;
struct loop;

/* The most bytes that one call of input() brings. */
#define CHANNEL_INPUT_MAX 4096u

struct chardev_user_ops {
    bool single;            /* one channel, that lasts */
    bool takes_descriptors; /* channel_take_descriptor() is called: the peer may pass some */
    /* A channel opened. What is returned is passed to the others as `session`; NULL refuses the channel,
     * which is closed without a further call. */
    void *(*opened)(void *user, struct channel *channel);
    /* Bytes came in. After channel_pause(channel, true) no further call is made. */
    void (*input)(void *session, const uint8_t *bytes, size_t length);
    /* The channel is gone; do not use it any more. */
    void (*closed)(void *session);
    /* May be NULL: somebody is at the other end of a channel that lasts, or nobody any more. Nobody is there
     * when it opens. */
    void (*connected)(void *session, bool connected);
    /* May be NULL: all that channel_write() had to buffer has been taken by the peer. */
    void (*drained)(void *session);
    /* May be NULL, if it always is: whether it is ready for bytes; a port whose guest has opened it. */
    bool (*is_open)(const void *user);
    /* May be NULL: a mux gives the keyboard to this user, or takes it away. */
    void (*focus)(void *session, bool focused);
};

/* All chardevs of the program. `terminate` is called for Ctrl-A x. (Ctrl-C on stdio with signal=on is a
 * SIGINT, which the program handles like any other.) */
struct chardevs *chardevs_create(struct loop *loop, void (*terminate)(void *opaque), void *opaque);
/* Closes all channels (closed() is called for each session, so the users must still be there), removes
 * socket files that were made, restores the terminal. */
void chardevs_destroy(struct chardevs *chardevs);

/* Open: create the socket, pty, file ... Errors name the path and why, but not the chardev. config->fd is the
 * chardev's from now on, and after a failure it is closed. */
struct chardev *chardev_open(struct chardevs *chardevs, const struct chardev_config *config,
                             struct error *error);
/* Close one that nobody uses: what it has made goes with it. Refused otherwise. */
bool chardev_remove(struct chardevs *chardevs, const char *id, struct error *error);
struct chardev *chardev_find(struct chardevs *chardevs, const char *id);
struct chardev *chardev_next(struct chardevs *chardevs, struct chardev *chardev); /* NULL gives the first */

/* Attach a user. Refused when the chardev has one already and is not a mux. */
bool chardev_attach(struct chardev *chardev, const struct chardev_user_ops *ops, void *user,
                    struct error *error);

/* The same for a `single` user that comes while the program runs, whose channel opens at once; wait=on waits
 * for nobody any more. On failure it is not attached. */
bool chardev_attach_now(struct chardev *chardev, const struct chardev_user_ops *ops, void *user,
                        struct error *error);
/* Part from a `single` user: its channel is gone without a further call, and the chardev is free for another.
 * A client stays, and is not read until then. */
void chardev_detach(struct chardev *chardev, void *user);

/* Take over the connection of a Unix socket that connects, for a user that speaks with descriptors: the
 * descriptor is the caller's from now on, non-blocking, and the chardev is in use. The connection is made
 * anew where an earlier user has closed it. -1 and an error: it is in use, or of another kind, or nobody
 * listens. */
int chardev_take_connection(struct chardev *chardev, struct error *error);
/* That user is gone, and has closed it: the chardev is free for another. */
void chardev_free_connection(struct chardev *chardev);

/* Begin: accept clients and read input. Called once everything is attached. A chardev with wait=on runs the
 * event loop here until its first client is there (or loop_quit() was called, see loop_quitting()). */
bool chardev_start(struct chardev *chardev, struct error *error);

const char *chardev_id(const struct chardev *chardev);
/* QEMU's spelling for query-chardev: "pty:/dev/pts/3", "unix:/path,server=on", "file", "stdio", "null", with
 * "disconnected:" in front while a socket has no client. Valid until the next call. */
const char *chardev_filename(const struct chardev *chardev);
bool chardev_is_open(const struct chardev *chardev);          /* a user is attached */
bool chardev_frontend_is_open(const struct chardev *chardev); /* and ready for bytes: frontend-open */

/* Send bytes. What the peer does not take at once is buffered. When more than CHANNEL_BUFFER_MAX is waiting
 * already, the bytes are dropped if they `may_drop` (a serial line); otherwise the channel is closed: its
 * client reads nothing. */
#define CHANNEL_BUFFER_MAX (4u << 20)
void channel_write(struct channel *channel, const void *bytes, size_t length, bool may_drop);
/* Bytes buffered and not yet taken by the peer. */
size_t channel_pending(const struct channel *channel);
/* Stop and go on reading (a monitor that is busy). */
void channel_pause(struct channel *channel, bool paused);
/* Close from our side, once the peer has taken what was written: closed() is called from the event loop, not
 * from within. No more input comes. False: it is one of several on a mux, which stay. */
bool channel_close(struct channel *channel);
/* The first descriptor that came with the newest message that had some, closed on exec and the caller's from
 * now on; the others of that message are closed. -1: none is there. */
int channel_take_descriptor(struct channel *channel);
/* Whether a person's terminal is at the other end (stdio on a tty, pty, mux). */
bool channel_is_terminal(const struct channel *channel);
/* Whether this user has the keyboard; always, without a mux. */
bool channel_has_focus(const struct channel *channel);
/* Columns and rows of the terminal at the other end, each from 1 to CHANNEL_WINDOW_MAX; false when that is
 * not known. */
#define CHANNEL_WINDOW_MAX 500u
bool channel_window(const struct channel *channel, unsigned *columns, unsigned *rows);

#endif
