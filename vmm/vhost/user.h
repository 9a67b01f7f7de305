/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * vhost-user: another program serves the queues of a virtio device (QEMU's docs/interop/vhost-user.rst). It
 * gets the queues' memory, doorbells and interrupts as descriptors, over a Unix socket. This is the front
 * end: it asks, and the other program, the back end, answers.
 *
 * A back end is not trusted. An answer of a wrong length or to another request, a number out of range, and no
 * answer within VHOST_USER_ANSWER_MS break the connection: it is shut down, `why` is set, and every later
 * request fails at once. The kernel discards descriptors that come with an answer, since none are received;
 * but for one, of memory that this program keeps and never maps (struct vhost_user_inflight).
 *
 * The protocol feature REPLY_ACK is required, so that each request is known to have been carried out before
 * the next one; and CONFIG for a device whose configuration space is the back end's.
 *
 * Threads: one at a time. Each request waits for its answer, at most VHOST_USER_ANSWER_MS. Unless stated
 * otherwise, functions that return false have broken the connection, or found it broken.
 */
#ifndef VMM_VHOST_USER_H
#define VMM_VHOST_USER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "vhost/vhost.h"

/* Time limits for an answer, and for ending requests when queues stop, milliseconds. */
#define VHOST_USER_ANSWER_MS 5000u
#define VHOST_USER_DRAIN_MS 30000u

/* Maximum number of ranges of memory for a back end without CONFIGURE_MEM_SLOTS, which receives one table. */
#define VHOST_USER_TABLE_MAX 8u
/* Maximum length of configuration space in the protocol, bytes. */
#define VHOST_USER_CONFIG_MAX 256u
/* Maximum number of rings: a ring's number has 8 bits. */
#define VHOST_USER_RINGS_MAX 256u

/* Bits of struct vhost_user's `protocol`. */
#define VHOST_USER_PROTOCOL_MQ (UINT64_C(1) << 0)
#define VHOST_USER_PROTOCOL_RARP (UINT64_C(1) << 2)
#define VHOST_USER_PROTOCOL_REPLY_ACK (UINT64_C(1) << 3)
#define VHOST_USER_PROTOCOL_BACKEND_REQ (UINT64_C(1) << 5)
#define VHOST_USER_PROTOCOL_CONFIG (UINT64_C(1) << 9)
#define VHOST_USER_PROTOCOL_INFLIGHT (UINT64_C(1) << 12)
#define VHOST_USER_PROTOCOL_RESET_DEVICE (UINT64_C(1) << 13)
#define VHOST_USER_PROTOCOL_MEM_SLOTS (UINT64_C(1) << 15)
#define VHOST_USER_PROTOCOL_STATUS (UINT64_C(1) << 16)

/* A range of guest memory that the back end maps. */
struct vhost_user_region {
    uint64_t address, size; /* guest-physical, bytes */
    void *memory;           /* this program's address of it, by which rings are found */
    int fd;                 /* the file that it is mapped from, at `offset` */
    uint64_t offset;        /* bytes */
};

/* A connection. The members may be read; only the functions below change them. */
struct vhost_user {
    int fd;            /* -1: closed */
    int requests;      /* socket for the back end's own requests; -1: closed */
    int their_end;     /* its other end, until it has been sent to the back end; -1: sent, or closed */
    uint64_t features; /* virtio features, and those of rings, that the back end offers */
    uint64_t protocol; /* protocol features in use */
    unsigned rings;    /* maximum number of rings that it serves */
    unsigned slots_max, slots; /* maximum and present number of ranges of memory that it maps */
    struct vhost_user_region table[VHOST_USER_TABLE_MAX]; /* [slots], without PROTOCOL_MEM_SLOTS */
    bool broken;
    struct error why; /* if broken: a phrase such as "it has closed the connection" */
};

/* Take over a connected, non-blocking socket; nothing is sent yet. False and an error: out of descriptors;
 * `fd` has been closed. Main thread. */
bool vhost_user_open(struct vhost_user *user, int fd, struct error *error);
/* Close the connection, upon which the back end releases everything. Has no effect if all descriptors are -1.
 * Main thread. */
void vhost_user_close(struct vhost_user *user);

/* Negotiate protocol features, and set features and limits. `required` is VHOST_USER_PROTOCOL_CONFIG for a
 * device whose configuration space is the back end's, otherwise 0. False and an error: the connection is
 * broken, or the back end lacks a required feature. Main thread. */
bool vhost_user_begin(struct vhost_user *user, uint64_t required, struct error *error);
/* Break the connection for a reason that the caller has found; printf-like, a phrase as in `why`. Returns
 * false; has no effect on a broken connection. */
bool vhost_user_break(struct vhost_user *user, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Read the first `size` bytes of the device's configuration space, 1 to VHOST_USER_CONFIG_MAX. */
bool vhost_user_config_get(struct vhost_user *user, void *bytes, unsigned size);
/* Write bytes of configuration space, on behalf of the driver; `offset + size` is at most
 * VHOST_USER_CONFIG_MAX.
 */
bool vhost_user_config_set(struct vhost_user *user, unsigned offset, const void *bytes, unsigned size);

/* Have the back end map a range of memory, which is complete on return. A back end without PROTOCOL_MEM_SLOTS
 * maps all ranges anew, so that no ring may be served meanwhile. False and an error without a subject: the
 * back end refuses the range or has no slot left, which does not break the connection; or it is broken. */
bool vhost_user_memory_add(struct vhost_user *user, const struct vhost_user_region *region,
                           struct error *error);
/* Set the error of vhost_user_memory_add() for a back end that has no slot left; false. */
bool vhost_user_memory_full(const struct vhost_user *user, struct error *error);
/* Have the back end unmap a range; on return nothing accesses it. Rings as for vhost_user_memory_add(). */
bool vhost_user_memory_remove(struct vhost_user *user, const struct vhost_user_region *region);

/* Set the features that the driver has accepted, before any ring is given. With PROTOCOL_STATUS, a back end
 * that does not accept them breaks the connection. */
bool vhost_user_set_features(struct vhost_user *user, uint64_t features);
/* All rings have been given: with PROTOCOL_STATUS, the back end learns that the driver is ready. */
bool vhost_user_driver_ready(struct vhost_user *user);
/* The driver has reset the device, and no ring is served: the back end returns to its initial state, if it
 * has PROTOCOL_STATUS or PROTOCOL_RESET_DEVICE. */
bool vhost_user_reset(struct vhost_user *user);

/* Have the back end of a network card announce this address, if it has PROTOCOL_RARP. A refusal has no
 * effect. */
void vhost_user_announce(struct vhost_user *user, const uint8_t mac[6]);

/* Memory in which a back end notes the requests that it processes, so that the one that follows it continues
 * with them. This program keeps it, and does not look at it. */
struct vhost_user_inflight {
    int fd; /* -1: there is none */
    uint64_t size, offset;
    uint16_t rings, ring_size;
};
/* Have the back end, which has PROTOCOL_INFLIGHT, make it, for so many rings of so many entries. */
bool vhost_user_inflight_make(struct vhost_user *user, unsigned rings, unsigned ring_size,
                              struct vhost_user_inflight *inflight);
/* Pass it to the back end, before any ring is given. */
bool vhost_user_inflight_pass(struct vhost_user *user, const struct vhost_user_inflight *inflight);
/* Forget it. Has no effect if there is none. */
void vhost_user_inflight_free(struct vhost_user_inflight *inflight);
/* Give the back end a ring, numbered 0 to `rings` - 1, which it serves from then on. */
bool vhost_user_ring_give(struct vhost_user *user, unsigned index, const struct vhost_ring *ring);
/* Stop the back end from serving a ring, and set *next to the entry that it would have taken next. Requests
 * that it has taken may still be in progress. */
bool vhost_user_ring_take(struct vhost_user *user, unsigned index, uint16_t *next);
/* Replace the interrupt's eventfd of a ring. */
bool vhost_user_ring_call(struct vhost_user *user, unsigned index, int call);

/* A request of the back end. */
enum vhost_user_request {
    VHOST_USER_NOTHING,        /* an incomplete request, or one that is ignored */
    VHOST_USER_CONFIG_CHANGED, /* configuration space has changed */
    VHOST_USER_BROKEN,
};
/* Read one request from `requests`, when it is readable. Does not wait. */
enum vhost_user_request vhost_user_take_request(struct vhost_user *user);

#endif
