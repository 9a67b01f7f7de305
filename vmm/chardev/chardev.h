/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Character devices: the host's end of a serial port or a monitor.
 *
 * A chardev has channels: connections that transfer bytes in both directions. stdio, file and a connecting
 * socket have one; a pty has one while another program has it open; a listening socket has one per client.
 * The user of the chardev (a serial port or a monitor) is called when a channel opens, receives bytes, and is
 * closed. Monitors accept several at once.
 *
 * A user that requires a `single` channel (a serial port) has one from chardev_start() to chardevs_destroy()
 * or chardev_detach(): clients connect to it one after the other, while further ones wait in the listen
 * queue. Output without a client is dropped, but appears in the logfile.
 *
 * With mux=on, several users share one chardev, each with such a permanent channel: Ctrl-A c switches the
 * keyboard to the next, Ctrl-A x ends the program, Ctrl-A h shows help, Ctrl-A Ctrl-A sends a Ctrl-A (QEMU's
 * keys).
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

/* Maximum number of bytes in one call of input(). */
#define CHANNEL_INPUT_MAX 4096u

struct chardev_user_ops {
    bool single;            /* one permanent channel */
    bool takes_descriptors; /* the peer may pass descriptors: the user calls channel_take_descriptor() */
    /* A channel opened. The result is passed to the other functions as `session`; NULL refuses the channel,
     * which is closed without a further call. */
    void *(*opened)(void *user, struct channel *channel);
    /* Bytes were received. Not called while the channel is paused. */
    void (*input)(void *session, const uint8_t *bytes, size_t length);
    /* The channel was closed, and must not be used any more. */
    void (*closed)(void *session);
    /* May be NULL. A client of a permanent channel connected or disconnected; when the channel opens, there
     * is none. */
    void (*connected)(void *session, bool connected);
    /* May be NULL. The buffer of channel_write() is empty again. */
    void (*drained)(void *session);
    /* Whether the user is ready for bytes, such as a port that the guest opened. NULL: always. */
    bool (*is_open)(const void *user);
    /* May be NULL. A mux switched the keyboard to this user, or away from it. */
    void (*focus)(void *session, bool focused);
};

/* All chardevs of the program. `terminate` is called for Ctrl-A x. (Ctrl-C on stdio with signal=on is a
 * SIGINT, which the program handles like any other.) */
struct chardevs *chardevs_create(struct loop *loop, void (*terminate)(void *opaque), void *opaque);
/* Close all channels (closed() is called for each session, so the users must still exist), remove socket
 * files that were created, and restore the terminal. */
void chardevs_destroy(struct chardevs *chardevs);

/* Open a chardev: create its socket, pty or file. The chardev owns config->fd, which is closed on failure.
 * NULL and an error that gives the path and the reason, without the chardev's id. */
struct chardev *chardev_open(struct chardevs *chardevs, const struct chardev_config *config,
                             struct error *error);
/* Close a chardev without a user, and remove the files that it created. False and an error: there is no such
 * chardev, or it is in use. */
bool chardev_remove(struct chardevs *chardevs, const char *id, struct error *error);
struct chardev *chardev_find(struct chardevs *chardevs, const char *id);
struct chardev *chardev_next(struct chardevs *chardevs, struct chardev *chardev); /* NULL gives the first */

/* Attach a user, before chardev_start(). False and an error: the chardev has a user and is not a mux, or out
 * of memory. */
bool chardev_attach(struct chardev *chardev, const struct chardev_user_ops *ops, void *user,
                    struct error *error);

/* Attach a `single` user while the program runs. Its channel opens at once, and wait=on has no effect. False
 * and an error as for chardev_attach(), or the chardev could not be started; the user is not attached. */
bool chardev_attach_now(struct chardev *chardev, const struct chardev_user_ops *ops, void *user,
                        struct error *error);
/* Detach a `single` user: its channel is closed without a further call, and the chardev can have another
 * user. A client remains connected, but is not read until then. */
void chardev_detach(struct chardev *chardev, void *user);

/* Take over the connection of a Unix socket that connects, for a user that speaks with descriptors: the
 * descriptor is the caller's from now on, non-blocking, and the chardev is in use. The connection is made
 * anew where an earlier user has closed it. -1 and an error: it is in use, or of another kind, or nobody
 * listens. */
int chardev_take_connection(struct chardev *chardev, struct error *error);
/* Whether it connects again (reconnect=). */
bool chardev_reconnects(const struct chardev *chardev);
/* For that user, which has closed the connection, of a chardev that connects again: connected() gets the next
 * one, from the event loop, once somebody listens. */
void chardev_await_connection(struct chardev *chardev, void (*connected)(void *opaque, int fd), void *opaque);
/* That user is gone, and has closed it: the chardev is free for another, and connected() is not called. */
void chardev_free_connection(struct chardev *chardev);

/* Accept clients and read input from now on. Called after all users have been attached. With wait=on, the
 * event loop runs here until the first client has connected (or loop_quit() was called, see loop_quitting()).
 * False and an error: a system call failed. */
bool chardev_start(struct chardev *chardev, struct error *error);

const char *chardev_id(const struct chardev *chardev);
/* The description in query-chardev, in QEMU's format: "pty:/dev/pts/3", "unix:/path,server=on", "file",
 * "stdio", "null", with "disconnected:" in front while a socket has no client. Valid until the next call. */
const char *chardev_filename(const struct chardev *chardev);
bool chardev_is_open(const struct chardev *chardev); /* has a user */
bool chardev_frontend_is_open(
    const struct chardev *chardev); /* has a user that is ready for bytes: frontend-open */

/* Send bytes. Bytes that the peer does not accept at once are buffered. If the buffer contains more than
 * CHANNEL_BUFFER_MAX bytes already, the new ones are dropped with `may_drop` (a serial line); otherwise the
 * channel is closed, since its client does not read. */
#define CHANNEL_BUFFER_MAX (4u << 20)
void channel_write(struct channel *channel, const void *bytes, size_t length, bool may_drop);
/* The number of bytes in the buffer. */
size_t channel_pending(const struct channel *channel);
/* Stop or continue reading (a monitor that is busy). */
void channel_pause(struct channel *channel, bool paused);
/* Close a channel after the peer has received the buffered output; there is no more input. closed() is called
 * later, from the event loop. False: the channel is permanent, and remains open. */
bool channel_close(struct channel *channel);
/* Return the first descriptor of the last message that contained some, O_CLOEXEC; the caller owns it. Further
 * ones of that message are closed. -1: there is none. */
int channel_take_descriptor(struct channel *channel);
/* Whether the other end is a terminal (stdio on a tty, pty, mux). */
bool channel_is_terminal(const struct channel *channel);
/* Whether this user has the keyboard; always, without a mux. */
bool channel_has_focus(const struct channel *channel);
/* The columns and rows of the terminal, each from 1 to CHANNEL_WINDOW_MAX. False: they are not known. */
#define CHANNEL_WINDOW_MAX 500u
bool channel_window(const struct channel *channel, unsigned *columns, unsigned *rows);

#endif
