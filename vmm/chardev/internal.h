/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the files of chardev/ share.
 *
 * A chardev's kind (stdio.c, pty.c, file.c, socket.c) makes connections (connection.c): pairs of file
 * descriptors with an output buffer. The user of the chardev gets each connection as a channel; or the
 * chardev has a hub (mux.c), which is the user of one connection at a time and provides permanent channels
 * for its own users.
 */
#ifndef VMM_CHARDEV_INTERNAL_H
#define VMM_CHARDEV_INTERNAL_H

#include "base/config.h"
#include "chardev/chardev.h"

struct connection;
struct hub;

/* The implementation of the public channel_...() functions. */
struct channel_type {
    void (*write)(struct channel *channel, const void *bytes, size_t length, bool may_drop);
    size_t (*pending)(const struct channel *channel);
    void (*pause)(struct channel *channel, bool paused);
    bool (*close)(struct channel *channel);
    int (*take_descriptor)(struct channel *channel); /* NULL: cannot receive descriptors */
    bool (*is_terminal)(const struct channel *channel);
    bool (*has_focus)(const struct channel *channel);
    bool (*window)(const struct channel *channel, unsigned *columns, unsigned *rows);
};

struct channel {
    const struct channel_type *type;
    const struct chardev_user_ops *ops;
    void *session;
};

/* What differs between kinds. */
struct chardev_kind_ops {
    bool (*open)(struct chardev *chardev, const struct chardev_config *config, struct error *error);
    bool (*start)(struct chardev *chardev, struct error *error);
    /* Give the connection away: chardev_take_connection(); NULL: there is none that can be. */
    int (*take)(struct chardev *chardev, struct error *error);
    /* Whether the one that was given away can be followed by another, and begin to connect, or no longer;
     * both NULL: it cannot. */
    bool (*reconnects)(const struct chardev *chardev);
    void (*await)(struct chardev *chardev, bool on);
    /* A connection ended; may be NULL. */
    void (*gone)(struct chardev *chardev);
    /* There is output, and no connection: open the one that nobody has noticed yet, if there is one. NULL:
     * connections show by themselves. */
    void (*look)(struct chardev *chardev);
    void (*describe)(const struct chardev *chardev, char *text, size_t size);
    /* Called after all connections have ended. */
    void (*close)(struct chardev *chardev);
};

struct chardev {
    struct chardevs *owner;
    struct chardev *next;
    const struct chardev_kind_ops *kind;
    void *state; /* the kind's */
    char *id;
    bool mux;
    int log_fd; /* -1: none */
    bool taken; /* its connection is somebody's */
    void (*connected)(void *opaque,
                      int fd); /* of that user, which waits for the next one; NULL: it does not */
    void *connected_opaque;
    bool started;  /* its channels are open */
    bool starting; /* within chardev_start(), which may run the event loop */
    bool late;     /* the program has started: wait=on has no effect */
    struct hub *hub;
    const struct chardev_user_ops *ops; /* NULL: no user */
    void *user;
    struct connection *connections;
    unsigned connection_count;
    char filename[400];
};

struct chardevs {
    struct loop *loop;
    void (*terminate)(void *opaque);
    void *opaque;
    struct chardev *first;
};

extern const struct chardev_kind_ops chardev_null, chardev_stdio, chardev_pty, chardev_file, chardev_socket;

/* A connection as its kind describes it. */
struct connection_config {
    int input;        /* -1: no input */
    int output;       /* may be the same fd as input; -1: all output is dropped */
    bool own_fds;     /* close them at the end */
    bool socket;      /* send() rather than write() */
    bool terminal;    /* a pty, whose other end can be opened and closed */
    bool telnet;      /* the telnet protocol */
    bool keep_at_eof; /* the end of input does not end the connection */
};

/* Create a connection and call the user's opened(). False and an error: out of memory, the descriptors cannot
 * be watched, or the user refused; descriptors with `own_fds` are closed. */
bool connection_open(struct chardev *chardev, const struct connection_config *config, struct error *error);
/* End all connections of a chardev now. */
void connections_close(struct chardev *chardev);

/* Copy output to the logfile, if there is one. */
void chardev_log(struct chardev *chardev, const void *bytes, size_t length);

/* A hub: with `keys` a mux, otherwise the permanent channel of a single user. False and an error: out of
 * memory. */
bool hub_attach(struct chardev *chardev, const struct chardev_user_ops *ops, void *user, bool keys,
                struct error *error);
void hub_start(struct hub *hub);
/* Start a user that was attached after hub_start(). */
void hub_start_user(struct hub *hub, const void *user);
void hub_detach(struct hub *hub, const void *user);
bool hub_has_users(const struct hub *hub);
bool hub_has_open_user(const struct hub *hub);
void hub_destroy(struct hub *hub);

#endif
