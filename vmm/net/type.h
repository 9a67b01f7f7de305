/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The types of network back ends, and what a back end is made of.
 *
 * Threads: main thread only, unless a comment says otherwise.
 */
#ifndef VMM_NET_TYPE_H
#define VMM_NET_TYPE_H

#include "chardev/chardev.h"
#include "host/spawner.h"
#include "net/backend.h"

struct net_type {
    const char *name;
    const struct property *properties;
    size_t property_count;
    size_t values_size;
    /* Check values without opening anything; false and an error if they conflict. May be NULL. */
    bool (*check)(const void *values, bool keyval, struct error *error);
    /* Open it: descriptors, framing and description; or listen for a client. False and an error: close() is
     * then called. If `completion` is set, it may leave `starting` set, and call net_backend_begun() later.
     */
    bool (*open)(struct net_backend *backend, const void *values, struct props props, struct error *error);
    /* Use chardevs, before these are started; NULL: use them no longer. False and an error. May be NULL. */
    bool (*attach)(struct net_backend *backend, struct chardevs *chardevs, struct error *error);
    /* A peer disconnected, and its descriptor was closed. NULL: no other peer can connect. */
    void (*gone)(struct net_backend *backend);
    /* Free the state; descriptors are the back end's. May be NULL. */
    void (*close)(struct net_backend *backend);
};

extern const struct net_type net_stream_type, net_tap_type, net_user_type, net_vhost_user_type;
/* NULL after the last. */
const struct net_type *net_type_at(size_t index);

struct net_link {
    struct net_backend *backend;
    unsigned index;
    int fd;        /* -1: no peer is connected */
    int vhost;     /* of /dev/vhost-net; -1: this program transfers the frames */
    bool detached; /* of a tap device: receives no frames; I/O thread only */
    struct net_port port;
    /* From the I/O thread: the reason for which the peer disconnected; written before `gone` is posted, and
     * read by it. */
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
    struct completion completion; /* called when it has started; ended() is NULL without one */
    bool starting;                /* it is being started */
    const struct net_card *card;
};

struct net_backends {
    struct net_backend *first;
    struct net_backend *starting;      /* those that are being started */
    struct net_announcing *announcing; /* announce.c's */
    struct loop *loop;
    struct chardevs *chardevs; /* from net_backends_attach() on */
    bool sealed;
    struct net_down *downs; /* scripts of tap_scripts.c that run */
    struct spawner spawner; /* of hotram-user-net, once it is sealed */
    event_sink *event;
    void *opaque;
};

/* For types: allocate `queues` pairs of queues, before any is connected. False and an error: out of memory.
 */
bool net_backend_make_queues(struct net_backend *backend, unsigned queues, struct error *error);
/* Connect `fd` to pair `index`; the back end owns it, also after a failure. False and an error: it cannot be
 * used. */
bool net_backend_connect(struct net_backend *backend, unsigned index, int fd, struct error *error);
/* Called from the event loop when a back end that was `starting` has started, or failed (`error` is not
 * NULL): then it is freed. */
void net_backend_begun(struct net_backend *backend, const struct error *error);
/* cable.c: its descriptor, if it has one, is closed. */
void net_link_close(struct net_link *link);
/* Return a copy of the descriptor that a property such as fd= names. -1 and an error: there is none, or
 * another back end uses it. */
int net_backend_descriptor(const struct net_backend *backend, const char *property, const char *text,
                           struct error *error);
/* user.c: QMP's lists of {"str": "tcp::2222-:22"} become texts with commas. */
bool net_user_join(struct json_object *object, struct error *error);
/* user.c: fork the spawner, if the program that it starts is there. */
void net_user_prepare(struct net_backends *backends);
/* True: the sandbox is not closed yet. False and an error: `what` is no longer possible; `otherwise` names
 * the alternative. */
bool net_backend_may(const struct net_backend *backend, const char *what, const char *otherwise,
                     struct error *error);

#endif
