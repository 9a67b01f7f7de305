/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The types of network back ends, and what a back end is made of.
 *
 * Threads: main thread only, but for what says otherwise.
 */
#ifndef VMM_NET_TYPE_H
#define VMM_NET_TYPE_H

#include "host/spawner.h"
#include "net/backend.h"

struct net_type {
    const char *name;
    const struct property *properties;
    size_t property_count;
    size_t values_size;
    /* Look at values that were read, without opening anything. May be NULL. */
    bool (*check)(const void *values, bool keyval, struct error *error);
    /* Open it: fds, framing and description, or wait for who connects. False: close() is called. Where
     * `completion` is set, it may leave `starting` set, and net_backend_begun() is called later. */
    bool (*open)(struct net_backend *backend, const void *values, struct props props, struct error *error);
    /* An end has gone; its descriptor is closed. May be NULL: nobody else comes. */
    void (*gone)(struct net_backend *backend);
    /* Free the state; descriptors are the back end's. May be NULL. */
    void (*close)(struct net_backend *backend);
};

extern const struct net_type net_stream_type, net_tap_type, net_user_type;
/* NULL after the last. */
const struct net_type *net_type_at(size_t index);

struct net_link {
    struct net_backend *backend;
    unsigned index;
    int fd;        /* -1: nobody is connected */
    int vhost;     /* of /dev/vhost-net; -1: this program moves the frames */
    bool detached; /* a tap device's: it gets no frames; the I/O thread's */
    struct net_port port;
    /* From the I/O thread: the peer is gone, and why. Written before `gone` is posted, and read by it. */
    char why[96];
    struct work gone;
};

struct net_backend {
    struct net_backend *next;
    struct net_backends *backends;
    char *id;
    const struct net_type *type;
    void *state; /* the type's */
    char description[256];
    enum net_framing framing;
    unsigned queues;
    struct net_link *links; /* [queues] */
    bool connected;
    bool pulled;                  /* set_link off */
    struct completion completion; /* who waits for its beginning; ended() is NULL: nobody does */
    bool starting;                /* it has not begun */
    const struct net_card *card;
};

struct net_backends {
    struct net_backend *first;
    struct net_backend *starting; /* those that nobody can use yet */
    struct loop *loop;
    bool sealed;
    struct spawner spawner; /* of hotram-user-net, once it is sealed */
    event_sink *event;
    void *opaque;
};

/* For types: make room for so many pairs of queues, before any is connected. */
bool net_backend_make_queues(struct net_backend *backend, unsigned queues, struct error *error);
/* `fd` is at the other end of pair `index` from now on; it becomes the back end's also after a failure. */
bool net_backend_connect(struct net_backend *backend, unsigned index, int fd, struct error *error);
/* One that has been left `starting` is there, or fails: then it is freed. From the event loop. */
void net_backend_begun(struct net_backend *backend, const struct error *error);
/* cable.c: its descriptor, if it has one, is closed. */
void net_link_close(struct net_link *link);
/* A copy of the descriptor that a property such as fd= names, and that no other back end uses. -1 and an
 * error. */
int net_backend_descriptor(const struct net_backend *backend, const char *property, const char *text,
                           struct error *error);
/* user.c: QMP's lists of {"str": "tcp::2222-:22"} become texts with commas. */
bool net_user_join(struct json_object *object, struct error *error);
/* user.c: fork the spawner, if the program that it starts is there. */
void net_user_prepare(struct net_backends *backends);
/* Whether something that the list of system calls forbids may be done: false and an error that says what
 * else can be. */
bool net_backend_may(const struct net_backend *backend, const char *what, const char *otherwise,
                     struct error *error);

#endif
